"""A town of air stations, rows of its minutes, and what `air_quality` makes of them."""

from __future__ import annotations

import numpy as np

from processors.air_quality import Config, State, step
from processors.maths.aqi import COLUMNS
from streams.city.registry import City, Sensor, Zone
from streams.contract.records import MetricFrame, Rows

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MIDNIGHT_MS = 1_790_784_000_000
"""2026-09-30T16:00:00Z: 1 October begins in Shanghai."""
SIX = dict(zip(COLUMNS, (3.0, 3.0, 0.5, 40.0, 20.0, 10.0), strict=True))
"""SO₂, NO₂, CO, O₃, PM10, PM2.5 of good air."""


def town(*intervals_s: float, stamps: str = "", time_zone: str = "Asia/Shanghai") -> City:
    """Stations `a0`, `a1` … in turns in two zones."""
    sensors = tuple(
        Sensor(f"a{n}", "environment", n % 2, -1, 0.0, 0.0, interval_s, "", "", stamps=stamps)
        for n, interval_s in enumerate(intervals_s)
    )
    return City("c", "", "", time_zone, "", (Zone("y", "", ""), Zone("z", "", "")), (), sensors)


def minute(station: str, at_ms: int, values: dict[str, float], *, count: int = 1, revision: int = 0) -> Rows:
    """Rows of a station's minute, in which each column was read `count` times."""
    size = len(values)
    numerator = np.array([round(value * 1e6) * count for value in values.values()], np.int64)
    return Rows(
        entity=np.array([station] * size, object),
        metric=np.array(list(values), object),
        at_ms=np.full(size, at_ms, np.int64),
        window_s=np.full(size, 60, np.int32),
        value=np.array(list(values.values())),
        numerator=numerator,
        denominator=np.full(size, count, np.int64),
        count=np.full(size, count, np.int64),
        coverage_ratio=np.ones(size),
        revision=np.full(size, revision, np.int64),
    )


class Air:
    """Feeds rows to the processor and keeps the newest row of each identity: (value, revision, coverage)."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.state = State()
        self.held: dict[tuple[str, str, int, int], tuple[float, int, float]] = {}
        self.dropped: dict[str, int] = {}

    def take(self, zone: int, watermark_ms: int, *rows: Rows) -> None:
        """One zone's frame."""
        frame = MetricFrame("environment", zone, Rows.concat(list(rows)), watermark_ms)
        result = step(self.state, frame, self.city, Config())
        for reason, count in result.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count
        of = result.rows
        names = ("entity", "metric", "at_ms", "window_s", "value", "revision", "coverage_ratio")
        for entity, metric, at_ms, window_s, value, revision, coverage in zip(
            *(getattr(of, name).tolist() for name in names), strict=True
        ):
            key = entity, metric, at_ms, window_s
            assert key not in self.held or revision > self.held[key][1]
            self.held[key] = value, revision, coverage

    def pass_by(self, watermark_ms: int, *rows: Rows) -> None:
        """Rows of the first zone; both zones have passed that time."""
        self.take(0, watermark_ms, *rows)
        self.take(1, watermark_ms)

    def value(self, metric: str, at_ms: int, window_s: int = 3600, station: str = "a0") -> float | None:
        """None = unknown."""
        found = self.held[station, metric, at_ms, window_s][0]
        return None if np.isnan(found) else found
