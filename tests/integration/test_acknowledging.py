"""Two hundred alarms acknowledged at once through the API, while the alarm engine or the broker is killed."""

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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from deploy.embedded.valkey import Valkey

    Alarm = dict[str, Any]

pytestmark = pytest.mark.timeout(600)

KINDS, SEGMENTS = ("slow_traffic", "noise_high", "lamps_out", "crowd_dense"), 50
COUNT = len(KINDS) * SEGMENTS
AT_ONCE = 40
ANSWERED_WITHIN_S = 240.0


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


def test_each_comes_to_one_outcome_and_is_acknowledged_once(tmp_path: Path, cache: Path, valkey: Valkey):
    with alarm_parts(tmp_path, cache, valkey.address, SEGMENTS) as parts:
        caller = Caller(parts.run.wall)
        raise_alarms(parts.run.kafka)
        parts.wait(lambda: len(caller.alarms()) == COUNT)
        alarms = caller.alarms()
        first = caller.acknowledge(alarms, lambda: parts.kill("alarms"))
        again = caller.acknowledge(alarms)
        commands = {one.alarm: one.command for one in first}
        assert {one.alarm: one.command for one in again} == commands
        assert {one.status for one in (*first, *again)} == {202}
        parts.wait(lambda: "pending" not in caller.states(commands.values()))
        journal = [one.value for one in records_of(parts.run.kafka, JOURNAL)]
        assert faults(journal) == []
        done = [(one["alarm"], one["command"]["id"]) for one in events(journal) if one["type"] == "done"]
        assert sorted(done) == sorted(commands.items())
        assert all(one["acknowledged_by"] == "李敏" for one in caller.alarms())
