"""The clock beside the inbox: what it costs to follow it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from streams.broker import topics
from streams.city.clock import ClockSetting
from streams.contract.stage import Message
from streams.intake.followed_clock import SOURCE, FollowedClock
from streams.intake.intake_stage import IntakeStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.stack import INBOX, START_MS, fed, reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streams.contract.stage import Record, TopicPartition

SETTING = Message(
    topics.CLOCK, b"c", msgspec.json.encode(ClockSetting(at_ms=START_MS, wall_ms=0, speed=1.0, until_ms=None)), 0
)


class CountingBus(FakeBus):
    """Counts reads of the clock's topic; behind its newest record transactions' markers may stand."""

    def __init__(self, settings: int, markers: int = 0) -> None:
        super().__init__(clock=FakeClock(START_MS))
        self.reads = 0
        self._markers = markers
        for _ in range(settings):
            self.put(SETTING)

    async def read_all(self, topic: str, partition: int, offset: int = 0) -> list[Record]:
        self.reads += topic == topics.CLOCK
        return await super().read_all(topic, partition, offset)

    async def ends(self, sources: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        found = await super().ends(sources)
        return {one: end + (self._markers if one == SOURCE else 0) for one, end in found.items()}


@pytest.mark.parametrize(("settings", "markers", "reads"), [(0, 0, 0), (2, 0, 1), (2, 1, 1), (0, 3, 1)])
def test_the_clock_is_read_once_however_many_chunks_ask_for_it(settings: int, markers: int, reads: int) -> None:
    async def story() -> int:
        bus, now_s = CountingBus(settings, markers), iter(range(1000))
        clock = FollowedClock(lambda: float(next(now_s)))
        for fetched_s in range(100):
            await clock.catch_up(bus, float(fetched_s))
        assert len(clock.city.settings) == settings
        return bus.reads

    assert asyncio.run(story()) == reads


def test_a_new_setting_is_read_by_the_chunk_that_came_after_it() -> None:
    async def story() -> tuple[int, int]:
        bus = CountingBus(1)
        clock = FollowedClock(lambda: 1.0)
        await clock.catch_up(bus, 0.0)
        bus.put(SETTING)
        await clock.catch_up(bus, 0.5)  # it was there before the look
        seen = len(clock.city.settings)
        await clock.catch_up(bus, 2.0)
        return seen, len(clock.city.settings)

    assert asyncio.run(story()) == (1, 2)


def test_readings_ahead_of_the_clock_do_not_have_it_read_again(city_folder: Path) -> None:
    """A marker stands at the clock's end. Fifty chunks of one reading, each an hour ahead: all refused, one read."""

    async def story() -> tuple[int, object]:
        bus = CountingBus(1, markers=1)
        intake = FakeHost(IntakeStage(city_folder), bus)
        await intake.start()
        for number in range(50):
            partition, value, headers = fed(0, reading(0, START_MS + 3_600_000 + number))
            bus.put(Message(INBOX, b"", value, partition, headers))
            await intake.deliver(INBOX, at_most=1)
        book = intake.stage.books()["intake:traffic:0"]
        return bus.reads, book["counts"]["dead_lettered"]

    assert asyncio.run(story()) == (1, {"future": 50})
