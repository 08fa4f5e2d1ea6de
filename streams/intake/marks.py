"""How far a source has come: the marks of its feed, or else what its readings say, never more than the clock allows.

A mark says that no row of the source is expected before it any more. Where the feed gives marks, they alone count.
Where it gives none, the mark after a row is the highest time that the rows up to it have reached, each no later than
the city clock at its record's arrival, less the domain's `disorder_s`: a clock that is ahead moves time for nobody.
A row that is by the clock farther behind than its domain's late limit is back-fill: it moves nothing, and where no mark
of its feed says how far the source has come, it is as late as the clock says.
A feed's mark too far ahead of the clock is not believed. Marks that stand still for `mark_silence_s` are given up: the
source then counts as one without marks, never below the mark it had reached, until a believed mark above its own comes.

source  design of event time: docs/architecture.md, "Event time"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streams.city.timing import FUTURE_MS
from streams.contract.durations import HOUR_MS
from streams.contract.frames import MARK_STEP_MS
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from streams.city.clock import CityClock
    from streams.contract.frames import FrameHeader

PAST_END_MS = 3 * HOUR_MS
"""Where the clock has an end, marks may close the windows behind it: so far."""


class Arrivals(NamedTuple):
    """When records came; (records,) each, epoch ms."""

    wall_ms: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    """By the city clock."""
    believed_ms: NDArray[np.int64]
    """The highest mark of its feed that each record may carry."""
    over_ms: NDArray[np.int64]
    """Event time that was over when it came, whatever its feed says; NO_TIME_MS where the clock has an end: in a
    replay nothing comes when it was measured."""


class Source(NamedTuple):
    """What is known of a source before a chunk."""

    fed_mark_ms: int
    """Newest mark of its feed, NO_TIME_MS = its feed gave none."""
    newest_ms: int
    """Highest time that its rows have reached, NO_TIME_MS = none."""
    given_up: bool
    """Whether its feed's marks stood still for too long."""
    disorder_ms: int

    @property
    def mark_ms(self) -> int:
        """No row that follows is expected before this event time."""
        if self.fed_mark_ms != NO_TIME_MS and not self.given_up:
            return self.fed_mark_ms
        own_ms = NO_TIME_MS if self.newest_ms == NO_TIME_MS else self.newest_ms - self.disorder_ms
        return max(own_ms, self.fed_mark_ms)


class Marked(NamedTuple):
    """The rows of a chunk, and what is known of their source after it."""

    mark_ms: NDArray[np.int64]
    """(n,) the source's mark at each row, this row included."""
    by_feed: NDArray[np.bool_]
    """(n,) whether that is its feed's word."""
    raised_by: int | None
    """The record that raised its feed's mark last, None = none did."""
    moved_by: int | None
    """The record with which its rows have come farther last, None = none."""
    source: Source


def arrivals(came_ms: NDArray[np.int64], read_ms: int, clock: CityClock) -> Arrivals:
    """Return when records came.

    Args:
        came_ms: (records,) wall times at which they came, -1 = they do not say.
        read_ms: the wall time at which they are read: what a record without a timestamp has.
        clock: the city clock, read to an end that was fetched after the records.
    """
    came_ms = np.where(came_ms < 0, read_ms, came_ms)
    begins = np.flatnonzero(np.diff(came_ms, prepend=-1))
    several = np.diff(begins, append=len(came_ms))
    of_each = [(clock.at(one), clock.until(one)) for one in came_ms[begins].tolist()]
    at_ms = np.array([at for at, _ in of_each], np.int64)
    believed_ms = np.array([at + FUTURE_MS if end is None else end + PAST_END_MS for at, end in of_each], np.int64)
    over_ms = np.array([at if end is None else NO_TIME_MS for at, end in of_each], np.int64)
    return Arrivals(came_ms, *(np.repeat(one, several) for one in (at_ms, believed_ms, over_ms)))


def advance(
    before: Source, fed_ms: NDArray[np.int64], record: NDArray[np.integer[Any]], reached_ms: NDArray[np.int64]
) -> Marked:
    """Take a chunk.

    Args:
        before: the source before the chunk.
        fed_ms: (records,) the believed mark that each record is, NO_TIME_MS = none.
        record: (n,) the record of each row, never falling.
        reached_ms: (n,) the row's event time, no later than its arrival; NO_TIME_MS = it was refused.
    """
    newest_ms = np.maximum.accumulate(np.maximum(reached_ms, before.newest_ms))
    last_ms = int(newest_ms[-1]) if len(newest_ms) else before.newest_ms
    marks = np.maximum(np.maximum.accumulate(fed_ms), before.fed_mark_ms) if len(fed_ms) else fed_ms
    last_fed_ms = int(marks[-1]) if len(marks) else before.fed_mark_ms
    raised_by = int((fed_ms == last_fed_ms).argmax()) if last_fed_ms > before.fed_mark_ms else None
    moved_by = int(record[(newest_ms == last_ms).argmax()]) if last_ms > before.newest_ms else None
    after = before._replace(fed_mark_ms=last_fed_ms, newest_ms=last_ms)
    own_ms = np.where(newest_ms == NO_TIME_MS, NO_TIME_MS, newest_ms - before.disorder_ms)
    if before.given_up:
        own_ms = np.maximum(own_ms, before.fed_mark_ms)
        back = _comes_back(before, fed_ms, record, own_ms)
        given_up = np.arange(len(fed_ms)) < back
        mark_ms = np.where(given_up[record], own_ms, marks[record])
        return Marked(mark_ms, ~given_up[record], raised_by, moved_by, after._replace(given_up=back == len(fed_ms)))
    fed, by_feed = marks[record], marks[record] != NO_TIME_MS
    return Marked(np.where(by_feed, fed, own_ms), by_feed, raised_by, moved_by, after)


def _comes_back(
    before: Source, fed_ms: NDArray[np.int64], record: NDArray[np.integer[Any]], own_ms: NDArray[np.int64]
) -> int:
    """Return the first record whose mark is above all that the source had reached; how many there are if none is."""
    reached_ms = np.full(len(fed_ms) + 1, before.mark_ms)
    np.maximum.at(reached_ms, record + 1, own_ms)
    above = fed_ms > np.maximum.accumulate(reached_ms)[:-1]
    return int(above.argmax()) if above.any() else len(fed_ms)


def crosses(before_ms: int, after_ms: int) -> bool:
    """Tell whether a mark goes over a whole second: then every readings partition gets it, else none."""
    return after_ms // MARK_STEP_MS > before_ms // MARK_STEP_MS


def untold(frames: Iterable[FrameHeader], mark_ms: int, homes: Mapping[str, int], count: int) -> list[int]:
    """List which of `count` readings partitions need a mark by itself: a zone there does not have it by a frame.

    Args:
        frames: headers of the frames that go out with it.
        mark_ms: the mark.
        homes: zone id → partition, also of zones that left; of a partition without any nobody knows what it holds.
        count: how many there are.
    """
    told = {one.zone for one in frames if not crosses(one.mark_ms, mark_ms)}
    left = {partition for zone, partition in homes.items() if zone not in told}
    whole = {homes[zone] for zone in told if zone in homes} - left
    return [partition for partition in range(count) if partition not in whole]
