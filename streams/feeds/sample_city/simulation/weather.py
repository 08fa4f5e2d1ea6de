"""The weather over the city and what it does to the water: rain, temperature, wind, the river, water in underpasses.

state   none: a day's minutes are worked out from the seed and the date, the day before included
source  own choice; a linear reservoir (level = rain in, share out) for river and underpasses
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.contract.durations import DAY_MS, MINUTE_MS

DAY_MINUTES = 1_440
SPELLS_A_DAY = 0.8
CLOUDBURST_MM_H = 40.0
RIVER_NORMAL_M = 5.6
RIVER_M_PER_MM = 0.055
RIVER_HOURS = 9.0
POND_CM_PER_MM = 1.5
POND_MINUTES = 25.0
POND_DRAINED_MM_H = 16.0
"""Rain that the pumps of an underpass keep up with."""
STILL_CM_PER_MM = 4.0
"""What that rain adds where they stand still: it runs down from all around."""
BRIM_CM = 150.0
"""Deeper than that water runs off along the road."""


class Weather(NamedTuple):
    """The weather of one minute, the same over all the city."""

    rain_mm_h: float
    rain_3h_mm: float
    river_m: float
    pond_cm: float
    """Water in an underpass whose pumps work."""
    temperature_c: float
    wind_m_s: float

    @property
    def wetness(self) -> float:
        """Return 0 when dry, 1 in a cloudburst."""
        return min(self.rain_mm_h / CLOUDBURST_MM_H, 1.0)


@dataclass
class Sky:
    """The weather at any time."""

    seed: int
    _days: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    _warmth_c: dict[int, float] = field(default_factory=dict)
    """Day → by how much it is warmer than the season."""

    def at(self, at_ms: int, hour: float, day_of_year: int) -> Weather:
        """Return the weather at an event time whose local hour and day of the year are given."""
        day, rest = divmod(at_ms, DAY_MS)
        rain, rain_3h, river, pond, _ = self._day(day)[:, rest // MINUTE_MS]
        season_c = 17.0 + 11.0 * np.sin(2 * np.pi * (day_of_year - 110) / 365)
        warmth_c = self._warmth_c[day] + 4.0 * np.sin(2 * np.pi * (hour - 9) / 24) - 0.12 * min(rain, 30.0)
        breeze_m_s = 1.6 + 1.2 * np.sin(2 * np.pi * (hour - 8) / 24) ** 2 + 0.12 * min(rain, 40.0)
        return Weather(
            float(rain), float(rain_3h), float(river), float(pond), float(season_c + warmth_c), float(breeze_m_s)
        )

    def rain_mm_h(self, at_ms: int) -> float:
        """Return the rain at an event time."""
        day, rest = divmod(at_ms, DAY_MS)
        return float(self._day(day)[0, rest // MINUTE_MS])

    def left_cm(self, from_ms: int, until_ms: int, at_ms: int) -> float:
        """Return how much deeper an underpass stands whose pumps stood still from one time to another.

        It keeps all that its pumps would have taken out; when they run again, that goes down like any water there.
        """
        first, last = from_ms // MINUTE_MS, min(until_ms, at_ms) // MINUTE_MS
        kept_cm = 0.0
        for day in range(first // DAY_MINUTES, last // DAY_MINUTES + 1):
            begin = day * DAY_MINUTES
            kept_cm += float(self._day(day)[4, max(first - begin, 0) : max(last - begin, 0)].sum())
        return min(kept_cm, BRIM_CM) * float(np.exp(-max(at_ms - until_ms, 0) / MINUTE_MS / POND_MINUTES))

    def _day(self, day: int) -> NDArray[np.float64]:
        """Return (5, minutes): rain, rain of 3 hours, river, pond, and what the pumps take out of it in a minute."""
        if day not in self._days:
            self._days = {known: found for known, found in self._days.items() if abs(known - day) <= 1}
            self._days[day] = self._work_out(day)
            self._warmth_c = {known: self._draw(known, 2).normal(0, 2.0) for known in self._days}
        return self._days[day]

    def _work_out(self, day: int) -> NDArray[np.float64]:
        rain = np.concatenate([self._rain(day - 1), self._rain(day)])
        fallen = np.concatenate([[0.0], np.cumsum(rain / 60)])
        minutes = np.arange(len(rain))
        rain_3h = fallen[minutes + 1] - fallen[np.maximum(minutes - 179, 0)]
        river = np.empty_like(rain)
        pond = np.empty_like(rain)
        high_m = deep_cm = 0.0
        for minute, mm_h in enumerate(rain.tolist()):
            high_m += mm_h / 60 * RIVER_M_PER_MM - high_m / (RIVER_HOURS * 60)
            deep_cm += max(mm_h - POND_DRAINED_MM_H, 0.0) / 60 * POND_CM_PER_MM - deep_cm / POND_MINUTES
            river[minute] = RIVER_NORMAL_M + high_m
            pond[minute] = deep_cm
        pumped = np.minimum(rain, POND_DRAINED_MM_H) / 60 * STILL_CM_PER_MM + pond / POND_MINUTES
        return np.stack([rain, rain_3h, river, pond, pumped])[:, DAY_MINUTES:]

    def _rain(self, day: int) -> NDArray[np.float64]:
        """Return (minutes,) mm/h of one day: a few spells, each rising and falling."""
        draw = self._draw(day, 1)
        minute = np.arange(DAY_MINUTES)
        rain = np.zeros(DAY_MINUTES)
        for _ in range(draw.poisson(SPELLS_A_DAY)):
            start, length = draw.integers(0, DAY_MINUTES - 240), int(draw.integers(40, 240))
            peak_mm_h = min(2.0 + draw.lognormal(1.3, 0.9), 70.0)
            share = np.clip((minute - start) / length, 0.0, 1.0)
            gusts = 1 + 0.35 * np.interp(
                minute, np.arange(0, DAY_MINUTES + 6, 6), draw.normal(0, 1, DAY_MINUTES // 6 + 1)
            )
            rain += peak_mm_h * np.sin(np.pi * share) ** 2 * np.maximum(gusts, 0.1)
        return np.where(rain < 0.1, 0.0, rain)  # noqa: PLR2004 - a gauge does not see less

    def _draw(self, day: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, 20 + purpose, day))
