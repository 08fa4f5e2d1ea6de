"""What the chunked transport overrides is still there, and runs are cut as promised."""

import inspect
from types import SimpleNamespace

import pytest
from aiokafka.consumer import fetcher
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver

from streams.engine import transport

OVERRIDDEN = [
    (ThreadDelegateConsumer, "_getmany", ["self", "active_partitions", "timeout"]),
    (driver.Consumer, "_to_message", ["self", "tp", "record"]),
    (FaustConsumer, "ack", ["self", "message"]),
    (FaustConsumer, "_filter_tps_with_pending_acks", ["self", "topics"]),
    (FaustConsumer, "_filter_committable_offsets", ["self", "tps"]),
    (FaustConsumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
    (FaustConsumer, "on_partitions_revoked", ["self", "revoked"]),
    (ThreadDelegateConsumer, "seek_to_committed", ["self"]),
    (fetcher.PartitionRecords.__mro__[-2], "_consumer_record", ["self", "tp", "record"]),
]


@pytest.mark.parametrize(("owner", "name", "parameters"), OVERRIDDEN, ids=[name for _, name, _ in OVERRIDDEN])
def test_what_is_overridden_is_there_with_the_same_parameters(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_everything_overridden_is_listed_here():
    ours = {name for name, value in vars(transport.Consumer).items() if inspect.isfunction(value)} - {"__init__"}
    assert ours <= {name for _, name, _ in OVERRIDDEN}


def test_the_fast_fetch_finds_its_place():
    assert transport.install_fast_fetch()
    assert fetcher.PartitionRecords is transport.RunRecords


def test_an_aiokafka_without_that_place_keeps_its_own_fetch(monkeypatch):
    class Changed:
        def _consumer_record(self, tp, record, more):
            return record

    monkeypatch.setattr(fetcher, "PartitionRecords", Changed)
    assert not transport.install_fast_fetch()
    assert fetcher.PartitionRecords is Changed


def fetched(count, size):
    return [SimpleNamespace(offset=i, key=None, value=b"x" * size, timestamp=7, headers=()) for i in range(count)]


@pytest.mark.parametrize(
    ("count", "size", "lengths"),
    [
        (0, 10, []),
        (3, 10, [3]),
        (transport.RUN_RECORDS + 1, 10, [transport.RUN_RECORDS, 1]),
        (5, transport.RUN_BYTES // 2, [2, 2, 1]),
        (2, 2 * transport.RUN_BYTES, [1, 1]),
    ],
)
def test_runs_hold_at_most_so_many_records_and_bytes(count, size, lengths):
    found = list(transport.runs(fetched(count, size)))
    assert [len(run) for run in found] == lengths
    assert [record.offset for run in found for record in run] == list(range(count))
