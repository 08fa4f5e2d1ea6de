"""The books by the hour: in which hour a reading counts, and when nothing can be added to an hour any more. Pure.

A reading counts at its *book time*: its event time, but never before the oldest that its source is still allowed (its
domain's late limit, and its sensor's lag, behind its mark). Intake and the zone stage work it out from the same two
numbers of a row, so they agree on every row. A reading without a usable time counts when its record was sent, by the
city clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.broker import topics
from streams.contract.durations import HOUR_MS
from streams.contract.stage import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

SETTLED_AFTER_LIMITS = 2
"""So many late limits after its end an hour is settled: nothing is admitted for it after half of that."""
PREFIX = "hour:"
"""Keys of the books of settled hours on `city.books.v1`: `hour:<start, epoch ms>:<stage>:<domain>:<partition>`."""


def hour_of(at_ms: int) -> int:
    """Return the start of the hour that holds an instant."""
    return at_ms - at_ms % HOUR_MS


def by_hour(
    at_ms: NDArray[np.int64], lag_ms: NDArray[np.int64] | None = None, limit_ms: int = 0
) -> list[tuple[int, NDArray[np.bool_] | None]]:
    """Return the hours in which rows count, rising, each with its rows: a mask, None = all of them.

    Without `lag_ms` no row is too late; with it, one more than `limit_ms` behind is.

    >>> hour = by_hour(np.array([3_600_000, 3_599_999]), np.array([0, 1]), 1)
    >>> [(start_ms, rows.tolist()) for start_ms, rows in hour]
    [(0, [False, True]), (3600000, [True, False])]
    """
    if not at_ms.size:
        return []
    book_ms = at_ms
    if lag_ms is not None and int(lag_ms.max()) > limit_ms:
        book_ms = at_ms + np.maximum(lag_ms - limit_ms, 0)
    first, last = hour_of(int(book_ms.min())), hour_of(int(book_ms.max()))
    if first == last:
        return [(first, None)]
    hour = book_ms - book_ms % HOUR_MS
    return [(start_ms, hour == start_ms) for start_ms in np.unique(hour).tolist()]


def settled(hours: Iterable[int], mark_ms: int, limit_ms: int) -> list[int]:
    """List the hours that nothing can be added to any more once a source, or a zone's watermark, is at `mark_ms`."""
    after_ms = HOUR_MS + SETTLED_AFTER_LIMITS * limit_ms
    return sorted(start_ms for start_ms in hours if start_ms + after_ms <= mark_ms)


def to_message(stage: str, domain: str, partition: int, start_ms: int, counts: Mapping[str, Any]) -> Message:
    """Return the book of a settled hour; sent again it says the same."""
    return Message(topics.BOOKS, key_of(stage, domain, partition, start_ms).encode(), msgspec.json.encode(counts), 0)


def key_of(stage: str, domain: str, partition: int, start_ms: int) -> str:
    """Return the key of a settled hour's book."""
    return f"{PREFIX}{start_ms}:{stage}:{domain}:{partition}"


def parse_key(key: str) -> tuple[str, str, int, int]:
    """Return stage, domain, partition and start of a settled hour's key."""
    _, start_ms, stage, domain, partition = key.split(":")
    return stage, domain, int(partition), int(start_ms)
