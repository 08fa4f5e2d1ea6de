"""The six concentrations of an hour and of a day, each a whole number or unknown: who has enough of it, rounded once.

source  GB 3095-2026, validity: an hour needs 45 min, a day 20 hourly means, eight hours of ozone 6 of them; HJ 633-2026
        5 (daily report: means of the day, of ozone the largest mean of eight hours)
"""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, NamedTuple

from processors.maths.aqi import rounded
from streams.contract.durations import MINUTE_S
from streams.contract.sums import COLUMN_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from processors.maths.aqi import Pollutant

LEAST_S = 45 * MINUTE_S
"""An hour is valid from so many seconds on that its values stand for …"""
LEAST_HOURS = 20
"""… a day from so many valid hours …"""
SPAN_HOURS, LEAST_OF_SPAN = 8, 6
"""… and a mean of eight hours from six."""
OZONE = "o3"
_SCALE = round(COLUMN_SCALE)


class Hour(NamedTuple):
    """A pollutant's hour: sum of its readings (units of 1 / `COLUMN_SCALE`), how many, and minutes that had any."""

    numerator: int
    readings: int
    minutes: int


def is_valid(hour: Hour, interval_s: float) -> bool:
    """Tell whether an hour has a mean: its minutes with values, each standing for the sensor's interval, are 45 min.

    So an hourly station gives its hour with one value, and one of 5 minutes with nine.

    >>> [is_valid(Hour(0, 60, minutes), s) for minutes, s in ((44, 60), (45, 60), (8, 300), (9, 300), (1, 3600))]
    [False, True, False, True, True]
    """
    return hour.readings > 0 and hour.minutes * max(float(MINUTE_S), interval_s) >= LEAST_S


def of_hour(one: Pollutant, hour: Hour, interval_s: float) -> int | None:
    """Return a pollutant's hourly mean, in its last digit; None = not valid."""
    if not is_valid(hour, interval_s):
        return None
    return rounded(hour.numerator * one.digits, hour.readings * _SCALE)


def of_day(one: Pollutant, hours: Sequence[Hour | None]) -> int | None:
    """Return the concentration that the daily report takes, in its last digit; None = not valid, as hours are.

    >>> from processors.maths.aqi import POLLUTANTS
    >>> pm = POLLUTANTS[5]
    >>> of_day(pm, [Hour(50_500_000, 1, 1)] * 20 + [None] * 4), of_day(pm, [Hour(50_500_000, 1, 1)] * 19 + [None] * 5)
    (50, None)
    """
    common = lcm(*(hour.readings for hour in hours if hour is not None))
    terms = [None if hour is None else hour.numerator * (common // hour.readings) * one.digits for hour in hours]
    if one.name != OZONE:
        return _mean(terms, common, LEAST_HOURS)
    spans = (terms[end - SPAN_HOURS : end] for end in range(SPAN_HOURS, len(terms) + 1))
    means = [_mean(span, common, LEAST_OF_SPAN) for span in spans]
    return max((mean for mean in means if mean is not None), default=None)  # rounding keeps the order


def _mean(terms: Sequence[int | None], common: int, least: int) -> int | None:
    known = [term for term in terms if term is not None]
    return rounded(sum(known), len(known) * common * _SCALE) if len(known) >= least else None
