"""The alarms as the journal tells them: tables by identity, and the times at which something is due."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from alerts.tables import Table, Trail

if TYPE_CHECKING:
    from alerts.alarm import Alarm
    from alerts.outcomes import Outcome
    from streams.contract.records import Detection

Key: TypeAlias = tuple[str, str, str]
"""(city, entity, kind): at most one open alarm each."""

REMEMBERED = 10_000
"""Newest commands and closed alarms that are remembered: days of work of a busy room. Older ones are unknown."""

LATEST, NOW = "latest", "now"


class Newest(NamedTuple):
    """Up to when was judged for the newest journaled detections of a key, and the (time, level) they gave."""

    known_ms: int
    found: frozenset[tuple[int, int]]


class Muted(NamedTuple):
    """A person ended the alarm of a key: its findings of that level and below raise nothing until it was normal."""

    alarm: str
    level: int


class State:
    """Everything that the chain says. Invariant: `current` holds exactly the keys of the alarms in `open`."""

    def __init__(self) -> None:
        self.trail = Trail()
        self.open: Table[str, Alarm] = Table(self.trail)
        """Alarm id → alarm."""
        self.current: Table[Key, str] = Table(self.trail)
        """Key → id of its open alarm."""
        self.newest: Table[Key, Newest] = Table(self.trail)
        self.latent: Table[Key, Detection] = Table(self.trail)
        """Key of what the city does not have → the finding that would be its alarm."""
        self.muted: Table[Key, Muted] = Table(self.trail)
        self.closed: Table[str, Alarm] = Table(self.trail)
        """Id of an alarm that closed → the alarm as it ended."""
        self.outcomes: Table[str, Outcome] = Table(self.trail)
        """Id of a command → what became of it."""
        self.counts: Table[str, int] = Table(self.trail)
        """Event by name → how many."""
        self.times: Table[str, int] = Table(self.trail)
        """LATEST → newest event time that a finding gave; NOW → engine time of the newest event."""
        self._due: list[tuple[int, str]] = []
        """A heap of (when, alarm); one that the alarm itself no longer names is passed over."""

    @property
    def latest_ms(self) -> int:
        """Newest event time that a finding gave."""
        return self.times.get(LATEST, 0)

    @property
    def now_ms(self) -> int:
        """Engine time of the newest event."""
        return self.times.get(NOW, 0)

    def reach(self, now_ms: int) -> None:
        """Have engine time come so far; it never goes back."""
        if now_ms > self.now_ms:
            self.times[NOW] = now_ms

    def put(self, alarm: Alarm) -> None:
        """Keep an open alarm as it stands now."""
        self.open[alarm.id] = alarm
        self.current[alarm.city, alarm.entity, alarm.kind] = alarm.id
        if alarm.due_ms is not None:
            heapq.heappush(self._due, (alarm.due_ms, alarm.id))

    def close(self, alarm: Alarm) -> None:
        """Let an open alarm go, as it ended."""
        del self.open[alarm.id]
        del self.current[alarm.city, alarm.entity, alarm.kind]
        self.closed[alarm.id] = alarm

    def next_due(self) -> tuple[int, str] | None:
        """Return (engine time, alarm) of what is due first, None = nothing ever is."""
        while self._due:
            when_ms, alarm_id = self._due[0]
            alarm = self.open.get(alarm_id)
            if alarm is not None and alarm.due_ms == when_ms:
                return when_ms, alarm_id
            heapq.heappop(self._due)
        return None

    def keep(self) -> None:
        """Let what was changed since `trail.begin` stand, and forget what is too old to be asked for."""
        self.trail.keep()
        self.latent.shorten(REMEMBERED)
        self.closed.shorten(REMEMBERED)
        self.outcomes.shorten(REMEMBERED)
        self.muted.shorten(REMEMBERED)

    def take_back(self) -> None:
        """Be as at the last `trail.begin`."""
        self.trail.take_back()
        self._due = [(alarm.due_ms, alarm.id) for alarm in self.open.values() if alarm.due_ms is not None]
        heapq.heapify(self._due)
