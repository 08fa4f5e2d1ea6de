"""Air quality index of China: individual indices, the index, its primary pollutants and its levels. Whole numbers only.

A mean is a fraction of whole numbers until it is rounded once, so no binary fraction decides on which side of a half it
is. Concentrations are in the last digit that the standard keeps: 1 µg/m³, of CO 0.1 mg/m³.

source  HJ 633-2026, in force from 2026-03-01: table 1 (break points), 4.3 (formula), 5 (reports); GB/T 8170 (rounding)
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Sequence

IAQI = (0, 50, 100, 150, 200, 300, 400, 500)
"""HJ 633-2026, table 1, first column: the indices at the break points."""
NOTEWORTHY = 50
"""Above it the pollutants of the largest index are the primary ones …"""
SURE = 100
"""… and above it an index that lacks pollutants is published (5.3.1): they could only make it larger."""


@dataclass(frozen=True, slots=True)
class Pollutant:
    """One of the six, with its row of table 1: break points in `1 / digits` of the column's unit."""

    name: str
    column: str
    digits: int
    hour: tuple[int, ...]
    """Of means of an hour. Where they are fewer than `IAQI`, the last holds for all above."""
    day: tuple[int, ...]
    """Of means of a day; of ozone, of the day's largest mean of eight hours."""
    called: str
    """The same in both languages."""


_PM10 = (0, 50, 120, 250, 350, 420, 500, 600)
_PM2_5 = (0, 35, 60, 115, 150, 250, 350, 500)
POLLUTANTS = (
    Pollutant(
        "so2", "so2_ug_m3", 1, (0, 150, 500, 650, 800), (0, 50, 150, 475, 800, 1600, 2100, 2620), "SO₂"
    ),  # above 800 in an hour: 200, as the mean of the day alone goes on
    Pollutant(
        "no2", "no2_ug_m3", 1, (0, 100, 200, 700, 1200, 2340, 3090, 3840), (0, 40, 80, 180, 280, 565, 750, 940), "NO₂"
    ),
    Pollutant(
        "co", "co_mg_m3", 10, (0, 50, 100, 350, 600, 900, 1200, 1500), (0, 20, 40, 140, 240, 360, 480, 600), "CO"
    ),
    Pollutant(
        "o3", "o3_ug_m3", 1, (0, 160, 200, 300, 400, 800, 1000, 1200), (0, 100, 160, 215, 265, 800), "O₃"
    ),  # above 800 over eight hours: 300
    Pollutant("pm10", "pm10_ug_m3", 1, _PM10, _PM10, "PM10"),  # an hour's PM uses the break points of the day
    Pollutant("pm2_5", "pm2_5_ug_m3", 1, _PM2_5, _PM2_5, "PM2.5"),
)

COLUMNS = tuple(one.column for one in POLLUTANTS)


def rounded(top: int, bottom: int) -> int:
    """Round a fraction to a whole number, a half to the even one (GB/T 8170).

    >>> rounded(101, 2), rounded(103, 2), rounded(10_000_001, 200_000)  # 50.5, 51.5, 50.000005
    (50, 52, 50)
    """
    whole, rest = divmod(top, bottom)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))


def iaqi(concentration: int, breakpoints: Sequence[int]) -> int:
    """Return the individual index of a rounded concentration, rounded up (4.3); above the last break point its index.

    >>> iaqi(50, _PM2_5), iaqi(35, _PM2_5), iaqi(36, _PM2_5), iaqi(501, _PM2_5)  # 50 + 50 / 25 * 15 = 80; 50; 52; 500
    (80, 50, 52, 500)
    """
    above = bisect_left(breakpoints, concentration)
    if above == len(breakpoints):
        return IAQI[above - 1]
    if above == 0:
        return IAQI[0]
    low, high = breakpoints[above - 1 : above + 1]
    least, most = IAQI[above - 1 : above + 1]
    return least - (-(most - least) * (concentration - low) // (high - low))


def index(found: Sequence[int | None]) -> int | None:
    """Return the index of the individual ones, None = unknown: the largest; NA where one is missing and it is ≤ 100.

    >>> index([87, 12, 3, 40, 60, None]), index([101, 12, 3, 40, 60, None]), index([None] * 6)
    (None, 101, None)
    """
    known = [one for one in found if one is not None]
    if not known:
        return None
    largest = max(known)
    return largest if len(known) == len(found) or largest > SURE else None


def primary(found: Sequence[int | None], of: int | None) -> tuple[Pollutant, ...]:
    """Return all pollutants whose index is the index `of`, where that is above 50.

    >>> [one.name for one in primary([3, 3, 3, 120, 60, 120], 120)], primary([50] * 6, 50)
    (['o3', 'pm2_5'], ())
    """
    if of is None or of <= NOTEWORTHY:
        return ()
    return tuple(one for one, its in zip(POLLUTANTS, found, strict=True) if its == of)


def code(pollutants: Sequence[Pollutant]) -> int:
    """Return pollutants as one number: the sum of 1 SO₂, 2 NO₂, 4 CO, 8 O₃, 16 PM10, 32 PM2.5.

    >>> code(POLLUTANTS[3:4] + POLLUTANTS[5:])
    40
    """
    return sum(1 << POLLUTANTS.index(one) for one in pollutants)


def of_code(number: int) -> tuple[Pollutant, ...]:
    """Return the pollutants of such a number.

    >>> [one.called for one in of_code(40)]
    ['O₃', 'PM2.5']
    """
    return tuple(one for place, one in enumerate(POLLUTANTS) if number >> place & 1)


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the index: the largest that belongs to it, what it is called, and its colour (annex A)."""

    most: int
    called: Name
    rgb: tuple[int, int, int]


LEVELS = (
    Level(50, Name("优", "Excellent"), (0, 228, 0)),
    Level(100, Name("良", "Good"), (255, 255, 0)),
    Level(150, Name("轻度污染", "Lightly polluted"), (255, 126, 0)),
    Level(200, Name("中度污染", "Moderately polluted"), (255, 0, 0)),
    Level(300, Name("重度污染", "Heavily polluted"), (153, 0, 76)),
    Level(500, Name("严重污染", "Severely polluted"), (126, 0, 35)),
)


def level(of: float) -> Level:
    """Return the level of an index.

    >>> [level(of).called.en for of in (0, 50, 51, 300, 301)]
    ['Excellent', 'Excellent', 'Good', 'Heavily polluted', 'Severely polluted']
    """
    return next((one for one in LEVELS if of <= one.most), LEVELS[-1])
