"""Long work lets the event loop go on: heartbeats, fetches and acknowledgements wait for no more than a slice of it.

Only for work that the run loop awaits, one chunk or tick at a time (`streams.engine.run`): nobody else touches a
stage's state between two slices, so what is half done when a turn is given is seen by nobody.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE_S = 0.01
"""So long the event loop belongs to it in one go, and to the end of the step at hand."""


class Turns:
    """Gives turns away. Who begins long work says so; what is short gives none."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._ends_s = 0.0

    def begin(self) -> None:
        """Begin a slice."""
        self._ends_s = self._now_s() + SLICE_S

    async def give(self) -> None:
        """Let the event loop go on once, where the slice at hand is over."""
        if self._now_s() >= self._ends_s:
            await asyncio.sleep(0)
            self.begin()
