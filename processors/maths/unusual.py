"""How unusual each value of a series is, 0 to 1, and why: level, trend, spread or frozen; silence where none comes.

The root of a value, whose spread depends less on its size, is compared with the level of its series, and with what the
hour of the day makes of it (`daily`), singly (level) and as a mean that follows in 20 minutes (trend); how far values
lie off is compared as well (spread).
Each of these is told by its own standard deviation over the last weeks, which outliers widen: what has happened often
is no news. The farthest decides: so many deviations z give z² / (z² + Z²), 0.5 at `TOLD_DEVIATIONS`. What is told is
no news for `QUIET_S`, unless it becomes `WORSE` times as far: until then it stays below 0.5. In its first day, and with
fewer than `KNOWN_VALUES`, a series has no ratio.

Only sums, products, quotients and roots, by event time: any cut of the input gives the same bits on every machine.

state   per series: `daily` 304 bytes, 5 sums and squares 80, smoothed 24, the rest 88: 496 bytes
source  own choice, docs/methods/unusual.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import daily
from processors.maths.daily import Daily
from processors.maths.places import grown
from streams.contract.durations import DAY_MS, DAY_S, HOUR_S, MINUTE_S
from streams.contract.records import NO_TIME_MS

LEVEL, TREND, SPREAD, FROZEN, SILENCE = REASONS = ("level", "trend", "spread", "frozen", "silence")
MEASURES = (LEVEL, TREND, LEVEL, TREND, SPREAD)
"""Reasons of what is compared: with the level alone, then with the hour of the day too."""
TREND_S, SPREAD_S, SPREAD_WEIGHT = 20.0 * MINUTE_S, 60.0 * MINUTE_S, 0.85
SMOOTHED_S = np.array([[TREND_S], [TREND_S], [SPREAD_S]])
STANDS = 1.0
"""Of its own length a mean takes no more from one value."""
TOLD_DEVIATIONS = 3.5
QUIET_S, WORSE, MUTED = 8.0 * HOUR_S, 2.0, 0.5
FORGETS_S = 60.0 * DAY_S
KNOWN_MS, KNOWN_VALUES = DAY_MS, 150
FROZEN_S, FROZEN_VALUES, FROZEN_LONGER = 30.0 * MINUTE_S, 10, 3
"""A run of one value, not 0, is frozen when it is so long, and so many times longer than any before."""
SILENT_INTERVALS = 3
INTERVAL_VALUES, LONGEST_INTERVAL_S, FIRST_INTERVAL_S = 100, 4.0 * HOUR_S, 5.0 * MINUTE_S
LEAST_S = 1.0
GAP = 4
"""A mean begins anew after so many times its own length."""
TINY = 1e-12
DIGITS = 6


def _none() -> NDArray[np.float64]:
    return np.empty(0)


def _whole() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


def _sums(rows: int) -> NDArray[np.float64]:
    return np.empty((rows, 0))


@dataclass
class Unusual:
    """Of n series; what has a row a measure is (5, n)."""

    daily: Daily = field(default_factory=Daily)
    smoothed: NDArray[np.float64] = field(default_factory=lambda: _sums(len(SMOOTHED_S)))
    weight: NDArray[np.float64] = field(default_factory=_none)
    total: NDArray[np.float64] = field(default_factory=lambda: _sums(len(MEASURES)))
    squares: NDArray[np.float64] = field(default_factory=lambda: _sums(len(MEASURES)))
    count: NDArray[np.int64] = field(default_factory=_whole)
    first_ms: NDArray[np.int64] = field(default_factory=_whole)
    last_ms: NDArray[np.int64] = field(default_factory=_whole)
    interval_s: NDArray[np.float64] = field(default_factory=_none)
    value: NDArray[np.float64] = field(default_factory=_none)
    """The last one, …"""
    run: NDArray[np.int64] = field(default_factory=_whole)
    """… how many times it has come, since when, and the longest run that is over."""
    run_ms: NDArray[np.int64] = field(default_factory=_whole)
    longest: NDArray[np.int64] = field(default_factory=_whole)
    told_ms: NDArray[np.int64] = field(default_factory=_whole)
    told: NDArray[np.float64] = field(default_factory=_none)
    """When something was told last, and how many deviations off it was."""


class Values(NamedTuple):
    """(n,) values of series, each series once: how long after the one before, and how many there were."""

    series: NDArray[np.int64]
    value: NDArray[np.float64]
    since_s: NDArray[np.float64]
    seen: NDArray[np.int64]


class Judged(NamedTuple):
    """(n,) ratio 0 to 1, NaN = not yet known; the number of its reason; how far off in spreads, with sign."""

    ratio: NDArray[np.float64]
    reason: NDArray[np.int64]
    deviation: NDArray[np.float64]


def grow(of: Unusual, series: int) -> None:
    """Make room for new series, of which nothing is known."""
    if series <= len(of.count):
        return
    daily.grow(of.daily, series)
    more = series - len(of.count)
    for name in ("smoothed", "total", "squares", "weight", "interval_s", "value", "told"):
        array = getattr(of, name)
        setattr(of, name, np.concatenate([array, np.zeros((*array.shape[:-1], more))], axis=-1))
    for name in ("count", "run", "longest"):
        setattr(of, name, grown(getattr(of, name), series))
    for name in ("first_ms", "last_ms", "run_ms", "told_ms"):
        setattr(of, name, grown(getattr(of, name), series, NO_TIME_MS))


def take(
    of: Unusual, series: NDArray[np.int64], at_ms: NDArray[np.int64], told: tuple[NDArray[np.float64], ...]
) -> Judged:
    """Judge (n,) values, each of another series, by what was known before them, then learn them.

    `told` are the values and the hours since their local midnight. What is no number is not judged and teaches nothing;
    what comes out of order is judged as if it came at once.
    """
    value, hour = told
    judged = Judged(np.full(len(series), np.nan), np.zeros(len(series), np.int64), np.full(len(series), np.nan))
    heard = np.flatnonzero(np.isfinite(value))
    if heard.size:
        found = _take(of, series[heard], at_ms[heard], (value[heard], hour[heard]))
        for whole, part in zip(judged, found, strict=True):
            whole[heard] = part
    return judged


def _take(
    of: Unusual, series: NDArray[np.int64], at_ms: NDArray[np.int64], told: tuple[NDArray[np.float64], ...]
) -> Judged:
    value, at = np.sign(told[0]) * np.sqrt(np.abs(told[0])), daily.hours(told[1])
    new = of.count[series] == 0
    if new.any():
        daily.begin(of.daily, series[new], value[new])
        of.first_ms[series[new]] = of.last_ms[series[new]] = of.run_ms[series[new]] = at_ms[new]
        of.interval_s[series[new]] = FIRST_INTERVAL_S
    since_s = np.where(new, FIRST_INTERVAL_S, np.maximum((at_ms - of.last_ms[series]) / 1000, LEAST_S))
    values = Values(series, value, since_s, of.count[series])
    was = daily.expected(of.daily, series, at)
    measures = _measures(of, values, was)
    far, reason = _farthest(of, series, measures)
    frozen = _runs(of, values, at_ms)
    far = np.where(frozen, np.maximum(far, TOLD_DEVIATIONS), far)
    reason = np.where(frozen, REASONS.index(FROZEN), reason)
    known = (values.seen >= KNOWN_VALUES) & (at_ms - of.first_ms[series] >= KNOWN_MS)
    ratio = _news(of, series, at_ms, np.where(known, far, 0.0))
    _learn(of, values, measures)
    daily.learn(of.daily, values, at, was)
    of.count[series] += 1
    of.last_ms[series] = np.maximum(of.last_ms[series], at_ms)
    deviation = (value - was.level - was.offset) / (was.spread * was.ratio)
    return Judged(np.where(known, ratio, np.nan), reason, np.where(known, np.round(deviation, DIGITS), np.nan))


def _measures(of: Unusual, values: Values, was: daily.Expected) -> NDArray[np.float64]:
    """Return (5, n) what is compared, the smoothed among it brought up to now."""
    plain = values.value - was.level
    shaped = (plain - was.offset) / was.ratio
    sources = np.array([plain, shaped, np.abs(shaped)])
    stands_s = np.minimum(values.since_s, STANDS * SMOOTHED_S)
    before = np.where(values.since_s > GAP * SMOOTHED_S, 0.0, of.smoothed[:, values.series])
    before[-1] = np.where(values.seen == 0, sources[-1], of.smoothed[-1, values.series])
    now = before + stands_s / (stands_s + SMOOTHED_S) * (sources - before)
    of.smoothed[:, values.series] = now
    return np.array([plain, now[0], shaped, now[1], now[2]])


def _farthest(
    of: Unusual, series: NDArray[np.int64], measures: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return how many standard deviations off the farthest measure is, and the number of its reason."""
    weight = np.maximum(of.weight[series], 1.0)
    mean = of.total[:, series] / weight
    deviation = np.sqrt(np.maximum(of.squares[:, series] / weight - mean * mean, TINY))
    far = (measures - mean) / deviation
    far = np.concatenate([np.abs(far[:-1]), SPREAD_WEIGHT * np.maximum(far[-1:], 0.0)])
    numbers = np.array([REASONS.index(one) for one in MEASURES])
    return far.max(axis=0), numbers[far.argmax(axis=0)]


def _runs(of: Unusual, values: Values, at_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Count values that repeat each other; return where that has become frozen just now."""
    series = values.series
    same = (values.value == of.value[series]) & (values.seen > 0)
    over = ~same
    of.longest[series[over]] = np.maximum(
        of.longest[series[over]], np.where(of.run[series[over]] >= FROZEN_VALUES, 0, of.run[series[over]])
    )
    was_long = _long(of, series, of.last_ms[series])
    of.run[series] = np.where(same, of.run[series] + 1, 1)
    of.run_ms[series[over]] = at_ms[over]
    of.value[series] = values.value
    frozen: NDArray[np.bool_] = same & (values.value != 0) & _long(of, series, at_ms) & ~was_long
    return frozen


def _long(of: Unusual, series: NDArray[np.int64], at_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    least = np.maximum(FROZEN_VALUES, FROZEN_LONGER * of.longest[series])
    found: NDArray[np.bool_] = (of.run[series] >= least) & (at_ms - of.run_ms[series] >= FROZEN_S * 1000)
    return found


def _news(
    of: Unusual, series: NDArray[np.int64], at_ms: NDArray[np.int64], far: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the ratio of so many deviations; what is told already is no news."""
    ago_s = np.where(of.told_ms[series] == NO_TIME_MS, QUIET_S, (at_ms - of.told_ms[series]) / 1000)
    quiet = (ago_s < QUIET_S) & (far < WORSE * of.told[series])
    tells = ~quiet & (far >= TOLD_DEVIATIONS)
    of.told_ms[series[tells]], of.told[series[tells]] = at_ms[tells], far[tells]
    far = np.where(quiet, MUTED * np.minimum(far, TOLD_DEVIATIONS), far)
    ratio: NDArray[np.float64] = np.round(far * far / (far * far + TOLD_DEVIATIONS**2), DIGITS)
    return ratio


def _learn(of: Unusual, values: Values, measures: NDArray[np.float64]) -> None:
    series = values.series
    kept = FORGETS_S / (FORGETS_S + np.minimum(values.since_s, HOUR_S))
    of.weight[series] = of.weight[series] * kept + 1
    of.total[:, series] = of.total[:, series] * kept + measures
    of.squares[:, series] = of.squares[:, series] * kept + measures * measures
    weighs = np.maximum(1 / INTERVAL_VALUES, 1 / (values.seen + 2.0))
    interval_s = np.minimum(values.since_s, LONGEST_INTERVAL_S)
    of.interval_s[series] += weighs * (interval_s - of.interval_s[series])


def silent(of: Unusual, now_ms: int) -> NDArray[np.bool_]:
    """Return (n,) whether a series has said nothing for so many of its own intervals that it is silent."""
    found: NDArray[np.bool_] = now_ms - of.last_ms >= SILENT_INTERVALS * 1000 * of.interval_s
    return found & (of.count > 0)
