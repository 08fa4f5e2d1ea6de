"""The history sink: writes final and corrected rows, books and alarms to the store, and now and then provisional rows.

in      city.metrics.v1, city.live.v1, city.books.v1, city.alarms.v1, city.incidents.v1, city.journal.v1
out     the store; while it is away, the spill; city.dead_letters.v1
state   what waits: bounded in memory and on disk; the rest is the store's, or still Kafka's
drops   bad_frame, refused_by_history: each a dead letter, counted in the books
source  design.md, point 2 e: at-least-once upserts, committed once they are durable
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from streams.broker import topics
from streams.contract.metric_frames import MADE_FROM, decode_metrics
from streams.contract.records import ENDED
from streams.contract.stage import LINGER_S
from streams.engine import failpoints
from streams.errors import FrameError
from streams.sinks.history.chain import Chain
from streams.sinks.history.progress import Progress
from streams.sinks.history.provisional import OpenWindows
from streams.sinks.history.reach import Reach
from streams.sinks.history.waiting import KEPT, REASON, Held, Waiting, part, salvage, unreadable, unspilled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.contract.alarm_events import Link
    from streams.contract.records import Rows
    from streams.contract.stage import Bus, Chunk, Message, TopicPartition
    from streams.sinks.history.spill import Spill
    from streams.sinks.history.store import History

PROVISIONAL_EVERY_S = 5.0
PRUNE_EVERY_S = 10.0
REFUSED_SAID_EVERY_S = 60.0
BATCH_ROWS = 20_000
"""So many rows are stored at once; fewer wait for the next tick, for one transaction a tick."""
REPLAY_S = 1.0
"""The spill is replayed for so long between chunks."""
REPLAY_BYTES = 2 * 2**20

log = logging.getLogger("citywall")


class HistorySink:
    """Feeds a `History`.

    Invariants: a partition is committed only when all that was taken from it is in the store or, fsynced, in the spill.
    While anything is spilled, all goes through the spill: the order of arrival stays. Books are not spilled: they are
    cumulative, and Kafka keeps the newest of each key.
    """

    name = "history"
    tick_s = 0.5
    linger_s = LINGER_S
    topics: tuple[str, ...] = (topics.METRICS, topics.LIVE, topics.BOOKS, *KEPT)

    def __init__(
        self,
        open_store: Callable[[], History],
        spill: Spill,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        unsealed: Callable[[bytes], Link | None] | None = None,
    ) -> None:
        """`unsealed` opens a record of the journal; without it no events of alarms are kept."""
        self._reach = Reach(open_store, clock, chance, away=bool(spill))  # an earlier process has lost it
        self._spill = spill
        self._clock = clock
        self._progress = Progress()
        self._chain = Chain()
        self._unsealed = unsealed
        if unsealed is not None:
            self.topics = (*self.topics, topics.JOURNAL)
        self._waiting = Waiting(unsealed)
        self._replayed: Waiting | None = None
        """The oldest of the spill, until the store has it."""
        self._open = OpenWindows()
        self._unsettled: set[TopicPartition] = set()
        self._full = self._full_said = False
        self._provisional_at_s = self._pruned_at_s = self._refused_again_at_s = 0.0
        self._stored = self._expired = 0
        self._dead_lettered: Counter[str] = Counter()

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Forget what waits in memory: it is read again from the committed offset.

        The journal is read from its beginning where the store does not say how far it has it: a new one, say.
        """
        self._waiting = Waiting(self._unsealed)
        self._open = OpenWindows()
        self._unsettled.clear()
        mine = {one: 0 for one in partitions if one.topic == topics.JOURNAL}
        return mine if mine and await self._reach.attempt(self._chain.begin) is False else {}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool | None:
        """Take a chunk, if there is room; store what waits when it is much."""
        if self._full and self._waiting.size >= BATCH_ROWS:
            return None
        if chunk.topic == topics.LIVE:
            self._take_provisional(chunk)
            return True
        letters = self._take(chunk)
        if letters:
            await bus.send(letters)
        self._unsettled.add(chunk.source)
        return self._waiting.size >= BATCH_ROWS and chunk.source in await self._settle(bus)

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Store what waits; every few seconds provisional rows and some pruning."""
        await self._replay(bus)
        settled = await self._settle(bus)
        now_s = self._clock()
        if not self._reach.away and now_s - self._provisional_at_s >= PROVISIONAL_EVERY_S:
            self._provisional_at_s = now_s
            rows = self._open.take()
            await self._reach.attempt(lambda history: _store_provisional(history, rows))
        if not self._reach.away and now_s - self._pruned_at_s >= PRUNE_EVERY_S:
            self._pruned_at_s = now_s
            await self._reach.attempt(lambda history: history.prune())
        return sorted(settled)

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Count what became of rows since the start of this process, and say what waits."""
        rows = {"stored": self._stored, "expired": self._expired}
        counts = {**rows, "dead_lettered": dict(self._dead_lettered)}
        return {"history": {"away": self._reach.away, "spilled_bytes": self._spill.size_bytes, "counts": counts}}

    def waits(self) -> str | None:
        """Return what it waits for, None = for nothing."""
        return "the history" if self._full or self._reach.trying else None

    def _take(self, chunk: Chunk) -> list[Message]:
        """Add a chunk to what waits → the dead letters of what cannot be read."""
        letters = []
        for record in chunk.records:
            if record.key is None and not record.value:
                continue
            said = dict(record.headers)
            place = (chunk.topic, chunk.partition, record.offset)
            held = Held(*place, record.key, record.value, said.get(MADE_FROM), said.get(ENDED))
            try:
                self._open.finish(self._waiting.add(held))
            except FrameError as exc:
                log.warning("%s, offset %d: not stored: %s", chunk.topic, record.offset, exc)
                letters.append(unreadable(held))
        if letters:
            self._dead_lettered["bad_frame"] += len(letters)
        return letters

    def _take_provisional(self, chunk: Chunk) -> None:
        for record in chunk.records:
            try:
                if record.value:
                    self._open.put(decode_metrics(record.value).rows)
            except FrameError as exc:
                log.warning("%s, offset %d: not stored: %s", chunk.topic, record.offset, exc)

    async def _settle(self, bus: Bus) -> set[TopicPartition]:
        """Bring what waits into the store, or into the spill → the partitions that may be committed."""
        if not self._unsettled:
            return set()
        if not self._spill and await self._store(self._waiting, bus):
            failpoints.reach("history:stored")
            settled, self._waiting = self._unsettled, Waiting(self._unsealed)
            self._full = self._full_said = False
        elif await self._spill_waiting():
            settled = {one for one in self._unsettled if one.topic != topics.BOOKS}
            self._waiting = self._waiting.books_only()
        else:
            return set()
        self._unsettled = self._unsettled - settled
        return settled

    async def _store(self, batch: Waiting, bus: Bus) -> bool:
        """Write a batch, and what the store refuses to the dead letters → whether that is done."""
        if not self._reach.due:
            return False
        stored = await self._reach.attempt(lambda history: batch.store(history, self._progress, self._chain))
        if stored is None:
            return False
        self._stored += stored.rows
        self._expired += stored.expired
        if stored.letters:
            await bus.send(stored.letters)
            self._dead_lettered[REASON] += len(stored.letters)
            self._say_refused(dict(stored.letters[0].headers)["detail"].decode())
        return True

    def _say_refused(self, why: str) -> None:
        now_s = self._clock()
        if now_s >= self._refused_again_at_s:
            self._refused_again_at_s = now_s + REFUSED_SAID_EVERY_S
            log.error("%s. Refused so far, and kept in %s: %d", why, topics.DEAD_LETTERS, self._dead_lettered[REASON])

    async def _spill_waiting(self) -> bool:
        """Put what waits, but for the books, onto the disk → whether it is there."""
        try:
            if self._waiting.size:
                await asyncio.to_thread(self._spill.append, self._waiting.spilled())
        except OSError as exc:
            if not self._full_said:
                log.warning("the spill takes no more (%s): Kafka keeps what comes until the history is back", exc)
            self._full = self._full_said = True
            return False
        self._full = False
        return True

    async def _replay(self, bus: Bus) -> None:
        """Bring what was spilled into the store, in order, for a while."""
        until_s = self._clock() + REPLAY_S
        while self._spill and self._reach.due and self._clock() <= until_s:
            if self._replayed is None:
                self._replayed = Waiting(self._unsealed)
                for held in unspilled(await asyncio.to_thread(self._spill.oldest, REPLAY_BYTES)):
                    self._replayed.add(held)
            if not await self._store(self._replayed, bus):
                return
            self._replayed = None
            await asyncio.to_thread(self._spill.drop_oldest)


def _store_provisional(history: History, rows: Rows) -> int:
    """Write provisional rows; one that is refused is left out, because its final one comes."""
    salvage(lambda first, last: history.write(part(rows, first, last)), len(rows))
    return len(rows)
