"""What comes to the alarm engine on a random walk: findings, commands, versions of the city, clocks, rubbish, time."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from alerts.commands import Acknowledge, Undo
from streams.broker.topics import CITIES, CLOCK, COMMANDS, DETECTIONS
from streams.city.clock import ClockSetting
from streams.city.scope import Scope
from streams.city.windows import Weekly
from streams.contract.records import Detection
from tests.alerts.grouping import AROUND, BEGUN_MS
from tests.alerts.manned import DESKS, MINUTE_MS, REST, TRAFFIC, WATER
from tests.alerts.walk_commands import Commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.alarm import Alarm
    from alerts.state import State

HOUR_MS = 60 * MINUTE_MS
FEEDS = ("feed:water", "feed:water:z1", "feed:water:z2", "feed:traffic")
SENSORS = ("d1", "d2", "u2", "w1", "w2", "w4")
PLACES = ("feeder", "pump", "lift", "underpass", "s1", "s2", "s3", "s4", "s5", "w3", "p1", "zone:z1")
ENTITIES = (*PLACES, *SENSORS)
DOMAINS = ("traffic", "water", "weather", "parking")
OF_ROADS = ("slow_traffic", "road_incident")
COMBINED = "street_floods"
KINDS = (*OF_ROADS, COMBINED, "voltage_low", "lift_trapped", "sensor_silent", "feed_silent", "sensor_stuck", "heat")
Found: TypeAlias = Literal[0, 1, 2, 3, 4]
LEVELS: tuple[Found, ...] = (0, 0, 0, 1, 2, 3, 3, 4)
STEPS_MS = (0, 1, 10, 500, 1000, 1000, 1000, 2000, 4999, 5000, 5001, 30_000, 60_000, 300_000)
LONG_MS = (10 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 12 * HOUR_MS)
LATE_MS = (0, 0, 0, 0, 0, -1000, -MINUTE_MS, -HOUR_MS, 10, HOUR_MS, 4_000_000)
RUBBISH = (None, b"{}", b"\xff", b"[]", b'{"id":"zz","action":"acknowledge"}', b"[" * 2000)


class Inputs:
    """One walk's inputs, the same for a seed and the states that it is shown."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_ms = BEGUN_MS
        self.commands = Commands(self.random, ENTITIES, DOMAINS, KINDS)
        self.versions_count = 0
        self.soon: deque[Detection | Undo] = deque()
        """What comes next, within seconds: of a level that flaps, of a condition that ends, an undo."""
        self._is_hasty = self.random.random() < 0.3
        self._is_wild = self.random.random() < 0.5
        self._entities = self.random.sample(ENTITIES, self.random.randint(1, len(ENTITIES)))
        self._kinds = self.random.sample(KINDS, self.random.randint(1, len(KINDS)))

    def wait(self) -> None:
        """Let time pass; once in a while the machine's clock is set back."""
        if self.soon:
            self.now_ms += self.random.choice((0, 300, 1000, 3000))
        elif self._is_hasty:
            self.now_ms += self.random.choice((0, 1, 100, 1000))
        else:
            self.now_ms += self.random.choice((*STEPS_MS, self.random.choice(LONG_MS)))
        if self.random.random() < 0.01:
            self.now_ms -= self.random.choice((1, 10_000))

    def next(self, state: State) -> tuple[str, object]:
        """Return what comes → its topic, and the record: bytes as they are, a `Scope`, or None for time alone."""
        share = self.random.random()
        if self.soon and share < 0.8:
            one = self.soon.popleft()
            return (COMMANDS if isinstance(one, Undo) else DETECTIONS), one
        if share < 0.5:
            return DETECTIONS, self._finding(state)
        if share < 0.9:
            return COMMANDS, self._command(state)
        if share < 0.93:
            return CITIES, self._version()
        if share < 0.95:
            return CLOCK, self._clock()
        if share < 0.96:
            return self.random.choice((DETECTIONS, COMMANDS, CLOCK)), self._one_of(RUBBISH)
        return COMMANDS, b"tick"

    def _one_of(self, values: Sequence[Any]) -> Any:
        return self.random.choice(values)

    def _finding(self, state: State) -> Detection:
        one = self._any_finding()
        if self.random.random() < 0.1:  # it flaps
            levels = [self._one_of(LEVELS) for _ in range(self.random.randint(2, 6))]
            self.soon.extend(msgspec.structs.replace(one, level=level) for level in levels)
        elif state.open and self.random.random() < 0.2:
            return self.of(state.open[self._one_of(sorted(state.open))], self._one_of(LEVELS))
        return one

    def of(self, alarm: Alarm, level: Found) -> Detection:
        """Return a finding of an alarm that stands."""
        names = ("city", "domain", "kind", "entity", "zone", "value", "limit", "unit", "evidence", "processor")
        fields = {name: getattr(alarm, name) for name in names}
        return Detection(level=level, at_ms=max(self.now_ms, alarm.updated_at_ms), **fields)

    def _any_finding(self) -> Detection:
        kind, entity = self._one_of(self._kinds), self._one_of(self._entities)
        domain = self._one_of(DOMAINS) if self.random.random() < 0.3 else "traffic" if kind in OF_ROADS else "water"
        if kind == "sensor_silent":
            entity = self._one_of(SENSORS)
        elif kind == "feed_silent":
            entity = self._one_of(FEEDS)
            domain = entity.split(":")[1]
        at_ms = max(self.now_ms + (self._one_of(LATE_MS) if self._is_wild else 0), 0)
        known_ms = max(0, at_ms + self._one_of((0, 0, MINUTE_MS, -5)))
        return Detection(
            city="c" if self.random.random() < 0.98 else "other",
            domain=domain,
            kind=kind,
            entity=entity,
            zone=self._one_of(("z1", "z1", "z2", "")),
            level=self._one_of(LEVELS),
            at_ms=at_ms,
            known_at_ms=None if self.random.random() < 0.7 else known_ms,
            value=self._one_of((None, 0.0, -1.5, 3.0)),
            limit=self._one_of((None, 0.0, 60.0)),
            unit=self._one_of(("s", "")),
            evidence=self._evidence(kind),
            processor=self._one_of(("", "p")),
            version=self._one_of((0, 0, 1, 9)),
        )

    def _evidence(self, kind: str) -> dict[str, float | str]:
        found: dict[str, float | str] = {}
        if kind == COMBINED:
            parts = [one for one in KINDS if one != COMBINED]
            found = {f"stands:{self._one_of(parts)}": self._one_of(ENTITIES) for _ in range(2)}
        if self.random.random() < 0.1:
            found["reason"] = "retired"
        if self.random.random() < 0.1:
            found["of"] = "absence"
        return found

    def _command(self, state: State) -> object:
        command = self.commands.any(state, self.now_ms)
        share = self.random.random()
        if share < 0.3 and not isinstance(command, Undo):
            self.soon.append(self.commands.undo(command.id, command.who))
        elif share < 0.6 and isinstance(command, Acknowledge):
            incident = state.groups.members.of(command.incident) if command.incident else ()
            ids = [one for one in (command.alarm, *sorted(incident)) if one in state.open]
            self.soon.extend(self.of(state.open[one], 0) for one in ids)
        return command

    def _version(self) -> Scope:
        self.versions_count += 1
        gone = self.random.sample(ENTITIES, 2)
        of_feeds = {"zone:z1", "zone:z2", "feed:weather", "feed:parking", *FEEDS, "c"}
        half = self.random.random
        return Scope(
            self.versions_count,
            "c",
            None if half() < 0.5 else frozenset({*ENTITIES, *of_feeds} - set(gone)),
            None if half() < 0.5 else {"p": frozenset(self.random.sample(KINDS, 6))},
            latching=frozenset(self.random.sample(KINDS, 2)) if half() < 0.5 else frozenset(),
            schedules={} if half() < 0.5 else {self._one_of(KINDS): Weekly(since="08:00", until="20:00")},
            time_zone=self._one_of(("UTC", "Asia/Shanghai")),
            around=AROUND,
            desks=self._one_of(((), DESKS, (WATER, TRAFFIC), (REST,))),
        )

    def _clock(self) -> ClockSetting:
        return ClockSetting(
            at_ms=max(0, self.now_ms + self._one_of((0, 0, 0, 24 * HOUR_MS, -HOUR_MS))),
            wall_ms=self.now_ms,
            speed=self._one_of((1.0, 1.0, 60.0, 0.0, 0.5)),
            until_ms=self._one_of((None, None, self.now_ms + 100_000)),
        )
