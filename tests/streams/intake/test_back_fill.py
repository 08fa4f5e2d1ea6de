"""What comes long after its time and without a mark is back-fill, and too late: who is not meant by that.

The domain's late limit is an hour, its disorder 5 s. Each record lies in partition 0 of the inbox.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from streams.broker import topics
from streams.city.clock import ClockSetting
from streams.contract.stage import Message
from tests.streams.stack import MINUTE_MS, START_MS, fed, mark, reading, started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.streams.stack import Fed, Stack

HOUR_MS = 3_600_000


def comes(stack: Stack, at_ms: int, records: list[Fed]) -> None:
    """Let records come at a time of the wall."""
    stack.bus.clock.now_ms = at_ms
    stack.put(records)


def minutes(count: int) -> list[Fed]:
    """So many readings from START_MS on, one a minute."""
    return [fed(0, reading(0, START_MS + minute * MINUTE_MS)) for minute in range(count)]


@pytest.mark.parametrize(
    ("until_ms", "expected"),
    [(START_MS + 10 * HOUR_MS, {"in_frames": 30, "too_late": 0}), (None, {"in_frames": 0, "too_late": 30})],
)
def test_a_clock_with_an_end_is_no_witness_of_arrivals(
    city_folder: Path, until_ms: int | None, expected: dict[str, int]
) -> None:
    """A replay at full speed: the clock stands at the data's last row when the first one comes."""

    async def story() -> None:
        stack = await started(city_folder, [])
        setting = ClockSetting(at_ms=START_MS + 10 * HOUR_MS, wall_ms=0, speed=0.0, until_ms=until_ms)
        stack.bus.put(Message(topics.CLOCK, b"small", msgspec.json.encode(setting), 0))
        comes(stack, START_MS + 20 * HOUR_MS, minutes(30))
        await stack.drain()
        books = stack.books()
        assert {name: books.get(name, 0) for name in expected} == expected

    asyncio.run(story())


def test_what_a_feed_sends_behind_its_mark_is_live_however_late_it_comes(city_folder: Path) -> None:
    """A feed that was away for three hours sends what it missed, and marks as it goes."""

    async def story() -> None:
        stack = await started(city_folder, [])
        comes(stack, START_MS, mark(START_MS, 0))
        for minute, record in enumerate(minutes(30)):
            comes(stack, START_MS + 3 * HOUR_MS, [record, *mark(START_MS + minute * MINUTE_MS + 1, 0)])
        await stack.drain()
        assert (stack.books()["in_frames"], stack.books().get("too_late")) == (30, None)

    asyncio.run(story())


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_a_backlog_came_when_it_was_sent(city_folder: Path, cut: int) -> None:
    """Intake reads it five hours later, with a real back-fill in its middle."""

    async def story() -> None:
        stack = await started(city_folder, [])
        for minute, record in enumerate(minutes(30)):
            comes(stack, START_MS + minute * MINUTE_MS, [record])
            if minute == 15:
                stack.put([fed(0, reading(1, START_MS - 2 * HOUR_MS))])
        stack.bus.clock.now_ms = START_MS + 5 * HOUR_MS
        await stack.start()
        while await stack.intake.hosts[0].deliver(topics.inbox("traffic"), 0, at_most=cut):
            pass
        await stack.drain()
        assert (stack.books()["in_frames"], stack.books()["too_late"]) == (30, 1)

    asyncio.run(story())
