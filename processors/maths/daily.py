"""The shape of a series' day, learnt as it goes: how far each hour lies from the level, and how widely it spreads.

Of each hour of the day (of all days) a mean and a spread, read between the middles of two hours in proportion; an hour
hardly known counts as the level itself with the spread of the whole series. A value far off teaches no more than one
`FAR` spreads off does. Weights go by event time, so that a gap of days is a gap and not a row.

state   per series: 3 numbers of each of 24 hours (float32), level and spread: 304 bytes
source  own choice, docs/methods/unusual.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

if TYPE_CHECKING:
    from processors.maths.unusual import Values

HOURS = 24
MIDDLE = 0.5
"""Hours after its begin an hour's mean stands."""
FAR = 4.0
SPREAD_OF_MEAN = 1.25
"""Standard deviation by mean absolute deviation, of a normal distribution."""
LEVEL_S, SPREAD_S = 96 * 3600.0, 28 * 3600.0
"""How fast level and spread follow."""
LONGEST_S = 20 * 60.0
"""A value stands for so long at most."""
HOUR_RATE = 0.35
"""Share of an hour's mean that one more hour of values replaces."""
HOUR_FADES, HOUR_UNKNOWN = 0.15, 3.0
"""How fast its weight fades, and how many hours of values weigh as much as knowing nothing."""
FIRST_VALUES = 12.0
"""An hour that is new learns as from so many values an hour."""
SMALLEST_RATIO = 0.3
FIRST_SPREAD = 0.1
"""Of a series' first value."""
TINY = 1e-9


def _none() -> NDArray[np.float64]:
    return np.empty(0)


def _hours() -> NDArray[np.float32]:
    return np.empty((HOURS, 0), np.float32)


@dataclass
class Daily:
    """Of n series; (24, n) by hour."""

    level: NDArray[np.float64] = field(default_factory=_none)
    spread: NDArray[np.float64] = field(default_factory=_none)
    hour_mean: NDArray[np.float32] = field(default_factory=_hours)
    """From the level."""
    hour_spread: NDArray[np.float32] = field(default_factory=_hours)
    """Sum of spreads, to be divided by the weight."""
    hour_weight: NDArray[np.float32] = field(default_factory=_hours)
    """Hours of values."""


class Hours(NamedTuple):
    """(n,) the two hours between whose middles each value lies, and how near it is to the second."""

    one: NDArray[np.int64]
    two: NDArray[np.int64]
    share: NDArray[np.float64]


class Expected(NamedTuple):
    """(n,) level, what the hour adds to it, spread, and how much wider the hour spreads than the whole."""

    level: NDArray[np.float64]
    offset: NDArray[np.float64]
    spread: NDArray[np.float64]
    ratio: NDArray[np.float64]


def grow(of: Daily, series: int) -> None:
    """Make room for new series, of which nothing is known."""
    more = series - len(of.level)
    of.level, of.spread = (np.concatenate([one, np.zeros(more)]) for one in (of.level, of.spread))
    blank = np.zeros((HOURS, more), np.float32)
    of.hour_mean, of.hour_spread, of.hour_weight = (
        np.concatenate([one, blank], axis=1) for one in (of.hour_mean, of.hour_spread, of.hour_weight)
    )


def hours(hour: NDArray[np.float64]) -> Hours:
    """Return between which hours of the day (n,) moments lie, hours since midnight."""
    middle = hour - MIDDLE
    one = np.floor(middle).astype(np.int64)
    return Hours(one % HOURS, (one + 1) % HOURS, middle - one)


def begin(of: Daily, series: NDArray[np.int64], value: NDArray[np.float64]) -> None:
    """Take the first values of series."""
    of.level[series] = value
    of.spread[series] = np.maximum(np.abs(value) * FIRST_SPREAD, TINY)


def expected(of: Daily, series: NDArray[np.int64], at: Hours) -> Expected:
    """Return what is expected of (n,) series."""
    spread = of.spread[series]
    offset, wide = np.zeros(len(series)), np.zeros(len(series))
    for hour, share in ((at.one, 1 - at.share), (at.two, at.share)):
        weight = of.hour_weight[hour, series].astype(np.float64)
        offset += share * of.hour_mean[hour, series] * weight / (weight + 1)
        wide += share * (of.hour_spread[hour, series] + HOUR_UNKNOWN * spread) / (weight + HOUR_UNKNOWN)
    return Expected(of.level[series], offset, spread, np.maximum(wide / spread, SMALLEST_RATIO))


def learn(of: Daily, values: Values, at: Hours, was: Expected) -> None:
    """Take (n,) values, judged by what was expected of them."""
    series, far = values.series, FAR * was.spread
    weighs = np.maximum(1 / (values.seen + 1.0), values.since_s / (values.since_s + LEVEL_S))
    of.level[series] = was.level + weighs * np.clip(values.value - was.level, -far, far)
    off = np.abs(values.value - was.level - was.offset)
    weighs = np.maximum(1 / (values.seen + 3.0), values.since_s / (values.since_s + SPREAD_S))
    spread = was.spread + weighs * (np.minimum(off, far) * SPREAD_OF_MEAN - was.spread)
    of.spread[series] = np.maximum(spread, TINY)
    stands = np.minimum(values.since_s, LONGEST_S) / 3600.0
    for hour, share in ((at.one, 1 - at.share), (at.two, at.share)):
        mean, weight = of.hour_mean[hour, series].astype(np.float64), of.hour_weight[hour, series].astype(np.float64)
        hours_more = share * stands
        rate = np.maximum(HOUR_RATE * hours_more, share / (weight * FIRST_VALUES + 1.0))
        of.hour_mean[hour, series] = mean + np.minimum(rate, 1.0) * np.clip(
            values.value - of.level[series] - mean, -far, far
        )
        fades = 1 / (1 + HOUR_FADES * hours_more)
        wide = hours_more * np.minimum(off, 2 * far) * SPREAD_OF_MEAN
        of.hour_spread[hour, series] = of.hour_spread[hour, series] * fades + wide
        of.hour_weight[hour, series] = weight * fades + hours_more
