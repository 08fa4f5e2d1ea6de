"""What is known to go wrong in Faust 0.15 and aiokafka, and what keeps it from us.

Guarded elsewhere: an exception in an agent acknowledges its event (`test_run.py`: it ends the process), an older
snapshot of a zombie (`promises/test_c_one_snapshot.py`), a poison record (`intake/test_bad_input.py`), log noise while
Kafka is away (`tests/deploy/supervision/test_standing.py`), runs of plain records (`test_transport.py`).
"""

from __future__ import annotations

import ast
import asyncio
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from aiokafka.errors import KafkaTimeoutError

from streams.alarms.alarm_stage import AlarmStage
from streams.broker.bus import KafkaBus
from streams.contract.stage import Message, TopicPartition
from streams.engine.app import stage_app
from streams.engine.run import EXIT_BROKEN, Host
from streams.errors import ExactnessError
from streams.health.pulse import Pulse
from streams.second.second_stage import SecondLevelStage
from streams.transport import chunks
from streams.transport.chunked import Chunked
from streams.transport.ordinary import RUN_EVENTS, Ordinary
from streams.transport.wire import WireBatch
from streams.warming import RECORD
from tests.alerts.writing import keyed_engine

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def app(tmp_path: Path):
    return stage_app(AlarmStage(keyed_engine), "kafka://127.0.0.1:1", tmp_path / "new", Chunked.queued_events)


def test_a_revocation_does_not_wait_for_acknowledgements_that_wait_for_a_snapshot(app) -> None:
    assert app.conf.stream_wait_empty is False


def test_a_backlog_is_bounded_in_memory(app) -> None:
    """Faust counts events: its 4,096 would be as many chunks."""
    chunk_bytes = chunks.RUN_BYTES + app.conf.consumer_max_fetch_size
    assert app.conf.stream_buffer_maxsize * chunk_bytes <= 100 * 2**20
    assert RUN_EVENTS <= Ordinary.queued_events <= 10_000


def test_a_lost_member_is_missed_after_seconds_and_a_waiting_one_stays(app) -> None:
    assert app.conf.broker_session_timeout <= 8.0  # issue: its work goes on elsewhere ≤ 8 s later
    assert app.conf.broker_heartbeat_interval * 3 <= app.conf.broker_session_timeout
    assert app.conf.broker_max_poll_interval >= 86_400.0


def test_what_is_not_acknowledged_is_asked_for_a_long_time(app) -> None:
    """A shorter time gives up on a broker that is merely away."""
    assert app.conf.producer_request_timeout == 1_200.0
    assert app.conf.producer_acks == -1


def test_the_folder_above_fausts_own_is_made(app, tmp_path: Path) -> None:
    assert (tmp_path / "new" / "faust").is_dir()
    assert app.conf.datadir.parent == tmp_path / "new" / "faust"


def test_no_leader_and_no_web(app) -> None:
    assert app.conf.topic_disable_leader
    assert not app.conf.web_enabled


def test_topics_that_are_judged_together_go_to_one_member_others_are_given_out_in_turn(app, tmp_path: Path) -> None:
    """Faust chooses between its own assignor and that of aiokafka by whether there may be standbys."""
    assert app.conf.table_standby_replicas == 1
    other = stage_app(SecondLevelStage(tmp_path, ()), "kafka://127.0.0.1:1", tmp_path, Chunked.queued_events)
    assert other.conf.table_standby_replicas == 0


def test_there_is_no_table() -> None:
    """Its windows close by the wall clock and for one partition only; an undecodable changelog hangs its recovery."""
    found = []
    for path in [
        one for package in ("streams", "processors", "alerts", "deploy") for one in (ROOT / package).rglob("*.py")
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in {"Table", "GlobalTable", "SetTable", "SetGlobalTable"}:
                found.append((path.name, node.lineno, ast.unparse(node)))
    assert [one for one in found if "pa.Table" not in one[2]] == []


def test_state_that_cannot_be_read_ends_the_process_and_does_not_hang(tmp_path, monkeypatch, capsys) -> None:
    class Unreadable:
        name, topics = "unreadable", ("t",)

        async def assigned(self, partitions, bus):
            raise ValueError("the state is no state")

    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leave)
    host = Host.__new__(Host)
    host.stage, host.bus = Unreadable(), SimpleNamespace(running=True)
    host.pulse = Pulse("unreadable", "unreadable", tmp_path)

    async def story() -> None:
        host._turn = asyncio.Lock()
        await host.positions([TopicPartition("t", 0)])

    with pytest.raises(SystemExit) as left:
        asyncio.run(story())
    assert left.value.code == EXIT_BROKEN
    assert "the state is no state" in capsys.readouterr().err


class Producer:
    """aiokafka's, to which nobody answers."""

    async def send(self, *_, **__):
        future = asyncio.get_running_loop().create_future()
        future.set_exception(KafkaTimeoutError())
        return future


def test_a_send_that_was_not_acknowledged_is_told() -> None:
    async def story() -> None:
        bus = KafkaBus("127.0.0.1:1")
        bus._producer = Producer()
        await bus.send([Message("t", b"k", b"v")])

    with pytest.raises(ExactnessError, match="did not take a record"):
        asyncio.run(story())


def test_our_own_producer_asks_as_long_and_of_all(monkeypatch) -> None:
    asked = {}

    class Noted:
        def __init__(self, **options):
            asked.update(options)

        async def start(self):
            pass

    monkeypatch.setattr("streams.broker.bus.AIOKafkaProducer", Noted)
    asyncio.run(KafkaBus("127.0.0.1:1").start())
    assert (asked["request_timeout_ms"], asked["acks"], asked["enable_idempotence"]) == (1_200_000, "all", True)


def batch(records: int, base_offset: int) -> WireBatch:
    """A batch of the smallest records there are with a value."""
    return WireBatch(RECORD * records, records, base_offset, 0, -1, 0)


def test_framed_runs_hold_no_more_rows_than_the_loop_bears() -> None:
    most = chunks.FRAMED_RUN_RECORDS
    one_large = list(chunks.runs([batch(2 * most + 1, 0)]))
    assert [len(run) for run in one_large] == [most, most, 1]
    many = list(chunks.runs([batch(most // 4, number * most) for number in range(6)]))
    assert [len(run) for run in many] == [most, most // 2]
    assert sum(np.sum(run.offset >= 0) for run in many) == 6 * (most // 4)
