"""Parts of a chunk, so that what its packed records hold together is no more than a run of plain ones. Pure.

Five megabytes of gzip may hold gigabytes of JSON, and any cut of the log gives the same. A record says at its end how
much it holds; one that says too little cannot be inflated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.broker.topics import INBOX_MAX_BYTES
from streams.contract.stage import RUN_BYTES
from streams.intake.packing import GZIP
from streams.transport.wire import WireRecords

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.contract.stage import Record

_SIZE_BYTES = 4
"""Gzip's last: how much was packed (RFC 1952, ISIZE)."""


def parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Yield the records in order, each time so many that the packed ones hold `RUN_BYTES` at most, or a single one."""
    first = held_bytes = 0
    for index in _packed(records):
        says = int.from_bytes((records[index].value or b"")[-_SIZE_BYTES:], "little")
        more_bytes = min(says, INBOX_MAX_BYTES)
        if held_bytes and held_bytes + more_bytes > RUN_BYTES:
            yield records[first:index]
            first, held_bytes = index, 0
        held_bytes += more_bytes
    yield records[first:] if first else records


def _packed(records: Sequence[Record]) -> list[int]:
    """Return the places of the records that begin as gzip does."""
    if not isinstance(records, WireRecords):
        return [place for place, record in enumerate(records) if (record.value or b"").startswith(GZIP)]
    data, (start, size) = np.frombuffer(records.data, np.uint8), records.spans[2:4]
    long = np.flatnonzero(size >= len(GZIP))
    for ahead, byte in enumerate(GZIP):
        long = long[data[start[long] + ahead] == byte]
    found: list[int] = long.tolist()
    return found
