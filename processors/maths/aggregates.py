"""Sums of rows over segments, sensors, zones, the city and time: numerators and denominators, never means of ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import tpi
from processors.maths.fixed import add_at
from processors.maths.identities import Identities
from processors.maths.measures import (
    FEED_PREFIX,
    FEEDS,
    REPORTING,
    TPI,
    TRAVEL,
    TTI,
    Amounts,
    Heads,
    clamped,
    make_rows,
    quotient,
)
from streams.contract.records import Rows
from streams.contract.spec import COLUMN_SCALE, column_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City

MEMBERS, REVISION, NUMERATOR, DENOMINATOR, COUNT, COVERAGE = range(6)
FIELDS = COVERAGE + 1
"""Fields of a sum of rows: how many they are, late readings in them, numerator, denominator, readings, coverage."""
COVERAGE_SCALE = 1e9
_SCALES = {metric.name: (metric.numerator_scale, metric.denominator_scale) for metric in (*TRAVEL, TPI, *FEEDS)}
_FEED_METRICS = tuple(metric.name for metric in FEEDS)


class At(NamedTuple):
    """Of which domain of which city the sums are."""

    identities: Identities
    city: City
    domain: str
    least_coverage_ratio: float


def amounts(rows: Rows, of: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return (fields, n) what these rows add to a sum; an unknown coverage counts as none."""
    coverage = np.nan_to_num(rows.coverage_ratio[of], nan=0.0)
    parts = {
        MEMBERS: np.ones(len(of), np.int64),
        REVISION: rows.revision[of],
        NUMERATOR: rows.numerator[of],
        DENOMINATOR: rows.denominator[of],
        COUNT: rows.count[of],
        COVERAGE: np.rint(coverage * COVERAGE_SCALE).astype(np.int64),
    }
    return np.stack([parts[field] for field in range(FIELDS)])


def entities(sums: NDArray[np.int64], start_ms: int, window_ms: int, only: NDArray[np.int64] | None, at: At) -> Rows:
    """Return a row per segment or sensor that has members, and is among `only`; feeds have none."""
    known = at.identities
    present = sums[MEMBERS] > 0
    parts = []
    for number, metric in enumerate(known.metrics):
        if metric in _FEED_METRICS:
            continue
        slot = np.flatnonzero(present & (known.metric == number))
        wanted, place = np.unique(known.entity[slot], return_inverse=True)
        total = np.zeros((FIELDS, len(wanted)), np.int64)
        add_at(total, place, sums[:, slot])  # what moved from zone to zone has a slot in each
        if only is not None:
            touched = np.isin(wanted, known.entity[only[known.metric[only] == number]])
            wanted, total = wanted[touched], np.ascontiguousarray(total[:, touched])
        parts.append(_rows(metric, metric, known.ids(wanted), total, (start_ms, window_ms)))
    return Rows.concat(parts)


def totals(sums: NDArray[np.int64], start_ms: int, window_ms: int, only: NDArray[np.int64] | None, at: At) -> Rows:
    """Return the rows of zones and city, and of the feed for a minute; where `only` is given, those of its slots."""
    parts = []
    for number, metric in enumerate(at.identities.metrics):
        of_metric = (at.identities.metric == number) & (sums[MEMBERS] > 0)
        if only is not None and not of_metric[only].any():
            continue
        zones = None if only is None else at.identities.zone[only][of_metric[only]]
        if metric in _FEED_METRICS:
            if window_ms // 1000 == 60:  # noqa: PLR2004 - a count of sensors has no sum over the minutes of an hour
                parts.append(_feed(metric, sums[:, of_metric], (start_ms, window_ms), at))
        else:
            parts.append(_zones_and_city(metric, sums * of_metric, zones, (start_ms, window_ms), at))
    return Rows.concat(parts)


def _feed(metric: str, sums: NDArray[np.int64], window: tuple[int, int], at: At) -> Rows:
    entity = np.array([f"{FEED_PREFIX}{at.domain}"], object)[: sums.shape[1]]
    return _rows(metric, metric, entity, sums.sum(axis=1, keepdims=True)[:, : len(entity)], window)


def _zones_and_city(
    metric: str, sums: NDArray[np.int64], only: NDArray[np.int64] | None, window: tuple[int, int], at: At
) -> Rows:
    names = at.identities.zones
    by_zone = np.zeros((FIELDS, len(names) + 1), np.int64)
    add_at(by_zone, at.identities.zone, sums)
    by_zone[:, -1] = by_zone[:, :-1].sum(axis=1)
    present = by_zone[MEMBERS] > 0
    if only is not None:
        present &= np.isin(np.arange(len(present)), np.append(only, len(present) - 1))
    entity = np.array([*(f"zone:{zone}" for zone in names), f"city:{at.city.id}"], object)[present]
    name = metric if metric in _SCALES else column_metric(at.domain, metric)
    rows = _rows(name, metric, entity, by_zone[:, present], window)
    if metric != TTI.name:
        return rows
    value = np.where(rows.coverage_ratio >= at.least_coverage_ratio, tpi.index(rows.value), np.nan)
    amounts = Amounts(rows.numerator, rows.denominator, value, rows.count)
    heads = Heads(entity, window[0], window[1] // 1000, rows.coverage_ratio, rows.revision)
    return Rows.concat([rows, make_rows(TPI.name, heads, amounts)])


def _rows(
    name: str, metric: str, entity: NDArray[np.object_], sums: NDArray[np.int64], window: tuple[int, int]
) -> Rows:
    numerator, denominator = sums[NUMERATOR], sums[DENOMINATOR]
    scales = _SCALES.get(metric, (COLUMN_SCALE, 1.0))
    value = clamped(metric, quotient(numerator, denominator, *scales))
    if metric == REPORTING.name:
        value = numerator.astype(np.float64)
    coverage = sums[COVERAGE] / COVERAGE_SCALE / np.maximum(sums[MEMBERS], 1)
    heads = Heads(entity, window[0], window[1] // 1000, coverage, sums[REVISION])
    return make_rows(name, heads, Amounts(numerator, denominator, value, sums[COUNT]))
