"""Processors that are set aside in one input partition: who, from which offset on, why, and since when again."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from streams.errors import ProcessorError
from streams.health.notices import Notice, SetAside
from streams.health.pulse import now_ms
from streams.saving import notes
from streams.saving.notes import Note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from streams.contract.stage import Bus, TopicPartition

DEATH = "the process died in it without a word"

log = logging.getLogger("citywall")


class Aside:
    """The notes of one input partition. Invariant: what stands here stands in the state's topic."""

    def __init__(self, topic: str, source: TopicPartition, found: Sequence[Note] = ()) -> None:
        self._topic = topic
        self._source = source
        self.notes = {one.processor: one for one in found}

    def __bool__(self) -> bool:
        return any(one.count >= notes.FAILURES_COUNT for one in self.notes.values())

    def left_out(self, offset: int) -> frozenset[str]:
        """Return the processors that do not get the record at an offset."""
        return frozenset(name for name, note in self.notes.items() if note.leaves_out(offset))

    async def failed(self, bus: Bus, processor: str, offset: int, reason: str, at_ms: int) -> None:
        """Note, before the process ends, that a processor failed; often enough at one offset, it is set aside there."""
        before = self.notes.get(processor)
        again = before is not None and before.offset == offset and before.resumed is None
        count = before.count + 1 if before is not None and again else 1
        note = Note(processor=processor, offset=offset, reason=reason, count=count, at_ms=at_ms)
        await self._write(bus, note)
        outcome = "set aside there" if count >= notes.FAILURES_COUNT else "tried once more"
        log.error("processor %s failed at %s, %s: %s", processor, self._place(note), outcome, reason)

    @asynccontextmanager
    async def noting(self, bus: Bus, offset: int) -> AsyncIterator[None]:
        """Note a processor that fails in it, at an offset, before its error goes on and ends the process."""
        try:
            yield
        except ProcessorError as exc:
            await self.failed(bus, exc.processor, offset, exc.reason, now_ms())
            raise

    async def cannot_begin(self, bus: Bus, why: Mapping[str, str], offset: int) -> list[ProcessorError]:
        """Note, processor → why, those that make no state here → errors of those that this does not set aside."""
        for name in sorted(why.keys() - self.left_out(offset)):
            await self.failed(bus, name, offset, why[name], now_ms())
        return [ProcessorError(name, why[name]) for name in sorted(why.keys() - self.left_out(offset))]

    async def resume(self, bus: Bus, asked: Mapping[str, int], offset: int) -> bool:
        """Take in again, from an offset on, those that were asked for (name → when, ms) after they were set aside."""
        resumed = False
        for name, note in list(self.notes.items()):
            wanted = asked.get(name, 0) > note.at_ms and note.leaves_out(offset)
            if wanted:
                await self._write(bus, msgspec.structs.replace(note, resumed=offset))
                log.warning("processor %s is taken in again at %s[%d], %d", name, *self._source, offset)
            resumed |= wanted
        return resumed

    def told(self, offset: int) -> list[SetAside]:
        """List those that are set aside now."""
        out = self.left_out(offset)
        return [
            SetAside(
                processor=note.processor,
                topic=self._source.topic,
                partition=self._source.partition,
                offset=note.offset,
                reason=note.reason,
                at_ms=note.at_ms,
            )
            for name, note in sorted(self.notes.items())
            if name in out
        ]

    async def _write(self, bus: Bus, note: Note) -> None:
        await bus.send([notes.to_message(self._topic, self._source.partition, note)])
        self.notes[note.processor] = note

    def _place(self, note: Note) -> str:
        return f"{self._source.topic}[{self._source.partition}], offset {note.offset}"


def notices(told: Sequence[SetAside]) -> list[Notice]:
    """Say which processors are set aside."""
    return [
        Notice(
            zh=f"处理器 {one.processor} 已在 {one.topic} 分区 {one.partition} 偏移 {one.offset} 处停用：{one.reason}；"
            f"citywall processors resume {one.processor} 可恢复",
            en=f"processor {one.processor} is set aside in {one.topic}, partition {one.partition}, from offset "
            f"{one.offset} on: {one.reason}; `citywall processors resume {one.processor}` takes it in again",
            degraded=True,
        )
        for one in told
    ]
