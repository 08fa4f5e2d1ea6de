"""Air quality as the public knows it: individual indices and the index of each station, of every hour and day.

in      city.metrics.v1 of `environment`: rows of sensors, one minute each, of the six pollutants, final and corrected
out     per hour and per day of the city's clock, of each station: `aqi`, `primary_pollutants_code` and the six
        `<pollutant>_iaqi`; per day the six concentrations that those are of. Unknown where the standard says NA
state   the zones' watermarks; per minute, rows and revisions, for as long as they may be corrected; per hour, sums by
        station, for as long as their day may be; each station's interval
drops   other_metric: any other row; repeat: that row is known with this or a higher revision; provisional; too_late: of
        a minute that nothing can correct any more; unknown_entity: not in the city
source  HJ 633-2026 and GB 3095-2026, clause by clause in `docs/methods/aqi.md`
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths import aggregates, air_rows, identities, local_hours
from processors.maths.air_rows import METRICS, Station
from processors.maths.aqi import COLUMNS
from processors.maths.identities import UNKNOWN
from processors.maths.local_hours import COUNT, LocalHours, Told
from processors.maths.watermarks import Marks
from streams.city.local_days import midnight_ms
from streams.city.timing import stamps_end
from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.contract.records import NO_TIME_MS, MetricFrame, Result, Rows
from streams.contract.spec import Config as BaseConfig
from streams.contract.spec import Spec
from streams.domains.schema import late_limit_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City

DOMAIN = "environment"
DROPS = ("other_metric", "repeat", "provisional", "too_late", "unknown_entity")
OTHER_METRIC, REPEAT, PROVISIONAL, TOO_LATE, UNKNOWN_ENTITY = DROPS
USED = 0
_JUDGED = {reason: number for number, reason in enumerate(DROPS, 1)}


class Config(BaseConfig, frozen=True, kw_only=True):
    """None: what counts is what the standard says."""


@dataclass
class State:
    """The stations of the city."""

    hours: LocalHours = field(default_factory=LocalHours)
    marks: Marks = field(default_factory=Marks)
    closed_ms: int = NO_TIME_MS
    """Windows that end by then are closed: what all zones have passed, less the domain's longest lag."""
    interval_s: dict[str, float] = field(default_factory=dict)
    """Station → its interval, as the city had it when it last spoke."""


class _Touched(NamedTuple):
    """What rows have changed: window's start → slots."""

    hours: dict[int, set[int]]
    days: dict[int, set[int]]


def step(state: State, frame: MetricFrame, city: City, _config: Config) -> Result[State]:
    """Fold the rows that say something new; emit the hours and days that all zones have passed, and those corrected."""
    touched, dropped = _Touched({}, {}), dict[str, int]()
    if len(frame.rows):
        dropped = _fold(state, frame, city, touched)
    before_ms = state.closed_ms
    lag_ms = city.longest_lag_ms.get(frame.domain, 0) if frame.lag_ms is None else frame.lag_ms
    state.marks.advance(replace(frame, watermark_ms=frame.watermark_ms - lag_ms - _end_ms(city)), city)
    state.closed_ms = max(before_ms, state.marks.watermark_ms)
    parts = [*_closed(state, before_ms, city), *_corrected(state, before_ms, touched, city)]
    if state.closed_ms > before_ms:
        local_hours.forget(state.hours, state.closed_ms - late_limit_ms(frame.domain), city.time_zone)
    return Result(state=state, rows=Rows.concat(parts), dropped=dropped)


def _end_ms(city: City) -> int:
    """Return how much longer hours wait for who stamps the end: on the hour it speaks of the hour before."""
    ends = any(sensor.domain == DOMAIN and stamps_end(sensor) for sensor in city.sensors)
    return MINUTE_MS if ends else 0


def _fold(state: State, frame: MetricFrame, city: City, touched: _Touched) -> dict[str, int]:
    """Take the rows that are new or of a higher revision → why the others were not used."""
    rows, known = frame.rows, state.hours.known
    mine = np.isin(rows.metric, COLUMNS) & (rows.window_s * 1000 == MINUTE_MS)
    rows = rows.where(mine)
    zone = city.zones[frame.zone].id
    known.declare(aggregates.declared(known, replace(frame, rows=rows)))
    slot = identities.slots(known, rows, zone, city)
    terms = np.stack([rows.revision, rows.numerator, rows.count, rows.count > 0, np.ones(len(rows), np.int64)])
    judged = np.zeros(len(rows), np.int8)
    judged[slot == UNKNOWN] = _JUDGED[UNKNOWN_ENTITY]
    judged[rows.revision < 0] = _JUDGED[PROVISIONAL]
    old_ms = NO_TIME_MS if state.closed_ms == NO_TIME_MS else state.closed_ms - late_limit_ms(frame.domain)
    judged[(judged == USED) & (rows.at_ms + MINUTE_MS <= old_ms)] = _JUDGED[TOO_LATE]
    ends = _note_stations(state, rows.entity, city)
    for start_ms, place in local_hours.each_minute(rows.at_ms, judged == USED):
        told = Told(start_ms, zone, slot[place], terms[:, place], ends[place])
        used, changed = local_hours.fold(state.hours, told, city.time_zone)
        judged[place] = np.where(used, USED, _JUDGED[REPEAT])
        for hour_ms, of_hour in changed:
            _touch(state, touched, hour_ms, of_hour, city)
    counts = dict(zip(DROPS, np.bincount(judged, minlength=1 + len(DROPS))[1:].tolist(), strict=True))
    counts[OTHER_METRIC] = int(np.count_nonzero(~mine))
    return {reason: counts[reason] for reason in sorted(DROPS) if counts[reason]}


def _note_stations(state: State, entity: NDArray[np.object_], city: City) -> NDArray[np.bool_]:
    """Keep what is to be known of the sensors of (n,) rows → (n,) whether each stamps the end."""
    ends = dict[str, bool]()
    for one in dict.fromkeys(entity.tolist()):
        code = city.sensor_code.get(one)
        ends[one] = code is not None and stamps_end(city.sensors[code])
        if code is not None:
            state.interval_s[one] = city.sensors[code].interval_s
    return np.array([ends[one] for one in entity.tolist()], bool)


def _touch(state: State, touched: _Touched, hour_ms: int, slot: NDArray[np.int64], city: City) -> None:
    """Note the windows that were closed before."""
    day_ms = midnight_ms(city.time_zone, hour_ms)
    if hour_ms + HOUR_MS <= state.closed_ms:
        touched.hours.setdefault(hour_ms, set()).update(slot.tolist())
    if local_hours.closes_ms(day_ms, city.time_zone) <= state.closed_ms:
        touched.days.setdefault(day_ms, set()).update(slot.tolist())


def _closed(state: State, before_ms: int, city: City) -> list[Rows]:
    """Return the rows of the hours and days that have closed, of every station that was heard by then."""
    hours = local_hours.told_hours(state.hours, before_ms, state.closed_ms)
    days = local_hours.told_days(state.hours, before_ms, state.closed_ms, city.time_zone)
    parts = [_hour(state, hour_ms, None, city) for hour_ms in hours]
    return parts + [_day(state, day_ms, None, city) for day_ms in days]


def _corrected(state: State, before_ms: int, touched: _Touched, city: City) -> list[Rows]:
    """Return the rows of the windows that rows have changed after their close, of the stations they are of."""
    entity = state.hours.known.entity
    parts = [
        _hour(state, hour_ms, {int(entity[one]) for one in touched.hours[hour_ms]}, city)
        for hour_ms in sorted(touched.hours)
    ]
    return parts + [
        _day(state, day_ms, {int(entity[one]) for one in touched.days[day_ms]}, city) for day_ms in sorted(touched.days)
    ]


def _hour(state: State, hour_ms: int, only: set[int] | None, city: City) -> Rows:
    day_ms = midnight_ms(city.time_zone, hour_ms)
    sums = local_hours.by_entity(state.hours, day_ms, COLUMNS)
    at = (hour_ms - day_ms) // HOUR_MS
    stations = _stations(state, sums[at : at + 1], hour_ms, only, city)
    return air_rows.of_hour(hour_ms, stations)


def _day(state: State, day_ms: int, only: set[int] | None, city: City) -> Rows:
    hours = local_hours.hours_of(day_ms, city.time_zone)
    sums = local_hours.by_entity(state.hours, day_ms, COLUMNS)[:hours]
    last_ms = local_hours.closes_ms(day_ms, city.time_zone) - HOUR_MS
    return air_rows.of_day(day_ms, _stations(state, sums, last_ms, only, city))


def _stations(state: State, sums: NDArray[np.int64], last_ms: int, only: set[int] | None, city: City) -> list[Station]:
    """List whose rows a window has, with its (hours, fields, pollutants) sums.

    They are those with readings in it, and those that the city has and that were heard by its last hour.
    """
    known = state.hours.known
    heard = local_hours.first_heard_ms(state.hours) <= last_ms
    spoke: NDArray[np.bool_] = sums[:, COUNT].sum(axis=(0, 1)) > 0
    ids = known.ids(np.arange(known.entity_count)).tolist()
    found = []
    for number in range(known.entity_count) if only is None else sorted(only):
        if only is None and not spoke[number] and not (heard[number] and ids[number] in city.sensor_code):
            continue
        found.append(Station(ids[number], state.interval_s.get(ids[number], 0.0), sums[..., number]))
    return found


SPEC = Spec(
    domains=(DOMAIN,),
    step=step,
    config=Config,
    state=State,
    metrics=METRICS,
    drops=DROPS,
    second_level=True,
)
