"""A processor that begins anew is rebuilt in silence, from the frames that Kafka still holds.

A second set of zones, with these processors alone, takes the frames again from the log's beginning, with all that a
frame goes through: the same cut, de-duplication and marks. When it has come to where the partition stands, the states
move over. What was yielded on the way is not sent; of detections the newest of each entity and kind is, where nobody
was there to send it at its time. Where the log does not begin at offset 0, windows in which something may lie from
before are not whole, and yield nothing.

A frame at which a processor fails is left out for it, with the windows that had begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.accounts import zone_hours
from streams.broker import topics
from streams.contract.frames import decode_header
from streams.contract.records import NO_TIME_MS, Detection, Rows
from streams.contract.spec import Hosted
from streams.domains.schema import late_limit_ms
from streams.errors import FrameError, ProcessorError
from streams.health.notices import Notice
from streams.zone.absorb import leave_out, waiting_of
from streams.zone.state import ZoneState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from streams.city.registry import City
    from streams.contract.records import Result
    from streams.contract.stage import Bus, LogReader, Message, Record, TopicPartition
    from streams.saving.chains import Found
    from streams.zone.partition import Partition

START_S = 2.0
"""At a start it may take so long before anything else goes on: what is not there then is rebuilt beside …"""
TURN_S = 0.1
"""… for so long at each tick."""
GIVE_UP_S = 900.0
"""What takes longer, in a large city, begins with the next frame instead: nothing comes of it while it is rebuilt."""
SLICE_S = 0.02
"""So long the event loop belongs to it in one go."""
MOST_FAILURES = 5
"""A processor that fails oftener on the way is not rebuilt: it begins with the next frame."""

log = logging.getLogger("citywall")


class Ways(NamedTuple):
    """What a stage lends to a rebuild."""

    take: Callable[[Partition, TopicPartition, Record, Bus], Awaitable[list[Message]]]
    """Has a partition take a record."""
    now_s: Callable[[], float]


class Rebuild:
    """Processors of one partition. Invariant: the shadow has taken the frames that are held, below `_next`."""

    def __init__(self, source: TopicPartition, live: Partition, hosted: Sequence[Hosted]) -> None:
        """Have the partition go on without these processors, which the live zones miss."""
        self._source = source
        self._live = live
        self._since = {one.name: live.unsent_since.get(one.name, 0) for one in hosted}
        self._hosted = list(hosted)
        self._without_until: dict[str, int] = {}
        """Processor → offset up to which it failed."""
        self._failures = 0
        self._begun_s: float | None = None
        self._reader: LogReader | None = None
        for one in self._hosted:
            for state in live.zones.values():
                leave_out(state, one)
        live.placing.wait_for(frozenset(self._since))
        self._begin_again()

    def _begin_again(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, Message]] = {}
        """Entity and kind → offset and message of its newest detection."""
        self._finder: dict[tuple[str, str], str] = {}
        """Entity and kind → the processor that said it."""
        self._shadow = self._live.beside([_silent(one, self._finder) for one in self._hosted])
        self._waiting: deque[Record] = deque()
        self._first: int | None = None
        self._next = 0
        self._marks: dict[int, int] = {}
        self._bound_ms: int | None = None
        """From there on nothing can have been before the first frame; None = not known yet, or all is there."""

    async def go_on(self, bus: Bus, ways: Ways, until_s: float) -> bool:
        """Take frames until a time comes → whether it stands where the partition does."""
        slice_ends_s = ways.now_s() + SLICE_S
        self._begun_s = slice_ends_s if self._begun_s is None else self._begun_s
        if slice_ends_s > self._begun_s + GIVE_UP_S:
            self._give_up({*self._since}, f"it takes more than {GIVE_UP_S:g} s")
        while self._since and self._next < self._live.offset:
            if not self._waiting and not await self._read(bus):
                return False
            if self._waiting[0].offset >= self._live.offset:
                break
            await self._one(self._waiting.popleft(), bus, ways)
            now_s = ways.now_s()
            if now_s >= until_s:
                return self._next >= self._live.offset
            if now_s >= slice_ends_s:
                await asyncio.sleep(0)
                slice_ends_s = ways.now_s() + SLICE_S
        return True

    async def _read(self, bus: Bus) -> bool:
        if self._reader is None:
            self._reader = bus.reader(*self._source, self._next)
        self._waiting.extend(await self._reader.read())
        return bool(self._waiting)

    async def stop(self) -> None:
        """Let go of the log."""
        if self._reader is not None:
            await self._reader.stop()
            self._reader = None

    async def _one(self, record: Record, bus: Bus, ways: Ways) -> None:
        if self._first is None:
            self._first = record.offset
            if self._first > 0:  # marks reach all zones of a partition: they are there from the first frame on
                self._shadow.zones = {zone_id: ZoneState() for zone_id in self._live.zones}
        self._let_in(record.offset)
        try:
            self._hear(record.offset, await ways.take(self._shadow, self._source, record, bus))
            self._bind(record)
        except FrameError:  # it stands with the dead letters
            pass
        except ProcessorError as exc:
            await self._failed(exc, record.offset)
            return
        self._shadow.touched.clear()
        self._next = self._shadow.offset = record.offset + 1

    def _hear(self, offset: int, messages: Iterable[Message]) -> None:
        for message in messages:
            if message.topic == topics.DETECTIONS:
                one = msgspec.json.decode(message.value or b"", type=Detection)
                self._found[one.entity, one.kind] = (offset, message)

    def _let_in(self, offset: int) -> None:
        """Have each processor get frames from where it can on."""
        unbound = self._first != 0 and self._bound_ms is None
        out = {name for name in self._since if unbound or offset < self._without_until.get(name, 0)}
        back = self._shadow.left_out - out
        self._shadow.leave_out(frozenset(out), self._hosted)
        if self._bound_ms is None:
            return
        for one in self._hosted:
            whole_ms = (self._bound_ms // one.window_ms + 1) * one.window_ms
            for state in self._shadow.zones.values() if one.name in back else ():
                state.joined_ms[one.name] = max(whole_ms, state.joined_ms.get(one.name, whole_ms))

    def _bind(self, record: Record) -> None:
        """Learn from all sources' first marks what was before: no row is so far ahead as another may be late."""
        if self._first == 0 or self._bound_ms is not None:
            return
        header = decode_header(record)
        self._marks.setdefault(header.source, header.mark_ms)
        if len(self._marks) == self._live.inbox_partitions:
            newest_ms = max(self._marks.values())
            self._bound_ms = 0 if newest_ms == NO_TIME_MS else newest_ms + late_limit_ms(self._live.domain)

    async def _failed(self, exc: ProcessorError, offset: int) -> None:
        self._failures += 1
        where = f"{self._source.topic}[{self._source.partition}], offset {offset}"
        log.error("processor %s failed while it was rebuilt at %s: %s", exc.processor, where, exc.reason)
        self._without_until[exc.processor] = offset + 1
        if self._failures > MOST_FAILURES:
            self._give_up({exc.processor}, f"it failed {self._failures} times")
        await self.stop()
        self._begin_again()

    def _give_up(self, names: set[str], why: str) -> None:
        """Have processors begin with the next frame, with the windows that begin from now on."""
        for one in [one for one in self._hosted if one.name in names]:
            log.warning("%s[%d]: %s is not rebuilt, %s", *self._source, one.name, why)
            self._hosted.remove(one)
            del self._since[one.name]
            for state in self._live.zones.values():
                zone_hours.begin_later(state, one.name, one.window_ms)
        self._live.placing.wait_for(frozenset(self._since))

    def move_over(self) -> list[Message]:
        """Give the partition the states, now that they stand where it does → detections that nobody has sent."""
        for zone_id, made in self._shadow.zones.items():
            state = self._live.zones.get(zone_id)
            for one in self._hosted:
                if state is not None and one.name in made.processors:
                    state.processors[one.name] = made.processors[one.name]
                    state.joined_ms.pop(one.name, None)
                    if one.name in made.joined_ms:
                        state.joined_ms[one.name] = made.joined_ms[one.name]
                    zone_hours.rejoin(state, one.name, made, waiting_of(state, one))
        self._live.placing.wait_for(frozenset())
        if self._since:
            names = ", ".join(self._since)
            log.warning("%s[%d]: rebuilt from offset %d on: %s", *self._source, self._first or 0, names)
        since = {key: self._since[name] for key, name in self._finder.items() if name in self._since}
        return [message for key, (offset, message) in self._found.items() if key in since and offset >= since[key]]

    def notice(self) -> Notice:
        """Say how far it is."""
        names = ", ".join(self._since)
        where, share = f"{self._source.topic}[{self._source.partition}]", self._done_ratio()
        return Notice(
            zh=f"处理器 {names} 正在 {where} 中由仍保留的数据重建：{share:.0%}",
            en=f"{names} is being rebuilt in {where} from what Kafka still holds: {share:.0%}",
        )

    def _done_ratio(self) -> float:
        first = self._first or 0
        return max(self._next - first, 0) / max(self._live.offset - first, 1)


def _silent(hosted: Hosted, finder: dict[tuple[str, str], str]) -> Hosted:
    """Return a processor without rows; what it finds something about is noted as its own."""

    def step(state: Any, frame: Any, city: City, config: Any) -> Result[Any]:  # noqa: ANN401 - of any processor
        result = hosted.spec.step(state, frame, city, config)
        finder.update(dict.fromkeys(((one.entity, one.kind) for one in result.detections), hosted.name))
        return replace(result, rows=Rows.empty())

    return Hosted(hosted.name, replace(hosted.spec, step=step), hosted.config)


def begin(source: TopicPartition, held: Partition, hosted: Sequence[Hosted]) -> None:
    """Begin to rebuild the processors that a partition misses."""
    if missing := held.missing(hosted):
        held.rebuild = Rebuild(source, held, missing)


def unsent_since(found: Found, anew: Iterable[str]) -> dict[str, int]:
    """Return from which offset on nobody sent a processor's detections: it was set aside there, or does not fit."""
    return {**{one.processor: one.offset for one in found.notes}, **dict.fromkeys(anew, found.offset)}


async def go_on(partitions: Iterable[Partition], bus: Bus, ways: Ways, budget_s: float) -> list[Message]:
    """Go on with what is rebuilt, for at most so long; who is done gets the next frame → detections to be sent."""
    found: list[Message] = []
    until_s = ways.now_s() + budget_s
    for held in partitions:
        if held.rebuild is None:
            continue
        if await held.rebuild.go_on(bus, ways, until_s):
            found += held.rebuild.move_over()
            await held.rebuild.stop()
            held.rebuild, held.save_due_at, held.saved_offset = None, 0.0, -1
        if ways.now_s() >= until_s:
            break
    return found


async def stop(partitions: Iterable[Partition]) -> None:
    """Let go of the logs."""
    for held in partitions:
        if held.rebuild is not None:
            await held.rebuild.stop()


def notices(partitions: Iterable[Partition]) -> list[Notice]:
    """Say what is being rebuilt."""
    return [held.rebuild.notice() for held in partitions if held.rebuild is not None]
