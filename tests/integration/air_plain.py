"""Beijing's stations and HJ 633-2026 as a plain script: from the published files and the text of the standard alone.

Nothing of the product is imported here, on purpose. Fractions, one rounding, one table.
"""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import ceil
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "beijing_air"
CHINA = timezone(timedelta(hours=8))
POLLUTANTS = ("SO2", "NO2", "CO", "O3", "PM10", "PM2.5")
FIELDS = dict(
    zip(POLLUTANTS, ("so2_ug_m3", "no2_ug_m3", "co_mg_m3", "o3_ug_m3", "pm10_ug_m3", "pm2_5_ug_m3"), strict=True)
)
# HJ 633-2026, table 1, row by row: IAQI, SO2 day, 1 h, NO2 day, 1 h, CO day, 1 h, O3 8 h, 1 h, PM10, PM2.5
TABLE = """
  0     0    0    0     0   0    0    0     0    0    0
 50    50  150   40   100   2    5  100   160   50   35
100   150  500   80   200   4   10  160   200  120   60
150   475  650  180   700  14   35  215   300  250  115
200   800  800  280  1200  24   60  265   400  350  150
300  1600    -  565  2340  36   90  800   800  420  250
400  2100    -  750  3090  48  120    -  1000  500  350
500  2620    -  940  3840  60  150    -  1200  600  500
"""
COLUMN = {
    ("SO2", "day"): 1, ("SO2", "hour"): 2, ("NO2", "day"): 3, ("NO2", "hour"): 4, ("CO", "day"): 5, ("CO", "hour"): 6,
    ("O3", "day"): 7, ("O3", "hour"): 8, ("PM10", "day"): 9, ("PM10", "hour"): 9, ("PM2.5", "day"): 10,
    ("PM2.5", "hour"): 10,
}  # fmt: skip


def round_half_even(value: Fraction, digits: int) -> Decimal:
    """GB/T 8170."""
    if digits == 0:
        return Decimal(round(value))  # of a fraction: exact, half to even
    step = 10**digits
    return (Decimal(round(value * step)) / step).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def iaqi(pollutant: str, window: str, mean: Fraction | None) -> int | None:
    """Of a mean that is not rounded yet."""
    if mean is None:
        return None
    return index(pollutant, window, round_half_even(mean, 1 if pollutant == "CO" else 0))


@cache
def index(pollutant: str, window: str, rounded: Decimal) -> int:
    """Of a mean as it stands in a report: four stations have millions of means and a few thousand such."""
    value = Fraction(rounded)
    lines = [line.split() for line in TABLE.split("\n") if line.strip()]
    points = [(int(line[0]), Fraction(line[n])) for line in lines if line[n := COLUMN[pollutant, window]] != "-"]
    for (low_index, low), (high_index, high) in pairwise(points):
        if low <= value <= high:
            return ceil(Fraction(high_index - low_index) / (high - low) * (value - low) + low_index)
    return points[-1][0]


def aqi(indices: dict[str, int | None]) -> tuple[int | None, list[str]]:
    """The index, None = NA, and its primary pollutants."""
    known = [one for one in indices.values() if one is not None]
    if not known or (len(known) < len(POLLUTANTS) and max(known) <= 100):
        return None, []
    whole = max(known)
    return whole, [name for name, one in indices.items() if one == whole] if whole > 50 else []


def of_hour(means: dict[str, Fraction]) -> dict[str, int | None]:
    """The six of an hour, of its means that are valid."""
    return {name: iaqi(name, "hour", means.get(name)) for name in POLLUTANTS}


def of_day(hours: list[dict[str, Fraction]]) -> dict[str, int | None]:
    """The six of a day, of its hours' means."""
    found = {}
    for name in POLLUTANTS:
        values = [hour.get(name) for hour in hours]
        if name == "O3":
            spans = [[one for one in values[i - 8 : i] if one is not None] for i in range(8, len(values) + 1)]
            means = [sum(span) / len(span) for span in spans if len(span) >= 6]
            mean = max(means) if means else None
        else:
            known = [one for one in values if one is not None]
            mean = sum(known) / len(known) if len(known) >= 20 else None
        found[name] = iaqi(name, "day", mean)
    return found


def stations() -> dict[str, dict[datetime, dict[str, Fraction]]]:
    """Station → hour → what was measured; CO, which the files have in µg/m³, in mg/m³."""
    return {file.name.split("_")[2]: _hours(file) for file in sorted(DATA.glob("PRSA_Data_*.csv.gz"))}


def _hours(file: Path) -> dict[datetime, dict[str, Fraction]]:
    found = {}
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            at = datetime(*(int(row[part]) for part in ("year", "month", "day", "hour")), tzinfo=CHINA)
            found[at] = {
                name: amount(row[name], 1000 if name == "CO" else 1)
                for name in POLLUTANTS
                if row[name].strip() not in {"", "NA"}
            }
    return found


@cache
def amount(text: str, parts: int) -> Fraction:
    """Millions of values are written in a few thousand ways."""
    return Fraction(text) / parts
