"""Sums of rows over segments, sensors, zones, the city and time: numerators and denominators, never means of ratios.

How a metric's rows add up is what its `Metric` declares; here stands nothing of any one metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import energy
from processors.maths.fixed import Wide, add_wide
from processors.maths.identities import Identities, first_of_runs
from processors.maths.measures import FEED_PREFIX, Amounts, Heads, declared_before, make_rows, value_of
from streams.contract.durations import MINUTE_MS
from streams.contract.records import Rows
from streams.contract.sums import SUM_LIMIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.contract.records import MetricFrame
    from streams.contract.sums import Sums

MEMBERS, REVISION, NUMERATOR, DENOMINATOR, COUNT, EXPECTED, COVERAGE, FINAL = range(8)
FIELDS = FINAL + 1
"""Fields of a sum of rows: how many they are, late readings in them, numerator, denominator, readings, sensors
expected, share of them that reported, and how many had a final."""
COVERAGE_SCALE = 1e9
ROW_LIMIT = SUM_LIMIT // 60
"""A minute's row below it fits an hour, the widest window of one entity."""


class At(NamedTuple):
    """Of which domain of which city the sums are."""

    identities: Identities
    city: City
    domain: str


class Window(NamedTuple):
    """Which window: its start and its length."""

    start_ms: int
    length_ms: int


def amounts(rows: Rows, weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (fields, n) what these rows, (n,) of so many sensors each, add to a sum; an unknown coverage is none."""
    coverage = np.where(np.isnan(rows.coverage_ratio), 0.0, rows.coverage_ratio)
    terms = np.empty((FIELDS, len(rows)), np.int64)
    terms[MEMBERS] = 1
    terms[REVISION] = rows.revision
    terms[NUMERATOR] = rows.numerator
    terms[DENOMINATOR] = rows.denominator
    terms[COUNT] = rows.count
    terms[EXPECTED] = weight
    terms[COVERAGE] = np.rint(coverage * COVERAGE_SCALE)
    terms[COVERAGE] *= weight
    terms[FINAL] = rows.revision == 0
    return terms


def weigh_as_before(terms: NDArray[np.int64], before: NDArray[np.int64]) -> None:
    """Give each of (fields, n) terms the weight of what it takes the place of, where that is anything.

    A correction speaks for as many sensors as the row that it corrects, however many there are by now.
    """
    of = before[MEMBERS] > 0
    terms[COVERAGE, of] = terms[COVERAGE, of] // np.maximum(terms[EXPECTED, of], 1) * before[EXPECTED, of]
    terms[EXPECTED, of] = before[EXPECTED, of]


def declared(known: Identities, frame: MetricFrame) -> dict[str, Sums]:
    """Return how the metrics of a frame add up; what it does not say, as a frame of before, is as it was then."""
    names = dict.fromkeys(frame.rows.metric[first_of_runs(frame.rows.metric)].tolist())
    silent = {name: declared_before(frame.domain, name) for name in names if name not in {*frame.sums, *known.metrics}}
    told = {**silent, **{name: frame.sums[name] for name in names if name in frame.sums}}
    levels = {name: declared_before(frame.domain, name) for name in told if not told[name].is_level}
    return told | {name: how for name, how in levels.items() if how.is_level}


def rescale(terms: NDArray[np.int64], known: Identities, frame: MetricFrame) -> None:
    """Bring terms of rows into the scales that the sums of their metrics have, where a build has others.

    Where levels were added up as plain numbers, before, a row counts with its mean.
    """
    for name in dict.fromkeys(frame.rows.metric[first_of_runs(frame.rows.metric)].tolist()):
        how = frame.sums.get(name)
        kept = known.sums_of(known.metrics.index(name)) if name in known.metrics else how
        if kept is None or kept == how:
            continue
        if kept.is_level and (how is None or not how.is_level):
            of = frame.rows.metric == name
            mean = energy.energy_of(np.where(terms[DENOMINATOR, of] > 0, frame.rows.value[of], -np.inf))
            terms[NUMERATOR, of] = np.rint(mean * kept.numerator_scale) * terms[DENOMINATOR, of]
        elif how is not None:
            top, bottom = kept.numerator_scale / how.numerator_scale, kept.denominator_scale / how.denominator_scale
            of = frame.rows.metric == name
            terms[NUMERATOR, of] = np.rint(terms[NUMERATOR, of] * top)
            terms[DENOMINATOR, of] = np.rint(terms[DENOMINATOR, of] * bottom)


def too_large(terms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (n,) bool: more than the sum of an hour can hold."""
    found = np.zeros(terms.shape[1], bool)
    for sums in terms[NUMERATOR], terms[DENOMINATOR]:
        if sums.max(initial=0) >= ROW_LIMIT or sums.min(initial=0) <= -ROW_LIMIT:
            found |= (sums >= ROW_LIMIT) | (sums <= -ROW_LIMIT)
    return found


def entities(sums: NDArray[np.int64], window: Window, only: NDArray[np.int64] | None, at: At) -> list[Rows]:
    """Return, by metric, a row per segment or sensor that has members, and is among `only`; feeds have none."""
    known = at.identities
    present = sums[MEMBERS] > 0
    parts = []
    for number, metric in enumerate(known.metrics):
        how = known.sums_of(number)
        if how.rolls_up != "sums":
            continue
        slot = np.flatnonzero(present & (known.metric == number))
        slot = slot[np.argsort(known.entity[slot], kind="stable")]
        wanted, total = known.entity[slot], Wide(None, sums[:, slot])
        new = np.append(True, wanted[1:] != wanted[:-1])[: len(wanted)]
        if not new.all():  # what moved from zone to zone has a slot in each
            wanted, total = wanted[new], add_wide(sums[:, slot], np.cumsum(new) - 1, int(new.sum()))
        if only is not None:
            touched = np.isin(wanted, known.entity[only[known.metric[only] == number]])
            wanted, total = wanted[touched], total[:, touched]
        parts.append(_rows(metric, how, known.ids(wanted), total, window))
    return parts


def totals(sums: NDArray[np.int64], window: Window, only: NDArray[np.int64] | None, at: At) -> Rows:
    """Return the rows of zones and city, and of the feed for a minute; where `only` is given, those of its slots."""
    known = at.identities
    present = sums[MEMBERS] > 0
    parts = []
    for number in np.flatnonzero(np.bincount(known.metric[present])).tolist():
        metric, how = known.metrics[number], known.sums_of(number)
        slot = np.flatnonzero((known.metric == number) & present)
        touched = None if only is None else np.intersect1d(only, slot)
        if how.rolls_up == "never" or (touched is not None and not touched.size):
            continue
        if how.rolls_up == "sums":
            zones = None if touched is None else known.zone[touched]
            parts.append(
                _zones_and_city(how.wide_name or metric, how, (sums[:, slot], known.zone[slot], zones), window, at)
            )
        elif window.length_ms == MINUTE_MS:
            feed = np.array([f"{FEED_PREFIX}{at.domain}"], object)
            parts.append(_rows(metric, how, feed, add_wide(sums[:, slot], np.zeros(len(slot), np.intp), 1), window))
    return Rows.concat(parts)


def _zones_and_city(
    name: str,
    how: Sums,
    members: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None],
    window: Window,
    at: At,
) -> Rows:
    """Return the rows of the zones that have members, and are among those touched, and of the city."""
    sums, zone, only = members
    names = at.identities.zones
    total = add_wide(sums, zone, len(names)).with_total()
    present = total[MEMBERS].whole > 0
    if only is not None:
        present &= np.isin(np.arange(len(present)), np.append(only, len(present) - 1))
    entity = np.array([*(f"zone:{zone}" for zone in names), f"city:{at.city.id}"], object)[present]
    return _rows(name, how, entity, total[:, present], window)


def _rows(name: str, how: Sums, entity: NDArray[np.object_], sums: Wide, window: Window) -> Rows:
    numerator, denominator = sums[NUMERATOR], sums[DENOMINATOR]
    coverage = sums[COVERAGE].number / COVERAGE_SCALE / np.maximum(sums[EXPECTED].number, 1)
    heads = Heads(entity, window.start_ms, window.length_ms // 1000, coverage, sums[REVISION].whole)
    value = value_of(numerator, denominator, how)
    return make_rows(name, heads, Amounts(numerator.whole, denominator.whole, value, sums[COUNT].whole))
