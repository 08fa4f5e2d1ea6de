"""Two hundred alarms acknowledged at once through the API, while the alarm engine is killed."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import msgspec
import pytest
from kafka import KafkaProducer

from streams.broker.topics import DETECTIONS, JOURNAL
from streams.contract.records import Detection
from tests.alerts.writing import events, faults
from tests.integration.alarm_parts import alarm_parts
from tests.topic import records_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from deploy.embedded.valkey import Valkey
    from tests.integration.alarm_parts import Parts

    Alarm = dict[str, Any]

pytestmark = pytest.mark.timeout(600)

KINDS, SEGMENTS = ("slow_traffic", "noise_high", "lamps_out", "crowd_dense"), 50
COUNT = len(KINDS) * SEGMENTS
AT_ONCE = 40
ANSWERED_WITHIN_S = 240.0
NOTES = 21
OUTCOME_WITHIN_S = 1.0
"""An outcome comes within a second; of some, the one in the middle: the machine is shared."""


class Answer(NamedTuple):
    """To one request."""

    alarm: str
    status: int
    command: str


class Caller:
    """A script that uses the API."""

    def __init__(self, wall: str) -> None:
        self._wall = wall

    def alarms(self) -> list[Alarm]:
        """Return those that are open, none as long as nobody answers."""
        try:
            found = httpx.get(f"{self._wall}api/v1/alarms?limit=1000", timeout=ANSWERED_WITHIN_S)
        except httpx.TransportError:
            return []
        return list(found.json()["alarms"]) if found.is_success else []

    def acknowledge(self, alarms: Sequence[Alarm], meanwhile: Callable[[], None] = lambda: None) -> list[Answer]:
        """Acknowledge each under a key of its own; something happens when half of them are answered."""
        said = {"action": "acknowledge", "who": "李敏", "desk": "2"}
        bodies = [said | {"alarm": one["id"], "revision": one["revision"], "key": one["id"]} for one in alarms]
        return asyncio.run(self._give(bodies, meanwhile))

    def note(self, alarm: str) -> float:
        """Give a note → after how many seconds its outcome is known."""
        begun = time.monotonic()
        said = {"action": "note", "who": "李敏", "desk": "2", "alarm": alarm, "why": "已派警"}
        given = httpx.post(f"{self._wall}api/v1/commands", json=said, timeout=ANSWERED_WITHIN_S).json()["id"]
        until(lambda: self.states([given]) == ["done"], every_s=0.01)
        return time.monotonic() - begun

    def states(self, commands: Iterable[str]) -> list[str]:
        """Return the state of each command."""
        return asyncio.run(self._states(commands))

    async def _give(self, bodies: list[dict[str, Any]], meanwhile: Callable[[], None]) -> list[Answer]:
        answers: list[Answer] = []

        async def one(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
            answer = await _answer(client, "POST", "/api/v1/commands", json=body)
            answers.append(Answer(body["alarm"], answer.status_code, answer.json()["id"]))
            if len(answers) == len(bodies) // 2:
                meanwhile()

        async with self._client() as client:
            await asyncio.gather(*(one(client, body) for body in bodies))
        return answers

    async def _states(self, commands: Iterable[str]) -> list[str]:
        async with self._client() as client:
            asked = [_answer(client, "GET", f"/api/v1/commands/{one}") for one in commands]
            found = await asyncio.gather(*asked)
        return [str(one.json()["state"]) for one in found]

    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
        return httpx.AsyncClient(base_url=self._wall, timeout=ANSWERED_WITHIN_S, limits=limits)


async def _answer(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask until there is an answer: who loses one asks again, and a command's key names it."""
    end = time.monotonic() + ANSWERED_WITHIN_S
    while True:
        try:
            return await client.request(method, path, **more)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)


def raise_alarms(kafka: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for kind, number in itertools.product(KINDS, range(SEGMENTS)):
        of = {"city": "small", "domain": "traffic", "zone": f"z{number % 4}", "entity": f"s{number}"}
        found = Detection(kind=kind, level=3, at_ms=time.time_ns() // 1_000_000, **of)
        producer.send(DETECTIONS, msgspec.json.encode(found), b"small")
    producer.close()


def opened(parts: Parts, caller: Caller) -> list[Alarm]:
    """Raise the alarms → them, once all are on the wall."""
    raise_alarms(parts.run.kafka)
    found: list[Alarm] = []

    def all_are_there() -> bool:
        found[:] = caller.alarms()
        return len(found) == COUNT

    parts.wait(all_are_there)
    return found


def each_is_done_once(parts: Parts, caller: Caller, answers: Iterable[list[Answer]]) -> None:
    """However often it was asked: one command each, one outcome each, which the journal tells once."""
    commands = {one.alarm: one.command for one in itertools.chain(*answers)}
    assert all({one.alarm: one.command for one in asked} == commands for asked in answers)
    parts.wait(lambda: "pending" not in caller.states(commands.values()))
    assert set(caller.states(commands.values())) == {"done"}
    journal = [one.value for one in records_of(parts.run.kafka, JOURNAL)]
    assert faults(journal) == []
    told = [one for one in events(journal) if one["type"] in {"done", "refused"}]
    done = [(one["alarm"], one["command"]["id"]) for one in told if one["command"]["action"] == "acknowledge"]
    assert sorted(done) == sorted(commands.items())
    parts.wait(lambda: all(one["acknowledged_by"] == "李敏" for one in caller.alarms()))


def test_each_comes_to_one_outcome_and_is_acknowledged_once(tmp_path: Path, cache: Path, valkey: Valkey):
    with alarm_parts(tmp_path, cache, valkey.address, SEGMENTS) as parts:
        caller = Caller(parts.run.wall)
        alarms = opened(parts, caller)
        took_s = sorted(caller.note(one["id"]) for one in alarms[:NOTES])
        assert took_s[NOTES // 2] <= OUTCOME_WITHIN_S, took_s
        first = caller.acknowledge(alarms, lambda: parts.kill("alarms"))
        again = caller.acknowledge(alarms)
        assert {one.status for one in (*first, *again)} == {202}
        each_is_done_once(parts, caller, (first, again))
