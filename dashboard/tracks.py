"""A value over event time in equal buckets: what sparklines and trends are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_BAND_DAYS = 3
BAND_SHARES = (10, 90)
"""Percentiles of earlier days that bound a normal band."""


class Track:
    """The last value of each bucket, for the newest `length` buckets. Event time may jump back: then it begins anew."""

    def __init__(self, bucket_ms: int, length: int) -> None:
        self.bucket_ms, self.length = bucket_ms, length
        self._values: dict[int, float | None] = {}
        self.last = -(2**62)

    def put(self, at_ms: int, value: float | None) -> None:
        """Take a value; one that is older than the whole track clears it (the city's clock was set back)."""
        bucket = at_ms // self.bucket_ms
        if bucket < self.last - self.length:
            self._values.clear()
            self.last = bucket
        self._values[bucket] = value
        if bucket > self.last:
            self.last = bucket
            for old in [known for known in self._values if known <= bucket - self.length]:
                del self._values[old]

    def seed(self, rows: Iterable[tuple[int, float | None]]) -> None:
        """Take earlier values without replacing those that are there."""
        for at_ms, value in rows:
            bucket = at_ms // self.bucket_ms
            if bucket not in self._values and bucket > self.last - self.length:
                self.put(at_ms, value)

    def values(self) -> list[float | None]:
        """Return the newest `length` buckets, oldest first, None = nothing known."""
        return [self._values.get(bucket) for bucket in range(self.last - self.length + 1, self.last + 1)]

    def since(self, from_ms: int, count: int) -> list[float | None]:
        """Return `count` buckets from a time on."""
        first = from_ms // self.bucket_ms
        return [self._values.get(bucket) for bucket in range(first, first + count)]

    def spread(self, from_ms: int, step_ms: int, count: int) -> list[float | None]:
        """Return the last known value of each of `count` steps from a time on; a step is no shorter than a bucket."""
        found: list[float | None] = [None] * count
        for bucket in sorted(self._values):
            step = (bucket * self.bucket_ms - from_ms) // step_ms
            if 0 <= step < count and self._values[bucket] is not None:
                found[step] = self._values[bucket]
        return found


def band(days: list[list[float | None]]) -> list[list[float] | None]:
    """Return [low, high] per slot of the clock's face, from that slot and its neighbours on earlier days.

    None where a slot's days are too few, nothing at all where all days are.
    """
    if len(days) < MIN_BAND_DAYS:
        return []
    table = np.array([[np.nan if value is None else value for value in day] for day in days], np.float64)
    known = np.isfinite(table).sum(axis=0)
    wide = np.concatenate([np.roll(table, shift, axis=1) for shift in (-1, 0, 1)])
    out: list[list[float] | None] = []
    for slot in range(table.shape[1]):
        column = wide[:, slot]
        column = column[np.isfinite(column)]
        if known[slot] < MIN_BAND_DAYS or not len(column):
            out.append(None)
            continue
        low, high = np.percentile(column, BAND_SHARES)
        out.append([round(float(low), 4), round(float(high), 4)])
    return out
