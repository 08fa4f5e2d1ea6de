"""Keeps the topics of rows as the journal says: what a crash left out is sent at the start, a stranger's row set right.

At a start each topic is read whole; from then on only where it has grown by more than our own rows since the last look.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from streams.broker.topics import ALARMS, INCIDENTS, OUTCOMES
from streams.contract.records import ENDED
from streams.contract.stage import Message, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.contract.stage import Bus

GONE = {ALARMS: True, INCIDENTS: True, OUTCOMES: False}
"""Topic → whether a row that the engine does not have must go; outcomes outlive the engine's memory of them."""


ODD = "surrogateescape"
"""A stranger's key may be any bytes."""


class Row(NamedTuple):
    """A row by its place."""

    topic: str
    key: str


class Projects(Protocol):
    """What of the alarm engine this needs."""

    def rows(self) -> set[Row]:
        """Return every row that stands."""

    def projection(self, row: Row) -> bytes | None:
        """Return a row, None when there is none."""

    def ended(self, key: str) -> bytes | None:
        """Return the last projection of a closed alarm or incident, None when it is not remembered."""


class Projected:
    """Sends rows. Invariant: everything below `_read` was looked at, or is gone; since then `_sent` rows are ours."""

    def __init__(self) -> None:
        self._read: dict[TopicPartition, int] = {}
        self._sent: Counter[str] = Counter()

    async def begin(self, bus: Bus, engine: Projects) -> None:
        """Send what the topics lack or have otherwise."""
        standing = await self._written(bus)
        rows = engine.rows()
        await self._send_wrong(bus, engine, standing, set(standing) | rows)

    async def look(self, bus: Bus, engine: Projects) -> None:
        """Set right what others have written since the last look; what is ours is not read again."""
        standing = await self._written(bus)
        await self._send_wrong(bus, engine, standing, set(standing))

    async def send(self, bus: Bus, engine: Projects, changed: Mapping[Row, bytes | None]) -> None:
        """Send rows that have changed."""
        self._sent.update(row.topic for row in changed)
        await bus.send([_message(engine, row, value) for row, value in changed.items()])

    async def _send_wrong(self, bus: Bus, engine: Projects, standing: Mapping[Row, bytes], rows: set[Row]) -> None:
        right = {row: engine.projection(row) for row in sorted(rows)}
        wrong = {
            row: value
            for row, value in right.items()
            if standing.get(row, NOTHING) != _digest(value) and (value is not None or GONE[row.topic])
        }
        await self.send(bus, engine, wrong)

    async def _written(self, bus: Bus) -> dict[Row, bytes]:
        """Return what was written last of each row since the last look, by its digest; none where all of it is ours."""
        found: dict[Row, bytes] = {}
        for topic in GONE:
            parts = [TopicPartition(topic, number) for number in range(await bus.partition_count(topic))]
            ends, sent = await bus.ends(parts), self._sent.pop(topic, 0)
            grown = {part: ends[part] - self._read.get(part, 0) for part in parts}
            for part in parts:
                if grown[part] > 0 and sum(grown.values()) != sent:
                    for record in await bus.read_all(*part, offset=self._read.get(part, 0)):
                        found[Row(topic, _text(record.key))] = _digest(record.value)
            self._read |= ends
        return found


def _text(key: bytes | None) -> str:
    return (key or b"").decode(errors=ODD)


def _digest(value: bytes | None) -> bytes:
    return b"" if value is None else hashlib.blake2b(value, digest_size=16).digest()


NOTHING = _digest(None)


def _message(engine: Projects, row: Row, value: bytes | None) -> Message:
    """Return a row for its topic; a tombstone says how it ended, in the one record that compaction keeps."""
    ended = engine.ended(row.key) if value is None else None
    return Message(row.topic, row.key.encode(errors=ODD), value, headers=() if ended is None else ((ENDED, ended),))
