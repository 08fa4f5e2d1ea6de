"""A processor that begins anew is rebuilt in silence, from the frames that Kafka still holds.

A second set of zones, with these processors alone, takes the frames again from the log's beginning, with all that a
frame goes through: the same cut, de-duplication and marks. When it has come to where the partition stands, the states
move over. What was yielded on the way is not sent; of detections the newest of each entity and kind is, where nobody
was there to send it at its time, and the second level is told the same. Where the log does not begin at offset 0,
windows in which something may lie from before are not whole, and yield nothing.

A frame at which a processor fails is left out for it, with the windows that had begun.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from streams.accounts import zone_hours
from streams.errors import ProcessorError
from streams.health.notices import Notice
from streams.health.yielded import waiting_of
from streams.zone import outgoing
from streams.zone.absorb import leave_out
from streams.zone.shadow import Shadow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.contract.spec import Hosted
    from streams.contract.stage import Bus, LogReader, Message, Record, TopicPartition
    from streams.saving.chains import Found
    from streams.zone.partition import Partition
    from streams.zone.shadow import Ways
    from streams.zone.state import ZoneState

START_S = 2.0
"""At a start it may take so long before anything else goes on: what is not there then is rebuilt beside …"""
TURN_S = 0.4
"""… for so long at each tick."""
GIVE_UP_S = 900.0
"""What takes longer, in a large city, begins with the next frame instead: nothing comes of it while it is rebuilt."""
MOST_FAILURES = 5
"""A processor that fails oftener on the way is not rebuilt: it begins with the next frame."""

log = logging.getLogger("citywall")


class Rebuild:
    """Processors of one partition. Invariant: what is read of the log and not taken follows what the shadow has."""

    def __init__(self, source: TopicPartition, live: Partition, hosted: Sequence[Hosted]) -> None:
        """Have the partition go on without these processors, which the live zones miss."""
        self._source = source
        self._live = live
        self._hosted = list(hosted)
        self._without_until: dict[str, int] = {}
        """Processor → offset up to which it failed."""
        self._failures = 0
        self._begun_s: float | None = None
        self._reader: LogReader | None = None
        for one in self._hosted:
            for state in live.zones.values():
                leave_out(state, one)
        live.placing.wait_for(self._names)
        self._begin_again()

    @property
    def _names(self) -> frozenset[str]:
        return frozenset(one.name for one in self._hosted)

    def _begin_again(self) -> None:
        self._shadow = Shadow(self._source, self._live, list(self._hosted), self._without_until)
        self._waiting: deque[Record] = deque()

    async def go_on(self, bus: Bus, ways: Ways, until_s: float) -> bool:
        """Take frames until a time comes → whether it stands where the partition does."""
        self._look_at_the_clock(ways.now_s())
        while self._hosted and self._shadow.held.offset < self._live.offset:
            if not self._waiting and not await self._read(bus):
                return False
            if self._waiting[0].offset >= self._live.offset:
                break
            try:
                await self._shadow.take(self._waiting[0], bus, ways)
                self._waiting.popleft()
            except ProcessorError as exc:
                await self._failed(exc, self._waiting[0].offset)
            if ways.now_s() >= until_s:
                return self._shadow.held.offset >= self._live.offset
        return True

    def _look_at_the_clock(self, now_s: float) -> None:
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        if now_s > self._begun_s + GIVE_UP_S:
            self._give_up(self._names, f"it takes more than {GIVE_UP_S:g} s")

    async def _read(self, bus: Bus) -> bool:
        if self._reader is None:
            self._reader = bus.reader(*self._source, self._shadow.held.offset)
        self._waiting.extend(await self._reader.read())
        return bool(self._waiting)

    async def stop(self) -> None:
        """Let go of the log."""
        if self._reader is not None:
            await self._reader.stop()
            self._reader = None

    async def _failed(self, exc: ProcessorError, offset: int) -> None:
        self._failures += 1
        where = f"{self._source.topic}[{self._source.partition}], offset {offset}"
        log.error("processor %s failed while it was rebuilt at %s: %s", exc.processor, where, exc.reason)
        self._without_until[exc.processor] = offset + 1
        if self._failures > MOST_FAILURES:
            self._give_up({exc.processor}, f"it failed {self._failures} times")
        await self.stop()
        self._begin_again()

    def _give_up(self, names: Iterable[str], why: str) -> None:
        """Have processors begin with the next frame, with the windows that begin from now on."""
        for one in [one for one in self._hosted if one.name in names]:
            log.warning("%s[%d]: %s is not rebuilt, %s", *self._source, one.name, why)
            self._hosted.remove(one)
            for state in self._live.zones.values():
                zone_hours.begin_later(state, one.name, one.window_ms)
        self._live.placing.wait_for(self._names)

    def move_over(self) -> list[Message]:
        """Give the partition the states, now that they stand where it does → what they found that nobody has sent."""
        for one in list(self._hosted):
            try:
                for made in self._shadow.held.zones.values():
                    _waiting(one, made)
            except ProcessorError as exc:
                self._give_up({one.name}, f"it cannot say what waits in its windows: {exc.reason}")
        for zone_id, made in self._shadow.held.zones.items():
            state = self._live.zones.get(zone_id)
            for one in self._hosted:
                if state is not None and one.name in made.processors:
                    _hand_over(one, made, state)
        self._live.placing.wait_for(frozenset())
        if self._hosted:
            names = ", ".join(one.name for one in self._hosted)
            log.warning("%s[%d]: rebuilt from offset %d on: %s", *self._source, self._shadow.first, names)
        unsent = self._shadow.unsent.of({name: self._live.unsent_since.get(name, 0) for name in self._names})
        return outgoing.found_in_silence(self._live.domain, self._live.zones, unsent) + unsent

    def notice(self) -> Notice:
        """Say how far it is."""
        names = ", ".join(one.name for one in self._hosted)
        verb = "is" if len(self._hosted) == 1 else "are"
        where, share = f"{self._source.topic}[{self._source.partition}]", self._done_ratio()
        return Notice(
            zh=f"处理器 {names} 正在 {where} 中由仍保留的数据重建：{share:.0%}",
            en=f"{names} {verb} being rebuilt in {where} from what Kafka still holds: {share:.0%}",
        )

    def _done_ratio(self) -> float:
        first = self._shadow.first
        return max(self._shadow.held.offset - first, 0) / max(self._live.offset - first, 1)


def _hand_over(hosted: Hosted, made: ZoneState, live: ZoneState) -> None:
    """Give a live zone the state that a processor has in a rebuilt one."""
    live.processors[hosted.name] = made.processors[hosted.name]
    live.joined_ms.pop(hosted.name, None)
    if hosted.name in made.joined_ms:
        live.joined_ms[hosted.name] = made.joined_ms[hosted.name]
    zone_hours.rejoin(live, hosted.name, made, _waiting(hosted, made))


def _waiting(hosted: Hosted, made: ZoneState) -> Mapping[int, int] | None:
    return waiting_of(hosted, made.processors[hosted.name]) if hosted.name in made.processors else None


async def begin(source: TopicPartition, held: Partition, hosted: Sequence[Hosted]) -> None:
    """Begin to rebuild the processors that a partition misses; who was on its way already begins again with them."""
    if missing := held.missing(hosted):
        await stop([held])
        held.rebuild = Rebuild(source, held, missing)


def unsent_since(found: Found, anew: Iterable[str]) -> dict[str, int]:
    """Return from which offset on nobody sent a processor's detections: it was set aside there, or does not fit."""
    return {**{one.processor: one.offset for one in found.notes}, **dict.fromkeys(anew, found.offset)}


async def go_on(partitions: Iterable[Partition], bus: Bus, ways: Ways, budget_s: float) -> list[Message]:
    """Go on with what is rebuilt, for at most so long; who is done gets the next frame → what is to be sent."""
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
