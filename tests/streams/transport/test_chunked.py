"""What our own transport goes without where a library has changed, and how it says so."""

from __future__ import annotations

import pytest
from aiokafka.consumer import fetcher
from aiokafka.structs import TopicPartition

from streams.transport import fetching
from streams.transport.chunked import quicken
from streams.transport.wire import WireFetch


@pytest.fixture(autouse=True)
def aiokafkas_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka's fetcher as it comes, put back at the end."""
    monkeypatch.setattr(fetcher, "PartitionRecords", fetching.PartitionRecords)
    monkeypatch.setattr(fetcher, "MemoryRecords", fetching.MemoryRecords)


def made() -> object:
    """What the fetcher now makes of a topic that is to be framed."""
    rest = (None, 7, None, None, True, fetcher.READ_UNCOMMITTED)
    return fetcher.PartitionRecords(TopicPartition("t", 0), fetcher.MemoryRecords(b""), *rest)


def test_where_everything_fits_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    quicken(["t"])
    assert isinstance(made(), WireFetch)
    assert caplog.records == []


def test_with_another_fetcher_its_own_classes_stay(monkeypatch, caplog) -> None:
    class Changed:
        def __init__(self, tp, records, more):
            pass

    monkeypatch.setattr(fetcher, "PartitionRecords", Changed)
    quicken(["t"])
    assert fetcher.PartitionRecords is Changed
    assert fetcher.MemoryRecords is fetching.MemoryRecords
    (said,) = [record.getMessage() for record in caplog.records]
    assert "PartitionRecords.__init__ takes (self tp records more), not (self tp records aborted_" in said
    assert said.endswith("so aiokafka makes an object of each record, slower (docs/development.md)")
