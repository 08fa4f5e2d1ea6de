"""The rows of air quality: what is said of a station's hour and of its day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import air_day, aqi
from processors.maths.air_day import Hour
from processors.maths.aqi import POLLUTANTS
from processors.maths.local_hours import COUNT, MINUTES, NUMERATOR, REVISION
from processors.maths.measures import Amounts, Heads, make_rows
from streams.contract.durations import DAY_S, HOUR_S, MINUTE_S
from streams.contract.records import Rows
from streams.contract.spec import Metric
from streams.contract.sums import Sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

HJ_633 = "HJ 633-2026"
METHOD = "aqi"
ALONE = Sums(rolls_up="never")
AQI = Metric("aqi", "", "空气质量指数", "Air quality index", METHOD, HJ_633, ALONE)
PRIMARY = Metric("primary_pollutants_code", "", "首要污染物", "Primary pollutants", METHOD, f"{HJ_633}, 4.4", ALONE)
IAQIS = tuple(
    Metric(f"{one.name}_iaqi", "", f"{one.called} 分指数", f"{one.called} index", METHOD, f"{HJ_633}, 4.3", ALONE)
    for one in POLLUTANTS
)
DAILY = tuple(
    Metric(
        f"{one.name}_8h_ug_m3" if one.name == air_day.OZONE else one.column.replace(one.name, f"{one.name}_day"),
        "mg/m³" if one.name == "co" else "µg/m³",
        f"{one.called} 日最大 8 小时平均" if one.name == air_day.OZONE else f"{one.called} 日均值",
        f"{one.called}, largest 8-hour mean of the day" if one.name == air_day.OZONE else f"{one.called}, daily mean",
        METHOD,
        "GB 3095-2026",
        Sums(numerator_scale=float(one.digits), rolls_up="never"),
    )
    for one in POLLUTANTS
)
METRICS = (AQI, PRIMARY, *IAQIS, *DAILY)


class Station(NamedTuple):
    """A station in a window: (hours, fields, pollutants) sums."""

    id: str
    interval_s: float
    sums: NDArray[np.int64]


class _Said(NamedTuple):
    """One row; `value` is None where it is unknown."""

    entity: str
    metric: Metric
    value: int | None
    readings: int
    coverage_ratio: float
    revision: int


def of_hour(hour_ms: int, stations: list[Station]) -> Rows:
    """Return the rows of an hour."""
    said = []
    for station in stations:
        (hours,) = _hours(station)
        pairs = zip(POLLUTANTS, hours, strict=True)
        found = [
            None if (of := air_day.of_hour(one, hour, station.interval_s)) is None else aqi.iaqi(of, one.hour)
            for one, hour in pairs
        ]
        stands_s = [hour.minutes * max(float(MINUTE_S), station.interval_s) for hour in hours]
        said += _indices(station, found, [min(one / HOUR_S, 1.0) for one in stands_s])
    return _rows(said, hour_ms, HOUR_S)


def of_day(day_ms: int, stations: list[Station]) -> Rows:
    """Return the rows of a day."""
    said: list[_Said] = []
    for station in stations:
        of_hours = _hours(station)
        valid = [
            [hour if air_day.is_valid(hour, station.interval_s) else None for hour in hours]
            for hours in zip(*of_hours, strict=True)
        ]
        means = [air_day.of_day(one, hours) for one, hours in zip(POLLUTANTS, valid, strict=True)]
        found = [None if mean is None else aqi.iaqi(mean, one.day) for one, mean in zip(POLLUTANTS, means, strict=True)]
        shares = [sum(hour is not None for hour in hours) / len(hours) for hours in valid]
        of_all = _indices(station, found, shares)
        said += of_all
        said += [
            one._replace(metric=metric, value=mean) for one, metric, mean in zip(of_all[2:], DAILY, means, strict=True)
        ]
    return _rows(said, day_ms, DAY_S)


def _hours(station: Station) -> list[list[Hour]]:
    """Return of each hour the six."""
    sums = station.sums[:, [NUMERATOR, COUNT, MINUTES]].transpose(0, 2, 1).tolist()
    return [[Hour(*one) for one in hour] for hour in sums]


def _indices(station: Station, found: list[int | None], shares: list[float]) -> list[_Said]:
    """Return the rows of the index, its primary pollutants and the six, by the shares of the window they speak of."""
    counts, late = (station.sums[:, of].sum(axis=0).tolist() for of in (COUNT, REVISION))
    whole = aqi.index(found)
    code = None if whole is None else aqi.code(aqi.primary(found, whole))
    of_all = (sum(counts), sum(shares) / len(shares), sum(late))
    said = [_Said(station.id, AQI, whole, *of_all), _Said(station.id, PRIMARY, code, *of_all)]
    each = zip(IAQIS, found, counts, shares, late, strict=True)
    return said + [_Said(station.id, *one) for one in each]


def _rows(said: list[_Said], at_ms: int, window_s: int) -> Rows:
    if not said:
        return Rows.empty()
    entity, metric, value, count, coverage_ratio, revision = zip(*said, strict=True)
    numerator = np.array([0 if one is None else one for one in value], np.int64)
    known = np.array([one is not None for one in value], bool)
    scale = np.array([one.sums.numerator_scale for one in metric])
    heads = Heads(
        np.array(entity, object), at_ms, window_s, np.array(coverage_ratio, np.float64), np.array(revision, np.int64)
    )
    amounts = Amounts(
        numerator, known.astype(np.int64), np.where(known, numerator / scale, np.nan), np.array(count, np.int64)
    )
    return make_rows(np.array([one.name for one in metric], object), heads, amounts)
