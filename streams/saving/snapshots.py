"""Snapshots of small states: one record of a `city.state.v1.…` topic each, with the input offset that it contains.

A state that may grow large is saved as a chain (`streams.saving.chains`).
Its value is the state by Zstandard, which halves it or better; its header says how long it was, and what it is a state
of. Each format has a key of its own. The one with the highest offset counts: an older one behind it was written by a
worker that had lost the partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pyarrow as pa

from streams.contract.stage import Message
from streams.errors import FrameError
from streams.saving.versions import Form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.contract.stage import Bus, Record

KEY = b"state"
"""Of what was saved before formats were in keys."""
HEADER = "snapshot.2"
"""Has the format in its name, so that code that knows only older ones ends instead of reading defaults. So has the key:
an older worker that does not know yet that it has been replaced writes over nothing."""
HEADERS = (HEADER,)
"""Of the formats with a header of their own, that this code reads."""
OFFSET, SIZE = "offset", "size"
"""Headers of format 1: next input offset; bytes of the state before compression."""

_ZSTD = pa.Codec("zstd", compression_level=1)

EVERY_S = 2.0
"""A partition is saved this often while little changes."""

AT_LEAST_EVERY_S = 4.0
"""And so often however much does: books are as old as the last snapshot, and may be 5 s old (interface)."""

BYTES_PER_S = 2**20
"""In between, states are written no faster than this."""


def pause_s(size_bytes: int) -> float:
    """Return how long to wait after so many bytes were written.

    >>> pause_s(1000), pause_s(3 * 2**20), pause_s(2**30)
    (2.0, 3.0, 4.0)
    """
    return min(max(size_bytes / BYTES_PER_S, EVERY_S), AT_LEAST_EVERY_S)


class _Header(msgspec.Struct, frozen=True):
    """Header of a snapshot."""

    offset: int
    size: int
    form: Form


class Snapshot(NamedTuple):
    """A state with its next input offset."""

    offset: int
    state: bytes
    form: Form | None
    """None = it was saved before forms were written down."""


def to_message(topic: str, partition: int, offset: int, state: bytes, form: Form) -> Message:
    """Return the record of a snapshot that contains everything below `offset` of its input partition."""
    headers = ((HEADER, msgspec.json.encode(_Header(offset, len(state), form))),)
    return Message(topic, HEADER.encode(), _ZSTD.compress(state, asbytes=True), partition, headers)


async def load(bus: Bus, topic: str, partition: int) -> Snapshot | None:
    """Return the newest snapshot, None where there is none.

    Raises FrameError when it was written by a newer version.
    """
    return newest(topic, await bus.read_all(topic, partition))


def newest(topic: str, records: Iterable[Record]) -> Snapshot | None:
    """Return the snapshot that contains most of those in records, None where there is none."""
    found = [(_header(topic, record), record.value) for record in records if record.value is not None]
    if not found:
        return None
    header, value = max(enumerate(found), key=lambda one: (one[1][0].offset, one[0]))[1]
    state: bytes = _ZSTD.decompress(value, decompressed_size=header.size, asbytes=True)
    return Snapshot(header.offset, state, header.form if header.form != Form(1, "") else None)


def _header(topic: str, record: Record) -> _Header:
    headers = dict(record.headers)
    for name in HEADERS:
        if name in headers:
            return msgspec.json.decode(headers[name], type=_Header)
    if OFFSET in headers and SIZE in headers:
        return _Header(int(headers[OFFSET]), int(headers[SIZE]), Form(1, ""))
    raise newer(topic, record.offset)


def newer(topic: str, offset: int) -> FrameError:
    """Return the error of a state that is not continued."""
    return FrameError(
        f"{topic}: the state at offset {offset} was written by a newer CityWall than this one, which does not continue "
        "it; start the newer version again"
    )
