"""design.md 6.2 h: "Second-level processors read metrics frames, each with its zone and that zone's watermark … Per
identity they keep the highest revision and fold only the difference of numerators and denominators, so a repeat changes
nothing. A window closes when the watermarks of all zones of that domain have passed it. Offset, watermarks and sums are
one snapshot, as in c."

So what zones repeat after a crash, what a zombie sends again, and crashes of this stage itself change no zone, city or
hour. Without the guards: folding whole amounts counts a repeat twice; closing at the first zone's watermark publishes
finals that lack zones; an offset without its sums loses rows.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from processors import network
from processors.maths.watermarks import Marks
from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.stage import Message
from streams.saving import chains
from streams.second import rebuilding
from streams.second.second_stage import SECOND_LEVEL
from tests.streams.stack import MINUTE_MS, START_MS, Stack, fed, feed, found, mark, reading

if TYPE_CHECKING:
    from pathlib import Path

    from streams.contract.stage import Bus

STATE = topics.state("second")


@pytest.fixture(autouse=True)
def _save_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


async def zones_done(folder: Path, seed: int) -> Stack:
    """Run intake and zones in small chunks: what they say stands in the metrics, the second level has read nothing."""
    stack = Stack(folder, feed(random.Random(seed), with_marks=True))
    await stack.start()
    chance = random.Random(seed)
    for team in stack.teams[:2]:
        (host,) = team.hosts
        while behind := host.behind():
            await host.deliver(*chance.choice(behind), at_most=12)
    return stack


def outcome(stack: Stack) -> dict[str, Any]:
    whole = stack.outcome()
    return {"export": whole["export"], "found": whole["found"]}


def run(folder: Path, seed: int, trouble: Any = None) -> dict[str, Any]:
    async def story() -> dict[str, Any]:
        stack = await zones_done(folder, seed)
        if trouble is not None:
            await trouble(stack, random.Random(seed))
            stack.bus.before_send = None
        await stack.drain()
        return outcome(stack)

    return asyncio.run(story())


async def frames_repeated(stack: Stack, chance: random.Random) -> None:
    """Zones crashed or a zombie woke up: many frames of metrics come again, also long after, in another order."""
    again = [one for one in stack.bus.log(topics.METRICS) if chance.random() < 0.5]
    chance.shuffle(again)
    for record in again:
        stack.bus.put(Message(topics.METRICS, record.key or b"", record.value, 0))


async def repeated_in_between(stack: Stack, chance: random.Random) -> None:
    """The same before anything is closed: each frame again some frames later."""
    log = stack.bus.log(topics.METRICS)
    frames = list(log)
    log.clear()
    for place, record in enumerate(frames):
        for one in (record, frames[max(place - chance.randrange(1, 6), 0)]):
            stack.bus.put(Message(topics.METRICS, one.key or b"", one.value, 0))


async def crashes(stack: Stack, chance: random.Random) -> None:
    """This stage ends before sends of rows and of snapshots."""
    stack.crash_now_and_then(chance, 0.05)
    await stack.wander(chance, at_most=5)


async def two_live(stack: Stack, chance: random.Random) -> None:
    """A zombie and the living one fold, publish and save, each at its pace."""
    (zombie,) = stack.second.hosts
    await zombie.deliver(topics.METRICS, at_most=10)
    await stack.second.start()
    for _ in range(300):
        host = chance.choice([zombie, *stack.second.hosts])
        if host.behind():
            await host.deliver(topics.METRICS, at_most=chance.randint(1, 20))
        if chance.random() < 0.05:
            stack.bus.compact(STATE)
            await stack.second.start()


@pytest.mark.parametrize("trouble", [frames_repeated, repeated_in_between, crashes, two_live])
@pytest.mark.parametrize("seed", [1, 4])
def test_it_changes_nothing(city_folder: Path, seed: int, trouble: Any) -> None:
    assert run(city_folder, seed, trouble) == run(city_folder, seed)


def test_an_hour_by_hand_after_a_repeat_and_a_correction(city_folder: Path) -> None:
    """Segment s0 is 500 m: 60 km/h in one minute (30 s for 360 veh/h), a late 30 km/h in it, then 40 km/h.

    Space-mean of the minute: 2 / (1/60 + 1/30) = 40; of the hour: 3 / (1/60 + 1/30 + 1/40) = 40.
    """

    async def story() -> str:
        stack = Stack(city_folder, [fed(0, reading(0, START_MS, speed_km_h=60)), *mark(START_MS + MINUTE_MS)])
        await stack.start()
        await stack.drain()
        stack.put([fed(0, reading(0, START_MS + 1, speed_km_h=30)), fed(0, reading(0, START_MS + MINUTE_MS))])
        await stack.drain()
        await frames_repeated(stack, random.Random(1))
        stack.put(mark(START_MS + 3_600_000))
        await stack.drain()
        lines = stack.outcome()["export"]["speed_km_h 3600"].splitlines()
        return next(line for line in lines if line.startswith("s0,"))

    entity, at, _, value, _, _, state, *_ = asyncio.run(story()).split(",")
    assert (entity, at, round(float(value), 9), state) == ("s0", "2023-11-14T22:00:00Z", 40.0, "corrected")


def test_a_minute_closes_when_the_last_zone_has_passed_it(city_folder: Path) -> None:
    async def story() -> list[tuple[int, int]]:
        rows = [fed(0, *(reading(one, START_MS) for one in range(8)))]
        stack = Stack(city_folder, [*rows, *mark(START_MS + MINUTE_MS)])
        await stack.start()
        for team in stack.teams[:2]:
            await team.hosts[0].drain()
        (second,) = stack.second.hosts
        told = []
        zones = len(stack.bus.log(topics.METRICS))
        for number in range(zones):
            await second.deliver(topics.METRICS, at_most=1)
            frames = [decode_metrics(one.value or b"") for one in stack.bus.log(topics.METRICS)[zones:]]
            city = [one for one in frames if one.zone == SECOND_LEVEL and "city:small" in one.rows.entity.tolist()]
            told.append((number + 1, len(city)))
        return told

    assert asyncio.run(story()) == [(1, 0), (2, 0), (3, 0), (4, 1)]  # one frame a zone, and there are four


def test_without_the_difference_a_repeat_counts_twice(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(city_folder, 1)
    step = network.SPEC.step

    def forgetful(state: Any, frame: Any, city: Any, config: Any) -> Any:
        for domain in state.domains.values():
            domain.minutes.clear()
        return step(state, frame, city, config)

    monkeypatch.setattr(network, "SPEC", network.SPEC.__class__(**{**vars_of(network.SPEC), "step": forgetful}))
    assert run(city_folder, 1, repeated_in_between) != expected


def vars_of(spec: Any) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}


def test_without_waiting_for_all_zones_finals_lack_some(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(city_folder, 1)

    def hasty(self: Marks, frame: Any, city: Any) -> int:
        before_ms = self.watermark_ms
        self.watermark_ms = max(before_ms, frame.watermark_ms)
        return before_ms

    monkeypatch.setattr(Marks, "advance", hasty)
    assert run(city_folder, 1) != expected


def test_without_one_snapshot_rows_are_lost(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(city_folder, 1)
    load = chains.load

    async def torn(bus: Bus, topic: str, partition: int) -> chains.Found:
        newest = await load(bus, topic, partition)
        if newest.tree is not None and topic == STATE:
            for key in [one for one in newest.tree if b"processors" in one]:
                newest.tree[key] = b"\x80"  # none: the offset of one, the sums of another
        return newest

    async def half_way(stack: Stack, _: random.Random) -> None:
        await stack.second.hosts[0].deliver(topics.METRICS, at_most=30)
        await stack.second.start()

    assert run(city_folder, 1, half_way) == expected
    monkeypatch.setattr(chains, "load", torn)
    assert run(city_folder, 1, half_way) == expected  # rebuilt from what Kafka holds
    monkeypatch.setattr(rebuilding, "BUDGET_S", -1)
    assert run(city_folder, 1, half_way) != expected


def test_rows_of_the_second_level_are_not_folded_again(city_folder: Path) -> None:
    async def story() -> None:
        stack = await zones_done(city_folder, 1)
        await stack.drain()
        frames = [decode_metrics(one.value or b"") for one in stack.bus.log(topics.METRICS)]
        own = [one for one in frames if one.zone == SECOND_LEVEL]
        assert own
        (book,) = stack.second.books().values()
        assert book["counts"]["frames"] == len(frames) - len(own)
        assert np.all([one.rows.revision.min() >= 0 for one in own])
        assert found(stack.bus) == found(stack.bus)

    asyncio.run(story())


def test_each_row_that_a_processor_was_given_is_booked_as_used_or_dropped_also_over_a_restart(city_folder: Path):
    async def story() -> tuple[Stack, dict[str, Any]]:
        stack = await zones_done(city_folder, seed=3)
        await frames_repeated(stack, random.Random(3))
        (host,) = stack.second.hosts
        for _ in range(3):
            await host.deliver(topics.METRICS, at_most=7)
        await stack.second.start()
        await stack.drain()
        return stack, stack.second.books()["second:all:0"]["counts"]["processors"]["network"]

    stack, book = asyncio.run(story())
    frames = [decode_metrics(record.value or b"") for record in stack.bus.log(topics.METRICS)]
    given = sum(len(one.rows) for one in frames if one.zone != SECOND_LEVEL)
    assert book["used"] + sum(book["dropped"].values()) == given
    assert book["dropped"][network.REPEAT] > 0
    assert book["used"] > 0
