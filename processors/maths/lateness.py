"""Which sensors deliver late: the share of an hour's readings, judged when nothing more can come for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.findings import Finding
from processors.maths.places import grown
from streams.contract.durations import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL, LATE = range(2)


@dataclass
class Lateness:
    """By the hour: (2, m) ALL readings and LATE ones. (m,) 1 = it has an alarm of its own for being late."""

    hours: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    late: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


class Limits(NamedTuple):
    """What it is called; share of late readings from which on it is so, below which no more; readings that it takes."""

    kind: str
    late_ratio: float
    cleared_ratio: float
    least_count: int


def count(of: Lateness, hour_ms: int, readings: NDArray[np.int64], *, late: bool) -> None:
    """Add (m,) readings to an hour."""
    counts = grown(of.hours.get(hour_ms, np.zeros((2, 0), np.int64)), len(readings))
    counts[ALL] += readings
    if late:
        counts[LATE] += readings
    of.hours[hour_ms] = counts


def judge(of: Lateness, up_to_ms: int, present: NDArray[np.bool_], limits: Limits) -> Iterator[Finding]:
    """Judge the hours that begin by then, in their order; `present` is (m,)."""
    for hour_ms in sorted(hour for hour in of.hours if hour <= up_to_ms):
        counts = grown(of.hours.pop(hour_ms), len(present))
        of.late = grown(of.late, len(present))
        enough = present & (counts[ALL] >= limits.least_count)
        share = counts[LATE] / np.maximum(counts[ALL], 1)
        begins = enough & (share >= limits.late_ratio) & (of.late == 0)
        ends = enough & (share < limits.cleared_ratio) & (of.late == 1)
        of.late = np.where(begins, 1, np.where(ends, 0, of.late))
        for place in np.flatnonzero(begins | ends).tolist():
            on = bool(begins[place])
            yield Finding(limits.kind, place, hour_ms, hour_ms + HOUR_MS, on, float(share[place]), limits.late_ratio)
