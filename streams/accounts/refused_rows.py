"""Rows that the history refused, in the books of the hours that they tell of. Pure.

Their readings are in no row that the audit could count, so the history sink names them, in the history itself, before
it says that it has stored what came with them: `hour:<start>:history:all:<offset of the metrics record>`.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from streams.accounts import ledger
from streams.contract.durations import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.contract.records import Rows

STAGE, DOMAIN = "history", "all"
MOST_ROWS = 2_000
"""So many are named of one record and hour, some 200 kB; those beyond are missing in the audit."""

_WHAT = ("metric", "entity", "window_s", "at_ms", "revision", "count")
Held: TypeAlias = "Callable[[str, str, int, int], tuple[int, int] | None]"
"""(metric, entity, window_s, at_ms) → revision and count of the row that the history holds, None = it has none."""


def books(offset: int, rows: Rows) -> dict[str, str]:
    """Return the books of the rows of one record of metrics that the history refused, key → JSON."""
    columns = [getattr(rows, name).tolist() for name in _WHAT]
    named = [row for row in zip(*columns, strict=True) if row[5] and row[4] >= 0 and row[2] * 1000 < HOUR_MS]
    named.sort(key=lambda row: row[3])
    found = {}
    for start_ms, of_hour in groupby(named, key=lambda row: ledger.hour_of(row[3])):
        book = {"refused": list(of_hour)[:MOST_ROWS]}
        found[ledger.key_of(STAGE, DOMAIN, offset, start_ms)] = msgspec.json.encode(book).decode()
    return found


def counts(settled: Mapping[str, Mapping[str, Any]], hour_ms: int, held: Held) -> Counter[tuple[str, str]]:
    """Sum up what the refused rows of an hour count → (metric, entity) → readings or values.

    A later revision may have been taken, or an earlier one stand there: only what lies between is missing.
    """
    found = Counter[tuple[str, str]]()
    for (metric, entity, window_s, at_ms), (revision, count) in sorted(_newest(_rows(settled, hour_ms)).items()):
        row = held(metric, entity, window_s, at_ms)
        if row is None:
            found[metric, entity] += count
        elif row[0] < revision:
            found[metric, entity] += count - row[1]
    return found


def _rows(settled: Mapping[str, Mapping[str, Any]], hour_ms: int) -> Iterable[list[Any]]:
    for key, book in settled.items():
        stage, domain, _, start_ms = ledger.parse_key(key)
        if (stage, domain, start_ms) == (STAGE, DOMAIN, hour_ms):
            yield from book["refused"]


def _newest(rows: Iterable[list[Any]]) -> dict[tuple[str, str, int, int], tuple[int, int]]:
    found: dict[tuple[str, str, int, int], tuple[int, int]] = {}
    for metric, entity, window_s, at_ms, revision, count in rows:
        place = (metric, entity, window_s, at_ms)
        found[place] = max(found.get(place, (revision, count)), (revision, count))
    return found
