"""Chains: how a stage saves a large state, as a full step and steps of what changed, in a `city.state.v1.…` topic.

A chain is one full step (number 0) and the steps after it, each with the input offset that the state then contains.
A step is sent in parts of at most `PART_BYTES`; it counts when all of them are there, and all steps before it. Every
chain has an id of its own and every part a key of its own, so compaction takes nothing that a chain still needs and no
second writer can touch another's chain. When the steps have come to hold as much as the full one, the next step begins
a new chain; only when that is acknowledged are the keys of all chains seen before deleted. So at any moment, whoever
else writes and whenever a process ends, the last chain that was begun whole is there, and what is read at a start stays
below twice the state and one step. A reader takes the chain that reaches the highest offset.

The caller lets nobody touch the state until it is saved, so a step is of one moment. It is packed and compressed in a
thread of its own meanwhile, and sent part by part: the event loop goes on, however large the state.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa

from streams.contract.stage import Message
from streams.errors import ExactnessError
from streams.saving import notes, snapshots
from streams.saving import state as state_codec
from streams.saving.notes import Note
from streams.saving.pieces import Change, Pieces, Tree, apply, joined
from streams.saving.versions import Forms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.contract.stage import Bus, Record

PART_BYTES = 768 * 1024
"""Kafka takes 1 MiB in a record unless it is told otherwise."""

RECORD_BYTES = 1024
"""What a record costs besides its value, when it is weighed whether to begin a new chain."""

FORMAT = 2
"""Of the chains that this code writes; what is older is read, what is newer never continued. 0: one record a state, of
0.1.0 (`streams.saving.snapshots`); 1: no forms beside the state; 2: the forms of all states with it."""

WITH_FORMS = 2
"""The first format that has them."""

HEADER = "step.2"
"""Has the format in its name, so that code that knows only older ones ends instead of reading defaults."""
_HEADERS = {"step": 1, HEADER: FORMAT}

_ZSTD = pa.Codec("zstd", compression_level=1)

BLOCK_BYTES = 2**20
"""A step is encoded and compressed in blocks of about that: the interpreter is held no longer than by one of them."""

_packer = ThreadPoolExecutor(1, "saving")
"""One thread: a worker saves one partition at a time."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Header of a part: which one of which step of which chain."""

    chain: str
    number: int
    part: int
    parts: int
    offset: int
    """The state contains everything below this offset of its input partition."""
    size: int
    """Bytes of the step before compression."""


@dataclass
class _Saved:
    """Root of a chain of format 2."""

    forms: Forms
    state: Any


class Found(NamedTuple):
    """What a topic holds: the newest state with its next input offset, and the keys that a new chain will outdate."""

    offset: int = 0
    tree: Tree | None = None
    """None = there is none, or it is `single`."""
    keys: tuple[bytes, ...] = ()
    forms: Forms | None = None
    """Of the states in the tree; None = it was saved before they were written down."""
    single: bytes | None = None
    """A state of format 0."""
    notes: tuple[Note, ...] = ()


class Chain:
    """Saves one partition's state. Invariant: `_stale` are keys that the chain at hand makes worthless."""

    def __init__(self, topic: str, partition: int, stale: Sequence[bytes] = (), forms: Forms | None = None) -> None:
        self._forms = forms or Forms()
        self._topic = topic
        self._partition = partition
        self._stale = list(stale)
        self._keys: list[bytes] = []
        self._pieces = Pieces()
        self._id = ""
        self._number = 0
        self._full_bytes = self._since_bytes = 0
        self._cut_off = False
        """A save did not come to its end: what `_pieces` holds as saved may not be."""

    async def save(self, bus: Bus, offset: int, state: object) -> int:
        """Write what changed since the last call, or a new chain → bytes written.

        Nobody may change the state meanwhile.
        """
        begins = self._cut_off or self._since_bytes >= self._full_bytes
        if begins:
            self._begin()
        self._cut_off = True
        packing = asyncio.get_running_loop().run_in_executor(_packer, _packed, self._pieces, _Saved(self._forms, state))
        cuts, size = await packing
        messages = self._parts(cuts, offset, size)
        self._keys += [one.key for one in messages]
        for one in messages:  # one by one: to make all of a large state into batches would take long
            await bus.send([one])
        size_bytes = sum(len(one.value or b"") + RECORD_BYTES for one in messages)
        self._number += 1
        if begins:
            self._full_bytes, self._since_bytes = size_bytes, 0
            await bus.send([Message(self._topic, key, None, self._partition) for key in self._stale])
            self._stale.clear()
        else:
            self._since_bytes += size_bytes
        self._cut_off = False
        return size_bytes

    def _begin(self) -> None:
        self._id, self._number = secrets.token_hex(8), 0
        self._stale += self._keys
        self._keys = []
        self._pieces = Pieces()

    def _parts(self, cuts: Sequence[bytes], offset: int, size: int) -> list[Message]:
        messages = []
        for part, value in enumerate(cuts):
            step = Step(chain=self._id, number=self._number, part=part, parts=len(cuts), offset=offset, size=size)
            key = f"{self._id}/{self._number}/{part}".encode()
            messages.append(Message(self._topic, key, value, self._partition, ((HEADER, msgspec.json.encode(step)),)))
        return messages


def _packed(pieces: Pieces, state: _Saved) -> tuple[list[bytes], int]:
    """Return what changed by Zstandard, cut into parts, and how many bytes it was."""
    changes = pieces.changes(state)
    block = [b"\xdd" + len(changes).to_bytes(4, "big")]  # a list in MessagePack, its elements follow
    frames, size, in_block = [], 0, len(block[0])
    for change in changes:
        if in_block >= BLOCK_BYTES:
            frames.append(_ZSTD.compress(b"".join(block), asbytes=True))
            block, size, in_block = [], size + in_block, 0
        block.append(msgspec.msgpack.encode(change))
        in_block += len(block[-1])
    frames.append(_ZSTD.compress(b"".join(block), asbytes=True))
    data = b"".join(frames)  # frames behind one another are what their contents behind one another would be
    return [data[first : first + PART_BYTES] for first in range(0, len(data), PART_BYTES)], size + in_block


async def load(bus: Bus, topic: str, partition: int) -> Found:
    """Read the newest state.

    Raises ExactnessError when there was one and none is whole: going on without would count everything again.
    Raises FrameError when a record was written by a newer version.
    """
    found = await bus.read_all(topic, partition)
    newest = {record.key or b"": record for record in found}
    told = notes.take(newest)
    keys = tuple(newest)
    records = {key: record for key, record in newest.items() if record.value is not None}
    single = None
    if records.pop(snapshots.KEY, None) is not None:
        single = snapshots.newest(topic, [record for record in found if record.key == snapshots.KEY])
    steps = [(*_step(topic, record), record) for record in records.values()]
    parts: defaultdict[str, dict[tuple[int, int], tuple[Step, Record]]] = defaultdict(dict)
    for _, step, record in steps:
        parts[step.chain][step.number, step.part] = (step, record)
    formats = {step.chain: number for number, step, _ in steps}
    chains = [whole for whole in map(_whole, parts.values()) if whole]
    best = max(chains, key=lambda chain: chain[-1][0].offset, default=None)
    if single is not None and (best is None or single.offset > best[-1][0].offset):
        return Found(offset=single.offset, single=single.state, keys=keys, notes=told)
    if best is None:
        if len(records) < len(newest) or any(step.number for _, step, _ in steps):
            raise ExactnessError(
                f"{topic}[{partition}] has lost its state's beginning; starting again to read it again"
            )
        return Found(keys=keys, notes=told)
    tree, forms = _tree(best), None
    if formats[best[0][0].chain] >= WITH_FORMS:
        forms, tree = _opened(tree)
    return Found(offset=best[-1][0].offset, tree=tree, keys=keys, forms=forms, notes=told)


def _step(topic: str, record: Record) -> tuple[int, Step]:
    """Return a part's format and header."""
    for name, value in record.headers:
        if name in _HEADERS:
            return _HEADERS[name], msgspec.json.decode(value, type=Step)
    raise snapshots.newer(topic, record.offset)


def _opened(tree: Tree) -> tuple[Forms, Tree]:
    """Take a root of format 2 apart."""
    forms, state = (tree[state_codec.encode(name)] for name in ("forms", "state"))
    return msgspec.msgpack.decode(joined(forms), type=Forms), state if isinstance(state, dict) else {}


def _whole(parts: Mapping[tuple[int, int], tuple[Step, Record]]) -> list[tuple[Step, bytes]]:
    """Return a chain's steps with their bytes, up to the first of which something is missing."""
    steps: list[tuple[Step, bytes]] = []
    while (first := parts.get((len(steps), 0))) is not None:
        found = [parts.get((len(steps), part)) for part in range(first[0].parts)]
        values = [one[1].value for one in found if one is not None and one[1].value is not None]
        if len(values) < len(found):
            break
        steps.append((first[0], b"".join(values)))
    return steps


def _tree(chain: Sequence[tuple[Step, bytes]]) -> Tree:
    tree: Tree = {}
    for step, value in chain:
        data = _ZSTD.decompress(value, decompressed_size=step.size, asbytes=True)
        apply(tree, msgspec.msgpack.decode(data, type=list[Change]))
    return tree
