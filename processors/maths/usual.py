"""What is usual of a sensor's column at an hour of the day: the median of that hour on the last days of its kind.

There are two kinds of days, workdays and days off (weekends, and what the city's calendar says of a day). Of each hour
the means of the last five workdays and of the last three days off are kept; from three on their median is known, and
one odd day of three, or two of five, move it to no value that was not there on a plain day. Learnt from the minutes as
they are judged, each once and in order; what comes late teaches nothing.

A minute in which a rule of deviation has a level is odd, and teaches nothing in the first day of what is odd: incidents
last hours. What comes again within three days lasts (each morning, or each workday), and from its second day on it
teaches like all else: a new speed limit is usual after three more workdays, or two days off. What was not heard for
four weeks begins anew.

state   per series: 8 means of each of 24 hours, the hour under way, since when it is odd: 800 bytes with its number
source  own choice, docs/rules.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.places import grown
from streams.contract.durations import HOUR_MS
from streams.contract.records import NO_TIME_MS
from streams.contract.sums import COLUMN_SCALE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

WORKDAYS, DAYS_OFF, KNOWN = 5, 3, 3
"""So many days of each kind are kept, and from so many on it is known what is usual."""
HOURS = 24
FORGOTTEN_MS = 28 * HOURS * HOUR_MS
LASTS_HOURS, APART_HOURS = 24, 72
"""What is odd for so long is no incident; what is odd again after so many hours at most is the same still."""
NEVER_HOURS = -1_000_000
SATURDAY = 5
HOLIDAY = "holiday"


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


def _few() -> NDArray[np.int32]:
    return np.empty(0, np.int32)


@dataclass
class Usual:
    """Of one column: (cells,) number of the series of each cell, -1 = none; of n series what was heard."""

    number: NDArray[np.int32] = field(default_factory=_few)
    means: NDArray[np.float32] = field(default_factory=lambda: np.empty((WORKDAYS + DAYS_OFF, HOURS, 0), np.float32))
    """(days, hours, n), of each kind of days the newest first, NaN = none yet."""
    hour_ms: NDArray[np.int64] = field(default_factory=_none)
    """(n,) start of the hour under way, NO_TIME_MS = none, with the sum of its minutes' means and their number."""
    total: NDArray[np.int64] = field(default_factory=_none)
    count: NDArray[np.int32] = field(default_factory=_few)
    odd_since: NDArray[np.int32] = field(default_factory=_few)
    """(n,) hours of the epoch: since when it is odd, and the last odd minute; NEVER_HOURS = it never was."""
    odd_last: NDArray[np.int32] = field(default_factory=_few)


class Days(NamedTuple):
    """A city's days."""

    time_zone: str
    kinds: Mapping[date, str]
    """What the calendar says of some."""


class Hour(NamedTuple):
    """An hour of a city's clock."""

    start_ms: int
    hour: int
    days: slice
    """Where the days of its kind stand."""


def hour_of(at_ms: int, days: Days) -> Hour:
    """Return the hour in which a moment lies.

    >>> hour_of(1_700_000_040_000, Days("Asia/Shanghai", {}))  # Wednesday, 06:14
    Hour(start_ms=1699999200000, hour=6, days=slice(0, 5, None))
    """
    local = datetime.fromtimestamp(at_ms / 1000, _zone(days.time_zone))
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    said = days.kinds.get(local.date())
    is_off = local.weekday() >= SATURDAY if said is None else said == HOLIDAY
    mine = slice(WORKDAYS, WORKDAYS + DAYS_OFF) if is_off else slice(0, WORKDAYS)
    return Hour(at_ms - into // timedelta(milliseconds=1), local.hour, mine)


@lru_cache(maxsize=32)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def grow(of: Usual, cells: int) -> None:
    """Make room for new cells, of which nothing is known."""
    of.number = grown(of.number, cells, -1)


def usual(of: Usual, cell: NDArray[np.int64], start_ms: int, days: Days) -> NDArray[np.float64]:
    """Return what is usual of (n,) cells at that time, NaN = it is not yet known."""
    found, hour = np.full(len(cell), np.nan), hour_of(start_ms, days)
    number = of.number[cell]
    heard = np.flatnonzero(number >= 0)
    means = of.means[hour.days, hour.hour, number[heard]].astype(np.float64)
    known = np.isfinite(means).sum(axis=0) >= KNOWN
    if known.any():
        found[heard[known]] = np.nanmedian(means[:, known], axis=0)
    return found


class Minute(NamedTuple):
    """Of (n,) cells: which, the mean of each, and whether it is odd."""

    cell: NDArray[np.int64]
    mean: NDArray[np.float64]
    odd: NDArray[np.bool_]


def teach(of: Usual, minute: Minute, start_ms: int, days: Days) -> None:
    """Take the means of a minute, once each and in order."""
    cell, mean, odd = minute
    new = cell[of.number[cell] < 0]
    if new.size:
        _add(of, new)
    number, now = of.number[cell], hour_of(start_ms, days)
    if odd.any():
        teaches = ~odd
        teaches[odd] = _lasts(of, number[odd], start_ms // HOUR_MS)
        number, mean = number[teaches], mean[teaches]
    over = number[of.hour_ms[number] != now.start_ms]
    for hour_ms in np.unique(of.hour_ms[over]).tolist():
        if hour_ms != NO_TIME_MS:
            _keep(of, over[of.hour_ms[over] == hour_ms], hour_of(hour_ms, days))
    of.means[:, :, over[now.start_ms - of.hour_ms[over] > FORGOTTEN_MS]] = np.nan
    of.hour_ms[over], of.total[over], of.count[over] = now.start_ms, 0, 0
    of.total[number] += np.rint(mean * COLUMN_SCALE).astype(np.int64)
    of.count[number] += 1


def _lasts(of: Usual, number: NDArray[np.int32], hour: int) -> NDArray[np.bool_]:
    """Note that series are odd in an hour of the epoch → which are so for longer than an incident."""
    anew = number[hour - of.odd_last[number] > APART_HOURS]
    of.odd_since[anew], of.odd_last[number] = hour, hour
    lasting: NDArray[np.bool_] = hour - of.odd_since[number] >= LASTS_HOURS
    return lasting


def _add(of: Usual, cell: NDArray[np.int64]) -> None:
    known = of.means.shape[2]
    of.number[cell] = known + np.arange(len(cell))
    blank = np.full((WORKDAYS + DAYS_OFF, HOURS, len(cell)), np.nan, np.float32)
    of.means = np.concatenate([of.means, blank], axis=2)
    size = of.means.shape[2]
    of.hour_ms, of.total, of.count = grown(of.hour_ms, size, NO_TIME_MS), grown(of.total, size), grown(of.count, size)
    of.odd_since, of.odd_last = grown(of.odd_since, size, NEVER_HOURS), grown(of.odd_last, size, NEVER_HOURS)


def _keep(of: Usual, number: NDArray[np.int64], hour: Hour) -> None:
    """Put the mean of an hour that is over before those of the days before."""
    kept = of.means[hour.days, hour.hour, number]
    newest = of.total[number] / COLUMN_SCALE / of.count[number]
    of.means[hour.days, hour.hour, number] = np.concatenate([newest[np.newaxis].astype(np.float32), kept[:-1]])


def forget(of: Usual, gone: NDArray[np.bool_]) -> None:
    """Know nothing any more of these (cells,) that have left; their series stay for when they are back."""
    number = of.number[gone & (of.number >= 0)]
    of.means[:, :, number] = np.nan
    of.hour_ms[number], of.total[number], of.count[number] = NO_TIME_MS, 0, 0
    of.odd_since[number], of.odd_last[number] = NEVER_HOURS, NEVER_HOURS
