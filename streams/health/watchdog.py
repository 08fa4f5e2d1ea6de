"""The watchdog of a worker: a stage or an event loop that stands still ends its process, the reason in its last line.

The status is 75; the supervisor starts the part again, and it goes on from its last durable state.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

from streams.health.advance import LIMIT_S, LOOK_S, Advance
from streams.health.effort import WORKING_SHARE, Effort, beyond_s

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from streams.contract.stage import TopicPartition
    from streams.health.advance import Place

EXIT_STILL = 75
LOADING_LIMIT_S = 300.0
"""So long a rebalance, with the loading of the state that follows it, may take."""


def end_process(reason: str) -> None:
    """Leave at once: whatever is in memory only is made again from the last durable state."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(EXIT_STILL)


class Watchdog:
    """Slow is not stuck: time in which the process worked or advanced elsewhere hardly counts.

    Nor does time that it waited for a processor, or for brokers that answer slowly.

    Judges the stage at each beat of the event loop, and the loop itself in a thread of its own.

    What it does not see, because the interpreter hangs or nothing is fetched any more, the supervisor does.
    """

    def __init__(
        self,
        part: str,
        limit_s: float = LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[str], None] = end_process,
        effort_s: Callable[[], float] | None = None,
    ) -> None:
        self._effort_s = effort_s or Effort().since_s
        """Of the time since it was asked last, what the process worked or waited for a processor."""
        self._loop_effort_s = effort_s or Effort().since_s
        self._places: Mapping[TopicPartition, Place] = {}
        self.limit_s = limit_s
        self._part = part
        self._clock = clock
        self._end = end
        self._advance: Advance[TopicPartition] = Advance()
        self._loading_s = 0.0
        self._looked_at_s: float | None = None
        self._beats = self._beats_seen = 0
        self._unbeaten_s = 0.0
        self._beat_s = min(1.0, limit_s / 4)
        self._loop_thread = threading.get_ident()

    def guard(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch a loop that this thread is about to run."""
        self._loop_thread = threading.get_ident()
        self._beat_loop(loop)
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def judge(self, places: Mapping[TopicPartition, Place], *, loading: bool, answer_s: float = 0.0) -> None:
        """Judge where the partitions stand that ought to advance: none while there is an excuse.

        `answer_s`: how long the brokers take to acknowledge a record now.
        """
        now_s = self._clock()
        since_s = 0.0 if self._looked_at_s is None else min(now_s - self._looked_at_s, LOOK_S)
        self._looked_at_s = now_s
        excused_s = beyond_s(since_s, self._effort_s(), answer_s)
        before, self._places = self._places, places
        if any(before[one].absorbed != place.absorbed for one, place in places.items() if one in before):
            excused_s = max(excused_s, WORKING_SHARE * since_s)  # one partition has advanced: the stage is at work
        self._loading_s = self._loading_s + max(since_s - excused_s, 0.0) if loading else 0.0
        if self._loading_s > max(self.limit_s, LOADING_LIMIT_S):
            self._end(f"{self._part} stands still: it has been loading its state for {self._loading_s:.0f} s")
        for partition, for_s in self._advance.look(now_s, {} if loading else places, lambda _: excused_s).items():
            if for_s >= self.limit_s:
                place = places[partition]
                self._end(
                    f"{self._part} stands still: {partition.topic}[{partition.partition}] is absorbed up to "
                    f"{place.absorbed} of {place.end} and has not advanced for {for_s:.0f} s"
                )

    def watch_loop(self, since_s: float) -> None:
        """Judge the loop, `since_s` after the last time."""
        excused_s = self._loop_effort_s()
        if self._beats != self._beats_seen:
            self._beats_seen, self._unbeaten_s = self._beats, 0.0
            return
        self._unbeaten_s += max(min(since_s, LOOK_S) - excused_s, 0.0)
        if self._unbeaten_s >= self.limit_s:
            stack = sys._current_frames().get(self._loop_thread)
            print("".join(traceback.format_stack(stack)), file=sys.stderr, flush=True)
            self._end(f"{self._part} stands still: its event loop has not run for {self._unbeaten_s:.0f} s")

    def _beat_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beats += 1
        loop.call_later(self._beat_s, self._beat_loop, loop)

    def _watch(self) -> None:
        looked_at_s = self._clock()
        while True:
            time.sleep(self._beat_s)
            now_s = self._clock()
            self.watch_loop(now_s - looked_at_s)
            looked_at_s = now_s
