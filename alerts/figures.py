"""The load of the operators in figures: how many alarms in ten minutes, of what, and where the open ones stand.

Counted are alarms as they are raised, or as what has covered them since is gone, but those of equipment, in windows of
ten minutes of engine time that stand side by side, empty ones too, over at most thirty days.

source  EEMUA 191, ISA-18.2 (average, worst and flood per ten minutes, standing, chattering, top ten, priority mix)
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from alerts.desks import ONLY
from alerts.earlier import STEADIED
from alerts.load import IN_MS, MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.alarm import Alarm
    from alerts.state import State

DAY_MS = 86_400_000
DAYS = 30
TOP = 10
EVERY_MS = 10_000
"""So often at most it is summed up."""


class Figures:
    """The load as it was summed up last."""

    def __init__(self) -> None:
        self._at_ms: int | None = None
        self._found: dict[str, Mapping[str, Any]] = {}
        """By desk; `ONLY` = all together."""

    def of(self, state: State, now_ms: int) -> Mapping[str, Any]:
        """Return the load at an engine time, its sums up to `EVERY_MS` old; where the open alarms are, as of now.

        That of all desks together, and in `desks` that of each, where a city has some. A machine whose clock was set
        back reads it as of the newest event: engine time never goes back.
        """
        now_ms = max(now_ms, state.now_ms)
        if self._at_ms is None or now_ms >= self._at_ms + EVERY_MS:
            self._at_ms = now_ms
            self._found = {desk: figures(state, now_ms, desk) for desk in (ONLY, *(one.id for one in state.desks))}
        desks = {desk: {**found, "open": _open_at(state, desk)} for desk, found in self._found.items() if desk != ONLY}
        return {**self._found[ONLY], "open": dict(state.groups.places), **({"desks": desks} if desks else {})}


def note(state: State, alarm: Alarm, at_ms: int) -> None:
    """Count an alarm that is raised, or shown at last."""
    if alarm.equipment or (alarm.unseen and state.version >= STEADIED):
        return
    for desk in {ONLY, alarm.desk}:
        window, of = (at_ms // IN_MS, desk), (at_ms // DAY_MS, alarm.kind, alarm.level, desk)
        state.raised[window] = state.raised.get(window, 0) + 1
        state.by_kind[of] = state.by_kind.get(of, 0) + 1


def follow(state: State, at_ms: int) -> None:
    """Count the alarms that the present event has shown for the first time: what had covered them is gone."""
    if state.version < STEADIED:
        return
    for one, before in state.groups.touched_alarms.items():
        alarm = state.open.get(one)
        if before is not None and before.unseen and alarm is not None and not alarm.unseen:
            note(state, alarm, at_ms)


def figures(state: State, now_ms: int, desk: str = ONLY) -> Mapping[str, Any]:
    """Return the load of a desk, `ONLY` = of all, as it stands at an engine time; docs/alarms.md says what it is."""
    window, day = now_ms // IN_MS, now_ms // DAY_MS
    first = max(min((at for at, _ in state.raised), default=window), window - DAYS * DAY_MS // IN_MS + 1)
    counts = {at: count for (at, of), count in state.raised.items() if of == desk and first <= at <= window}
    windows = window - first + 1
    kinds, levels = Counter[str](), Counter[int]()
    for (of_day, kind, level, of), count in state.by_kind.items():
        if of == desk and day - DAYS < of_day <= day:
            kinds[kind] += count
            levels[level] += count
    total = max(levels.total(), 1)
    stale_ms = state.latest_ms - DAY_MS
    top = sorted(kinds.items(), key=lambda one: (-one[1], one[0]))[:TOP]
    mine = (one for one in state.open.values() if desk in (ONLY, one.desk))
    shown = (times for of, times in state.shown.items() if desk in (ONLY, of))
    return {
        "now_count": counts.get(window, 0),
        "last_count": counts.get(window - 1, 0),
        "shown_count": sum(now_ms - IN_MS <= one <= now_ms for times in shown for one in times),
        "average_count": round(sum(counts.values()) / windows, 3),
        "worst_count": max(counts.values(), default=0),
        "flood_ratio": round(sum(count > MOST for count in counts.values()) / windows, 5),
        "windows_count": windows,
        "standing_24h_count": sum(one.raised_at_ms < stale_ms for one in mine),
        "top_ratio": {kind: round(count / total, 4) for kind, count in top},
        "level_ratio": {str(level): round(levels[level] / total, 4) for level in (1, 2, 3, 4)},
    }


def _open_at(state: State, desk: str) -> dict[str, int]:
    return {place: count for (of, place), count in state.groups.desk_places.items() if of == desk}
