"""Offsets that a stage did not get: what lies below the beginning of the log was deleted before it was read.

Records are missing for other reasons too (compaction, markers of transactions), so Kafka is asked, and only where there
is a gap. A loss is booked before the stage takes what lies behind it, so that no crash forgets it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.accounts import losses
from streams.broker import topics
from streams.contract.stage import ShowsNewest
from streams.health.pulse import PULSE, now_ms
from streams.transport.direct import AWAY, RETRY_S, Direct

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping

    from streams.contract.stage import Bus, Stage, TopicPartition
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
        self._gaps: dict[TopicPartition, _Gap] = {}

    @property
    def pending(self) -> bool:
        """Whether there is something to look after."""
        return bool(self._gaps)

    def note(self, partition: TopicPartition, state: PartitionState | None, stop: int, before_ms: int = -1) -> None:
        """Note that the next record that is there has the offset `stop`.

        Args:
            partition: whose.
            state: where the stage stands in it, None = not known.
            stop: the offset.
            before_ms: that record's timestamp; below 0: it has none, or there is no such record yet.
        """
        if state is None or stop <= state.absorbed or self._needs_nothing or partition.topic == topics.LIVE:
            return
        before_ms = before_ms if before_ms >= 0 else now_ms()
        self._gaps[partition] = _Gap(state.absorbed, stop, state.absorbed_at_ms, before_ms)

    async def book(self, bus: Bus) -> None:
        """Book what was deleted of all that is pending."""
        while self._gaps:
            try:
                begin = await self._direct.starts(list(self._gaps))
            except AWAY:
                await asyncio.sleep(RETRY_S)
                continue
            gaps, self._gaps = self._gaps, {}
            found = [self._loss(one, gap, begin[one]) for one, gap in gaps.items() if begin[one] > gap.first]
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


async def _dated(found: list[losses.Loss], bus: Bus) -> list[losses.Loss]:
    """Have the pulses of earlier processes say what arrived last before a loss, where this one has read nothing yet."""
    if all(one.after_ms is not None for one in found):
        return found
    read = _last_read([record.value or b"" for record in await bus.read_all(topics.BOOKS, 0) if _is_pulse(record.key)])
    dated = []
    for one in found:
        known = read.get((one.lost_by, one.topic, one.partition), {})
        before = [offset for offset in known if offset <= one.from_offset]
        if one.after_ms is None and before:
            one = msgspec.structs.replace(one, after_ms=known[max(before)])
        dated.append(one)
    return dated


def _is_pulse(key: bytes | None) -> bool:
    return key is not None and key.startswith(PULSE.encode())


def _last_read(pulses: Iterable[bytes]) -> Mapping[tuple[str, str, int], dict[int, int]]:
    """Return (group, topic, partition) → next offset → timestamp of the record before it."""
    found: dict[tuple[str, str, int], dict[int, int]] = {}
    for pulse in pulses:
        for row in msgspec.json.decode(pulse).get("partitions", ()):
            if row.get("absorbed_at_ms") is not None:
                place = found.setdefault((row["group"], row["topic"], row["partition"]), {})
                place[row["absorbed"]] = row["absorbed_at_ms"]
    return found
