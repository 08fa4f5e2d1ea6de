"""The history sink: writes final and corrected rows, books and alarms to the store, and now and then provisional rows.

in      city.metrics.v1, city.live.v1, city.books.v1, city.alarms.v1
out     the store; nothing on Kafka
state   what is not stored yet: bounded; the rest is the store's
drops   frames that this version cannot read: said in the log
source  design.md, point 2 e: at-least-once upserts, committed after the store's transaction
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import msgspec

from streams import topics
from streams.errors import FrameError, UnreachableError
from streams.metric_codec import decode_metrics
from streams.records import Rows
from streams.sinks.history.provisional import OpenWindows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.engine.stage import Bus, Chunk, Record, TopicPartition
    from streams.sinks.history.store import History

PROVISIONAL_EVERY_S = 5.0
PRUNE_EVERY_S = 10.0
RETRY_FIRST_S, RETRY_LAST_S = 0.25, 10.0
BATCH_ROWS = 20_000
"""So many rows are stored at once; fewer wait for the next tick, for one transaction a tick."""
ROWS_IN_MEMORY = 500_000
"""While the store is away, so many rows wait for it here (some 100 MB); then the process ends, and Kafka keeps them."""

log = logging.getLogger("citywall")


class _Alarm(msgspec.Struct):
    """What a stored alarm must have."""

    id: str
    raised_at_ms: int


class HistorySink:
    """Feeds a `History`.

    Invariant: a partition is committed only when the store holds all that was taken from it. A store that is away does
    not stop the reading; what waits is written, in the order of arrival, when it is back.
    """

    name = "history"
    tick_s = 0.5
    topics: tuple[str, ...] = (topics.METRICS, topics.LIVE, topics.BOOKS, topics.ALARMS)

    def __init__(self, history: History) -> None:
        self._history = history
        self._rows: list[Rows] = []
        self._waiting = 0
        self._books: dict[str, str] = {}
        self._alarms: list[tuple[str, str | None]] = []
        self._open = OpenWindows()
        self._unsettled: set[TopicPartition] = set()
        self._away = False
        self._retry_s = RETRY_FIRST_S
        self._retry_at = self._provisional_at = self._pruned_at = 0.0
        self._take: dict[str, Callable[[Record], None]] = {
            topics.METRICS: self._take_rows,
            topics.LIVE: self._take_provisional,
            topics.BOOKS: self._take_book,
            topics.ALARMS: self._take_alarm,
        }

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Forget what waits: it is read again from the committed offset."""
        self._forget()
        self._open = OpenWindows()
        self._unsettled.clear()
        return {}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take a chunk; store what waits when it is much."""
        take = self._take[chunk.topic]
        for record in chunk.records:
            try:
                take(record)
            except (FrameError, msgspec.DecodeError, UnicodeDecodeError) as exc:
                log.warning("%s, offset %d: not stored: %s", chunk.topic, record.offset, exc)
        if chunk.topic == topics.LIVE:
            return True
        self._unsettled.add(chunk.source)
        return self._waiting >= BATCH_ROWS and chunk.source in await self._store()

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Store what waits; every few seconds provisional rows and some pruning."""
        settled = await self._store()
        now = time.monotonic()
        if not self._away and now - self._provisional_at >= PROVISIONAL_EVERY_S:
            self._provisional_at = now
            await self._try(self._history.write, self._open.take())
        if not self._away and now - self._pruned_at >= PRUNE_EVERY_S:
            self._pruned_at = now
            await self._try(self._history.prune)
        return sorted(settled)

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Count nothing: the books are what it stores."""
        return {}

    async def _store(self) -> set[TopicPartition]:
        """Write what waits → the partitions that are stored whole."""
        if self._away and time.monotonic() < self._retry_at:
            self._refuse_too_much()
            return set()
        if not self._unsettled or await self._try(self._write, Rows.concat(self._rows), self._alarms, self._books):
            settled, self._unsettled = self._unsettled, set()
            self._forget()
            return settled
        self._refuse_too_much()
        return set()

    def _write(self, rows: Rows, alarms: Sequence[tuple[str, str | None]], books: Mapping[str, str]) -> None:
        if len(rows):
            self._history.write(rows)
        if alarms:
            self._history.write_alarms(alarms)
        if books:
            self._history.write_books(books)

    async def _try(self, work: Callable[..., object], *args: object) -> bool:
        try:
            await asyncio.to_thread(work, *args)
        except UnreachableError as exc:
            if not self._away:
                log.warning("%s. Keeping what comes until it is back", exc)
            self._retry_s = min(2 * self._retry_s, RETRY_LAST_S) if self._away else RETRY_FIRST_S
            self._retry_at = time.monotonic() + self._retry_s
            self._away = True
            return False
        if self._away:
            log.warning("the history is back")
        self._away = False
        return True

    def _refuse_too_much(self) -> None:
        if self._waiting > ROWS_IN_MEMORY:
            raise UnreachableError(
                f"the history is away and {self._waiting} rows wait for it: Kafka keeps them from here on"
            )

    def _forget(self) -> None:
        self._rows, self._waiting, self._books, self._alarms = [], 0, {}, []

    def _take_rows(self, record: Record) -> None:
        if record.value:
            rows = decode_metrics(record.value).rows
            if len(rows):
                self._rows.append(rows)
                self._waiting += len(rows)
                self._open.finish(rows)

    def _take_provisional(self, record: Record) -> None:
        if record.value:
            self._open.put(decode_metrics(record.value).rows)

    def _take_book(self, record: Record) -> None:
        if record.value and record.key:
            msgspec.json.decode(record.value, type=dict[str, Any])
            self._books[record.key.decode()] = record.value.decode()

    def _take_alarm(self, record: Record) -> None:
        if record.key:
            if record.value is not None:
                msgspec.json.decode(record.value, type=_Alarm)
            self._alarms.append((record.key.decode(), None if record.value is None else record.value.decode()))
