"""The tiles: which figures, folded from which rows, and in which of five states."""

from __future__ import annotations

import math
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec

from dashboard.labels import column_name, column_unit
from processors.maths.air_rows import PRIMARY
from processors.maths.measures import TRAFFIC
from streams.contract.durations import HOUR_S, MINUTE_MS
from streams.contract.name import Name
from streams.contract.spec import WINDOW_S, column_metric
from streams.errors import ConfigError
from streams.hints import nearest
from streams.toml_keys import read_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.city.registry import City

SHOWN = 8
TRENDS_SHOWN = 2
MIN_COVERAGE = 0.6
"""Below this share of sensors a figure of the whole city is not shown (reference: GB/T 33171 practice)."""


LEAST_RHYTHM_MS = 5 * MINUTE_MS
"""No figure is taken to come more often."""

Row = dict[str, Any]
"""A field `m:<metric>:<entity>` of the live state."""


class State(StrEnum):
    """What a tile says of its figure."""

    OK = "ok"
    WARN = "warn"
    ALARM = "alarm"
    STALE = "stale"
    UNKNOWN = "unknown"


class Vital(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tile, as vitals.toml describes it."""

    id: str
    metric: str
    domain: str
    of: Literal["city", "max", "min", "sum"]
    window_s: Annotated[int, msgspec.Meta(ge=WINDOW_S)] = WINDOW_S
    """Length of the windows of its rows."""
    zh: str = ""
    en: str = ""
    unit: str = ""
    """`zh|en` where the languages differ; empty = the column's own."""
    scale: float = 1.0
    decimals: int = 1
    normal: tuple[float, float] | None = None
    alarm: tuple[float, float] | None = None
    basis: str

    @property
    def field(self) -> str:
        """Return the metric's name in the rows that the tile reads: a mean of the city may carry its domain's."""
        if self.of != "city" or column_name(self.domain, self.metric) is None or self.domain == TRAFFIC:
            return self.metric
        return column_metric(self.domain, self.metric)

    @property
    def name(self) -> Name:
        """Return what the tile is called."""
        known = column_name(self.domain, self.metric) or Name(self.metric, self.metric)
        return Name(self.zh or known.zh, self.en or known.en)

    @property
    def unit_name(self) -> Name:
        """Return the unit in both languages."""
        unit = self.unit or ("" if self.domain == TRAFFIC else column_unit(self.domain, self.metric))
        zh, _, en = unit.partition("|")
        return Name(zh, en or zh)


class Figure(NamedTuple):
    """A folded value with its label of truth."""

    value: float | None
    """In the tile's unit; None = unknown."""
    at_ms: int | None
    """Event time of the newest row in it."""
    state: int
    """0 provisional, 1 final, 2 corrected."""
    coverage_ratio: float | None
    entity: str | None
    """Where the value is from: the sensor of a max or min."""


UNKNOWN = Figure(None, None, 0, None, None)


class _Trend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vital: str
    """The id of its tile."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vital: tuple[Vital, ...]
    trend: tuple[_Trend, ...]


@cache
def _definitions() -> _File:
    path = Path(__file__).with_name("vitals.toml")
    found = read_as(path, _File)
    tiles = [vital.id for vital in found.vital]
    for trend in found.trend:
        if trend.vital not in tiles:
            raise ConfigError(f"{path}: trend: no tile has the id {trend.vital!r}{nearest(trend.vital, tiles)}")
    return found


def vitals() -> tuple[Vital, ...]:
    """Return every tile that there may be, most wanted first."""
    return _definitions().vital


def trends() -> tuple[Vital, ...]:
    """Return every trend that there may be, most wanted first."""
    known_ids = {vital.id: vital for vital in vitals()}
    return tuple(known_ids[trend.vital] for trend in _definitions().trend)


def sensor_metrics() -> dict[str, int]:
    """Return the metrics of which the wall takes rows of single sensors, which the live sink must carry → window, s."""
    return {vital.metric: vital.window_s for vital in vitals() if vital.of != "city"} | {PRIMARY.name: HOUR_S}


def choose(wanted: Sequence[Vital], domains: Iterable[str], seen: set[str], count: int) -> tuple[Vital, ...]:
    """Pick `count` tiles: those whose data was seen first, then those of the city's domains; in the wanted order."""
    inward = set(domains)
    possible = [vital for vital in wanted if vital.domain in inward]
    ranked = sorted(possible, key=lambda vital: vital.id not in seen)[:count]
    return tuple(vital for vital in wanted if vital in ranked)


def rows_of(vital: Vital, metrics: Mapping[str, Mapping[str, Row]], city: City) -> list[tuple[str, Row]]:
    """Return the rows that a tile folds, by entity: of whom the city has."""
    table = metrics.get(vital.field, {})
    if vital.of == "city":
        entity = f"city:{city.id}"
        row = table.get(entity)
        return [] if row is None or row.get("domain") != vital.domain else [(entity, row)]
    return [
        (entity, row)
        for entity, row in table.items()
        if row.get("domain") == vital.domain and (entity in city.sensor_code or entity in city.segment_code)
    ]


def figure(
    vital: Vital, rows: Sequence[tuple[str, Row]], intervals_s: Mapping[str, float] = MappingProxyType({})
) -> Figure:
    """Fold the newest rows into one figure: each counts for two windows, or two of its sensor's intervals."""
    usable = [(entity, row) for entity, row in rows if known(row["value"])]
    if not usable:
        return UNKNOWN
    newest = max(row["at_ms"] for _, row in usable)
    recent = [
        (entity, row) for entity, row in usable if newest - row["at_ms"] <= 2 * _rhythm_ms(row, intervals_s.get(entity))
    ]
    values = [row["value"] for _, row in recent]
    value = fold(vital, values)
    entity = None
    if vital.of != "sum":
        entity = next(name for name, row in recent if row["value"] == value)
    coverage = [row["coverage_ratio"] for _, row in recent if known(row.get("coverage_ratio"))]
    share = sum(coverage) / len(coverage) if coverage else None
    if vital.of == "city" and share is not None and share < MIN_COVERAGE:
        return Figure(None, newest, 0, share, None)
    return Figure(value * vital.scale, newest, min(row["state"] for _, row in recent), share, entity)


def fold(vital: Vital, values: Sequence[float]) -> float:
    """Fold values of one time; a row of the city itself is alone."""
    if vital.of == "sum":
        return sum(values)
    return min(values) if vital.of == "min" else max(values)


def _rhythm_ms(row: Mapping[str, Any], interval_s: float | None) -> int:
    return max(int(row["window_s"]) * 1000, LEAST_RHYTHM_MS, int((interval_s or 0) * 1000))


def known(value: float | None) -> bool:
    """Say whether there is a number."""
    return value is not None and math.isfinite(value)


def is_left_behind(found: Figure, reached_ms: int | None, interval_s: float, lag_ms: int) -> bool:
    """Say whether a figure is of a time that its domain has long left: whoever gave it has left, or gives it no more.

    The domain has come to `reached_ms`, None = nobody knows; its slowest sensor speaks every `interval_s`, or its rows
    come so often; its longest lag is `lag_ms`.
    """
    if found.at_ms is None or reached_ms is None:
        return False
    return reached_ms - found.at_ms > 2 * max(LEAST_RHYTHM_MS, int(interval_s * 1000)) + lag_ms


def judge(vital: Vital, found: Figure, source_is_late: bool) -> State:
    """Say in which state a tile is."""
    if found.value is None:
        return State.UNKNOWN
    if source_is_late:
        return State.STALE
    if vital.alarm is not None and not vital.alarm[0] <= found.value <= vital.alarm[1]:
        return State.ALARM
    if vital.normal is not None and not vital.normal[0] <= found.value <= vital.normal[1]:
        return State.WARN
    return State.OK
