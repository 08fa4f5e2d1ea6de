"""Which sources are quiet, and which feeds' marks stand still. Pure but for its clock.

A source is quiet when nothing came for `IDLE_S` and nothing waits in its log: its silence is this process's time. Of
one from which records come, their arrivals say how long its feed's mark stands still, however late they are read; and
one whose rows come no farther for `IDLE_S`, refused or of long ago, says no more than a quiet one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from streams.contract.stage import TopicPartition

IDLE_S = 60.0
"""A source without marks that was quiet for so long no longer holds the watermark."""
UNREAD_FACTOR = 5
"""So many times as long where the log ends behind what was read: a transaction's marker may stand there."""


@dataclass
class _Listened:
    since_s: float
    """When a record of it came last, or its end moved."""
    marked_s: float
    """When its feed's mark rose last."""
    begun: int
    """Where its log ended when this process took it over: what came before may have been taken before."""
    end: int = -1
    came_ms: int | None = None
    """Arrival of its newest record …"""
    marked_ms: int | None = None
    """… of the one that raised its feed's mark last, or of the first that this process took …"""
    moved_ms: int | None = None
    """… and of the one with which its rows have come farther last, or of the first."""


class Quiet:
    """When each source was heard last. A stop of this process is no silence of theirs: the ends tell."""

    def __init__(self, now_s: Callable[[], float] | None = None) -> None:
        self._now_s = now_s or time.monotonic
        self._of: dict[TopicPartition, _Listened] = {}

    def listen(self, ends: Mapping[TopicPartition, int]) -> None:
        """Begin with these sources and no others. `ends`: where each log ends now."""
        now_s = self._now_s()
        self._of = {source: _Listened(now_s, now_s, end) for source, end in ends.items()}

    def heard(
        self, source: TopicPartition, came_ms: NDArray[np.int64], raised_by: int | None, moved_by: int | None
    ) -> None:
        """Note that records of a source were taken.

        Args:
            source: the source.
            came_ms: (records,) wall times at which they came.
            raised_by: the one that raised its feed's mark last, None = none did.
            moved_by: the one with which its rows have come farther last, None = none.
        """
        one = self._of[source]
        one.since_s, one.came_ms = self._now_s(), int(came_ms[-1])
        if raised_by is not None:
            one.marked_s, one.marked_ms = one.since_s, int(came_ms[raised_by])
        elif one.marked_ms is None:
            one.marked_ms = int(came_ms[0])
        if moved_by is not None:
            one.moved_ms = int(came_ms[moved_by])
        elif one.moved_ms is None:
            one.moved_ms = int(came_ms[0])

    def candidates(self) -> list[TopicPartition]:
        """List the sources of which nothing was taken for `IDLE_S`; what their logs hold decides."""
        now_s = self._now_s()
        return [source for source, one in self._of.items() if now_s - one.since_s >= IDLE_S]

    def confirmed(self, ends: Mapping[TopicPartition, int], read: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        """List those whose logs hold nothing new. `ends`: where each log ends now; `read`: what is taken of it."""
        now_s, quiet = self._now_s(), []
        for source, end in ends.items():
            one = self._of[source]
            if end > max(one.end, read[source]):
                one.since_s = now_s
            one.end = end
            if now_s - one.since_s >= IDLE_S * (1 if end <= read[source] else UNREAD_FACTOR):
                quiet.append(source)
        return quiet

    def unmarked_s(self, source: TopicPartition) -> float:
        """Return for how long the mark of a quiet source's feed has stood still."""
        return self._now_s() - self._of[source].marked_s

    def came_unmarked_s(self, source: TopicPartition, read: int) -> float:
        """Return for how long a source's records have come while its feed's mark stood still; `read`: what is taken.

        0 until what was in its log at the beginning is taken: chunks that are read again must be judged as they were.
        """
        one = self._of[source]
        return _between_s(one.marked_ms, one.came_ms) if read >= one.begun else 0.0

    def stands_at(self, source: TopicPartition, read: int) -> int | None:
        """Return when the newest record of a source came, if for `IDLE_S` none has moved it; `read` as above."""
        one = self._of[source]
        stands = read >= one.begun and _between_s(one.moved_ms, one.came_ms) >= IDLE_S
        return one.came_ms if stands else None


def _between_s(first_ms: int | None, last_ms: int | None) -> float:
    return 0.0 if first_ms is None or last_ms is None else (last_ms - first_ms) / 1000
