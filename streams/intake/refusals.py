"""Which refused values become dead letters: the first ten a minute of one sensor and column; all are counted. Pure.

The minute is that of the record's arrival, by the city clock: arrival only goes forward, so one minute is all that has
to be remembered, and a sensor that sends an old hour again does not write thousands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from streams.contract.durations import MINUTE_MS
from streams.intake.values import REASONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.intake.columns import Columns
    from streams.intake.values import RefusedValues

MOST_LETTERS = 10
"""Dead letters a minute for the values of one sensor and column."""
MOST_PAIRS = 4_000
"""Pairs of sensor and column of one minute and inbox partition that get any: the state is written after each chunk."""


class Told(msgspec.Struct, kw_only=True):
    """Dead letters that the values of one inbox partition have had in its newest minute."""

    minute_ms: int = 0
    letters: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """Column → sensor → letters."""


def choose(
    refused: Sequence[RefusedValues], rows: Columns, arrived_ms: NDArray[np.int64], city: City, told: Told
) -> tuple[list[tuple[int, str, str]], Told]:
    """Return (row, column, reason) of the values that become dead letters, by row, and what is told now.

    `arrived_ms` is (records,).
    """
    found: list[tuple[int, str, str]] = []
    if not refused:
        return found, told
    told = Told(minute_ms=told.minute_ms, letters={column: dict(of) for column, of in told.letters.items()})
    minutes = [arrived_ms[rows.record[one.row]] // MINUTE_MS * MINUTE_MS for one in refused]
    for minute_ms in np.unique(np.concatenate(minutes)).tolist():
        if minute_ms != told.minute_ms:
            told = Told(minute_ms=minute_ms)
        for one, minute in zip(refused, minutes, strict=True):
            now = minute == minute_ms
            row, reason = one.row[now], one.reason[now]
            chosen = _first(rows.sensor[row], one.column, city, told)
            pairs = zip(row[chosen].tolist(), reason[chosen].tolist(), strict=True)
            found += [(at, one.column, REASONS[why]) for at, why in pairs]
    return sorted(found, key=lambda letter: letter[0]), told


def _first(sensor: NDArray[np.int32], column: str, city: City, told: Told) -> NDArray[np.bool_]:
    """Return (k,) bool: the values of (k,) sensors that still get a letter, and note them in `told`."""
    letters = told.letters.setdefault(column, {})
    room = MOST_PAIRS - sum(map(len, told.letters.values()))
    codes, place, count = np.unique(sensor, return_inverse=True, return_counts=True)
    before = np.zeros(len(codes), np.int64)
    for index, code in enumerate(codes.tolist()):
        name = city.sensors[code].id
        had = letters.get(name, 0 if room > 0 else MOST_LETTERS)
        before[index] = had
        if had < MOST_LETTERS:
            room -= name not in letters
            letters[name] = min(had + int(count[index]), MOST_LETTERS)
    order = np.argsort(place, kind="stable")
    rank = np.empty(len(sensor), np.int64)
    rank[order] = np.arange(len(sensor)) - np.repeat(np.cumsum(count) - count, count)
    chosen: NDArray[np.bool_] = rank + before[place] < MOST_LETTERS
    return chosen
