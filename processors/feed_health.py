"""Which sensors have fallen silent, are stuck or deliver late, and how much of a zone's feed is silent, per minute.

in      city.readings.v1 of every domain: who spoke when, and whether the values ever change
out     silent_ratio and reporting_count of `feed:<domain>:<zone>`; detections sensor_silent, sensor_stuck,
        sensor_late, sensor_clock_wrong, IV; where half of the zone is silent that has one cause, see feed_outage
state   per open minute and sensor: readings, newest, whether their values differ; per sensor: last reading on time, the
        runs of equal values, what it alarms; per hour: readings and late ones; per quarter: how far ahead they were
drops   no_value: it brought nothing that could be used, so its sensor was not heard; elsewhere: its sensor is another
        zone's; late: it counts for its hour's lateness, in no minute; lagging: judged when it was due, counts in none
source  own choice, see docs/processors.md. Silent is judged at whole minutes of the watermark, late when nothing later
        can come for the hour, so no cut of the input and no cadence of the watermark changes a decision
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import channels, clocks, digests, lateness, retired, stuck
from processors.maths.channels import Channels
from processors.maths.clocks import Clocks
from processors.maths.digests import Runs
from processors.maths.findings import Finding, detection
from processors.maths.lateness import HOUR_MS, Lateness
from processors.maths.measures import FEED_PREFIX, FEEDS, REPORTING, SILENT, Amounts, Heads, make_rows
from processors.maths.minutes import GREATEST, LAGGING, LEAST, NEWEST, READINGS, Spoken, add, roomy
from processors.maths.places import Layout, Places, grown
from processors.maths.windows import by_window
from streams.contract.records import NO_TIME_MS, Frame, Result, Rows
from streams.contract.spec import EVERY_DOMAIN, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.city.registry import City

NO_VALUE, ELSEWHERE, LATE_FOR_MINUTE, OF_LAGGING = "no_value", "elsewhere", "late", "lagging"
MINUTE_MS = 60_000
SILENT_KIND, STUCK_KIND = "sensor_silent", "sensor_stuck"
LATE_KIND, CLOCK_KIND = "sensor_late", "sensor_clock_wrong"


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


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


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
    last_ms: NDArray[np.int64] = field(default_factory=_none)
    """Newest reading on time; of a sensor that never spoke, when it was first waited for; NO_TIME_MS = it is not."""
    silent: NDArray[np.int64] = field(default_factory=_none)
    """1 = it has an alarm of its own for being silent, and likewise `stuck`."""
    stuck: NDArray[np.int64] = field(default_factory=_none)
    runs: Runs = field(default_factory=Runs)
    """Of readings that repeat each other."""
    channels: Channels = field(default_factory=Channels)
    """Of single columns that do."""


class _Where(NamedTuple):
    """Where a step happens, and by which rules."""

    layout: Layout
    city: City
    frame: Frame
    config: Config

    @property
    def limit_ms(self) -> NDArray[np.int64]:
        """(m,) how long each sensor may say nothing."""
        intervals_s = self.config.silent_intervals_count * self.layout.interval_s
        return (np.maximum(intervals_s, self.config.silent_least_s) * 1000).astype(np.int64)

    @property
    def late_limits(self) -> lateness.Limits:
        """When a sensor is late."""
        config = self.config
        return lateness.Limits(LATE_KIND, config.late_ratio, config.late_cleared_ratio, config.late_least_count)

    @property
    def clock_limits(self) -> clocks.Limits:
        """When a clock is wrong."""
        return clocks.Limits(CLOCK_KIND, self.config.clock_ahead_s, self.config.clock_least_count)


def step(state: State, frame: Frame, city: City, config: Config) -> Result[State]:
    """Fold a frame; judge the minutes and hours that the watermark has closed, in their order."""
    where = _Where(state.places.layout(city, frame.domain, frame.zone), city, frame, config)
    dropped = _fold(state, where) if len(frame) else {}
    parts: list[Rows] = []
    found: list[Finding] = []
    decided: dict[int, int] = {}
    for start_ms in _minutes(state, where):
        _grow(state, len(where.layout.sensor_ids))
        if (minute := state.open.pop(start_ms, None)) is not None:
            minute = roomy(minute, len(where.layout.sensor_ids))
            found += _stuck(state, start_ms, minute, where)
            state.last_ms = np.maximum(state.last_ms, minute[NEWEST])
            lateness.count(state.lateness, start_ms - start_ms % HOUR_MS, minute[READINGS], late=False)
        found += _retired(state, start_ms, where.layout)
        found += clocks.add(state.clocks, start_ms, minute, where.layout.present, where.clock_limits)
        found += _silent(state, start_ms + MINUTE_MS, where)
        if where.layout.awaited.any():
            parts.append(_rows(state, start_ms, minute, where))
        elif minute is not None:  # the zone has left: nobody is there of whom a share could be silent
            decided[start_ms] = _counted(minute)
        state.judged_ms = start_ms + MINUTE_MS
    told_ms = frame.watermark_ms - HOUR_MS - late_limit_ms(frame.domain)
    found += lateness.judge(state.lateness, told_ms, where.layout.present, where.late_limits)
    of = retired.Where(city.id, frame.domain, city.zones[frame.zone].id)
    told = tuple(detection(one, of, str(where.layout.sensor_ids[one.place])) for one in found)
    return Result(state, Rows.concat(parts), told, dropped, decided=decided)


def _fold(state: State, where: _Where) -> dict[str, int]:
    """Take the readings in → how many count in no minute, and why."""
    frame, place, places = where.frame, where.layout.place[where.frame.sensor], len(where.layout.sensor_ids)
    here = place >= 0
    heard = here & frame.heard
    lag_ms = np.where(here, where.layout.lag_ms[place], 0) if where.layout.lags else np.zeros(1, np.int64)
    due_ms, lagging = frame.at_ms + lag_ms, np.broadcast_to(lag_ms > 0, here.shape)
    now = heard & ~frame.late & (due_ms >= state.judged_ms)
    ahead_ms = clocks.ahead_ms(frame)
    least, greatest = digests.bounds(frame, where.config.steady_columns)
    spoken = Spoken(place, due_ms, least, greatest, lagging, ahead_ms)
    for start_ms, row in by_window(due_ms, MINUTE_MS):
        kept = now[row]
        if kept.any():
            state.open[start_ms] = roomy(state.open.get(start_ms), places)
            add(state.open[start_ms], spoken.of(row, kept))
            channels.look(state.channels, start_ms, frame, (row, kept), where.layout)
    if frame.late.any():
        for hour_ms, row in by_window(due_ms, HOUR_MS):
            late = place[row][frame.late[row] & heard[row]]
            lateness.count(state.lateness, hour_ms, np.bincount(late, minlength=places), late=True)
    reasons = {NO_VALUE: here & ~heard, ELSEWHERE: ~here, LATE_FOR_MINUTE: heard & ~now, OF_LAGGING: now & lagging}
    return {reason: int(np.count_nonzero(rows)) for reason, rows in reasons.items() if rows.any()}


def waiting(state: State, _config: Config) -> dict[int, int]:
    """Return the readings of minutes that are not judged yet, by start."""
    return {start_ms: _counted(minute) for start_ms, minute in state.open.items()}


def _counted(minute: NDArray[np.int64]) -> int:
    """Return how many of a minute's readings are of that minute."""
    return int(minute[READINGS].sum() - minute[LAGGING].sum())


def _grow(state: State, places: int) -> None:
    state.last_ms = grown(state.last_ms, places, NO_TIME_MS)
    state.silent, state.stuck = grown(state.silent, places), grown(state.stuck, places)
    state.lateness.late, state.clocks.wrong = grown(state.lateness.late, places), grown(state.clocks.wrong, places)
    digests.grow(state.runs, places)


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
    patience_ms = max(int(where.limit_ms.max(initial=0)), HOUR_MS) + int(where.config.silent_delay_s * 1000)
    while state.judged_ms < end_ms:
        newest_ms = int(state.last_ms.max(initial=NO_TIME_MS))
        if newest_ms != NO_TIME_MS and state.judged_ms - newest_ms > patience_ms:
            state.judged_ms = min(min(state.open, default=end_ms), end_ms)
            if state.judged_ms == end_ms:
                return
        yield state.judged_ms


def _retired(state: State, start_ms: int, layout: Layout) -> list[Finding]:
    """Forget the sensors that have left, and begin to wait for those that joined → what alarmed and is over."""
    gone = ~layout.present
    found = []
    kinds = (SILENT_KIND, state.silent), (STUCK_KIND, state.stuck), (LATE_KIND, state.lateness.late)
    for kind, flags in (*kinds, (CLOCK_KIND, state.clocks.wrong)):
        for place in np.flatnonzero(gone & (flags == 1)).tolist():
            found.append(Finding(kind, place, start_ms + MINUTE_MS, start_ms + MINUTE_MS, on=False, retired=True))
        flags[gone] = 0
    digests.forget(state.runs, gone)
    channels.forget(state.channels, gone)
    since_ms = np.where(state.last_ms == NO_TIME_MS, start_ms, state.last_ms)
    state.last_ms = np.where(layout.awaited, since_ms, NO_TIME_MS)
    return found


def _silent(state: State, now_ms: int, where: _Where) -> list[Finding]:
    """Judge who is silent at the end of a minute."""
    limit_ms, config = where.limit_ms, where.config
    since_ms = state.last_ms + limit_ms
    silent = where.layout.awaited & (now_ms > since_ms)
    total = np.count_nonzero(where.layout.awaited)
    outage = np.count_nonzero(silent) >= max(config.outage_least_count, config.outage_ratio * total)
    begins = silent & (state.silent == 0) & (now_ms - since_ms >= config.silent_delay_s * 1000) & (not outage)
    ends = ~silent & (state.silent == 1)
    state.silent = np.where(begins, 1, np.where(ends, 0, state.silent))
    found = []
    for place in np.flatnonzero(begins | ends).tolist():
        on = bool(begins[place])
        at_ms = int(since_ms[place] if on else state.last_ms[place])
        quiet_s = (now_ms - int(state.last_ms[place])) / 1000
        found.append(Finding(SILENT_KIND, place, at_ms, now_ms, on, quiet_s, float(limit_ms[place]) / 1000, "s"))
    return found


def _stuck(state: State, start_ms: int, minute: NDArray[np.int64], where: _Where) -> list[Finding]:
    """Move the runs of equal values on → sensors that are stuck now, whole or in one column, or no longer."""
    config = where.config
    digests.move_on(state.runs, minute[READINGS], (minute[LEAST], minute[GREATEST]), start_ms)
    channels.move_on(state.channels, start_ms, minute.shape[1])
    limits = stuck.Limits(*(getattr(config, name) for name in stuck.Limits._fields))
    found = stuck.judge(state.runs, state.channels, start_ms + MINUTE_MS, limits)
    begins, ends = where.layout.present & found.flag & (state.stuck == 0), ~found.flag & (state.stuck == 1)
    state.stuck = np.where(begins, 1, np.where(ends, 0, state.stuck))
    return [stuck.finding(STUCK_KIND, found, place, start_ms) for place in np.flatnonzero(begins | ends).tolist()]


def _rows(state: State, start_ms: int, minute: NDArray[np.int64] | None, where: _Where) -> Rows:
    """Return the zone's share of silent sensors and how many report, at the end of a minute."""
    awaited = where.layout.awaited
    total = int(np.count_nonzero(awaited))
    silent = int(np.count_nonzero(awaited & (start_ms + MINUTE_MS > state.last_ms + where.limit_ms)))
    readings = 0 if minute is None else _counted(minute)
    entity = np.array([f"{FEED_PREFIX}{where.frame.domain}:{where.city.zones[where.frame.zone].id}"], object)
    heads = Heads(entity, start_ms, MINUTE_MS // 1000, np.ones(1), np.zeros(1, np.int64))
    parts = []
    for metric, part, value in ((SILENT, silent, silent / max(total, 1)), (REPORTING, total - silent, total - silent)):
        amounts = Amounts(np.array([part]), np.array([total]), np.array([float(value)]), np.array([readings]))
        parts.append(make_rows(metric.name, heads, amounts))
    return Rows.concat(parts)


SPEC = Spec(
    domains=EVERY_DOMAIN,
    step=step,
    config=Config,
    state=State,
    metrics=FEEDS,
    drops=(NO_VALUE, ELSEWHERE, LATE_FOR_MINUTE, OF_LAGGING),
    counted=tuple(metric.name for metric in FEEDS),
    waiting=waiting,
)
