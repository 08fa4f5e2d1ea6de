"""A second-level processor that begins anew is rebuilt in silence from the metrics that Kafka still holds.

The stage waits for it, so it may take `BUDGET_S` in all; what would take longer begins with the next frame instead. Of
detections the newest of each entity and kind is sent, where nobody was there to send it at its time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import Detection
from streams.errors import FrameError, ProcessorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streams.contract.records import MetricFrame, Rows
    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus, Message, Record

BUDGET_S = 10.0
"""A partition with lag may stand still for 30 s (`streams.health.advance`)."""
SLICE_S = 0.02
"""So long the event loop belongs to it in one go."""

MINUTE_MS = 60_000
"""The shortest window of the first level."""

JOINED_FOR_MS = 26 * 3_600_000
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
    """Has a state take a record; the processors named get nothing of it."""
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
        one = _One(name, names - {name}, since.get(name, 0))
        if await one.go_through(state, bus, ways, until_s):
            messages += one.found.values()
    return messages


class _One:
    """One processor on its way. Invariant: `shadow` holds nothing else."""

    def __init__(self, name: str, others: frozenset[str], since: int) -> None:
        self._name = name
        self._others = others
        self._since = since
        self._first: int | None = None
        self._bounds: dict[str, dict[str, int]] = {}
        """Domain → zone → the first watermark seen: where the log's beginning is gone, no window before is whole."""
        self.found: dict[tuple[str, str], Message] = {}

    async def go_through(self, state: S, bus: Bus, ways: Ways[S], until_s: float) -> bool:
        """Take all that the state has taken, and give it the processor → whether it came to the end."""
        shadow = ways.empty()
        reader = bus.reader(topics.METRICS, 0, 0)
        try:
            done = await self._read(shadow, state.offset, reader.read, (bus, ways, until_s))
        except ProcessorError as exc:
            log.error("processor %s failed while it was rebuilt: %s; it begins anew", self._name, exc.reason)
            return False
        finally:
            await reader.stop()
        if not done or self._name not in shadow.processors:
            return False
        state.processors[self._name] = shadow.processors[self._name]
        state.joined_ms.pop(self._name, None)
        if self._first:
            state.joined_ms[self._name] = {domain: max(of.values()) for domain, of in self._bounds.items()}
        log.warning("%s is rebuilt from %s[0], offset %d on", self._name, topics.METRICS, self._first or 0)
        return True

    async def _read(
        self,
        shadow: S,
        end: int,
        read: Callable[[], Awaitable[list[Record]]],
        how: tuple[Bus, Ways[S], float],
    ) -> bool:
        bus, ways, until_s = how
        slice_ends_s = ways.now_s() + SLICE_S
        while records := await read():
            for record in records:
                if record.offset >= end:
                    return True
                await self._take(shadow, record, bus, ways)
                if (now_s := ways.now_s()) >= until_s:
                    log.warning("%s cannot be rebuilt within %g s; it begins with the next frame", self._name, BUDGET_S)
                    return False
                if now_s >= slice_ends_s:
                    await asyncio.sleep(0)
                    slice_ends_s = ways.now_s() + SLICE_S
            if records[-1].offset + 1 >= end:
                return True
        return False

    async def _take(self, shadow: S, record: Record, bus: Bus, ways: Ways[S]) -> None:
        if self._first is None:
            self._first = record.offset
        try:
            frame = decode_metrics(record.value or b"")
            self._bounds.setdefault(frame.domain, {}).setdefault(frame.zone_id, frame.watermark_ms)
            messages = await ways.take(shadow, record, bus, self._others)
        except FrameError:  # it stands with the dead letters
            return
        for message in messages:
            if message.topic == topics.DETECTIONS:
                one = msgspec.json.decode(message.value or b"", type=Detection)
                self.found.pop((one.entity, one.kind), None)
                if record.offset >= self._since:
                    self.found[one.entity, one.kind] = message


def of_whole_windows(state: State, name: str, frame: MetricFrame, rows: Rows) -> Rows:
    """Leave out rows of windows of which a processor that joined later has not had all minutes."""
    joined_ms = state.joined_ms.get(name, {}).get(frame.domain)
    if joined_ms is None:
        return rows
    if frame.watermark_ms > joined_ms + JOINED_FOR_MS:
        del state.joined_ms[name][frame.domain]
    return rows.where(rows.at_ms >= joined_ms - joined_ms % MINUTE_MS)
