"""Sources of which nothing comes: idle ones pass on the city clock, marks that stand still are given up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from streams.intake import intake_stage, quiet
from tests.streams.stack import INBOX, MINUTE_MS, START_MS, fed, mark, reading, rows_of, started, watermarks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.streams.stack import Fed, Stack


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Time that a test moves: `wall[0]` seconds of waiting, and the same in the clock of event time."""
    now = [1000.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            return now[0]

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


def comes(stack: Stack, second: int, records: list[Fed]) -> None:
    """Let records come so many seconds after START_MS."""
    stack.bus.clock.now_ms = START_MS + 1000 * second
    stack.put(records)


def told(second: int) -> list[Fed]:
    """What both partitions get every ten seconds: a reading of the moment."""
    return [fed(0, reading(0, START_MS + 1000 * second)), fed(1, reading(4, START_MS + 1000 * second))]


def test_a_feed_that_marks_once_and_goes_on_without_marks_freezes_nothing(city_folder: Path) -> None:
    """After 300 s of readings without a mark they count, less 5 s of disorder; a mark above them is believed again."""

    async def story() -> None:
        stack = await started(city_folder, [])
        comes(stack, 0, mark(START_MS))
        for second in range(0, 330, 10):
            comes(stack, second, told(second))
            await stack.drain()
            await stack.intake.hosts[0].tick()
            assert watermarks(stack) == {0 if second < 300 else second - 5}, second
        assert rows_of(stack) == [(minute, 0, 40.0) for minute in range(5)]
        comes(stack, 330, mark(START_MS + 328_000))
        comes(stack, 340, told(340))
        await stack.drain()
        assert watermarks(stack) == {328}

    asyncio.run(story())


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_no_cut_changes_what_comes_of_marks_that_stand_still(city_folder: Path, cut: int) -> None:
    async def story() -> None:
        stack = await started(city_folder, [])
        comes(stack, 0, mark(START_MS))
        for second in range(0, 610, 10):
            comes(stack, second, told(second))
        for partition in (0, 1):
            while await stack.intake.hosts[0].deliver(INBOX, partition, at_most=cut):
                pass
        await stack.drain()
        assert watermarks(stack) == {595}
        assert rows_of(stack) == [(minute, 0, 40.0) for minute in range(9)]

    asyncio.run(story())


def test_what_stood_in_the_log_at_the_start_gives_no_marks_up(city_folder: Path) -> None:
    """It may have been sent on before a crash, as it was judged then: all of it is read first."""

    async def story() -> None:
        stack = await started(city_folder, [])
        comes(stack, 0, mark(START_MS))
        await stack.drain()
        for second in range(0, 410, 10):
            comes(stack, second, told(second))
        await stack.start()
        for partition in (0, 1):
            await stack.intake.hosts[0].deliver(INBOX, partition, at_most=40)  # of 41
        await stack.zone.hosts[0].drain()
        assert watermarks(stack) == {0}
        await stack.drain()
        assert watermarks(stack) == {395}

    asyncio.run(story())


@pytest.mark.parametrize(("exact", "expected"), [((("exact", b""),), 0), ((), 395)])
def test_exact_marks_stand_however_long_readings_come_without(
    city_folder: Path, exact: tuple[tuple[str, bytes], ...], expected: int
) -> None:
    async def story() -> None:
        stack = await started(city_folder, [])
        comes(stack, 0, [(one, b"", (("mark", b"%d" % START_MS), *exact)) for one in (0, 1)])
        for second in (0, 200, 400):
            comes(stack, second, told(second))
            await stack.drain()
        assert watermarks(stack) == {expected}

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
