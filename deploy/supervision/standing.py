"""Whether the workers advance: keeps the tail reader running, and has the workers killed that the watch condemns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deploy.supervision import pulses, tail
from deploy.supervision.child import now_ms
from deploy.supervision.watch import TAIL_AGE_S, Watch, Worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deploy.supervision.child import Child
    from deploy.supervision.tail import Tail
    from deploy.supervision.watch import Still


class Standing:
    """Without a tail reader it looks at nothing."""

    def __init__(self, data: Path, reader: Child | None) -> None:
        self._data = data
        self._reader = reader
        self._watch = Watch()
        self._heard_at_ms = 0

    def start(self) -> None:
        """Start the tail reader, from the main thread; parts may run from now on."""
        if self._reader is not None and self._reader.state == "stopped":
            (self._data / tail.FILE).unlink(missing_ok=True)
            self._heard_at_ms = now_ms()
            self._reader.start()

    def look(self, parts: Sequence[Child]) -> list[Still]:
        """Judge the parts once, and kill those that stand still → what stands still."""
        if self._reader is None:
            return []
        self._reader.watch(may_go=False)
        found = tail.read(self._data)
        self._listen(self._reader, found)
        workers = [Worker(one.plan.name, one.plan.absorbs, one.pid) for one in parts if one.plan.absorbs and one.pid]
        verdict = self._watch.look(time.monotonic(), now_ms(), found, pulses.read(self._data), workers)
        for child in parts:
            still = verdict.condemned.get(child.plan.name)
            if still is not None:
                child.condemn(still.said.en)
        return verdict.stills

    def stop(self) -> None:
        """End the tail reader."""
        if self._reader is not None:
            self._reader.ask()
            self._reader.end()

    def _listen(self, reader: Child, found: Tail | None) -> None:
        """Have a tail reader started again that was silent for too long."""
        if found is not None:
            self._heard_at_ms = max(self._heard_at_ms, found.at_ms)
        if now_ms() - self._heard_at_ms > 2 * TAIL_AGE_S * 1000:
            self._heard_at_ms = now_ms()
            reader.condemn("it was silent")
