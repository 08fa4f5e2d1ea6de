"""A chunk's work lets the event loop go on between processors and between frames, and yields the same."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from deploy.config.components import discover
from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import Chunk, Message, TopicPartition
from streams.health import turns
from streams.health.turns import Turns
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus
from tests.streams.stack import READINGS, Stack, feed, zones_of
from tests.streams.zone.lives import City

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from streams.contract.stage import Record, Stage

NEVER_S, ALWAYS_S = 1e9, -1.0
"""Slices that do not end, and that are over at once."""


def given(work: Coroutine[Any, Any, Any]) -> int:
    """Do some work → how often it let the event loop go on."""
    for count in range(1_000_000):
        try:
            work.send(None)
        except StopIteration:
            return count
    raise AssertionError("it does not end")


def test_a_turn_is_given_when_the_slice_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SLICE_S", 0.5)
    now_s = 7.0
    slices = Turns(lambda: now_s)
    slices.begin()
    now_s = 7.4
    assert given(slices.give()) == 0
    now_s = 7.5
    assert given(slices.give()) == 1
    now_s = 7.9  # the next slice began at 7.5
    assert given(slices.give()) == 0


def logs(folder: Path) -> tuple[list[Record], list[Record]]:
    """Return frames of a readings partition, and of the metrics."""

    async def story() -> Stack:
        stack = Stack(folder, feed(random.Random(3), with_marks=True))
        await stack.start()
        for team in stack.teams[:2]:
            for host in team.hosts:
                await host.drain()
        return stack

    stack = asyncio.run(story())
    return stack.bus.log(READINGS, 0), stack.bus.log(topics.METRICS, 0)


def taken(stage: Stage, source: TopicPartition, log: list[Record]) -> tuple[int, list[Message]]:
    """Have a stage take a log as one chunk → how many turns it gave, and what it sent."""
    bus = FakeBus({READINGS: 2, topics.inbox("traffic"): 2})
    sent: list[Message] = []
    bus.before_send = sent.append
    asyncio.run(stage.assigned([source], bus))
    return given(stage.absorb(Chunk(*source, log, len(log)), bus)), sent


def hosted(*, second_level: bool) -> list[Hosted]:
    found = [Hosted(name, spec, spec.config()) for name, spec in discover().items()]
    return [one for one in found if one.spec.second_level is second_level and one.spec.takes("traffic")]


def never_saves_s() -> float:
    return -1.0


def test_the_zone_stage_gives_turns_between_processors(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = logs(city_folder)
    first = hosted(second_level=False)
    with_rows = sum(record.value is not None for record in log)
    found = {}
    for slice_s in NEVER_S, ALWAYS_S:
        monkeypatch.setattr(turns, "SLICE_S", slice_s)
        stage = ZoneStage(city_folder, first, now_s=never_saves_s)
        found[slice_s] = taken(stage, TopicPartition(READINGS, 0), log)
    assert found[NEVER_S][0] == 0
    assert found[ALWAYS_S][0] >= with_rows * len(first)
    assert found[ALWAYS_S][1] == found[NEVER_S][1]
    assert found[NEVER_S][1]


def test_the_second_level_gives_turns_between_frames(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, log = logs(city_folder)
    second = hosted(second_level=True)
    found = {}
    for slice_s in NEVER_S, ALWAYS_S:
        monkeypatch.setattr(turns, "SLICE_S", slice_s)
        stage = SecondLevelStage(city_folder, second, now_s=never_saves_s)
        found[slice_s] = taken(stage, TopicPartition(topics.METRICS, 0), log)
    assert found[NEVER_S][0] == 0
    assert found[ALWAYS_S][0] >= len(log) * (1 + len(second))
    assert found[ALWAYS_S][1] == found[NEVER_S][1]
    assert found[NEVER_S][1]


def test_a_rebuild_gives_turns_between_frames(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor comes after so many frames of each partition: the start takes those again with it."""
    frames = 40
    specs = {name: spec for name, spec in discover().items() if not spec.second_level}

    async def story(slice_s: float) -> int:
        monkeypatch.setattr(turns, "SLICE_S", slice_s)
        monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
        city = City(city_folder, feed(random.Random(5), with_marks=True))
        await city.frames()
        await city.life({name: spec for name, spec in specs.items() if name != "congestion"}, frames)
        host, others = city.stage(specs), asyncio.create_task(count())
        await host.start()
        others.cancel()
        assert any("congestion" in state.processors for state in zones_of(host))
        return counted

    async def count() -> None:
        nonlocal counted
        counted = 0
        while True:
            await asyncio.sleep(0)
            counted += 1

    counted = 0
    assert asyncio.run(story(ALWAYS_S)) - asyncio.run(story(NEVER_S)) >= 2 * frames
