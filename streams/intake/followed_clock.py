"""The city clock as intake follows it: read to an end that was fetched later than what it is asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streams.broker.topics import CLOCK
from streams.city.clock import CityClock, read_clock
from streams.contract.stage import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.contract.stage import Bus, Record

SOURCE = TopicPartition(CLOCK, 0)


class FollowedClock:
    """All settings so far. Invariant: `city` holds every record below `_offset`."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.city = CityClock()
        self._now_s = now_s
        self._records: list[Record] = []
        self._offset = 0
        self._asked_at_s = float("-inf")

    async def catch_up(self, bus: Bus, since_s: float) -> CityClock:
        """Return the clock with every setting that stood in the log at `since_s`, a time of `time.monotonic`.

        What came together is fetched together, so one question to the broker serves all of it.
        """
        if since_s > self._asked_at_s or since_s == float("inf"):
            asked_at_s = self._now_s()
            end = (await bus.ends([SOURCE]))[SOURCE]
            if end > self._offset:
                self._records += await bus.read_all(*SOURCE, offset=self._offset)
                newest = self._records[-1].offset if self._records else -1
                self._offset = max(newest + 1, end)  # behind the newest a transaction's marker may stand
                self.city = read_clock(self._records)
            self._asked_at_s = asked_at_s
        return self.city
