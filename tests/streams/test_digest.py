"""Replaying gives byte-identical exports: at any chunking, pace, number of workers and partitions, and with crashes.

design.md 6.3: "replaying a range of readings from the same snapshot gives the same bytes, and so does replaying an
inbox whose feeds give marks".
"""

from __future__ import annotations

import asyncio
import copy
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.streams.stack import MINUTE_MS, READINGS, START_MS, Fed, Stack, fed, feed, reading

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _save_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0005)


def whole(folder: Path, records: list[Fed]) -> dict[str, Any]:
    """Everything in one chunk a partition, one worker, no trouble."""

    async def run() -> dict[str, Any]:
        stack = Stack(folder, records)
        await stack.start()
        await stack.drain()
        return stack.outcome()

    return asyncio.run(run())


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found["books"] == expected["books"]
    assert found["export"].keys() == expected["export"].keys()
    for name, text in expected["export"].items():
        assert found["export"][name] == text, name
    assert found["found"] == expected["found"]


@pytest.mark.parametrize("crashes", [False, True], ids=["calm", "crashes"])
@pytest.mark.parametrize("seed", range(6))
def test_a_marked_inbox_from_its_start(city_folder: Path, seed: int, crashes: bool) -> None:
    records = feed(random.Random(seed), with_marks=True)
    expected = whole(city_folder, records)
    assert {"tti_ratio 60", "tti_ratio 3600", "tpi 60", "silent_ratio 60"} <= expected["export"].keys()
    chance = random.Random(seed + 1000)

    async def run() -> dict[str, Any]:
        stack = Stack(city_folder, records, readings=(1, 2, 4)[seed % 3], workers=1 + seed % 3, kernel=seed > 2)
        await stack.start(chance)
        if crashes:
            stack.crash_now_and_then(chance)
        await stack.wander(chance, at_most=(3, 25, 400)[seed // 2 % 3], rebalance=True)
        return stack.outcome()

    assert_same(asyncio.run(run()), expected)


@pytest.mark.parametrize("seed", range(2))
def test_an_inbox_that_comes_bit_by_bit(city_folder: Path, seed: int) -> None:
    """Any speed: what is not there yet changes nothing of what is."""
    records = feed(random.Random(seed), with_marks=True)
    chance = random.Random(seed + 2000)

    async def run() -> dict[str, Any]:
        stack = Stack(city_folder, [], workers=2)
        await stack.start(chance)
        left = records
        while left:
            count = chance.choice([1, 5, 60])
            stack.put(left[:count])
            left = left[count:]
            await stack.wander(chance, rebalance=True)
        return stack.outcome()

    assert_same(asyncio.run(run()), whole(city_folder, records))


@pytest.mark.parametrize("with_marks", [True, False], ids=["with marks", "without marks"])
@pytest.mark.parametrize("seed", range(2))
def test_a_range_of_readings_from_the_same_snapshot(city_folder: Path, seed: int, with_marks: bool) -> None:
    """Two runs from one saved state over the same readings, each cut in its own way."""
    records = feed(random.Random(seed), with_marks)

    async def run() -> list[dict[str, Any]]:
        stack = Stack(city_folder, records)
        await stack.start()
        for host in stack.intake.hosts:
            await host.drain()
        zone = stack.zone.hosts[0]
        for partition in range(2):
            await zone.deliver(READINGS, partition, at_most=len(stack.bus.log(READINGS, partition)) // 2)
        await stack.second.hosts[0].drain()
        saved = copy.deepcopy(stack.bus)
        outcomes = []
        for number in range(4):
            stack.bus = copy.deepcopy(saved)
            for team in stack.teams:
                team.bus = stack.bus
            chance = random.Random(seed * 10 + number)
            await stack.start(chance)
            if number:
                stack.crash_now_and_then(chance)
            await stack.wander(chance, at_most=(10**6, 25, 3, 90)[number])
            outcomes.append(stack.outcome())
        return outcomes

    first, *others = asyncio.run(run())
    assert first["export"]
    for other in others:
        assert_same(other, first)


def test_it_can_fail(city_folder: Path) -> None:
    """One reading more, and one other value, show."""
    records = feed(random.Random(3), with_marks=True)
    expected = whole(city_folder, records)
    extra = fed(1, reading(3, START_MS + 5 * MINUTE_MS + 1))
    assert whole(city_folder, [extra, *records])["export"] != expected["export"]
    changed = [(one, value.replace(b'"speed_km_h": 4', b'"speed_km_h": 5'), head) for one, value, head in records]
    assert changed != records
    assert whole(city_folder, changed)["export"] != expected["export"]
