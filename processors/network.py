"""The state of zones and of the city per minute, and of everything per hour: sums of what the zones' processors found.

in      city.metrics.v1 of every domain: rows of segments and sensors, one minute each, final and corrected
out     per hour, each segment's and sensor's metrics; per minute and hour, those of zones and city, with `tpi`;
        per minute, `feed:<domain>`. There a column that two domains share is named `<domain>_<column>`
state   per domain: the zones' watermarks; per minute, every row's sums and revision, packed, for as long as it may be
        corrected, and who was expected and silent; per hour, sums by segment or sensor
drops   repeat: that row is known with this or a higher revision; other_window: not of one minute; provisional;
        too_late: of a window that nothing can correct any more; unknown_entity: not in the city; too_large: more than
        the sum of an hour can hold
source  GB/T 33171-2016, 7.2.3 and Annex C (TPI); sums first, one division: `docs/methods/`
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import aggregates, expected, identities, tpi
from processors.maths.aggregates import EXPECTED, FINAL, MEMBERS, REVISION, Window
from processors.maths.corrected import ByZone, Change, follow, of_entities
from processors.maths.identities import UNKNOWN, Identities
from processors.maths.measures import FEEDS, TPI, TRAVEL, TTI
from processors.maths.mute import mute
from processors.maths.packing import pack, unpack
from processors.maths.places import grown
from processors.maths.slots import among, newest, run, with_slots
from processors.maths.watermarks import Marks
from streams.city.moves import in_minute
from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.contract.records import NO_TIME_MS, MetricFrame, Result, Rows
from streams.contract.spec import EVERY_DOMAIN, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms

if TYPE_CHECKING:
    from streams.city.registry import City

DROPS = ("repeat", "other_window", "provisional", "too_late", "unknown_entity", "too_large")
REPEAT, OTHER_WINDOW, PROVISIONAL, TOO_LATE, UNKNOWN_ENTITY, TOO_LARGE = DROPS
USED = 0
_JUDGED = {reason: number for number, reason in enumerate(DROPS, 1)}


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    least_coverage_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.6
    """Below this share of expected sensors there is no TPI."""


@dataclass
class Domain:
    """What is known of one domain."""

    identities: Identities = field(default_factory=Identities)
    marks: Marks = field(default_factory=Marks)
    """What each zone has passed, less the longest lag of the domain's sensors when it said so."""
    closed_ms: int = NO_TIME_MS
    """Windows that end by then are closed: what all zones have passed, less that lag."""
    minutes: dict[int, dict[str, bytes]] = field(default_factory=dict)
    """Start → zone id → packed (1 + fields, n) array: slots, rising, and their sums."""
    hours: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """(fields, slots)."""

    def __post_init__(self) -> None:
        """Begin without what is derived."""
        self.by_zone: dict[Window, ByZone] = {}
        """Closed windows → their sums by metric and zone."""


@dataclass
class State:
    """Every domain."""

    domains: dict[str, Domain] = field(default_factory=dict)


_Touched: TypeAlias = "dict[Window, NDArray[np.int64]]"
"""Closed windows that rows have changed → slots."""


def step(state: State, frame: MetricFrame, city: City, config: Config) -> Result[State]:
    """Fold the rows that say something new; emit the windows that all zones have passed, and those corrected."""
    domain = state.domains.setdefault(frame.domain, Domain())
    touched: _Touched = {}
    dropped: dict[str, int] = {}
    if len(frame.rows):
        dropped = _fold(domain, frame, city, touched)
    before_ms = domain.closed_ms
    lag_ms = city.longest_lag_ms.get(frame.domain, 0) if frame.lag_ms is None else frame.lag_ms
    domain.marks.advance(replace(frame, watermark_ms=frame.watermark_ms - lag_ms) if lag_ms else frame, city)
    domain.closed_ms = max(before_ms, domain.marks.watermark_ms)
    if domain.closed_ms == before_ms and not touched:
        return Result(state=state, dropped=dropped)
    at = aggregates.At(domain.identities, city, frame.domain)
    parts, wide = [], []
    for window, slot in _windows(domain, before_ms, touched):
        if window.length_ms == HOUR_MS:
            parts += _entities(domain, window, slot, at)
        elif slot is None:
            _close(domain, window, at)
        wide.append(_totals(domain, window, slot, at))
        parts.append(wide[-1])
    _forget(domain, late_limit_ms(frame.domain))
    return Result(state=state, rows=Rows.concat([*parts, _indices(Rows.concat(wide), config)]), dropped=dropped)


def _windows(domain: Domain, before_ms: int, touched: _Touched) -> list[tuple[Window, NDArray[np.int64] | None]]:
    """List the windows that have closed, and those corrected with their slots; minutes first."""
    found: list[tuple[Window, NDArray[np.int64] | None]] = []
    for starts, length_ms in ((domain.minutes, MINUTE_MS), (domain.hours, HOUR_MS)):
        closed = sorted(start_ms for start_ms in starts if before_ms < start_ms + length_ms <= domain.closed_ms)
        found += [(Window(start_ms, length_ms), None) for start_ms in closed]
        found += [(window, touched[window]) for window in sorted(touched) if window.length_ms == length_ms]
    return found


def _fold(domain: Domain, frame: MetricFrame, city: City, touched: _Touched) -> dict[str, int]:
    """Take the rows that are new or of a higher revision → why the others were not used."""
    rows = frame.rows
    zone = city.zones[frame.zone].id
    known = domain.identities
    known.declare(aggregates.declared(known, frame))
    slot = identities.slots(known, rows, zone, city)
    terms = aggregates.amounts(rows, expected.sensors(known, slot, city, frame.domain))
    aggregates.rescale(terms, known, frame)
    judged = np.zeros(len(rows), np.int8)
    judged[aggregates.too_large(terms)] = _JUDGED[TOO_LARGE]
    judged[slot == UNKNOWN] = _JUDGED[UNKNOWN_ENTITY]
    judged[rows.revision < 0] = _JUDGED[PROVISIONAL]
    judged[rows.window_s * 1000 != MINUTE_MS] = _JUDGED[OTHER_WINDOW]
    old_ms = NO_TIME_MS if domain.closed_ms == NO_TIME_MS else domain.closed_ms - late_limit_ms(frame.domain)
    judged[(judged == USED) & (rows.at_ms + MINUTE_MS <= old_ms)] = _JUDGED[TOO_LATE]
    for start_ms, of_minute in _minutes(rows.at_ms, judged == USED):
        told = _Told(start_ms, zone, slot[of_minute], terms[:, of_minute])
        judged[of_minute] = np.where(_fold_minute(domain, told, touched), USED, _JUDGED[REPEAT])
    counts = dict(zip(DROPS, np.bincount(judged, minlength=1 + len(DROPS))[1:].tolist(), strict=True))
    return {reason: counts[reason] for reason in sorted(DROPS) if counts[reason]}


def _minutes(at_ms: NDArray[np.int64], of: NDArray[np.bool_]) -> list[tuple[int, NDArray[np.intp] | slice]]:
    """Return which of those rows are of each minute."""
    if of.all() and at_ms.min() == at_ms.max():
        return [(int(at_ms[0]), slice(None))]
    return [(start_ms, np.flatnonzero((at_ms == start_ms) & of)) for start_ms in np.unique(at_ms[of]).tolist()]


class _Told(NamedTuple):
    """What a zone's rows say of a minute: (n,) slots and (fields, n) amounts."""

    start_ms: int
    zone: str
    slot: NDArray[np.int64]
    amounts: NDArray[np.int64]


def _fold_minute(domain: Domain, told: _Told, touched: _Touched) -> NDArray[np.bool_]:
    """Put a minute's rows in the place of lower revisions, and the difference into the hour → (n,) which were used."""
    start_ms, slot, amounts = told.start_ms, told.slot, told.amounts
    known, of_zones = domain.identities, domain.minutes.setdefault(start_ms, {})
    cells, at = with_slots(of_zones.get(told.zone), slot, aggregates.FIELDS)
    present = cells[1:]
    before = present[:, at]
    aggregates.weigh_as_before(amounts, before)
    silent = (before[FINAL] == 0) & (before[REVISION] == 0)  # or nothing is known at all
    used = newest(slot, amounts[REVISION])
    used &= silent | (amounts[REVISION] > before[REVISION])
    finals = amounts[FINAL] > 0  # one may come with its correction, which takes its place
    heard, final_at = among(run(slot), finals), among(at, finals)
    known.heard_ms[heard] = np.minimum(known.heard_ms[heard], start_ms)
    if not used.all():
        slot, amounts, before, at = slot[used], amounts[:, used], before[:, used], among(at, used)
    difference = amounts - before
    difference[FINAL] = 0
    hour_ms = start_ms - start_ms % HOUR_MS
    hour = grown(domain.hours.get(hour_ms, np.zeros((aggregates.FIELDS, 0), np.int64)), len(known))
    domain.hours[hour_ms] = hour
    windows = (Window(start_ms, MINUTE_MS), Window(hour_ms, HOUR_MS))
    follow(domain.by_zone, windows, Change(known, slot, difference))
    hour[:, run(slot)] += difference
    present[:FINAL, at] = amounts[:FINAL]
    present[FINAL, final_at] = 1
    of_zones[told.zone] = pack(cells)
    if slot.size:
        for window in windows:
            if sum(window) <= domain.closed_ms:
                touched[window] = np.union1d(touched.get(window, np.empty(0, np.int64)), slot)
    return used


def _close(domain: Domain, minute: Window, at: aggregates.At) -> None:
    """Add a minute up, and put whom it asked and did not hear beside the others: with no value, and no coverage."""
    known, city = domain.identities, in_minute(at.city, at.domain, minute.start_ms)
    by_zone = ByZone(known, np.zeros((aggregates.FIELDS, 0), np.int64))
    final, here = np.zeros(len(known), bool), np.zeros(len(known), bool)
    for packed in domain.minutes[minute.start_ms].values():
        cells = unpack(packed)
        by_zone.add(Change(known, cells[0], cells[1:]))
        place = run(cells[0])
        final[place], here[place] = cells[1 + FINAL] > 0, cells[1 + MEMBERS] > 0
    spoke = np.flatnonzero(final)
    numbers = np.flatnonzero(np.bincount(known.metric[spoke])).tolist()
    metrics = [number for number in numbers if known.sums_of(number).rolls_up == "sums"]
    if metrics:
        due = expected.due(known, metrics, (city, at.domain), minute.start_ms)
        here = np.append(here, np.zeros(len(known) - len(here), bool))
        silent = [one.among(~here[one.slot]) for one in due]
        slot, sensors = (np.concatenate(both) for both in zip(*silent, strict=True))
        terms = np.zeros((aggregates.FIELDS, slot.size), np.int64)
        terms[MEMBERS], terms[EXPECTED] = 1, sensors
        by_zone.add(_add(domain, minute.start_ms, slot, terms))
        for asked in due:
            known.asked_ms[asked.slot] = minute.start_ms
    of = (city, at.domain, minute.start_ms)
    by_zone.add(_add(domain, minute.start_ms, *mute(known, domain.minutes, here, of, late_limit_ms(at.domain))))
    known.asked_ms[spoke] = minute.start_ms
    domain.by_zone[minute] = by_zone


def _add(domain: Domain, start_ms: int, slot: NDArray[np.int64], terms: NDArray[np.int64]) -> Change:
    """Add (n,) slots without a row, with their (fields, n) terms, to their zones' minute, and to its hour."""
    known = domain.identities
    zone = known.zone[slot]
    hour_ms = start_ms - start_ms % HOUR_MS
    hour = domain.hours[hour_ms] = grown(domain.hours[hour_ms], len(known))
    for number in np.unique(zone).tolist():
        of_zone, name = zone == number, known.zones[number]
        cells, at = with_slots(domain.minutes[start_ms].get(name), slot[of_zone], aggregates.FIELDS)
        cells[1:, at] = terms[:, of_zone]
        domain.minutes[start_ms][name] = pack(cells)
    hour[:, slot] += terms
    return Change(known, slot, terms)


def _indices(rows: Rows, config: Config) -> Rows:
    """Return the TPI of each sum of travel time indices of zones and city: none below the least coverage."""
    wide = [entity.startswith(("zone:", "city:")) for entity in rows.entity.tolist()]
    of = rows.where((rows.metric == TTI.name) & np.array(wide, bool))
    covered = of.coverage_ratio >= config.least_coverage_ratio
    value = np.where(covered, tpi.index(of.value), np.nan)
    return replace(of, metric=np.full(len(of), TPI.name, object), value=value)


def _sums(domain: Domain, window: Window) -> NDArray[np.int64]:
    """Return (fields, slots) the sums of a window."""
    start_ms, length_ms = window
    if length_ms == HOUR_MS:
        return domain.hours[start_ms]
    sums = np.zeros((aggregates.FIELDS, len(domain.identities)), np.int64)
    for packed in domain.minutes.get(start_ms, {}).values():
        cells = unpack(packed)
        sums[:, run(cells[0])] = cells[1:]
    return sums


def _entities(domain: Domain, window: Window, slot: NDArray[np.int64] | None, at: aggregates.At) -> list[Rows]:
    """Return an hour's rows of entities; of a corrected one those that `slot` touches."""
    start_ms = window.start_ms
    sums = domain.hours[start_ms] = grown(domain.hours[start_ms], len(domain.identities))
    if slot is None:
        return aggregates.entities(sums, window, None, at)
    few = of_entities(at.identities, sums, slot)
    return aggregates.entities(few.sums, window, few.only, at._replace(identities=few.known))


def _totals(domain: Domain, window: Window, slot: NDArray[np.int64] | None, at: aggregates.At) -> Rows:
    """Return the rows of zones, city and feed of a window; of a corrected one those that `slot` touches."""
    if window not in domain.by_zone:
        domain.by_zone[window] = ByZone(domain.identities, _sums(domain, window))
    if not domain.by_zone[window].fits:
        return aggregates.totals(_sums(domain, window), window, slot, at)
    few = domain.by_zone[window].touched(domain.identities, slot)
    return aggregates.totals(few.sums, window, few.only, at._replace(identities=few.known))


def _forget(domain: Domain, keep_ms: int) -> None:
    """Drop what no row can change any more: minutes a late limit after their end, hours after their last minute."""
    limit_ms = domain.closed_ms - keep_ms
    domain.minutes = {start: packed for start, packed in domain.minutes.items() if start + MINUTE_MS > limit_ms}
    domain.hours = {start: sums for start, sums in domain.hours.items() if start + HOUR_MS > limit_ms}
    domain.by_zone = {one: sums for one, sums in domain.by_zone.items() if sum(one) > limit_ms}


SPEC = Spec(
    domains=EVERY_DOMAIN,
    step=step,
    config=Config,
    state=State,
    state_version=4,
    metrics=(*TRAVEL, TPI, *FEEDS),
    column_metrics=True,
    drops=DROPS,
    second_level=True,
)
