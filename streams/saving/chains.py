"""Chains: how a stage saves a large state, as a full step and steps of what changed, in a `city.state.v1.…` topic.

A chain is one full step (number 0) and the steps after it, each with the input offset that the state then contains.
A step is sent in parts of at most `PART_BYTES`; it counts when all of them are there, and all steps before it. Every
chain has an id of its own and every part a key of its own, so compaction takes nothing that a chain still needs and no
second writer can touch another's chain. When the steps have come to hold as much as the full one, the next step begins
a new chain; only when that is acknowledged are the keys of all chains seen before deleted. So at any moment, whoever
else writes and whenever a process ends, the last chain that was begun whole is there, and what is read at a start stays
below twice the state and one step. A reader takes the chain that reaches the highest offset.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pyarrow as pa

from streams.contract.stage import Message
from streams.errors import ExactnessError, FrameError
from streams.saving.pieces import Change, Pieces, Tree, apply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.contract.stage import Bus, Record

PART_BYTES = 768 * 1024
"""Kafka takes 1 MiB in a record unless it is told otherwise."""

RECORD_BYTES = 1024
"""What a record costs besides its value, when it is weighed whether to begin a new chain."""

HEADER = "step"

_ZSTD = pa.Codec("zstd", compression_level=1)


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


class Found(NamedTuple):
    """What a topic holds: the newest state with its next input offset (None = there is none), and every key."""

    offset: int
    tree: Tree | None
    keys: tuple[bytes, ...]


class Chain:
    """Saves one partition's state. Invariant: `_stale` are keys that the chain at hand makes worthless."""

    def __init__(self, topic: str, partition: int, stale: Sequence[bytes] = ()) -> None:
        self._topic = topic
        self._partition = partition
        self._stale = list(stale)
        self._keys: list[bytes] = []
        self._pieces = Pieces()
        self._id = ""
        self._number = 0
        self._full_bytes = self._since_bytes = 0

    async def save(self, bus: Bus, offset: int, state: object) -> int:
        """Write what changed since the last call, or a new chain → bytes written."""
        begins = self._since_bytes >= self._full_bytes
        if begins:
            self._begin()
        data = msgspec.msgpack.encode(self._pieces.changes(state))
        messages = self._parts(_ZSTD.compress(data, asbytes=True), offset, len(data))
        await bus.send(messages)
        size_bytes = sum(len(one.value or b"") + RECORD_BYTES for one in messages)
        self._number += 1
        self._keys += [one.key for one in messages]
        if begins:
            self._full_bytes, self._since_bytes = size_bytes, 0
            await bus.send([Message(self._topic, key, None, self._partition) for key in self._stale])
            self._stale.clear()
        else:
            self._since_bytes += size_bytes
        return size_bytes

    def _begin(self) -> None:
        self._id, self._number = secrets.token_hex(8), 0
        self._stale += self._keys
        self._keys = []
        self._pieces = Pieces()

    def _parts(self, data: bytes, offset: int, size: int) -> list[Message]:
        cuts = [data[first : first + PART_BYTES] for first in range(0, len(data), PART_BYTES)]
        messages = []
        for part, value in enumerate(cuts):
            step = Step(chain=self._id, number=self._number, part=part, parts=len(cuts), offset=offset, size=size)
            key = f"{self._id}/{self._number}/{part}".encode()
            messages.append(Message(self._topic, key, value, self._partition, ((HEADER, msgspec.json.encode(step)),)))
        return messages


async def load(bus: Bus, topic: str, partition: int) -> Found:
    """Read the newest state.

    Raises ExactnessError when there was one and none is whole: going on without would count everything again.
    Raises FrameError when a record is not of this version.
    """
    newest = {record.key or b"": record for record in await bus.read_all(topic, partition)}
    records = {key: record for key, record in newest.items() if record.value is not None}
    steps = [(_step(topic, record), record) for record in records.values()]
    parts: defaultdict[str, dict[tuple[int, int], tuple[Step, Record]]] = defaultdict(dict)
    for step, record in steps:
        parts[step.chain][step.number, step.part] = (step, record)
    chains = [whole for whole in map(_whole, parts.values()) if whole]
    if chains:
        best = max(chains, key=lambda chain: chain[-1][0].offset)
        return Found(best[-1][0].offset, _tree(best), tuple(newest))
    if len(records) < len(newest) or any(step.number for step, _ in steps):
        raise ExactnessError(f"{topic}[{partition}] has lost its state's beginning; starting again to read it again")
    return Found(0, None, tuple(newest))


def _step(topic: str, record: Record) -> Step:
    try:
        return msgspec.json.decode(dict(record.headers)[HEADER], type=Step)
    except (KeyError, msgspec.DecodeError) as exc:
        raise FrameError(f"{topic}: state of another version cannot be read; begin with an empty Kafka") from exc


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
