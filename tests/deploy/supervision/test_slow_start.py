"""Servers that we start ourselves: patience with a slow one, the right sentence for each, none for ever."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from deploy.supervision import provision
from deploy.supervision.provision import ready_kafka
from deploy.supervision.stack import ENDS_TOO_OFTEN, SLOW_START_S, SlowStart
from deploy.supervision.supervisor import End, PartState
from streams.broker import topics
from streams.errors import ServerError, UnreachableError
from tests.runs import run_of

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.config.run import Run

FOREIGN = "no Kafka answers at 127.0.0.1:1 (refused); start it, or give the right --kafka HOST:PORT"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A city with a Kafka of its own, all of whose records are read and written elsewhere."""
    monkeypatch.setattr(provision, "read_folder", lambda _: None)
    monkeypatch.setattr(provision, "publish_alone", lambda *_: None)
    monkeypatch.setattr(provision, "RETRY_S", 0.01)
    monkeypatch.setattr(topics, "ensure_topics", lambda _, timeout_s: ("a",))
    return run_of(tmp_path, embedded_kafka=True)


def silent(monkeypatch: pytest.MonkeyPatch, times: int) -> list[float]:
    """Let the broker not answer so often → how long it was to be waited for, each time."""
    asked: list[float] = []

    def refuse(_: str, timeout_s: float) -> None:
        asked.append(timeout_s)
        if len(asked) <= times:
            raise UnreachableError(FOREIGN) from ConnectionRefusedError("refused")

    monkeypatch.setattr(topics, "refuse_replays_kafka", refuse)
    return asked


def test_our_own_broker_is_asked_again_for_as_long_as_there_is_time(run: Run, monkeypatch: pytest.MonkeyPatch):
    asked = silent(monkeypatch, 3)
    assert ready_kafka(run, 30.0) == ("a",)
    assert len(asked) == 4
    assert asked == sorted(asked, reverse=True)


def test_of_our_own_broker_it_is_said_what_can_be_done(run: Run, monkeypatch: pytest.MonkeyPatch):
    silent(monkeypatch, 10_000)
    with pytest.raises(UnreachableError) as raised:
        ready_kafka(run, 0.05)
    said = str(raised.value)
    assert said.startswith("the embedded Kafka at 127.0.0.1:1 did not answer within 0 s (refused): has the machine too")
    assert said.endswith("logs/broker.log")
    assert "--kafka" not in said


def test_of_another_broker_it_is_said_at_once(run: Run, monkeypatch: pytest.MonkeyPatch):
    another = msgspec.structs.replace(run, embedded_kafka=False)
    began_s = time.monotonic()
    silent(monkeypatch, 10_000)
    with pytest.raises(UnreachableError, match="give the right --kafka HOST:PORT"):
        ready_kafka(another, 30.0)
    assert time.monotonic() - began_s < 5


def broker(state: str, ends: int) -> PartState:
    died = [End(0, 1, "java.io.IOException: No space left on device")] * ends
    return PartState(name="broker", state=state, pid=7, restarts=ends, ends=died)


def test_a_slow_server_is_said_once_and_waited_for_and_one_that_only_ends_is_given_up(tmp_path: Path):
    now_s, said = [0.0], []
    slow = SlowStart(tmp_path, said.append, lambda: now_s[0])
    slow.look([broker("waiting", ENDS_TOO_OFTEN)])
    assert said == []
    now_s[0] = SLOW_START_S
    for state in ("running", "starting", "starting"):
        slow.look([broker(state, ENDS_TOO_OFTEN - 1)])
    assert said == [
        f"broker takes long to start: the machine has much else to do, or {tmp_path / 'logs' / 'broker.log'} says why"
    ]
    with pytest.raises(
        ServerError, match=r"broker ended 4 times in its start: java\.io\.IOException: No space left on"
    ):
        slow.look([broker("waiting", ENDS_TOO_OFTEN)])
