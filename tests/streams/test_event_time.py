"""design.md 6.3: a zone's watermark waits for each of its sources; late, silent, future and restarted change no value.

Two inbox partitions, so each zone has two sources. Windows are minutes; START_MS is a whole one.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from tests.streams.stack import (
    INBOX,
    MINUTE_MS,
    READINGS,
    START_MS,
    fed,
    feed,
    mark,
    reading,
    rows_of,
    started,
    watermarks,
)

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000


def test_one_lagging_intake_worker_holds_the_watermark_and_changes_nothing(city_folder: Path) -> None:
    """The worker of inbox partition 1 stands still for half of the run: nothing closes, then all is as ever."""
    records = feed(random.Random(6), with_marks=True)

    async def story(lagging: bool) -> dict[str, Any]:
        stack = await started(city_folder, records)
        (intake,) = stack.intake.hosts
        if lagging:
            while await intake.deliver(INBOX, 0, at_most=20):
                await stack.zone.hosts[0].drain()
            assert watermarks(stack) == set()
            assert stack.bus.log(topics.METRICS) == []
        await stack.drain()
        return stack.outcome()

    assert asyncio.run(story(True)) == asyncio.run(story(False))


def test_the_watermark_is_the_least_of_the_sources_marks(city_folder: Path) -> None:
    async def story() -> None:
        stack = await started(city_folder, [])
        for second, which, expected in [(70, 0, set()), (50, 1, {50}), (90, 1, {70}), (40, 0, {70}), (95, 0, {90})]:
            stack.put(mark(START_MS + second * 1000, which))
            await stack.drain()
            assert watermarks(stack) == expected

    asyncio.run(story())


def test_no_order_in_which_sources_arrive_decides_anything(city_folder: Path) -> None:
    records = feed(random.Random(8), with_marks=True)

    async def story(first: int) -> dict[str, Any]:
        stack = await started(city_folder, records)
        (intake,) = stack.intake.hosts
        for partition in (first, 1 - first):
            while await intake.deliver(INBOX, partition, at_most=11):
                pass
        await stack.drain()
        return stack.outcome()

    assert asyncio.run(story(0)) == asyncio.run(story(1))


def test_a_future_stamp_is_quarantined_and_moves_nothing(city_folder: Path) -> None:
    """The bus stamps records 11 min after START_MS; more than 5 min ahead of that is the future."""

    async def story() -> None:
        limit_ms = START_MS + 16 * MINUTE_MS
        stack = await started(city_folder, [fed(0, reading(0, limit_ms + 1)), fed(1, reading(4, START_MS))])
        await stack.drain()
        assert watermarks(stack) == set()  # a future stamp is no word of partition 0
        assert [dict(one.headers)["reason"] for one in stack.bus.log(topics.DEAD_LETTERS)] == [b"future"]
        stack.put([fed(0, reading(0, START_MS)), fed(0, reading(0, limit_ms))])
        await stack.drain()
        assert stack.books()["in_frames"] == 3
        assert watermarks(stack) == {-5}

    asyncio.run(story())


def test_provisional_then_final_then_corrected(city_folder: Path) -> None:
    """By hand: 60 km/h; then a late 20 of the same flow: 2 / (1/60 + 1/20) = 30."""

    async def story() -> None:
        stack = await started(city_folder, [fed(0, reading(0, START_MS + 1000, speed_km_h=60))])
        await stack.drain()
        await stack.zone.hosts[0].tick()
        assert rows_of(stack, topics.LIVE) == [(0, -1, 60.0)]
        assert rows_of(stack) == []
        stack.put(mark(START_MS + MINUTE_MS))
        await stack.drain()
        assert rows_of(stack) == [(0, 0, 60.0)]
        stack.put([fed(0, reading(0, START_MS + 2000, speed_km_h=20))])
        await stack.drain()
        await stack.zone.hosts[0].tick()
        assert rows_of(stack) == [(0, 0, 60.0), (0, 1, 30.0)]
        assert rows_of(stack, topics.LIVE) == [(0, -1, 60.0)]  # nothing provisional of a closed window
        line = next(one for one in stack.outcome()["export"]["speed_km_h 60"].splitlines() if one.startswith("s0,"))
        assert line == "s0,2023-11-14T22:13:00Z,60,30.0,1.0,0.0,corrected,,,,,"

    asyncio.run(story())


def test_a_late_row_in_an_open_window_waits_for_the_first_final(city_folder: Path) -> None:
    """Source 0 has passed 30 s, source 1 holds the window open: the late row counts as a correction all the same."""

    async def story(early: bool) -> list[tuple[int, int, float]]:
        stack = await started(city_folder, [fed(0, reading(0, START_MS + 1000, speed_km_h=60))])
        late = [*mark(START_MS + 30_000, 0), fed(0, reading(0, START_MS + 2000, speed_km_h=20))]
        closing = mark(START_MS + MINUTE_MS)
        for records in (late, closing) if early else (closing, late):
            stack.put(records)
            await stack.drain()
        return rows_of(stack)

    assert asyncio.run(story(True)) == asyncio.run(story(False)) == [(0, 0, 60.0), (0, 1, 30.0)]


@pytest.mark.parametrize("seed", range(2))
def test_a_restart_in_the_middle_of_a_window(city_folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All stages start anew every few readings, most of them inside of a window."""
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
    records = feed(random.Random(seed), with_marks=True)

    async def story(restarts: bool) -> dict[str, Any]:
        stack = await started(city_folder, [])
        for first in range(0, len(records), 8):
            stack.put(records[first : first + 8])
            if restarts:
                await stack.drain()
                await stack.start()
        await stack.drain()
        return stack.outcome()

    assert asyncio.run(story(True)) == asyncio.run(story(False))


def test_the_last_mark_closes_the_last_windows(city_folder: Path) -> None:
    async def story() -> None:
        stack = await started(city_folder, [fed(0, reading(0, START_MS)), *mark(START_MS + MINUTE_MS - 1)])
        await stack.drain()
        assert rows_of(stack) == []
        stack.put(mark(START_MS + MINUTE_MS))
        await stack.drain()
        assert rows_of(stack) == [(0, 0, 40.0)]
        assert len(stack.bus.log(READINGS)) > 0

    asyncio.run(story())


def test_without_waiting_for_the_least_mark_a_lagging_worker_would_change_rows(
    city_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard taken away: the watermark is the newest mark of any source."""
    records = feed(random.Random(6), with_marks=True)

    async def story(lagging: bool) -> dict[str, Any]:
        stack = await started(city_folder, records)
        if lagging:
            while await stack.intake.hosts[0].deliver(INBOX, 0):
                await stack.zone.hosts[0].drain()
        else:
            for number in range(len(records)):
                await stack.intake.hosts[0].deliver(INBOX, number % 2, at_most=5)
        await stack.drain()
        return stack.outcome()

    monkeypatch.setattr("streams.zone.absorb._watermark", lambda marks, _: max(marks.values()) // 1000 * 1000)
    assert asyncio.run(story(True)) != asyncio.run(story(False))


@pytest.mark.parametrize("ahead_s", [0, 6, 30, 270])
def test_a_clock_that_is_ahead_moves_time_for_nobody(city_folder: Path, ahead_s: int) -> None:
    """d0's clock is right, d1's is ahead, in one partition: none of d0's readings is late, whatever d1 says.

    By hand: each minute has six readings of d0 of 60 km/h; d1 watches another segment.
    """

    async def story() -> None:
        stack = await started(city_folder, mark(START_MS + 10 * MINUTE_MS, 1))
        stack.bus.clock.now_ms = START_MS
        for _ in range(30):
            now_ms = stack.bus.clock.now_ms
            stack.put([fed(0, reading(1, now_ms + ahead_s * 1000)), fed(0, reading(0, now_ms, speed_km_h=60))])
            await stack.drain()
            stack.bus.clock.advance(10)
        assert rows_of(stack) == [(minute, 0, 60.0) for minute in range(4)]

    asyncio.run(story())
