"""Which sensors have fallen silent at the end of a minute, told unless so many have that it is their feed.

A reading on time counts as heard at its time, with its sensor's lag; one whose time is far ahead of how far its source
was counts when it came, too, so no wrong clock and no lag that is too large makes a sensor silent. Where the lag
changes, what was heard is as old as with the new one; where the interval becomes shorter, the next reading may still
come by the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.findings import Finding
from processors.maths.minutes import NEWEST, roomy
from processors.maths.places import grown
from processors.maths.tumbling import by_window
from streams.contract.durations import MINUTE_MS
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from processors.maths.spoken import Spoken

FAR_AHEAD_MS = MINUTE_MS
"""So much further than its domain's disorder a reading is far ahead of its source."""
NO_LAG = -1
LAST_MS = int(np.iinfo(np.int64).max)


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class Silence:
    """What was heard of m sensors, (m,) each."""

    last_ms: NDArray[np.int64] = field(default_factory=_none)
    """Newest reading on time; of a sensor that never spoke, when it was first waited for; NO_TIME_MS = it is not.
    It may lie ahead of what is judged where the lag has grown."""
    alarms: NDArray[np.int64] = field(default_factory=_none)
    """1 = it has an alarm of its own."""
    lag_ms: NDArray[np.int64] = field(default_factory=_none)
    limit_ms: NDArray[np.int64] = field(default_factory=_none)
    """By which lag, and after how long a silence, it was judged last; NO_LAG = not yet."""
    came: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """Minute → how far the source was at the newest reading that came in it from far ahead, NO_TIME_MS = none."""

    def __post_init__(self) -> None:
        self.followed: Limits | None = None


class Limits(NamedTuple):
    """What it is called, (m,) how long each sensor may say nothing, and when it is told."""

    kind: str
    limit_ms: NDArray[np.int64]
    lag_ms: NDArray[np.int64]
    """(m,) of each sensor, below 0 = it has left."""
    intervals: float
    """As many of its intervals each may say nothing, or more."""
    ahead_ms: int
    """What is further ahead of its source is far ahead."""
    delay_ms: float
    """So long it has been silent before it alarms."""
    outage_count: float
    """So many silent sensors have one cause."""
    unasked: NDArray[np.bool_] | None
    """(m,) who has left, or is not waited for yet; None = nobody."""


class Silent(NamedTuple):
    """How many sensors are silent, and whose alarm for it begins or ends."""

    sensors: int
    found: list[Finding]


def follow(of: Silence, minutes: dict[int, NDArray[np.int64]], judged_ms: int, limits: Limits) -> None:
    """Learn the sensors' lags and limits, before any reading is taken by them; the minutes before are judged."""
    if of.followed is limits:
        return
    of.followed, places = limits, len(limits.lag_ms)
    of.last_ms, of.alarms = grown(of.last_ms, places, NO_TIME_MS), grown(of.alarms, places)
    lag_ms, limit_ms = grown(of.lag_ms, places, NO_LAG), grown(of.limit_ms, places, NO_LAG)
    here = limits.lag_ms >= 0
    of.lag_ms, of.limit_ms = np.where(here, limits.lag_ms, lag_ms), np.where(here, limits.limit_ms, limit_ms)
    known = lag_ms != NO_LAG
    later_ms = np.where(known, of.lag_ms - lag_ms, 0)
    shorter_ms = np.where(known, np.maximum(limit_ms - of.limit_ms, 0), 0)
    if later_ms.any():
        # What was heard stays so. Where all lag, their source may be as far behind: nothing tells if it is.
        behind_ms = int(lag_ms[known & here].min(initial=lag_ms.max()))
        now_ms = LAST_MS if judged_ms == NO_TIME_MS else judged_ms + behind_ms
        last_ms = np.maximum(of.last_ms + later_ms, np.minimum(of.last_ms, now_ms))
        of.last_ms = np.where(of.last_ms == NO_TIME_MS, NO_TIME_MS, last_ms)
        _move(minutes, later_ms, (judged_ms, now_ms))
    if shorter_ms.any():
        heard_ms = np.maximum.reduce([of.last_ms, *(roomy(one, places)[NEWEST] for one in minutes.values())])
        due_ms = np.maximum(heard_ms + (limit_ms / limits.intervals).astype(np.int64), judged_ms)
        last_ms = np.where(shorter_ms > 0, np.minimum(heard_ms + shorter_ms, due_ms), of.last_ms)
        of.last_ms = np.where(heard_ms == NO_TIME_MS, NO_TIME_MS, last_ms)


def _move(minutes: dict[int, NDArray[np.int64]], later_ms: NDArray[np.int64], since_ms: tuple[int, int]) -> None:
    """Put the newest readings of minutes not judged yet so much later, (m,).

    None comes into a minute that is judged, which end at the first of `since_ms`, nor from behind the second before it.
    """
    judged_ms, now_ms = since_ms
    places, times = [_none()], [_none()]
    for minute in minutes.values():
        newest_ms = minute[NEWEST]
        place = np.flatnonzero((newest_ms != NO_TIME_MS) & (later_ms[: len(newest_ms)] != 0))
        places.append(place)
        heard_ms = np.minimum(newest_ms[place], now_ms)
        times.append(np.maximum(np.maximum(newest_ms[place] + later_ms[place], heard_ms), judged_ms))
        newest_ms[place] = NO_TIME_MS
    place, at_ms = np.concatenate(places), np.concatenate(times)
    for start_ms, some in by_window(at_ms, MINUTE_MS):
        minute = minutes[start_ms] = roomy(minutes.get(start_ms), len(later_ms))
        np.maximum.at(minute[NEWEST], place[some], at_ms[some])


def take(of: Silence, spoken: Spoken, judged_ms: int, limits: Limits) -> None:
    """Take readings that are far ahead as heard when they came; the minutes before are judged."""
    if spoken.ahead_ms.max(initial=0) <= limits.ahead_ms:
        return
    far = np.flatnonzero(spoken.ahead_ms > limits.ahead_ms)
    place, came_ms = spoken.place[far], np.maximum(spoken.at_ms[far] - spoken.ahead_ms[far], judged_ms)
    for start_ms, some in by_window(came_ms, MINUTE_MS):
        newest_ms = of.came.get(start_ms, _none())
        of.came[start_ms] = newest_ms = grown(newest_ms, len(limits.lag_ms), NO_TIME_MS)
        np.maximum.at(newest_ms, place[some], came_ms[some])


def hear(of: Silence, start_ms: int, minute: NDArray[np.int64] | None) -> None:
    """Take a minute that is over, in their order; from now on wait for those of whom nothing was heard yet."""
    if minute is not None:
        np.maximum(of.last_ms, minute[NEWEST], out=of.last_ms)
    for past_ms in [one for one in of.came if one <= start_ms]:
        newest_ms = of.came.pop(past_ms)
        heard_ms = of.last_ms[: len(newest_ms)]
        np.maximum(heard_ms, newest_ms, out=heard_ms)
    if of.last_ms.min(initial=start_ms) == NO_TIME_MS:
        of.last_ms = np.where(of.last_ms == NO_TIME_MS, start_ms + np.maximum(of.lag_ms, 0), of.last_ms)


def judge(of: Silence, now_ms: int, limits: Limits) -> Silent:
    """Judge the sensors by what was heard of them."""
    since_ms = of.last_ms + limits.limit_ms
    silent = now_ms > since_ms
    if limits.unasked is not None:
        silent &= ~limits.unasked
    count = int(np.count_nonzero(silent))
    if not count and not np.count_nonzero(of.alarms):
        return Silent(0, [])
    outage = count >= limits.outage_count
    begins = silent & (of.alarms == 0) & (now_ms - since_ms >= limits.delay_ms) & (not outage)
    ends = ~silent & (of.alarms == 1)
    found = []
    for place in (begins | ends).nonzero()[0].tolist():
        on, last_ms, limit_ms = bool(begins[place]), min(int(of.last_ms[place]), now_ms), int(limits.limit_ms[place])
        of.alarms[place] = on
        at_ms, quiet_s, limit_s = last_ms + limit_ms if on else last_ms, (now_ms - last_ms) / 1000, limit_ms / 1000
        found.append(Finding(limits.kind, place, at_ms, now_ms, on, quiet_s, limit_s, "s"))
    return Silent(count, found)
