"""Every hour and day of Beijing's stations, and of stations at random: what a plain script makes of the same values.

The values go through `threshold` and `air_quality` as the stages have them; no part of the script is theirs.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from processors import air_quality, threshold
from processors.maths import aqi
from streams.city.registry import City, Sensor, Zone
from streams.contract.records import Frame, MetricFrame
from tests.integration import air_plain as plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DAY, HOUR_MS, DAY_MS = timedelta(days=1), 3_600_000, 86_400_000
NAMES = dict(zip(plain.POLLUTANTS, (one.name for one in aqi.POLLUTANTS), strict=True))
EDGES = {
    "SO2": (0, 149.5, 150, 150.5, 500, 800, 800.5, 801, 2620, 2700),
    "NO2": (0, 40, 40.5, 80, 100.5, 700, 3840, 3841),
    "CO": (0, "0.05", "0.15", 2, "2.05", "2.25", 5, "14.05", 150, 180),
    "O3": (0, 100.5, 160, 161, 215, 265, 800, 800.5, 801, 1200, 1300),
    "PM10": (0, 50, 50.5, 51.5, 120, 150, 420, 600, 601, 1500),
    "PM2.5": (0, 34.5, 35, 35.5, 50.5, 51.5, 60, 60.5, 100, 115, 150, 500, 501, 1000),
}
Hours = dict[datetime, dict[str, Fraction]]
Found = dict[tuple[str, str, int, int], float]


def hours_of(values: Hours, day: datetime) -> list[dict[str, Fraction]]:
    """A local day's hours, whatever is there."""
    return [values.get(day + timedelta(hours=n), {}) for n in range(24)]


def expected(station: str, values: Hours) -> Found:
    """What the script says: an hour and a day for each of those that have any."""
    found = {}
    days = sorted({at.replace(hour=0) for at in values})
    windows = [(at, 3600, plain.of_hour(values[at])) for at in values]
    windows += [(day, 86_400, plain.of_day(hours_of(values, day))) for day in days]
    for at, window_s, indices in windows:
        whole, primaries = plain.aqi(indices)
        told = {f"{NAMES[name]}_iaqi": index for name, index in indices.items()} | {"aqi": whole}
        number = sum(1 << plain.POLLUTANTS.index(name) for name in primaries)
        told["primary_pollutants_code"] = None if whole is None else number
        for metric, value in told.items():
            found[station, metric, round(at.timestamp() * 1000), window_s] = math.nan if value is None else value
    return found


def measured(of: dict[str, Hours]) -> Found:
    """What the processors say."""
    sensors = tuple(Sensor(name, "environment", 0, -1, 0.0, 0.0, 3600, "", "") for name in of)
    city = City("c", "", "", "Asia/Shanghai", "", (Zone("z", "", ""),), (), sensors)
    first, second, found = threshold.State(), air_quality.State(), Found()
    for frame in frames(of):
        means = threshold.step(first, frame, city, threshold.Config())
        told = MetricFrame("environment", 0, means.rows, frame.watermark_ms)
        rows = air_quality.step(second, told, city, air_quality.Config()).rows
        keys = zip(*(getattr(rows, name).tolist() for name in ("entity", "metric", "at_ms", "window_s")), strict=True)
        found |= dict(zip(keys, rows.value.tolist(), strict=True))
    return found


def frames(of: dict[str, Hours]) -> Iterator[Frame]:
    """A frame a week, in order of time; the last passes all days."""
    rows = sorted((round(at.timestamp() * 1000), code, at, name) for code, name in enumerate(of) for at in of[name])
    weeks = [at_ms // (7 * DAY_MS) for at_ms, *_ in rows]
    for week in sorted(set(weeks)):
        mine = [row for row, its in zip(rows, weeks, strict=True) if its == week]
        columns = {field: column(of, mine, name) for name, field in plain.FIELDS.items()}
        at_ms = np.array([row[0] for row in mine], np.int64)
        sensor = np.array([row[1] for row in mine], np.int32)
        end_ms = mine[-1][0] + (2 * DAY_MS if week == max(weeks) else 0)
        yield Frame("environment", 0, sensor, at_ms, np.zeros(len(mine), bool), columns, end_ms)


def column(of: dict[str, Hours], rows: list[tuple[int, int, datetime, str]], name: str) -> NDArray[np.float64]:
    return np.array([float(of[station][at].get(name, np.nan)) for _, _, at, station in rows])


def agree(of: dict[str, Hours]) -> Found:
    """Compare each hour and each day → what the processors say."""
    found, wanted = measured(of), Found()
    for station, values in of.items():
        wanted |= expected(station, values)
    both = [(key, found.get(key, math.nan), value) for key, value in wanted.items()]
    differ = [one for one in both if one[1] != one[2] and not (math.isnan(one[1]) and math.isnan(one[2]))]
    assert not differ, differ[:5]
    beyond = [key for key, value in found.items() if key[1].endswith("aqi") and key not in wanted and value == value]
    assert not beyond
    return found


@pytest.mark.timeout(900)
def test_every_hour_and_day_of_beijing():
    if not plain.DATA.is_dir():
        pytest.skip(f"the files of Beijing are missing: put them into {plain.DATA}")
    of = plain.stations()
    found = agree(of)
    known = [key for key, value in found.items() if key[1] == "aqi" and value == value]
    hours, days = (sum(key[3] == window_s for key in known) for window_s in (3600, 86_400))
    assert hours > 100_000
    assert days > 4_000


@pytest.mark.parametrize("seed", range(6))
def test_stations_at_random_with_gaps_and_edges(seed: int):
    """Each day has a mood: how much is missing, altogether or by pollutant, and how far values stray from the edges."""
    chance = random.Random(seed)
    of = {f"station{n}": at_random(chance) for n in range(3)}
    agree(of)


def at_random(chance: random.Random) -> Hours:
    found: Hours = {}
    begin = datetime(2026, 9, 28, tzinfo=plain.CHINA)
    for day in (begin + n * DAY for n in range(12)):
        missing = {name: chance.choice([0.0, 0.1, 0.2, 0.5, 1.0]) for name in plain.POLLUTANTS}
        away, level = chance.choice([0.0, 0.1, 0.9]), {name: chance.choice(EDGES[name]) for name in plain.POLLUTANTS}
        for at in (day + timedelta(hours=n) for n in range(24) if chance.random() >= away):
            of_hour = {
                name: Fraction(chance.choice([level[name], level[name], chance.choice(EDGES[name])]))
                for name in plain.POLLUTANTS
                if chance.random() >= missing[name]
            }
            found[at] = of_hour
    return found
