"""The live state of Redis, merged in memory and cut by kind, as docs/architecture.md names its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from streams.city.clock import ClockSetting
from streams.contract.spec import WINDOW_MS
from streams.sinks import live_fields
from streams.sinks.odd import Odd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Segment = tuple[int, float | None, float | None, int]
"""(at_ms, tti, speed_km_h, state); state 0 provisional, 1 final, 2 corrected."""

FINAL = 1
LEFT_MOST = 1_000
"""So many of the alarms that left are remembered as they were seen last, newest last."""


class Delta(msgspec.Struct, frozen=True):
    """What one call of the live sink changed."""

    epoch: str
    seq: int
    set: dict[str, Any]
    gone: list[str] = msgspec.field(name="del")


class Mirror:
    """One city's live state.

    Invariant: `seq` is the number of the last change merged; `changed` holds what changed since `take_changed`.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.newest_metric_wall_ms: int | None = None
        """Wall-clock time at which the newest segment or metric row arrived; None = none yet."""
        self.newest_final_ms: int | None = None
        """Event time up to which final values reach."""
        self.odd = Odd("wall")
        """What was dropped because it is no value of its field."""
        self._clear()
        self.changed: set[str] = set()
        self.changed_segments: set[str] = set()
        self.changed_alarms: set[str] = set()
        """Ids of alarms that came, changed or went since somebody took these; so of incidents and of outcomes."""
        self.changed_incidents: set[str] = set()
        self.changed_outcomes: set[str] = set()
        self.left: dict[str, dict[str, Any]] = {}
        """Alarms that have left the live state, as it had them last: `LEFT_MOST` of them."""

    def _clear(self) -> None:
        self.city: dict[str, Any] = {}
        self.clock: dict[str, Any] = {}
        self.segments: dict[str, Segment] = {}
        """By id, whether or not the version of the city that is shown has it."""
        self.metrics: dict[str, dict[str, dict[str, Any]]] = {}
        self.alarms: dict[str, dict[str, Any]] = {}
        self.outcomes: dict[str, dict[str, Any]] = {}
        """Id of a command → what became of it; the newest some thousands."""
        self.incidents: dict[str, dict[str, Any]] = {}
        self.feeds: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, dict[str, Any]] = {}
        self.books: dict[str, dict[str, Any]] = {}

    def load(self, epoch: str, seq: int, fields: Mapping[str, Any]) -> None:
        """Take a whole state in the place of the present one."""
        self.changed_alarms |= set(self.alarms)
        self.changed_incidents |= set(self.incidents)
        before = self.alarms
        self._clear()
        self.epoch, self.seq = epoch, seq
        for field, value in fields.items():
            self._take(field, value)
        self.changed |= {"city", "segments", "metrics", *_TABLES.values()}
        self.changed_segments |= set(self.segments)
        self.changed_alarms |= set(self.alarms)
        self.changed_incidents |= set(self.incidents)
        for name in [one for one in before if one not in self.alarms][-LEFT_MOST:]:
            self._leave(name, before[name])

    def apply(self, delta: Delta, wall_ms: int) -> bool:
        """Merge a delta; False = it does not follow the last one, so the whole state must be read again."""
        if delta.epoch != self.epoch:
            return False
        if delta.seq <= self.seq:
            return True
        if delta.seq != self.seq + 1:
            return False
        self.seq = delta.seq
        fields = delta.set
        for field, value in fields.items():
            self._take(field, value)
        self._remove(delta.gone)
        if any(field.startswith(("s:", "m:")) for field in fields):
            self.newest_metric_wall_ms = wall_ms
        return True

    def take_changed(self) -> tuple[set[str], set[str]]:
        """Return what changed since the last call: kinds, and ids of segments."""
        taken = (self.changed, self.changed_segments)
        self.changed, self.changed_segments = set(), set()
        return taken

    def _take(self, field: str, value: Any) -> None:  # noqa: ANN401 - JSON
        """Take a value of its field; an odd one is dropped, and the one before stays."""
        try:
            live_fields.check(field, value)
        except msgspec.ValidationError as exc:
            self.odd.note(live_fields.kind_of(field), field, exc)
        else:
            self._set(field, value)

    def _set(self, field: str, value: Any) -> None:  # noqa: ANN401 - a value of its field
        kind, _, rest = field.partition(":")
        if kind == "s":
            self._set_segment(rest, value)
        elif kind == "m":
            metric, _, entity = rest.partition(":")
            self.metrics.setdefault(metric, {})[entity] = value
            self.changed.add("metrics")
            self._final(value["state"], value["at_ms"] + int(value["window_s"]) * 1000)
        elif kind in ("city", "clock"):
            setattr(self, kind, value)
            self.changed.add("city")
        elif kind in _TABLES:
            getattr(self, _TABLES[kind])[rest] = value
            self._note(kind, rest)

    def _note(self, kind: str, name: str) -> None:
        """Say that a row of a table came, changed or went."""
        self.changed.add(_TABLES[kind])
        if kind == "a":
            self.changed_alarms.add(name)
        elif kind == "i":
            self.changed_incidents.add(name)
        elif kind == "o":
            self.changed_outcomes.add(name)

    def _set_segment(self, segment: str, value: list[Any]) -> None:
        at_ms, tti, speed_km_h, state = value[:4]
        self.segments[segment] = (at_ms, tti, speed_km_h, state)
        self.changed.add("segments")
        self.changed_segments.add(segment)
        self._final(state, at_ms // WINDOW_MS * WINDOW_MS + WINDOW_MS)

    def _final(self, state: int, until_ms: int) -> None:
        if state >= FINAL and (self.newest_final_ms is None or until_ms > self.newest_final_ms):
            self.newest_final_ms = until_ms

    def _remove(self, fields: Iterable[str]) -> None:
        for field in fields:
            kind, _, rest = field.partition(":")
            if kind == "s":
                self.segments.pop(rest, None)
                self.changed.add("segments")
                self.changed_segments.add(rest)
            elif kind == "m":
                metric, _, entity = rest.partition(":")
                self.metrics.get(metric, {}).pop(entity, None)
                self.changed.add("metrics")
            elif kind in _TABLES:
                gone = getattr(self, _TABLES[kind]).pop(rest, None)
                if kind == "a" and gone is not None:
                    self._leave(rest, gone)
                self._note(kind, rest)

    def _leave(self, name: str, alarm: dict[str, Any]) -> None:
        self.left.pop(name, None)
        self.left[name] = alarm
        if len(self.left) > LEFT_MOST:
            del self.left[next(iter(self.left))]


_TABLES = {"a": "alarms", "i": "incidents", "o": "outcomes", "f": "feeds", "p": "parts", "b": "books"}
"""First letter of a field → table that holds its values by the rest of its name."""


def city_now_ms(clock: Mapping[str, Any], wall_ms: int) -> int:
    """Return the event time of the city clock in force at a wall time; without a clock, the wall time itself."""
    if not clock:
        return wall_ms
    settings = [*clock.get("earlier", ()), clock]
    in_force = next((one for one in reversed(settings) if one["wall_ms"] <= wall_ms), settings[0])
    now_ms = msgspec.convert(in_force, ClockSetting).at(wall_ms)
    return min(max(now_ms, live_fields.LEAST_MS), live_fields.MOST_MS)
