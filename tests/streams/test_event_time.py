"""design.md 6.3: a zone's watermark waits for each of its sources; late, silent, future and restarted change no value.

Two inbox partitions, so each zone has two sources. Windows are minutes; START_MS is a whole one.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import NO_TIME_MS
from streams.intake import intake_stage, quiet
from tests.streams.stack import INBOX, MINUTE_MS, READINGS, START_MS, Fed, Stack, fed, feed, mark, reading, zones_of

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000


def rows_of(stack: Stack, topic: str = topics.METRICS, entity: str = "s0") -> list[tuple[int, int, float]]:
    """Return (window in minutes from START_MS, revision, speed) of every row of a segment's speed, in order."""
    told = []
    for record in stack.bus.log(topic):
        rows = decode_metrics(record.value or b"").rows
        keep = (rows.entity == entity) & (rows.metric == "speed_km_h") & (rows.window_s == 60)
        minutes = ((rows.at_ms[keep] - START_MS) // MINUTE_MS).tolist()
        told += zip(minutes, rows.revision[keep].tolist(), rows.value[keep].round(9).tolist(), strict=True)
    return told


def watermarks(stack: Stack) -> set[int]:
    """Return the watermarks of traffic's zones that have one, in seconds from START_MS."""
    found = {state.watermark_ms for host in stack.zone.hosts for state in zones_of(host)}
    return {(one - START_MS) // 1000 for one in found if one != NO_TIME_MS}


async def started(folder: Path, records: list[Fed]) -> Stack:
    stack = Stack(folder, records)
    await stack.start()
    return stack


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


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Time that a test moves: `wall[0]` seconds of waiting, and the same in the clock of event time."""
    now = [1000.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(intake_stage, "time", Time)
    monkeypatch.setattr(quiet, "time", Time)
    monkeypatch.setattr(intake_stage, "now_ms", lambda: START_MS + int((now[0] - 1000.0) * 1000))
    return now


def test_a_silent_source_without_marks_passes_on_the_city_clock_after_a_minute(city_folder: Path, wall: Any) -> None:
    """Partition 1 never says a word. After idle_s its mark is the city clock less the allowed disorder of 5 s."""

    async def story() -> None:
        stack = await started(
            city_folder, [fed(0, reading(0, START_MS + 1000)), fed(0, reading(0, START_MS + 130_000))]
        )
        await stack.drain()
        for waited_s, expected in [(59.0, set()), (61.0, {56}), (120.0, {115})]:
            wall[0] = 1000.0 + waited_s
            await stack.intake.hosts[0].tick()
            await stack.drain()
            assert watermarks(stack) == expected, waited_s
        assert rows_of(stack) == [(0, 0, 40.0)]

    asyncio.run(story())


def test_an_idle_mark_below_what_was_absorbed_is_ignored(city_folder: Path, wall: Any) -> None:
    """A zombie intake, which stands before the readings, calls the source idle; its rows still count."""

    async def story() -> list[tuple[int, int, float]]:
        stack = await started(city_folder, [fed(0, reading(0, START_MS + 1000)), fed(1, reading(4, START_MS + 1000))])
        (zombie,) = stack.intake.hosts
        await stack.intake.start()
        await stack.drain()
        wall[0] += 600.0
        await zombie.tick()
        await stack.zone.hosts[0].drain()
        assert watermarks(stack) == {-4}  # 1 s less 5 s of disorder
        stack.put([fed(0, reading(0, START_MS + 2000, speed_km_h=20)), *mark(START_MS + 2 * MINUTE_MS)])
        await stack.drain()
        return rows_of(stack)

    ((minute, revision, speed),) = asyncio.run(story())
    assert (minute, revision) == (0, 0)
    assert speed == round(2 / (1 / 40 + 1 / 20), 9)


@pytest.mark.parametrize(("waited_s", "expected"), [(299.0, 0), (301.0, 296)])
def test_marks_that_stand_still_for_long_are_given_up(
    city_folder: Path, wall: Any, waited_s: float, expected: int
) -> None:
    """A feed that marks once and stops freezes nothing: after 300 s the clock less 5 s of disorder counts."""

    async def story() -> None:
        stack = await started(city_folder, mark(START_MS))
        await stack.drain()
        wall[0] += waited_s
        await stack.intake.hosts[0].tick()
        await stack.drain()
        assert watermarks(stack) == {expected}

    asyncio.run(story())


def test_a_feed_that_comes_back_with_a_mark_above_all_is_believed_again(city_folder: Path, wall: Any) -> None:
    """Given up at 0 s, passed by the clock to 395 s; its next mark at 500 s counts, and then nothing else."""

    async def story() -> None:
        stack = await started(city_folder, mark(START_MS))
        await stack.drain()
        wall[0] += 400.0
        await stack.intake.hosts[0].tick()
        await stack.drain()
        assert watermarks(stack) == {395}
        stack.put([*mark(START_MS + 390_000), fed(0, reading(0, START_MS + 450_000)), *mark(START_MS + 500_000)])
        await stack.drain()
        assert watermarks(stack) == {500}
        stack.put([fed(0, reading(0, START_MS + 600_000)), fed(1, reading(4, START_MS + 600_000))])
        await stack.drain()
        assert watermarks(stack) == {500}

    asyncio.run(story())


def test_exact_marks_are_never_given_up(city_folder: Path, wall: Any) -> None:
    async def story() -> None:
        stack = await started(city_folder, [(one, b"", (("mark", b"%d" % START_MS), ("exact", b""))) for one in (0, 1)])
        await stack.drain()
        wall[0] += 3600.0
        await stack.intake.hosts[0].tick()
        await stack.drain()
        assert watermarks(stack) == {0}

    asyncio.run(story())


def test_a_stop_of_intake_is_no_silence_of_its_sources(city_folder: Path, wall: Any) -> None:
    """Ten minutes pass in which intake does not run; what came meanwhile is taken before anybody is called quiet."""

    async def story() -> None:
        stack = await started(city_folder, [fed(0, reading(0, START_MS)), fed(1, reading(4, START_MS))])
        await stack.drain()
        wall[0] += 600.0
        stack.put([fed(0, reading(0, START_MS + 1000)), fed(1, reading(4, START_MS + 1000))])
        await stack.intake.hosts[0].tick()
        await stack.drain()
        assert watermarks(stack) == {-4}

    asyncio.run(story())


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
        assert line == "s0,2023-11-14T22:13:00Z,60,30.0,1.0,0.0,corrected,"

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
        stack.bus._clock.now_ms = START_MS
        for _ in range(30):
            now_ms = stack.bus._clock.now_ms
            stack.put([fed(0, reading(1, now_ms + ahead_s * 1000)), fed(0, reading(0, now_ms, speed_km_h=60))])
            await stack.drain()
            stack.bus._clock.advance(10)
        assert rows_of(stack) == [(minute, 0, 60.0) for minute in range(4)]

    asyncio.run(story())
