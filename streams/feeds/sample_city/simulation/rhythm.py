"""How things vary with the hour and from one moment to the next: daily curves and slow seeded noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

SATURDAY = 5

TRAFFIC_BY_HOUR = (12, 8, 6, 5, 8, 20, 46, 86, 100, 84, 70, 66, 62, 64, 66, 70, 80, 98, 96, 74, 56, 46, 32, 20)
TRAFFIC_ON_WEEKENDS = (16, 10, 7, 6, 7, 14, 26, 40, 54, 66, 74, 76, 72, 70, 72, 76, 78, 78, 74, 66, 56, 48, 36, 24)
METRO_BY_HOUR = (2, 0, 0, 0, 1, 10, 40, 95, 100, 60, 38, 36, 38, 36, 38, 46, 64, 98, 92, 56, 40, 34, 24, 10)
CALLS_BY_HOUR = (10, 7, 5, 5, 6, 10, 24, 50, 82, 100, 96, 84, 64, 72, 88, 90, 82, 70, 56, 48, 42, 36, 26, 16)
POWER_BY_HOUR = (52, 48, 46, 45, 46, 52, 62, 76, 86, 92, 95, 96, 90, 90, 94, 95, 96, 98, 100, 98, 92, 84, 72, 60)
WATER_BY_HOUR = (28, 22, 20, 20, 26, 48, 84, 100, 92, 78, 72, 76, 80, 70, 64, 64, 70, 82, 94, 96, 88, 74, 56, 38)
CROWD_BY_HOUR = (6, 3, 2, 2, 2, 4, 10, 22, 36, 52, 66, 74, 78, 72, 72, 76, 82, 90, 100, 98, 84, 60, 32, 14)
SHOPPING_BY_HOUR = (12, 8, 7, 7, 8, 12, 22, 42, 62, 74, 84, 90, 88, 86, 86, 86, 88, 94, 98, 92, 78, 54, 30, 18)
EMERGENCY_BY_HOUR = (46, 38, 32, 28, 28, 32, 40, 56, 78, 92, 100, 92, 80, 82, 84, 80, 78, 82, 92, 98, 94, 84, 70, 56)
OFFICE_BY_HOUR = (0, 0, 0, 0, 0, 0, 0, 4, 40, 90, 100, 84, 30, 40, 84, 92, 76, 28, 4, 0, 0, 0, 0, 0)
"""Percent of the day's peak at each full hour, local time; between them a straight line. Own choice."""


class Moment(NamedTuple):
    """An instant as people in the city see it."""

    at_ms: int
    hour: float
    """Local hour of the day with its fraction."""
    weekend: bool
    day_of_year: int


def moment(at_ms: int, zone: ZoneInfo) -> Moment:
    """Return the local hour and day of an event time."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    hour = local.hour + local.minute / 60 + local.second / 3600
    return Moment(at_ms, hour, local.weekday() >= SATURDAY, local.timetuple().tm_yday)


def curve(by_hour: tuple[int, ...], hour: float) -> float:
    """Return the share (0 to 1) of a day's peak at an hour.

    >>> curve(POWER_BY_HOUR, 0.5)  # half way between 52 and 48
    0.5
    """
    low = int(hour) % 24
    high = (low + 1) % 24
    share = hour - int(hour)
    return (by_hour[low] * (1 - share) + by_hour[high] * share) / 100


@dataclass
class SlowNoise:
    """Gaussian noise of unit size for n things that wanders over `period_ms`; a pure function of seed and time."""

    n: int
    period_ms: int
    seed: tuple[int, ...]
    _ends: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def at(self, at_ms: int) -> NDArray[np.float64]:
        """Return (n,) values at a time."""
        first, rest = divmod(at_ms, self.period_ms)
        share = rest / self.period_ms
        share = share * share * (3 - 2 * share)
        value: NDArray[np.float64] = self._end(first) * (1 - share) + self._end(first + 1) * share
        return value

    def _end(self, index: int) -> NDArray[np.float64]:
        if index not in self._ends:
            self._ends = {k: found for k, found in self._ends.items() if abs(k - index) <= 1}
            self._ends[index] = np.random.default_rng((*self.seed, index)).standard_normal(self.n)
        return self._ends[index]
