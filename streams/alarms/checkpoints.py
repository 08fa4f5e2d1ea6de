"""When the alarm engine's state is written down beside the journal, and how a start begins from there."""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from streams.broker.topics import CHECKPOINTS, JOURNAL
from streams.contract.stage import Message, TopicPartition
from streams.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streams.contract.stage import Bus, Record

log = logging.getLogger("citywall")

EVERY_RECORDS = 2_000
"""So many journal records lie behind the newest checkpoint, and those that come while it is written …"""
EVERY_BYTES = 16 * 2**20
"""… and no more than this much: some 40,000 findings, which are folded in two or three seconds."""
PIECES_A_TICK = 8
SLOTS = (b"a", b"b")
"""Written in turn: a crash leaves the one before whole."""
LAST_KEY = b":head"
"""The key of the record that makes a checkpoint whole ends so."""
SOURCE = TopicPartition(JOURNAL, 0)


class Checkpoint(Protocol):
    """A state that is being written."""

    def records(self, slot: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield key and value of each record to send, in this order."""


class Resumes(Protocol):
    """What of the alarm engine this needs."""

    def resume(self, records: Mapping[bytes, bytes]) -> int:
        """Go on from the newest checkpoint among these → the journal's next offset, 0 = from the beginning."""

    def is_head(self, value: bytes | None) -> bool:
        """Tell whether a journal record is the newest of what the engine holds."""

    def take(self, value: bytes | None) -> object:
        """Take the journal's next record; a start publishes nothing of it."""

    def checkpoint(self, offset: int) -> Checkpoint:
        """Return what stands, to be written."""


E = TypeVar("E", bound=Resumes)
F = TypeVar("F")


class Tail(NamedTuple):
    """What a start found of the journal."""

    end: int = 0
    """Its next offset; 0 = it is empty."""
    records: int = 0
    """Folded behind the newest checkpoint; so `size_bytes`."""
    size_bytes: int = 0
    slot: int = 0
    """The place in `SLOTS` that was made whole last: the next one goes into the other."""


NOTHING = Tail()


class Checkpoints:
    """Writes one at a time, a few pieces a tick."""

    def __init__(self, every_records: int = EVERY_RECORDS, tail: Tail = NOTHING) -> None:
        """Go on behind what a start found, so that starts lose neither count nor turn."""
        self._every = every_records
        self._since, self._since_bytes = tail.records, tail.size_bytes
        self._slot = tail.slot
        self._writing: Iterator[tuple[bytes, bytes]] | None = None

    def folded(self, records: Sequence[Record], engine: Resumes) -> None:
        """Note that these journal records were folded; take the state where there are enough of them."""
        self._since += len(records)
        self._since_bytes += sum(len(one.value or b"") for one in records)
        enough = self._since >= self._every or self._since_bytes >= EVERY_BYTES
        if enough and self._writing is None:
            self._since = self._since_bytes = 0
            self._slot = 1 - self._slot
            self._writing = engine.checkpoint(records[-1].offset + 1).records(SLOTS[self._slot])

    async def tick(self, bus: Bus) -> None:
        """Write on."""
        if self._writing is None:
            return
        pieces = list(islice(self._writing, PIECES_A_TICK))
        await bus.send([Message(CHECKPOINTS, key, value, partition=0) for key, value in pieces])
        if len(pieces) < PIECES_A_TICK:
            self._writing = None


async def begun(make: Callable[[], E], bus: Bus) -> tuple[E, Tail]:
    """Return an engine that holds the journal as it stands, and what was found of it.

    Raises FrameError with the place of a record that cannot be folded.
    """
    engine = make()
    written = [(record.key or b"", record.value) for record in await bus.read_all(CHECKPOINTS, 0) if record.value]
    begin = engine.resume(dict(written))
    if begin and not await _is_of_this_journal(engine, bus, begin):
        engine, begin = make(), 0
    if written and not begin:
        log.warning("no checkpoint of the alarms can be used here; their journal is read from its beginning")
    reader = bus.reader(JOURNAL, 0, begin)
    end = (await bus.ends([SOURCE]))[SOURCE]
    folded = size_bytes = 0
    try:
        while begin < end:
            for record in await reader.read():
                fold_at(engine.take, record)
                begin, folded, size_bytes = record.offset + 1, folded + 1, size_bytes + len(record.value or b"")
    finally:
        await reader.stop()
    return engine, Tail(begin, folded, size_bytes, _whole_last([key for key, _ in written]))


def fold_at(fold: Callable[[bytes | None], F], record: Record) -> F:
    """Fold a journal record. Raises FrameError with its place where it cannot be folded."""
    try:
        return fold(record.value)
    except FrameError as exc:
        raise FrameError(f"{exc} ({JOURNAL}, offset {record.offset})") from exc


def _whole_last(keys: Sequence[bytes]) -> int:
    """Return which of the slots was made whole last, by the keys in the order in which they were written."""
    whole = [key.removesuffix(LAST_KEY) for key in keys if key.endswith(LAST_KEY)]
    return SLOTS.index(whole[-1]) if whole and whole[-1] in SLOTS else 0


async def _is_of_this_journal(engine: Resumes, bus: Bus, begin: int) -> bool:
    end = (await bus.ends([SOURCE]))[SOURCE]
    if begin > end:
        return False
    reader = bus.reader(JOURNAL, 0, begin - 1)
    try:
        while not (found := await reader.read()):
            continue
    finally:
        await reader.stop()
    return found[0].offset == begin - 1 and engine.is_head(found[0].value)
