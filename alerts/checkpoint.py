"""The engine's state at a place of the journal, in pieces: a start goes on from there instead of from the beginning.

Derived, so it may be deleted: what cannot be used counts as absent. There are two slots, written in turn, each with its
head last, so that a crash leaves the one before whole.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING, Any

import cramjam
import msgspec

from alerts import load
from alerts.alarm import Alarm
from alerts.covers import Cover
from alerts.incident import Incident
from alerts.journal import VERSION, Head
from alerts.outcomes import Outcome
from alerts.reading import UNREADABLE
from alerts.state import Key, Muted, Newest, State, Was
from streams.alarms.checkpoints import LAST_KEY, SLOTS
from streams.city.clock import ClockSetting
from streams.city.parts import Desk
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROWS = 1_000
"""Of a table in a piece: some hundred kilobytes, some milliseconds."""

TABLES: dict[str, Any] = {
    "open": list[tuple[str, Alarm]],
    "newest": list[tuple[Key, Newest]],
    "latent": list[tuple[Key, Detection]],
    "muted": list[tuple[Key, Muted]],
    "closed": list[tuple[str, Alarm]],
    "outcomes": list[tuple[str, Outcome]],
    "keys": list[tuple[str, str]],
    "undoable": list[tuple[str, Was]],
    "covers": list[tuple[str, Cover]],
    "silent": list[tuple[tuple[str, str], int]],
    "restless": list[tuple[Key, tuple[int, ...]]],
    "clocks": list[tuple[str, ClockSetting]],
    "incidents": list[tuple[str, Incident]],
    "ended": list[tuple[str, Incident]],
    "manned": list[tuple[str, tuple[Desk, ...]]],
    "shown": list[tuple[str, tuple[int, ...]]],
    "raised": list[tuple[tuple[int, str], int]],
    "by_kind": list[tuple[tuple[int, str, int, str], int]],
    "bursts": list[tuple[Key, tuple[tuple[int, str], ...]]],
    "counts": list[tuple[str, int]],
    "times": list[tuple[str, int]],
}
"""Table → its rows; what follows from these is made anew."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a checkpoint: where in the journal it is, and what it consists of."""

    version: int = VERSION
    seq: int
    hash: str
    covers: dict[str, int]
    offset: int
    """One above the journal record that was folded last."""
    pieces: int
    digest: str
    """Of the pieces, in their order."""

    @property
    def head(self) -> Head:
        """The head of the chain there."""
        return Head(self.seq, self.hash)


class Checkpoint:
    """What stood when it was taken; written bit by bit while the engine goes on."""

    def __init__(self, state: State, head: Head, covers: Mapping[str, int], offset: int) -> None:
        self._tables: dict[str, dict[Any, Any]] = {name: dict(getattr(state, name)) for name in TABLES}
        self._head, self._covers, self._offset = head, dict(covers), offset

    def unlike(self, mark: Mark, state: State) -> tuple[str, ...]:
        """Name what a checkpoint of the same place has otherwise."""
        other = {name: dict(getattr(state, name)) for name in TABLES} | {"head": mark.head, "topics": mark.covers}
        mine = {name: dict(rows) for name, rows in self._tables.items()} | {"head": self._head, "topics": self._covers}
        return tuple(name for name in mine if mine[name] != other[name])

    def records(self, slot: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield key and value of each record to send, in this order."""
        digest = hashlib.sha256()
        number = 0
        for name, table in self._tables.items():
            rows = iter(table.items())
            while taken := list(islice(rows, ROWS)):
                piece = packed(name, taken)
                digest.update(piece)
                yield b"%s:%d" % (slot, number), piece
                number += 1
        mark = Mark(
            seq=self._head.seq,
            hash=self._head.hash,
            covers=self._covers,
            offset=self._offset,
            pieces=number,
            digest=digest.hexdigest(),
        )
        yield slot + LAST_KEY, msgspec.json.encode(mark)


def newest(records: Mapping[bytes, bytes]) -> tuple[Mark, State] | None:
    """Return the newest whole checkpoint, None = there is none that this version can use."""
    marks = [(mark.seq, slot) for slot in SLOTS if (mark := _mark(records.get(slot + LAST_KEY))) is not None]
    for _, slot in sorted(marks, key=lambda one: -one[0]):
        if (found := whole(records, slot)) is not None:
            return found
    return None


def whole(records: Mapping[bytes, bytes], slot: bytes) -> tuple[Mark, State] | None:
    """Return the checkpoint of a slot, None = it is not whole, or of another version."""
    mark = _mark(records.get(slot + LAST_KEY))
    if mark is None:
        return None
    pieces = [records.get(b"%s:%d" % (slot, number)) for number in range(mark.pieces)]
    found = [piece for piece in pieces if piece is not None]
    if len(found) < mark.pieces or hashlib.sha256(b"".join(found)).hexdigest() != mark.digest:
        return None
    try:
        return mark, _state(found)
    except UNREADABLE:
        return None  # of a state that this version takes for none: the journal says what stands


def packed(name: str, rows: list[Any]) -> bytes:
    """Return rows of a table as a piece."""
    return bytes(cramjam.zstd.compress(msgspec.msgpack.encode((name, rows)), level=1))


def _mark(value: bytes | None) -> Mark | None:
    try:
        found = msgspec.json.decode(value or b"", type=Mark)
    except UNREADABLE:
        return None
    return found if found.version == VERSION else None


def _state(pieces: list[bytes]) -> State:
    state = State()
    for piece in pieces:
        name, rows = msgspec.msgpack.decode(bytes(cramjam.zstd.decompress(piece)))
        table = getattr(state, name)
        for key, value in msgspec.convert(rows, TABLES[name]):
            if name == "open":
                state.read_back(value)
            elif name == "covers":
                state.put_cover(value)
            else:
                table[key] = value
    state.groups.make_anew(list(state.open.values()))
    load.queue(state)
    return state
