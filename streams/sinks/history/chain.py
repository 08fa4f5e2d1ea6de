"""Which records of the journal are of its chain, and of what their alarms are: both are found in the store itself.

The head is a book, written after the events, so whatever was stored twice is the same; who has no head yet reads the
journal from its beginning. A command does not say of what its alarm is: the alarm's raise does, stored before it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from streams.contract.alarm_events import Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.contract.alarm_events import AlarmEvent, Link
    from streams.sinks.history.store import History

BOOK = "alarm_history"
REMEMBERED = 10_000
"""Alarms of which is known of what they are; others are asked of the store."""


class _Head(NamedTuple):
    seq: int
    hash: str


class Chain:
    """The journal's chain as far as the store has it."""

    def __init__(self) -> None:
        self._head: _Head | None = None
        self._where: dict[str, Where] = {}

    def begin(self, history: History) -> bool:
        """Read how far the store is → whether it says so."""
        if self._head is None:
            book = history.books().get(BOOK)
            self._head = None if book is None else _Head(int(book["seq"]), str(book["hash"]))
        return self._head is not None

    def valid(self, history: History, links: Iterable[tuple[int, Link]]) -> tuple[_Head | None, list[int]]:
        """Return the head behind these records, each with its offset, and the places of those that are of the chain.

        The topic's first record begins a chain. A store without a head takes the first that comes.
        """
        self.begin(history)
        head, places = self._head, []
        for place, (offset, link) in enumerate(links):
            begins = offset == 0 and link.seq == 1
            if head is None or begins or (link.seq, link.previous) == (head.seq + 1, head.hash):
                head = _Head(link.seq, link.hash)
                places.append(place)
        return head, places

    def located(self, history: History, events: Sequence[AlarmEvent]) -> list[AlarmEvent]:
        """Return the events, each saying of what it is."""
        told = {one.alarm: _where(one) for one in events if one.what == "raised"}
        asked = {one.alarm for one in events if one.alarm and not one.entity} - told.keys() - self._where.keys()
        self._where |= told | history.alarms_where(sorted(asked))
        found = [_at(one, self._where.get(one.alarm)) for one in events]
        for alarm in list(itertools.islice(self._where, max(len(self._where) - REMEMBERED, 0))):
            del self._where[alarm]
        return found

    def keep(self, history: History, head: _Head | None) -> None:
        """Say how far the store is."""
        if head is not None and head != self._head:
            history.write_books({BOOK: msgspec.json.encode(head._asdict()).decode()})
            self._head = head


def _where(event: AlarmEvent) -> Where:
    return Where(event.domain, event.kind, event.entity, event.zone)


def _at(event: AlarmEvent, where: Where | None) -> AlarmEvent:
    return event if event.entity or where is None else replace(event, **where._asdict())
