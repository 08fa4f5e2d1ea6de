"""Which sensors have fallen silent, are stuck or deliver late, and how much of a zone's feed is silent, per minute.

in      city.readings.v1 of every domain: who spoke when, and whether the values ever change
out     silent_ratio and reporting_count of `feed:<domain>:<zone>`; detections sensor_silent, sensor_stuck,
        sensor_late, sensor_clock_wrong, IV; where half of the zone is silent that has one cause, see feed_outage
state   per open minute and sensor: readings, newest, whether their values differ; per sensor: last reading on time, lag
        and interval, runs of equal values, what it alarms; per hour: readings and late ones; per quarter: how far ahead
drops   no_value: it brought nothing that could be used, so its sensor was not heard; elsewhere: its sensor is another
        zone's; late: it counts for its hour's lateness, in no minute; lagging: judged when it was due, counts in none
source  own choice, docs/processors.md: judged at whole minutes, and hours that are over, so no cut of the input decides
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import channels, clocks, digests, lateness, retired, silence, spoken, stuck
from processors.maths.channels import Channels
from processors.maths.clocks import Clocks
from processors.maths.digests import Runs
from processors.maths.feed_rows import Minute, of_minutes
from processors.maths.findings import Finding, detections
from processors.maths.lateness import Lateness
from processors.maths.measures import FEED_PREFIX, FEEDS
from processors.maths.minutes import GREATEST, LAGGING, LEAST, READINGS, add, roomy
from processors.maths.places import Layout, Places, grown
from processors.maths.rules import with_numbers
from processors.maths.silence import Silence
from processors.maths.tumbling import by_window
from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.contract.records import NO_TIME_MS, Frame, Result
from streams.contract.spec import EVERY_DOMAIN, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms, load_schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.city.registry import City

KINDS = ("sensor_silent", "sensor_stuck", "sensor_late", "sensor_clock_wrong")
SILENT_KIND, STUCK_KIND, LATE_KIND, CLOCK_KIND = KINDS


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    silent_intervals_count: Annotated[float, msgspec.Meta(ge=1)] = 3.0
    """A sensor is silent after so many of its intervals without a reading on time …"""
    silent_least_s: Annotated[float, msgspec.Meta(ge=1)] = 60.0
    """… and never before this."""
    silent_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 120.0
    """It alarms when it has been silent so long, if not half of its feed is."""
    outage_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    """Share of a zone's sensors whose silence is the feed's, not theirs."""
    outage_least_count: Annotated[int, msgspec.Meta(ge=1)] = 2
    """The same as a number of sensors."""
    stuck_count: Annotated[int, msgspec.Meta(ge=2)] = 30
    """Readings with the same values, none of them 0 …"""
    stuck_s: Annotated[float, msgspec.Meta(ge=0)] = 1800.0
    """… over this time: the sensor is stuck."""
    channel_count: Annotated[int, msgspec.Meta(ge=2)] = 12
    """Minutes, of those looked at, with one value of one column, not 0, …"""
    channel_s: Annotated[float, msgspec.Meta(ge=0)] = 7200.0
    """… over this time: the sensor is stuck, although its other columns move."""
    steady_columns: tuple[str, ...] = digests.STEADY_COLUMNS
    """Columns that may rightly stay the same for long: they are no sign of a stuck sensor."""
    coarse_columns: tuple[str, ...] = digests.COARSE_COLUMNS
    """Columns of which one alone may rightly stay the same for long."""
    late_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    """Share of an hour's readings that came late, from which on a sensor counts as late …"""
    late_cleared_ratio: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.1
    """… and below which it is on time again."""
    late_least_count: Annotated[int, msgspec.Meta(ge=1)] = 10
    """Readings an hour needs for that judgement."""
    clock_ahead_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """So much further ahead than half of its zone's sensors, in a quarter of an hour's mean, its clock is wrong."""
    clock_least_count: Annotated[int, msgspec.Meta(ge=1)] = 3
    """Readings that a quarter of an hour needs for that judgement."""


@dataclass
class State:
    """One zone and domain. Arrays without a note are (m,) by sensor."""

    places: Places = field(default_factory=Places)
    open: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """Minute → (6, m): the fields of `processors.maths.minutes`, of the readings on time."""
    lateness: Lateness = field(default_factory=Lateness)
    clocks: Clocks = field(default_factory=Clocks)
    judged_ms: int = NO_TIME_MS
    """The minutes before are judged; the first is that of the first reading."""
    silence: Silence = field(default_factory=Silence)
    stuck: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """1 = it has an alarm of its own for being stuck."""
    runs: Runs = field(default_factory=Runs)
    """Of readings that repeat each other."""
    channels: Channels = field(default_factory=Channels)
    """Of single columns that do."""

    def __post_init__(self) -> None:
        self._terms: _Terms | None = None

    def terms(self, domain: str, layout: Layout, config: Config) -> _Terms:
        """Return what follows from these; made once as long as they stay."""
        if self._terms is None or self._terms.layout is not layout or self._terms.config is not config:
            self._terms = _terms(domain, layout, config)
        return self._terms


class _Terms(NamedTuple):
    """What follows from a domain, a layout and a configuration alone."""

    layout: Layout
    config: Config
    awaited_count: int
    gone: NDArray[np.bool_] | None
    """(m,) who has left, None = nobody."""
    patience_ms: int
    """After so long a silence of all, minutes without readings are not judged."""
    pace: channels.Pace
    silent: silence.Limits
    stuck: stuck.Limits
    late: lateness.Limits
    clock: clocks.Limits


def _terms(domain: str, layout: Layout, config: Config) -> _Terms:
    schema = load_schemas().get(domain)
    ahead_ms = silence.FAR_AHEAD_MS + (0 if schema is None else schema.disorder_ms)
    limit_s = np.maximum(config.silent_intervals_count * layout.interval_s, config.silent_least_s)
    limit_ms = (limit_s * 1000).astype(np.int64)
    awaited_count = int(np.count_nonzero(layout.awaited))
    gone, unasked = (None if here.all() else ~here for here in (layout.present, layout.awaited))
    outage_count = max(config.outage_least_count, config.outage_ratio * awaited_count)
    return _Terms(
        *(layout, config, awaited_count, gone),
        patience_ms=max(int(limit_ms.max(initial=0)), HOUR_MS) + int(config.silent_delay_s * 1000),
        pace=channels.pace(layout.interval_s),
        silent=silence.Limits(
            *(SILENT_KIND, limit_ms, layout.lag_ms, config.silent_intervals_count),
            *(ahead_ms, config.silent_delay_s * 1000, outage_count, unasked),
        ),
        stuck=stuck.Limits(*(getattr(config, name) for name in stuck.Limits._fields)),
        late=lateness.Limits(LATE_KIND, config.late_ratio, config.late_cleared_ratio, config.late_least_count),
        clock=clocks.Limits(CLOCK_KIND, config.clock_ahead_s, config.clock_least_count),
    )


class _Where(NamedTuple):
    """Where a step happens, and by which rules."""

    layout: Layout
    city: City
    frame: Frame
    terms: _Terms


def step(state: State, frame: Frame, city: City, config: Config) -> Result[State]:
    """Fold a frame; judge the minutes and hours that the watermark has closed, in their order."""
    layout, config = state.places.layout(city, frame.domain, frame.zone), with_numbers(config, city, KINDS)
    where = _Where(layout, city, frame, state.terms(frame.domain, layout, config))
    silence.follow(state.silence, state.open, state.judged_ms, where.terms.silent)
    dropped = _fold(state, where) if len(frame) else {}
    minutes: list[Minute] = []
    found: list[Finding] = []
    decided: dict[int, int] = {}
    for start_ms in _minutes(state, where):
        _grow(state, len(layout.sensor_ids))
        if (minute := state.open.pop(start_ms, None)) is not None:
            minute = roomy(minute, len(layout.sensor_ids))
            found += _stuck(state, start_ms, minute, where)
            lateness.count(state.lateness, start_ms - start_ms % HOUR_MS, minute[READINGS], late=False)
        silence.hear(state.silence, start_ms, minute)
        found += _retired(state, start_ms, where)
        if (unasked := where.terms.silent.unasked) is not None:
            state.silence.last_ms[unasked] = NO_TIME_MS
        silent = silence.judge(state.silence, start_ms + MINUTE_MS, where.terms.silent)
        found += (*clocks.add(state.clocks, start_ms, minute, layout.present, where.terms.clock), *silent.found)
        if where.terms.awaited_count:
            minutes.append(Minute(start_ms, silent.sensors, 0 if minute is None else _counted(minute)))
        elif minute is not None:  # the zone has left: nobody is there of whom a share could be silent
            decided[start_ms] = _counted(minute)
        state.judged_ms = start_ms + MINUTE_MS
    told_ms = frame.watermark_ms - HOUR_MS - late_limit_ms(frame.domain)
    found += lateness.judge(state.lateness, told_ms, layout.present, where.terms.late)
    zone = city.zones[frame.zone].id
    told = detections(found, retired.Where(city.id, frame.domain, zone), layout.sensor_ids)
    rows = of_minutes(minutes, f"{FEED_PREFIX}{frame.domain}:{zone}", where.terms.awaited_count)
    return Result(state, rows, told, dropped, decided=decided)


def _fold(state: State, where: _Where) -> dict[str, int]:
    """Take the readings in → how many count in no minute, and why."""
    frame, places = where.frame, len(where.layout.sensor_ids)
    taken = spoken.take(frame, where.layout, state.judged_ms, where.terms.stuck.steady_columns)
    silence.take(state.silence, taken.spoken, state.judged_ms, where.terms.silent)
    for start_ms, some in by_window(taken.spoken.at_ms, MINUTE_MS):
        mine, rows = taken.spoken, taken.rows
        if not isinstance(some, slice):
            mine, rows = mine.take(some), some if rows is None else rows.take(some)
        minute = state.open[start_ms] = roomy(state.open.get(start_ms), places)
        add(minute, mine)
        channels.look(state.channels, start_ms, frame, (rows, mine.place), where.terms.pace)
    if np.count_nonzero(frame.late):
        for hour_ms, some in by_window(taken.due_ms, HOUR_MS):
            late = np.bincount(taken.place[some][taken.late[some]], minlength=places)
            lateness.count(state.lateness, hour_ms, late, late=True)
    return taken.dropped


def waiting(state: State, _config: Config) -> dict[int, int]:
    """Return the readings of minutes that are not judged yet, by start."""
    return {start_ms: _counted(minute) for start_ms, minute in state.open.items()}


def _counted(minute: NDArray[np.int64]) -> int:
    """Return how many of a minute's readings are of that minute."""
    return int(minute[READINGS].sum() - minute[LAGGING].sum())


def _grow(state: State, places: int) -> None:
    runs, late, wrong = state.runs, state.lateness.late, state.clocks.wrong
    if all(len(one) == places for one in (state.stuck, late, wrong, runs.same)):
        return
    state.stuck = grown(state.stuck, places)
    state.lateness.late, state.clocks.wrong = grown(late, places), grown(wrong, places)
    digests.grow(runs, places)


def _minutes(state: State, where: _Where) -> Iterator[int]:
    """Yield the minutes to judge now, rising; while all are long silent, only those with readings."""
    if where.frame.watermark_ms == NO_TIME_MS:
        return
    end_ms = where.frame.watermark_ms - where.frame.watermark_ms % MINUTE_MS
    if state.judged_ms == NO_TIME_MS:
        first_ms = min(state.open, default=end_ms)
        if first_ms >= end_ms:
            return
        state.judged_ms = first_ms
    while state.judged_ms < end_ms:
        newest_ms = int(state.silence.last_ms.max(initial=NO_TIME_MS))
        if newest_ms != NO_TIME_MS and state.judged_ms - newest_ms > where.terms.patience_ms:
            state.judged_ms = min(min(state.open, default=end_ms), end_ms)
            if state.judged_ms == end_ms:
                return
        yield state.judged_ms


def _retired(state: State, start_ms: int, where: _Where) -> list[Finding]:
    """Forget the sensors that have left → what alarmed and is over."""
    gone = where.terms.gone
    if gone is None:
        return []
    found = []
    kinds = (SILENT_KIND, state.silence.alarms), (STUCK_KIND, state.stuck), (LATE_KIND, state.lateness.late)
    for kind, flags in (*kinds, (CLOCK_KIND, state.clocks.wrong)):
        for place in np.flatnonzero(gone & (flags == 1)).tolist():
            found.append(Finding(kind, place, start_ms + MINUTE_MS, start_ms + MINUTE_MS, on=False, retired=True))
        flags[gone] = 0
    digests.forget(state.runs, gone)
    channels.forget(state.channels, gone)
    return found


def _stuck(state: State, start_ms: int, minute: NDArray[np.int64], where: _Where) -> list[Finding]:
    """Move the runs of equal values on → sensors that are stuck now, whole or in one column, or no longer."""
    digests.move_on(state.runs, minute[READINGS], (minute[LEAST], minute[GREATEST]), start_ms)
    channels.move_on(state.channels, start_ms, minute.shape[1])
    found = stuck.judge(state.runs, state.channels, start_ms + MINUTE_MS, where.terms.stuck)
    if not np.count_nonzero(found.flag) and not np.count_nonzero(state.stuck):
        return []
    begins, ends = where.layout.present & found.flag & (state.stuck == 0), ~found.flag & (state.stuck == 1)
    state.stuck[begins], state.stuck[ends] = 1, 0
    return [stuck.finding(STUCK_KIND, found, place, start_ms) for place in np.flatnonzero(begins | ends).tolist()]


SPEC = Spec(
    domains=EVERY_DOMAIN,
    step=step,
    config=Config,
    state=State,
    metrics=FEEDS,
    drops=spoken.DROPS,
    counted=tuple(metric.name for metric in FEEDS),
    waiting=waiting,
)
