"""What goes to the store together: rows, alarms and books, each with the Kafka record it came in.

A row that the store refuses must not hold up the others: a refused batch is halved until each refused row stands alone;
that one becomes a dead letter.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.accounts import refused_rows
from streams.broker import dead_letters, topics
from streams.contract.alarm_events import ALARMS, INCIDENTS, Kept
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import ROW_TYPES, DeadLetter, Rows
from streams.errors import FrameError, RowsRefusedError
from streams.sinks.history.store import unknown_where_not_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.contract.alarm_events import Link
    from streams.contract.stage import Message
    from streams.sinks.history.chain import Chain
    from streams.sinks.history.progress import Progress
    from streams.sinks.history.store import History

REASON = "refused_by_history"
EVENT_BYTES = 512
"""A record of the journal counts as many rows as it has events, and no fewer than it has so many bytes."""


class Held(msgspec.Struct, frozen=True, array_like=True):
    """A record as it came, until the store has what is in it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    made_from: bytes | None = None
    """Of a frame of metrics: the frame of readings behind it, `streams.contract.metric_frames.MADE_FROM`."""
    ended: bytes | None = None
    """Of the tombstone of an alarm: how it ended, `streams.contract.records.ENDED`."""


class _Alarm(msgspec.Struct):
    """What a stored alarm must have."""

    id: str
    raised_at_ms: int


class _Incident(msgspec.Struct):
    """What a stored incident must have."""

    id: str
    opened_at_ms: int


KEPT: dict[str, tuple[Kept, type[msgspec.Struct]]] = {
    topics.ALARMS: (ALARMS, _Alarm),
    topics.INCIDENTS: (INCIDENTS, _Incident),
}


@dataclass
class Stored:
    """What became of a batch that the store has taken."""

    rows: int = 0
    expired: int = 0
    """Rows older than the store keeps any."""
    letters: list[Message] = field(default_factory=list)
    """What it refused, each with the store's words."""


class Waiting:
    """Rows, alarms and their events in the order of arrival, and the newest book of each key."""

    def __init__(self, unsealed: Callable[[bytes], Link | None] | None = None) -> None:
        self._unsealed = unsealed
        self._links: list[tuple[Held, Link]] = []
        self._frames: list[tuple[Held, Rows]] = []
        self._alarms: dict[Kept, list[tuple[Held, tuple[str, str | None]]]] = {ALARMS: [], INCIDENTS: []}
        self._books: dict[str, Held] = {}
        self._made_from: dict[tuple[str, int], int] = {}
        self.size = 0
        """Rows, alarms and events in it."""

    def add(self, held: Held) -> Rows:
        """Take a record → the rows in it.

        Raises FrameError when it cannot be read.
        """
        try:
            if held.topic == topics.METRICS:
                return self._add_frame(held)
            if held.topic in KEPT:
                self._add_alarm(held, *KEPT[held.topic])
            elif held.topic == topics.JOURNAL:
                self._add_link(held)
            elif held.value and held.key:
                msgspec.json.decode(held.value, type=dict[str, Any])
                self._books[held.key.decode()] = held
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise FrameError(f"{held.topic}, offset {held.offset}: cannot be read: {exc}") from exc
        return Rows.empty()

    def spilled(self) -> bytes:
        """Return its rows and alarms as `unspilled` reads them. Not the books: Kafka keeps the newest of each."""
        records = [held for held, _ in self._frames]
        records += dict.fromkeys(held for alarms in self._alarms.values() for held, _ in alarms)
        records += [held for held, _ in self._links]
        return msgspec.msgpack.encode(records)

    def books_only(self) -> Waiting:
        """Return a batch of its books."""
        rest = Waiting(self._unsealed)
        rest._books = self._books
        return rest

    def store(self, history: History, progress: Progress, chain: Chain) -> Stored:
        """Write it; what the store refuses is among what is returned.

        Raises UnreachableError or RefusedError when the store takes nothing now: then all of it is to be written again.
        """
        stored = Stored()
        if self._frames and self._made_from:
            history.write_books(progress.books(history, self._made_from, done=False))
        self._store_rows(history, stored)
        for of, alarms in self._alarms.items():
            self._store_alarms(history, of, alarms, stored)
        self._store_events(history, chain, stored)
        books = [(key, (held.value or b"").decode()) for key, held in self._books.items()]
        for place, why in salvage(lambda first, last: history.write_books(dict(books[first:last])), len(books)):
            stored.letters.append(_letter(self._books[books[place][0]], why))
        if self._made_from:
            history.write_books(progress.books(history, self._made_from, done=True))
        return stored

    def _store_rows(self, history: History, stored: Stored) -> None:
        rows = Rows.concat([rows for _, rows in self._frames])
        ends = list(itertools.accumulate(len(rows) for _, rows in self._frames))

        refused: dict[int, list[int]] = {}

        def write(first: int, last: int) -> None:
            stored.expired += history.write(part(rows, first, last))

        for place, why in salvage(write, len(rows)):
            frame = int(np.searchsorted(ends, place, side="right"))
            held, of_frame = self._frames[frame]
            within = place - (ends[frame] - len(of_frame))
            stored.letters.append(_letter(held, why, _row_json(of_frame, within), within))
            refused.setdefault(held.offset, []).append(place)
        stored.rows = len(rows) - stored.expired - len(stored.letters)
        books: list[tuple[str, str]] = []
        for offset, places in refused.items():
            of_record = rows.where(np.isin(np.arange(len(rows)), places))
            books += refused_rows.books(offset, of_record).items()
        salvage(lambda first, last: history.write_books(dict(books[first:last])), len(books))

    def _store_alarms(
        self, history: History, of: Kept, alarms: list[tuple[Held, tuple[str, str | None]]], stored: Stored
    ) -> None:
        told = [alarm for _, alarm in alarms]
        for place, why in salvage(lambda first, last: history.write_alarms(told[first:last], of), len(told)):
            stored.letters.append(_letter(alarms[place][0], why))

    def _store_events(self, history: History, chain: Chain, stored: Stored) -> None:
        if not self._links:
            return
        head, places = chain.valid(history, [(held.offset, link) for held, link in self._links])
        told = [(self._links[place][0], event) for place in places for event in self._links[place][1].events]
        events = chain.located(history, [event for _, event in told])
        for place, why in salvage(lambda first, last: history.write_alarm_events(events[first:last]), len(events)):
            stored.letters.append(_letter(told[place][0], why, msgspec.json.encode(events[place]), place))
        chain.keep(history, head)

    def _add_link(self, held: Held) -> None:
        link = None if self._unsealed is None or held.value is None else self._unsealed(held.value)
        if link is not None:
            self._links.append((held, link))
            self.size += max(len(link.events), len(held.value or b"") // EVENT_BYTES, 1)

    def _add_frame(self, held: Held) -> Rows:
        if not held.value:
            return Rows.empty()
        frame = decode_metrics(held.value)
        rows = frame.rows
        if held.made_from is not None:
            partition, offset = held.made_from.split(b":")
            self._made_from[frame.domain, int(partition)] = int(offset)
        if len(rows):
            self._frames.append((held, rows))
            self.size += len(rows)
        return rows

    def _add_alarm(self, held: Held, of: Kept, least: type[msgspec.Struct]) -> None:
        if not held.key:
            return
        key, last = held.key.decode(), held.ended if held.value is None else held.value
        bodies = [] if last is None else [last.decode()]
        for body in bodies:
            msgspec.json.decode(body, type=least)
        for told in [*bodies, None] if held.value is None else bodies:  # None closes it
            self._alarms[of].append((held, (key, told)))
            self.size += 1


def unspilled(payloads: Sequence[bytes]) -> Iterator[Held]:
    """Return the records of spilled batches."""
    for payload in payloads:
        yield from msgspec.msgpack.decode(payload, type=list[Held])


def salvage(write: Callable[[int, int], object], count: int) -> list[tuple[int, str]]:
    """Write items [0, count) by calls of `write(first, last)` → each refused item's place and the store's words.

    A refused part is halved, unless the store says that it refuses all of it.
    """
    refused: list[tuple[int, str]] = []
    parts = [(0, count)] if count else []
    while parts:
        first, last = parts.pop()
        try:
            write(first, last)
        except RowsRefusedError as exc:
            if exc.count == last - first or last - first == 1:
                refused.extend((place, str(exc)) for place in range(first, last))
            else:
                middle = (first + last) // 2
                parts += [(middle, last), (first, middle)]  # the first half is next
    return refused


def unreadable(held: Held) -> Message:
    """Return the dead letter of a record that cannot be read."""
    return dead_letters.to_message(
        DeadLetter(held.value or b"", "bad_frame", held.topic, held.partition, held.offset, 0)
    )


def part(rows: Rows, first: int, last: int) -> Rows:
    """Return rows [first, last)."""
    return Rows(**{name: getattr(rows, name)[first:last] for name in ROW_TYPES})


def _letter(held: Held, why: str, payload: bytes | None = None, place: int = 0) -> Message:
    body = held.value or b"" if payload is None else payload
    return dead_letters.to_message(DeadLetter(body, REASON, held.topic, held.partition, held.offset, place, detail=why))


def _row_json(rows: Rows, place: int) -> bytes:
    """Return one row as JSON, for a person and for whoever stores it later."""
    columns = unknown_where_not_finite(part(rows, place, place + 1))
    return json.dumps({name: columns[name][0] for name in ROW_TYPES}, ensure_ascii=False).encode()
