"""A second-level processor that begins anew is rebuilt in silence from the metrics that Kafka still holds.

The stage waits for it, so it may take `BUDGET_S` in all; what would take longer begins with the next frame instead. Of
detections the newest of each entity and kind is sent, where nobody was there to send it at its time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from streams.broker import topics
from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.contract.metric_frames import decode_metrics
from streams.errors import FrameError, ProcessorError
from streams.saving.anew import Unsent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streams.contract.records import MetricFrame, Rows
    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus, LogReader, Message, Record

BUDGET_S = 10.0
"""A partition with lag may stand still for 30 s (`streams.health.advance`)."""

JOINED_FOR_MS = 26 * HOUR_MS
"""No row comes of a window that began longer ago: of a day, and of what may be late."""

log = logging.getLogger("citywall")


class State(Protocol):
    """What is looked at of the second level's state; see `streams.second.second_stage`."""

    offset: int
    joined_ms: dict[str, dict[str, int]]
    processors: dict[str, Any]


S = TypeVar("S", bound=State)


class Ways(NamedTuple, Generic[S]):
    """What the stage lends to a rebuild."""

    empty: Callable[[], S]
    take: Callable[[S, Record, Bus, frozenset[str]], Awaitable[list[Message]]]
    """Has a state take a record, and gives turns of the event loop; the processors named get nothing of it."""
    now_s: Callable[[], float]


async def rebuild(
    state: S, hosted: Sequence[Hosted], since: Mapping[str, int], bus: Bus, ways: Ways[S]
) -> list[Message]:
    """Give a state those of these processors that it misses → their detections that nobody has sent.

    `since`: processor → the offset from which on nobody did; one that is not there: from 0.
    """
    until_s = ways.now_s() + BUDGET_S
    messages: list[Message] = []
    names = frozenset(one.name for one in hosted)
    for name in sorted(names - state.processors.keys()) if state.offset else ():
        one = _One(name, names - {name}, ways)
        if await one.go_through(state, bus, until_s):
            messages += one.unsent.of({name: since.get(name, 0)})
    return messages


class _One(Generic[S]):
    """One processor on its way. Invariant: its shadow holds nothing else."""

    def __init__(self, name: str, others: frozenset[str], ways: Ways[S]) -> None:
        self.unsent = Unsent()
        self._name = name
        self._others = others
        self._ways = ways
        self._shadow = ways.empty()
        self._first: int | None = None
        self._bounds: dict[str, dict[str, int]] = {}
        """Domain → zone → the first watermark seen: where the log's beginning is gone, no window before is whole."""

    async def go_through(self, state: S, bus: Bus, until_s: float) -> bool:
        """Take all that the state has taken, and give it the processor → whether it came to the end."""
        reader = bus.reader(topics.METRICS, 0, 0)
        try:
            done = await self._read(reader, state.offset, bus, until_s)
        except ProcessorError as exc:
            log.error("processor %s failed while it was rebuilt: %s; it begins anew", self._name, exc.reason)
            return False
        finally:
            await reader.stop()
        if not done or self._name not in self._shadow.processors:
            return False
        state.processors[self._name] = self._shadow.processors[self._name]
        state.joined_ms.pop(self._name, None)
        if self._first:
            state.joined_ms[self._name] = {domain: max(of.values()) for domain, of in self._bounds.items()}
        log.warning("%s is rebuilt from %s[0], offset %d on", self._name, topics.METRICS, self._first or 0)
        return True

    async def _read(self, reader: LogReader, end: int, bus: Bus, until_s: float) -> bool:
        while records := await reader.read():
            for record in records:
                if record.offset >= end:
                    return True
                await self._take(record, bus)
                if self._ways.now_s() >= until_s:
                    log.warning("%s cannot be rebuilt within %g s; it begins with the next frame", self._name, BUDGET_S)
                    return False
            if records[-1].offset + 1 >= end:
                return True
        return False

    async def _take(self, record: Record, bus: Bus) -> None:
        if self._first is None:
            self._first = record.offset
        try:
            frame = decode_metrics(record.value or b"")
            self._bounds.setdefault(frame.domain, {}).setdefault(frame.zone_id, frame.watermark_ms)
            self.unsent.hear(record.offset, await self._ways.take(self._shadow, record, bus, self._others))
        except FrameError:  # it stands with the dead letters
            return


def of_whole_windows(state: State, name: str, frame: MetricFrame, rows: Rows) -> Rows:
    """Leave out rows of windows of which a processor that joined later has not had all minutes."""
    joined_ms = state.joined_ms.get(name, {}).get(frame.domain)
    if joined_ms is None:
        return rows
    if frame.watermark_ms > joined_ms + JOINED_FOR_MS:
        del state.joined_ms[name][frame.domain]
    return rows.where(rows.at_ms >= joined_ms - joined_ms % MINUTE_MS)  # the shortest window of the first level
