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
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import aggregates, expected, identities, tpi
from processors.maths.aggregates import EXPECTED, FINAL, MEMBERS, REVISION, Window
from processors.maths.corrected import ByZone, Change, follow, of_entities
from processors.maths.identities import UNKNOWN, Identities
from processors.maths.measures import FEEDS, TPI, TRAVEL, TTI
from processors.maths.packing import pack, unpack
from processors.maths.places import grown
from processors.maths.watermarks import Marks
from streams.city.moves import in_minute
from streams.contract.records import NO_TIME_MS, MetricFrame, Result, Rows
from streams.contract.spec import EVERY_DOMAIN, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.city.registry import City

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DROPS = ("repeat", "other_window", "provisional", "too_late", "unknown_entity", "too_large")
REPEAT, OTHER_WINDOW, PROVISIONAL, TOO_LATE, UNKNOWN_ENTITY, TOO_LARGE = DROPS


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    least_coverage_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.6
    """Below this share of expected sensors there is no TPI."""


@dataclass
class Domain:
    """What is known of one domain."""

    identities: Identities = field(default_factory=Identities)
    marks: Marks = field(default_factory=Marks)
    closed_ms: int = NO_TIME_MS
    """Windows that end by then are closed: what all zones have passed, less the longest lag of the domain's sensors."""
    minutes: dict[int, dict[str, bytes]] = field(default_factory=dict)
    """Start → zone id → packed (1 + fields, n) array: slots, rising, and their sums."""
    hours: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """(fields, slots)."""

    def __post_init__(self) -> None:
        """Begin without what is derived."""
        self.corrected: dict[Window, ByZone] = {}
        """Closed windows that were corrected → their sums by metric and zone."""


@dataclass
class State:
    """Every domain."""

    domains: dict[str, Domain] = field(default_factory=dict)


class _Touched(NamedTuple):
    """Closed windows that rows have changed: start → slots."""

    minutes: dict[int, NDArray[np.int64]]
    hours: dict[int, NDArray[np.int64]]


def step(state: State, frame: MetricFrame, city: City, config: Config) -> Result[State]:
    """Fold the rows that say something new; emit the windows that all zones have passed, and those corrected."""
    domain = state.domains.setdefault(frame.domain, Domain())
    touched = _Touched({}, {})
    dropped: dict[str, int] = {}
    if len(frame.rows):
        dropped = _fold(domain, frame, city, touched)
    before_ms = domain.closed_ms
    domain.marks.advance(frame, city)
    if domain.marks.watermark_ms != NO_TIME_MS:
        domain.closed_ms = max(before_ms, domain.marks.watermark_ms - city.longest_lag_ms.get(frame.domain, 0))
    if domain.closed_ms == before_ms and not touched.minutes and not touched.hours:
        return Result(state=state, dropped=dropped)
    at = aggregates.At(domain.identities, city, frame.domain)
    parts = []
    for start_ms in _due(domain.minutes, before_ms, domain, MINUTE_MS):
        _ask(domain, start_ms, at)
        parts.append(_minute(domain, start_ms, None, at))
    parts += [_minute(domain, start_ms, slot, at) for start_ms, slot in sorted(touched.minutes.items())]
    parts += [_hour(domain, start_ms, None, at) for start_ms in _due(domain.hours, before_ms, domain, HOUR_MS)]
    parts += [_hour(domain, start_ms, slot, at) for start_ms, slot in sorted(touched.hours.items())]
    _forget(domain, late_limit_ms(frame.domain))
    rows = Rows.concat(parts)
    return Result(state=state, rows=Rows.concat([rows, _indices(rows, config)]), dropped=dropped)


def _fold(domain: Domain, frame: MetricFrame, city: City, touched: _Touched) -> dict[str, int]:
    """Take the rows that are new or of a higher revision → why the others were not used."""
    rows = frame.rows
    zone = city.zones[frame.zone].id
    known = domain.identities
    known.declare(aggregates.declared(known, frame))
    slot = identities.slots(known, rows, zone, city)
    terms = aggregates.amounts(rows, expected.sensors(known, slot, city, frame.domain))
    aggregates.rescale(terms, known, frame)
    judged = np.full(len(rows), "", object)
    judged[aggregates.too_large(terms)] = TOO_LARGE
    judged[slot == UNKNOWN] = UNKNOWN_ENTITY
    judged[rows.revision < 0] = PROVISIONAL
    judged[rows.window_s * 1000 != MINUTE_MS] = OTHER_WINDOW
    old_ms = NO_TIME_MS if domain.closed_ms == NO_TIME_MS else domain.closed_ms - late_limit_ms(frame.domain)
    judged[(judged == "") & (rows.at_ms + MINUTE_MS <= old_ms)] = TOO_LATE
    for start_ms in np.unique(rows.at_ms[judged == ""]).tolist():
        of_minute = np.flatnonzero((rows.at_ms == start_ms) & (judged == ""))
        told = _Told(start_ms, zone, slot[of_minute], terms[:, of_minute])
        used = _fold_minute(domain, told, touched)
        judged[of_minute[~used]] = REPEAT
    reasons, counts = np.unique(judged[judged != ""].astype(str), return_counts=True)
    return dict(zip(reasons.tolist(), counts.tolist(), strict=True))


class _Told(NamedTuple):
    """What a zone's rows say of a minute: (n,) slots and (fields, n) amounts."""

    start_ms: int
    zone: str
    slot: NDArray[np.int64]
    amounts: NDArray[np.int64]


def _fold_minute(domain: Domain, told: _Told, touched: _Touched) -> NDArray[np.bool_]:
    """Put a minute's rows in the place of lower revisions, and the difference into the hour → (n,) which were used."""
    start_ms, slot, amounts = told.start_ms, told.slot, told.amounts
    of_zones = domain.minutes.setdefault(start_ms, {})
    wanted, present = _with(of_zones.get(told.zone), slot)
    at = np.searchsorted(wanted, slot)
    newest = np.lexsort((amounts[REVISION], slot))
    last = np.append(slot[newest][1:] != slot[newest][:-1], True)
    used = np.zeros(len(slot), bool)
    used[newest[last]] = True
    silent = (present[FINAL, at] == 0) & (present[REVISION, at] == 0)  # or nothing is known at all
    used &= silent | (amounts[REVISION] > present[REVISION, at])
    place, fresh = slot[used], amounts[:, used]
    hour_ms = start_ms - start_ms % HOUR_MS
    hour = grown(domain.hours.get(hour_ms, np.zeros((aggregates.FIELDS, 0), np.int64)), len(domain.identities))
    domain.hours[hour_ms] = hour
    finals = amounts[FINAL] > 0  # one may come with its correction, which takes its place
    fresh[FINAL] = present[FINAL, at[used]]
    difference = fresh - present[:, at[used]]
    windows = (Window(start_ms, MINUTE_MS), Window(hour_ms, HOUR_MS))
    follow(domain.corrected, windows, Change(domain.identities, place, difference))
    hour[:, place] += difference
    present[:, at[used]] = fresh
    present[FINAL, at[finals]] = 1
    heard_ms = domain.identities.heard_ms
    heard_ms[slot[finals]] = np.minimum(heard_ms[slot[finals]], start_ms)
    of_zones[told.zone] = pack(np.concatenate([wanted[np.newaxis], present]))
    if place.size:
        _touch(touched.minutes, start_ms, place, start_ms + MINUTE_MS <= domain.closed_ms)
        _touch(touched.hours, hour_ms, place, hour_ms + HOUR_MS <= domain.closed_ms)
    return used


def _ask(domain: Domain, start_ms: int, at: aggregates.At) -> None:
    """Put whom a closing minute asked and did not hear beside the others: without a value, and with no coverage."""
    known, city = domain.identities, in_minute(at.city, at.domain, start_ms)
    sums = _sums(domain, Window(start_ms, MINUTE_MS))
    final = np.flatnonzero(sums[FINAL] > 0)
    for number in np.unique(known.metric[final]).tolist():
        if known.sums_of(number).rolls_up == "sums":
            asked = expected.due(known, number, (city, at.domain), start_ms)
            here = grown(sums, len(known))[MEMBERS, asked.slot] > 0
            _silent(domain, start_ms, asked.slot[~here], asked.sensors[~here])
            known.asked_ms[asked.slot] = start_ms
    known.asked_ms[final] = start_ms


def _silent(domain: Domain, start_ms: int, slot: NDArray[np.int64], sensors: NDArray[np.int64]) -> None:
    """Add slots without a row to their zones' minute, and to its hour."""
    zone = domain.identities.zone[slot]
    hour_ms = start_ms - start_ms % HOUR_MS
    hour = domain.hours[hour_ms] = grown(domain.hours[hour_ms], len(domain.identities))
    for number in np.unique(zone).tolist():
        of_zone = zone == number
        name = domain.identities.zones[number]
        wanted, present = _with(domain.minutes[start_ms].get(name), slot[of_zone])
        at = np.searchsorted(wanted, slot[of_zone])
        present[MEMBERS, at], present[EXPECTED, at] = 1, sensors[of_zone]
        domain.minutes[start_ms][name] = pack(np.concatenate([wanted[np.newaxis], present]))
    hour[MEMBERS, slot] += 1
    hour[EXPECTED, slot] += sensors


def _indices(rows: Rows, config: Config) -> Rows:
    """Return the TPI of each sum of travel time indices of zones and city: none below the least coverage."""
    wide = [entity.startswith(("zone:", "city:")) for entity in rows.entity.tolist()]
    of = rows.where((rows.metric == TTI.name) & np.array(wide, bool))
    covered = of.coverage_ratio >= config.least_coverage_ratio
    value = np.where(covered, tpi.index(of.value), np.nan)
    return replace(of, metric=np.full(len(of), TPI.name, object), value=value)


def _with(packed: bytes | None, slot: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (k,) slots, rising, of a zone's minute and of these rows, and (fields, k) what is known of each."""
    if packed is None:
        wanted = np.unique(slot)
        return wanted, np.zeros((aggregates.FIELDS, len(wanted)), np.int64)
    cells = unpack(packed)
    wanted = np.union1d(cells[0], slot)
    present = np.zeros((aggregates.FIELDS, len(wanted)), np.int64)
    present[:, np.searchsorted(wanted, cells[0])] = cells[1:]
    return wanted, present


def _touch(touched: dict[int, NDArray[np.int64]], start_ms: int, slot: NDArray[np.int64], closed: bool) -> None:
    if closed:
        touched[start_ms] = np.union1d(touched.get(start_ms, np.empty(0, np.int64)), slot)


def _sums(domain: Domain, window: Window) -> NDArray[np.int64]:
    """Return (fields, slots) the sums of a window."""
    start_ms, length_ms = window
    if length_ms == HOUR_MS:
        return domain.hours[start_ms]
    sums = np.zeros((aggregates.FIELDS, len(domain.identities)), np.int64)
    for packed in domain.minutes.get(start_ms, {}).values():
        cells = unpack(packed)
        sums[:, cells[0]] = cells[1:]
    return sums


def _due(starts: Iterable[int], before_ms: int, domain: Domain, window_ms: int) -> list[int]:
    return sorted(start for start in starts if before_ms < start + window_ms <= domain.closed_ms)


def _minute(domain: Domain, start_ms: int, slot: NDArray[np.int64] | None, at: aggregates.At) -> Rows:
    """Return the zones', the city's and the feed's rows of a minute; of a corrected one those that `slot` touches."""
    return _totals(domain, Window(start_ms, MINUTE_MS), slot, at)


def _hour(domain: Domain, start_ms: int, slot: NDArray[np.int64] | None, at: aggregates.At) -> Rows:
    """Return an hour's rows of entities, zones and city; of a corrected one those that `slot` touches."""
    sums = domain.hours[start_ms] = grown(domain.hours[start_ms], len(domain.identities))
    window = Window(start_ms, HOUR_MS)
    if slot is None:
        entities = aggregates.entities(sums, window, None, at)
    else:
        few = of_entities(at.identities, sums, slot)
        entities = aggregates.entities(few.sums, window, few.only, at._replace(identities=few.known))
    return Rows.concat([entities, _totals(domain, window, slot, at)])


def _totals(domain: Domain, window: Window, slot: NDArray[np.int64] | None, at: aggregates.At) -> Rows:
    """Return the rows of zones and city of a window; of a corrected one from its sums by zone."""
    if slot is None:
        return aggregates.totals(_sums(domain, window), window, None, at)
    if window not in domain.corrected:
        domain.corrected[window] = ByZone(domain.identities, _sums(domain, window))
    if not domain.corrected[window].fits:
        return aggregates.totals(_sums(domain, window), window, slot, at)
    few = domain.corrected[window].touched(domain.identities, slot)
    return aggregates.totals(few.sums, window, few.only, at._replace(identities=few.known))


def _forget(domain: Domain, keep_ms: int) -> None:
    """Drop what no row can change any more: minutes a late limit after their end, hours after their last minute."""
    limit_ms = domain.closed_ms - keep_ms
    domain.minutes = {start: packed for start, packed in domain.minutes.items() if start + MINUTE_MS > limit_ms}
    domain.hours = {start: sums for start, sums in domain.hours.items() if start + HOUR_MS > limit_ms}
    domain.corrected = {one: sums for one, sums in domain.corrected.items() if sum(one) > limit_ms}


SPEC = Spec(
    domains=EVERY_DOMAIN,
    step=step,
    config=Config,
    state=State,
    state_version=2,
    metrics=(*TRAVEL, TPI, *FEEDS),
    column_metrics=True,
    drops=DROPS,
    second_level=True,
)
