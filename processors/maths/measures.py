"""The metrics that several processors speak of, and how their rows are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from processors.maths import energy
from processors.maths.fixed import to_fixed
from streams.contract.records import Rows
from streams.contract.spec import Metric, column_mean
from streams.contract.sums import COLUMN_SCALE, Sums
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from processors.maths.fixed import Wide

TRAFFIC = "traffic"
GB_33171 = "GB/T 33171-2016"
TTI = Metric(
    name="tti_ratio",
    unit="",
    zh="行程时间比",
    en="Travel time index",
    method="tti",
    standard=f"{GB_33171}, 7.2.2.1",
    sums=Sums(numerator_scale=1e12, denominator_scale=1e12, least=1.0),
)
"""Vehicle-hours over free-flow vehicle-hours."""
SPEED = Metric(
    name="speed_km_h",
    unit="km/h",
    zh="空间平均车速",
    en="Space-mean speed",
    method="speed",
    standard=f"{GB_33171}, 7.2.1; Wardrop 1952",
    sums=Sums(numerator_scale=1e10, denominator_scale=1e12),
)
"""Vehicle-kilometres over vehicle-hours."""
DELAY = Metric(
    name="delay_s",
    unit="s",
    zh="车均延误",
    en="Delay per vehicle and segment",
    method="delay",
    standard=f"{GB_33171}, 3.9",
    sums=Sums(numerator_scale=1e8, denominator_scale=1e10, least=0.0),
)
"""Vehicle-seconds lost against free flow over vehicles that passed a segment; below 0 only before the clamp."""
FLOW = Metric(
    name="flow_veh_h",
    unit="veh/h",
    zh="流量",
    en="Flow",
    method="flow",
    standard="own choice",
    sums=Sums(numerator_scale=1e6),
)
"""Sum of the flows that were read over how many those are."""
TPI = Metric(
    name="tpi",
    unit="",
    zh="交通运行指数",
    en="Traffic performance index",
    method="tpi",
    standard=f"{GB_33171}, 7.2.3 and Annex C",
    sums=Sums(numerator_scale=1e12, denominator_scale=1e12, least=0.0, most=10.0, rolls_up="never"),
)
"""Made of each sum of the travel time index; numerator and denominator are that one's."""
SILENT = Metric(
    name="silent_ratio",
    unit="",
    zh="无数据传感器占比",
    en="Silent sensors",
    method="silent",
    standard="own choice",
    sums=Sums(rolls_up="feed"),
)
REPORTING = Metric(
    name="reporting_count",
    unit="",
    zh="在线传感器数",
    en="Reporting sensors",
    method="reporting",
    standard="own choice",
    sums=Sums(value="numerator", rolls_up="feed"),
)
TRAVEL = (TTI, SPEED, DELAY, FLOW)
FEEDS = (SILENT, REPORTING)
FEED_PREFIX = "feed:"


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the rows of one metric and window are made of, each (n,)."""

    numerator: NDArray[np.int64]
    denominator: NDArray[np.int64]
    value: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Road:
    """What travel is measured on: (n,) length and free-flow speed of segments, and how long the window is."""

    length_km: NDArray[np.float64]
    free_flow_km_h: NDArray[np.float64]
    hours: float


def quotient(
    numerator: NDArray[np.int64], denominator: NDArray[np.int64], numerator_scale: float, denominator_scale: float
) -> NDArray[np.float64]:
    """Divide two fixed-point sums; nothing below the line: NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (numerator / numerator_scale) / (denominator / denominator_scale)
    return np.where(denominator != 0, found, np.nan)


def declared_before(domain: str, metric: str) -> Sums:
    """Return how the rows of a metric added up before frames said so themselves."""
    own: tuple[Metric, ...] = (*(TRAVEL if domain == TRAFFIC else ()), *FEEDS)
    for known in own:
        if known.name == metric:
            return known.sums
    schema = load_schemas().get(domain)
    if schema is not None and metric in schema.names:
        return column_mean(domain, metric).sums
    return Sums(numerator_scale=COLUMN_SCALE)


def value_of(numerator: Wide, denominator: Wide, sums: Sums) -> NDArray[np.float64]:
    """Return the values of sums of rows, as the metric defines them; nothing below the line: NaN."""
    top, bottom = numerator.number / sums.numerator_scale, denominator.number / sums.denominator_scale
    if sums.value == "quotient":
        with np.errstate(divide="ignore", invalid="ignore"):
            top = np.where(bottom != 0, top / bottom, np.nan)
        if sums.is_level:
            top = energy.level_of(top)
    return np.clip(top, sums.least, sums.most)


def travel_amounts(
    flow_veh_h: NDArray[np.float64], veh_per_km: NDArray[np.float64], used: NDArray[np.int64], road: Road
) -> dict[str, Amounts]:
    """Return the amounts of TTI, speed and delay of segments in a window.

    `flow_veh_h` and `veh_per_km` are sums of q and q / v' over `used` readings; no reading: NaN values, sums of 0.
    """
    share = road.hours / np.maximum(used, 1)
    vehicles = flow_veh_h * share
    vkt = vehicles * road.length_km
    vht = veh_per_km * share * road.length_km
    free_vht = vkt / road.free_flow_km_h
    vht_fixed = to_fixed(vht, TTI.sums.numerator_scale)
    known = used > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        tti = np.where(known, np.maximum(veh_per_km * road.free_flow_km_h / flow_veh_h, TTI.sums.least), np.nan)
        speed = np.where(known, flow_veh_h / veh_per_km, np.nan)
        lost_hours = road.length_km / speed - road.length_km / road.free_flow_km_h
        delay = np.where(known, np.maximum(lost_hours, DELAY.sums.least), np.nan)
    lost = to_fixed((vht - free_vht) * 3600.0, DELAY.sums.numerator_scale)
    return {
        TTI.name: Amounts(vht_fixed, to_fixed(free_vht, TTI.sums.denominator_scale), tti, used),
        SPEED.name: Amounts(to_fixed(vkt, SPEED.sums.numerator_scale), vht_fixed, speed, used),
        DELAY.name: Amounts(lost, to_fixed(vehicles, DELAY.sums.denominator_scale), delay * 3600.0, used),
    }


@dataclass(frozen=True, slots=True)
class Heads:
    """Whose rows, of which window: (n,) entities, coverage and revision; one start for all or (n,)."""

    entity: NDArray[np.object_]
    at_ms: int | NDArray[np.int64]
    window_s: int
    coverage_ratio: NDArray[np.float64]
    revision: NDArray[np.int64]


def rows_of_all(amounts: Mapping[str, Amounts], heads: Heads) -> Rows:
    """Return one row an entity and metric, metric by metric."""
    metrics, size = len(amounts), len(heads.entity)
    name = np.repeat(np.array(list(amounts), object), size)
    at_ms = heads.at_ms if isinstance(heads.at_ms, int) else np.tile(heads.at_ms, metrics)
    entity, coverage_ratio = np.tile(heads.entity, metrics), np.tile(heads.coverage_ratio, metrics)
    all_heads = Heads(entity, at_ms, heads.window_s, coverage_ratio, np.tile(heads.revision, metrics))
    numbers = (
        np.concatenate([getattr(one, field) for one in amounts.values()])
        for field in ("numerator", "denominator", "value", "count")
    )
    return make_rows(name, all_heads, Amounts(*numbers))


def make_rows(metric: str | NDArray[np.object_], heads: Heads, amounts: Amounts) -> Rows:
    """Return one row an entity, of one metric or of (n,) metrics."""
    size = len(heads.entity)
    return Rows(
        entity=heads.entity,
        metric=np.full(size, metric, object),
        at_ms=np.full(size, heads.at_ms, np.int64),
        window_s=np.full(size, heads.window_s, np.int32),
        value=amounts.value,
        numerator=amounts.numerator,
        denominator=amounts.denominator,
        count=amounts.count,
        coverage_ratio=heads.coverage_ratio,
        revision=heads.revision,
    )
