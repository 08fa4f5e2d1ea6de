"""Offsets that a stage did not get: what lies below the beginning of the log was deleted before it was read.

Records are missing for other reasons too (compaction, markers of transactions), so Kafka is asked, and only where there
is a gap. A loss is booked before the stage takes what lies behind it, so that no crash forgets it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from streams.accounts import losses
from streams.broker import topics
from streams.contract.stage import ShowsNewest
from streams.health.pulse import PULSE, now_ms
from streams.transport.direct import AWAY, RETRY_S, Direct
from streams.transport.wire import WireRecords

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from streams.contract.stage import Bus, Chunk, Record, Stage, TopicPartition
    from streams.health.pulse import PartitionState

log = logging.getLogger("citywall")


class _Gap(NamedTuple):
    first: int
    stop: int
    after_ms: int | None
    before_ms: int


class Missing:
    """Of one stage. What it was told and is not booked yet is `pending`."""

    def __init__(self, stage: Stage, bootstrap: str, lost_records: Counter[str]) -> None:
        self._stage = stage.name
        self._lost_records = lost_records
        self._needs_nothing = isinstance(stage, ShowsNewest)
        self._direct = Direct(bootstrap, None)
        self._gaps: dict[TopicPartition, list[_Gap]] = {}
        self._booking = asyncio.Lock()

    @property
    def pending(self) -> bool:
        """Whether there is something to look after."""
        return bool(self._gaps)

    def look_at(self, chunk: Chunk, state: PartitionState | None) -> None:
        """Note what was skipped before a chunk's first record, and between its records: it may hold two fetches."""
        first = chunk.records[0]
        self.note(chunk.source, state, first.offset, first.timestamp)
        for before, after in _holes(chunk.records):
            last, following = chunk.records[before], chunk.records[after]
            self._note(chunk.source, _Gap(last.offset + 1, following.offset, last.timestamp, following.timestamp))

    def note(self, partition: TopicPartition, state: PartitionState | None, stop: int, before_ms: int = -1) -> None:
        """Note that the next record that is there has the offset `stop`.

        Args:
            partition: whose.
            state: where the stage stands in it, None = not known.
            stop: the offset.
            before_ms: that record's timestamp; below 0: it has none, or there is no such record yet.
        """
        if state is not None:
            self._note(partition, _Gap(state.absorbed, stop, state.absorbed_at_ms, before_ms))

    def _note(self, partition: TopicPartition, gap: _Gap) -> None:
        if gap.stop <= gap.first or self._needs_nothing or partition.topic == topics.LIVE:
            return
        gap = gap._replace(before_ms=gap.before_ms if gap.before_ms >= 0 else now_ms())
        noted = self._gaps.setdefault(partition, [])
        if noted and gap.first <= noted[-1].stop:  # not looked after yet, so nothing was taken since
            same = noted.pop()
            gap = gap._replace(first=min(same.first, gap.first), after_ms=same.after_ms)
        noted.append(gap)

    async def book(self, bus: Bus) -> None:
        """Book what was deleted of all that is pending, also what another call has begun to book.

        Else a pulse could say in between that nothing is left, and the loss would look like one of an earlier process.
        """
        async with self._booking:
            await self._book(bus)

    async def _book(self, bus: Bus) -> None:
        while self._gaps:
            try:
                begin = await self._direct.starts(list(self._gaps))
            except AWAY:
                await asyncio.sleep(RETRY_S)
                continue
            gaps = [(one, gap) for one in begin for gap in self._gaps.pop(one, ())]
            found = [self._loss(one, gap, begin[one]) for one, gap in gaps if begin[one] > gap.first]
            if found:
                found = await _dated(found, bus)
                await bus.send([losses.to_message(one) for one in found])
                self._tell(found)

    async def stop(self) -> None:
        """Disconnect."""
        await self._direct.stop()

    def _tell(self, found: Iterable[losses.Loss]) -> None:
        for one in found:
            self._lost_records[one.topic] += one.records
            gone = f"{one.records:,} records, offsets {one.from_offset} to {one.to_offset - 1},"
            log.error("%s[%d]: Kafka deleted %s before %s had read them", one.topic, one.partition, gone, one.lost_by)

    def _loss(self, partition: TopicPartition, gap: _Gap, begin: int) -> losses.Loss:
        return losses.Loss(
            lost_by=self._stage,
            topic=partition.topic,
            partition=partition.partition,
            from_offset=gap.first,
            to_offset=min(begin, gap.stop),
            after_ms=gap.after_ms,
            before_ms=gap.before_ms,
            noticed_ms=now_ms(),
        )


def _holes(records: Sequence[Record]) -> Iterable[tuple[int, int]]:
    """Return which neighbours have no neighbouring offsets, (place, place + 1) each."""
    if records[-1].offset - records[0].offset < len(records):
        return ()
    if isinstance(records, WireRecords):
        offsets = records.offset
    else:
        offsets = np.fromiter((one.offset for one in records), np.int64, len(records))
    return ((int(place), int(place) + 1) for place in np.flatnonzero(np.diff(offsets) > 1))


async def _dated(found: list[losses.Loss], bus: Bus) -> list[losses.Loss]:
    """Have the pulses of earlier processes say what is no loss and what arrived last before one.

    Where this process has read nothing yet, an earlier one may have come further than the state says: over offsets at
    which no record stood. And it knows when the last record came that it read.
    """
    if all(one.after_ms is not None for one in found):
        return found
    rows = _rows([record.value or b"" for record in await bus.read_all(topics.BOOKS, 0) if _is_pulse(record.key)])
    dated = [one if one.after_ms is not None else _looked_up(one, rows.get(_place(one), [])) for one in found]
    return [one for one in dated if one.records > 0]


def _place(loss: losses.Loss) -> tuple[str, str, int]:
    return loss.lost_by, loss.topic, loss.partition


def _looked_up(loss: losses.Loss, rows: Iterable[_Row]) -> losses.Loss:
    first = max([loss.from_offset, *(row.absorbed for row in rows if row.unsaved_s == 0)])
    read = [(row.absorbed, row.absorbed_at_ms) for row in rows if row.absorbed <= first and row.absorbed_at_ms]
    return replace(loss, from_offset=min(first, loss.to_offset), after_ms=max(read)[1] if read else None)


def _is_pulse(key: bytes | None) -> bool:
    return key is not None and key.startswith(PULSE.encode())


class _Row(msgspec.Struct):
    """What a pulse says of a partition."""

    group: str
    topic: str
    partition: int
    absorbed: int
    unsaved_s: float
    absorbed_at_ms: int | None = None


class _Pulse(msgspec.Struct):
    partitions: list[_Row]


def _rows(pulses: Iterable[bytes]) -> Mapping[tuple[str, str, int], list[_Row]]:
    """Return (group, topic, partition) → what the pulses said of it."""
    found: dict[tuple[str, str, int], list[_Row]] = {}
    for pulse in pulses:
        try:
            rows = msgspec.json.decode(pulse, type=_Pulse).partitions
        except msgspec.DecodeError:  # of another version: then it is not known
            continue
        for row in rows:
            found.setdefault((row.group, row.topic, row.partition), []).append(row)
    return found
