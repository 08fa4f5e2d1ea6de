"""Alarms acknowledged at once through the API, while the alarm engine is killed, or the broker, and then the wall."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import msgspec
import pytest
from kafka import KafkaProducer

from deploy.supervision.process import is_open
from streams.broker.topics import DETECTIONS, JOURNAL
from streams.contract.records import Detection
from tests.alerts.writing import events, faults
from tests.integration.alarm_parts import BROKER, alarm_parts
from tests.topic import records_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from deploy.embedded.valkey import Valkey
    from tests.integration.alarm_parts import Parts

    Alarm = dict[str, Any]

pytestmark = pytest.mark.timeout(600)

SEGMENTS = 50
MANY = ("slow_traffic", "noise_high", "lamps_out", "crowd_dense")
FEW = ("lift_stuck",)
"""The broker's part: each that it cannot take keeps its caller for ten seconds."""
AT_ONCE = 40
ANSWERED_WITHIN_S = 240.0
NOTES = 21
OUTCOME_WITHIN_S = 1.0
"""An outcome comes within a second; of some, the one in the middle: the machine is shared."""
TAKEN, NOT_CONFIRMED = 202, 503


class Answer(NamedTuple):
    """To one request."""

    alarm: str
    status: int
    command: str


class Caller:
    """A script that uses the API."""

    def __init__(self, wall: str) -> None:
        self._http = httpx.Client(base_url=f"{wall}api/v1/", timeout=ANSWERED_WITHIN_S)

    def alarms(self, kinds: Sequence[str]) -> list[Alarm]:
        """Return those of these kinds that are open, none as long as nobody answers."""
        try:
            found = self._http.get("alarms?limit=1000")
        except httpx.TransportError:
            return []
        return [one for one in found.json()["alarms"] if one["kind"] in kinds] if found.is_success else []

    def acknowledge(self, alarms: Sequence[Alarm], meanwhile: Callable[[], object] = bool) -> list[Answer]:
        """Acknowledge each under a key of its own.

        Something happens while the first half is asked for, half of it answered; the rest is asked for after that.
        """
        said = {"action": "acknowledge", "who": "李敏", "desk": "2"}
        bodies = [said | {"alarm": one["id"], "revision": one["revision"], "key": one["id"]} for one in alarms]
        half = len(bodies) // 2
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [pool.submit(self._give, body) for body in bodies[:half]]
            next(itertools.islice(as_completed(asked), half // 2, None))
            meanwhile()
            asked += [pool.submit(self._give, body) for body in bodies[half:]]
        return [one.result() for one in asked]

    def note(self, alarm: str) -> float:
        """Give a note → after how many seconds its outcome is known."""
        begun = time.monotonic()
        said = {"action": "note", "who": "李敏", "desk": "2", "alarm": alarm, "why": "已派警"}
        given = self._give(said)
        until(lambda: self.state(given.command) == "done", every_s=0.01)
        return time.monotonic() - begun

    def state(self, command: str) -> str:
        """Return the state of a command."""
        return str(self._answer("GET", f"commands/{command}").json()["state"])

    def _give(self, body: dict[str, Any]) -> Answer:
        answer = self._answer("POST", "commands", json=body)
        return Answer(body["alarm"], answer.status_code, answer.json()["id"])

    def _answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask until there is an answer: who loses one asks again, and a command's key names it."""
        lost: list[httpx.TransportError] = []

        def answer() -> httpx.Response | None:
            try:
                return self._http.request(method, path, **more)
            except httpx.TransportError as exc:
                lost[:] = [exc]
                return None

        return until(answer, ANSWERED_WITHIN_S, said=lambda: lost)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, cache: Path, valkey: Valkey) -> Iterator[Parts]:
    with alarm_parts(tmp_path_factory.mktemp("parts"), cache, valkey.address, SEGMENTS) as running:
        yield running


def raise_alarms(kafka: str, kinds: Sequence[str]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for kind, number in itertools.product(kinds, range(SEGMENTS)):
        of = {"city": "small", "domain": "traffic", "zone": f"z{number % 4}", "entity": f"s{number}"}
        found = Detection(kind=kind, level=3, at_ms=time.time_ns() // 1_000_000, **of)
        producer.send(DETECTIONS, msgspec.json.encode(found), b"small")
    producer.close()


def opened(parts: Parts, caller: Caller, kinds: Sequence[str]) -> list[Alarm]:
    """Raise the alarms → them, once all are on the wall."""
    raise_alarms(parts.run.kafka, kinds)
    found: list[Alarm] = []

    def all_are_there() -> bool:
        found[:] = caller.alarms(kinds)
        return len(found) == len(kinds) * SEGMENTS

    parts.wait(all_are_there)
    return found


def each_is_done_once(parts: Parts, caller: Caller, kinds: Sequence[str], answers: Iterable[list[Answer]]) -> None:
    """However often it was asked: one command each, one outcome each, which the journal tells once."""
    commands = {one.alarm: one.command for one in itertools.chain(*answers)}
    assert all({one.alarm: one.command for one in asked} == commands for asked in answers)
    for command in commands.values():
        parts.wait(lambda asked=command: caller.state(asked) != "pending")
        assert caller.state(command) == "done"
    journal = [one.value for one in records_of(parts.run.kafka, JOURNAL)]
    assert faults(journal) == []
    told = [one for one in events(journal) if one["type"] in {"done", "refused"} and one["alarm"] in commands]
    done = [(one["alarm"], one["command"]["id"]) for one in told if one["command"]["action"] == "acknowledge"]
    assert sorted(done) == sorted(commands.items())
    parts.wait(lambda: {one["acknowledged_by"] for one in caller.alarms(kinds)} == {"李敏"})


def test_each_comes_to_one_outcome_and_is_acknowledged_once(parts: Parts):
    caller = Caller(parts.run.wall)
    alarms = opened(parts, caller, MANY)
    took_s = sorted(caller.note(one["id"]) for one in alarms[:NOTES])
    assert took_s[NOTES // 2] <= OUTCOME_WITHIN_S, took_s
    first = caller.acknowledge(alarms, lambda: parts.kill("alarms"))
    again = caller.acknowledge(alarms)
    assert {one.status for one in (*first, *again)} == {TAKEN}
    each_is_done_once(parts, caller, MANY, (first, again))


def test_a_503_that_was_nevertheless_applied_is_found_by_its_key_and_done_once(parts: Parts):
    """Nobody can say whether it arrived; asked again, of another wall even, it is the same command."""
    caller = Caller(parts.run.wall)
    alarms = opened(parts, caller, FEW)
    first = caller.acknowledge(alarms, lambda: parts.kill(BROKER))
    not_confirmed = [one.command for one in first if one.status == NOT_CONFIRMED]
    assert len(not_confirmed) >= SEGMENTS // 2
    assert {one.status for one in first} == {TAKEN, NOT_CONFIRMED}
    kafka_port = int(parts.run.kafka.rpartition(":")[2])
    parts.wait(lambda: is_open(kafka_port))
    parts.wait(lambda: "done" in map(caller.state, not_confirmed))

    def another_wall() -> None:
        parts.kill("wall")
        parts.begin("wall")

    again = caller.acknowledge(alarms, another_wall)
    assert {one.status for one in again} == {TAKEN}
    each_is_done_once(parts, caller, FEW, (first, again))
