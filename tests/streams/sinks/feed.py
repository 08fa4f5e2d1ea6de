"""Frames of metrics as a city sends them, corrections and repeats among them, and what a history must hold of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from streams.broker import topics
from streams.contract.stage import TopicPartition
from tests.streams.sinks.rows import frame, row, seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.sinks.history.spill import Spill
    from streams.sinks.history.store import History
    from tests.fakes import FakeBus, FakeClock, FakeHost

Sent = tuple[str, int, int]
"""Entity, minute, revision of a row."""
SOURCE = TopicPartition(topics.METRICS, 0)
TRIES = 400


def frames(count: int, seed: int = 1, rows: int = 12) -> list[list[Sent]]:
    """Make frames; minutes advance, and a row may come again with any revision."""
    chance = random.Random(seed)
    return [
        [
            (f"S{chance.randrange(30)}", max(number - chance.randrange(4), 0), chance.choice([0, 0, 0, 1, 2]))
            for _ in range(chance.randrange(1, rows))
        ]
        for number in range(count)
    ]


def value(entity: str, minute: int, revision: int) -> float:
    """Each row's own, exact in binary."""
    return int(entity[1:]) + minute * 64 + revision / 8


def send(bus: FakeBus, sent: Sequence[Sequence[Sent]]) -> None:
    """Put frames onto the topic."""
    for rows in sent:
        frame(bus, *(row(entity, minute, value(*one), revision=one[2]) for one in rows for entity, minute, _ in [one]))


def expected(sent: Sequence[Sequence[Sent]]) -> list[tuple[str, int, float, int]]:
    """Every row once, at its highest revision, worked out the plain way."""
    highest: dict[tuple[str, int], int] = {}
    for rows in sent:
        for entity, minute, revision in rows:
            highest[entity, minute] = max(highest.get((entity, minute), 0), revision)
    return sorted((*key, value(*key, revision), revision) for key, revision in highest.items())


def held(history: History) -> list[tuple[str, int, float, int]]:
    """What a history holds."""
    return seen(history.read("tti_ratio"))


async def until(done: Callable[[], bool], host: FakeHost, clock: FakeClock) -> None:
    """Let time pass, in steps that make every retry due, until it is done."""
    for _ in range(TRIES):
        if done():
            return
        clock.advance(60)
        await host.tick()
        await host.drain()
    raise AssertionError(f"not done after {TRIES} ticks")


def at_rest(host: FakeHost, spill: Spill) -> bool:
    """Whether all that was sent is committed, and nothing waits on the disk."""
    return not spill and host.committed[SOURCE] == len(host.bus.log(*SOURCE))
