"""Where the frames of a partition begin that Kafka still holds, and from when on nothing is missing of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from streams.contract.frames import FrameHeader


class Beginning:
    """What the first frames say. From offset 0 on all is there; else rows of before may lie ahead of all first marks.

    No row is so far ahead of its source's mark as another may be late: so far, at most.
    """

    def __init__(self, offset: int, sources: int, late_limit_ms: int) -> None:
        self.cut = offset > 0
        """Whether frames are gone."""
        self._sources = sources
        self._late_limit_ms = late_limit_ms
        self._marks: dict[int, int] = {}

    @property
    def known(self) -> bool:
        """Whether it can be said from when on nothing is missing."""
        return not self.cut or len(self._marks) == self._sources

    def hear(self, header: FrameHeader) -> None:
        """Learn from each source's first mark."""
        self._marks.setdefault(header.source, header.mark_ms)

    def whole_ms(self, window_ms: int) -> int:
        """Return where the first window begins of which nothing is missing, once that is known."""
        newest_ms = max(self._marks.values(), default=NO_TIME_MS)
        bound_ms = 0 if newest_ms == NO_TIME_MS else newest_ms + self._late_limit_ms
        return (bound_ms // window_ms + 1) * window_ms
