"""Which sources are quiet: nothing came for `IDLE_S`, and nothing waits in their logs. Pure but for its clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
    end: int = -1


class Quiet:
    """When each source was heard last. A stop of this process is no silence of theirs: the ends tell."""

    def __init__(self, now_s: Callable[[], float] | None = None) -> None:
        self._now_s = now_s or time.monotonic
        self._of: dict[TopicPartition, _Listened] = {}

    def listen(self, sources: Iterable[TopicPartition]) -> None:
        """Begin with these sources and no others."""
        now_s = self._now_s()
        self._of = {source: _Listened(now_s, now_s) for source in sources}

    def heard(self, source: TopicPartition, *, mark_rose: bool) -> None:
        """Note that records of a source were taken."""
        one = self._of[source]
        one.since_s = self._now_s()
        if mark_rose:
            one.marked_s = one.since_s

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
        """Return for how long the mark of a source's feed has stood still."""
        return self._now_s() - self._of[source].marked_s
