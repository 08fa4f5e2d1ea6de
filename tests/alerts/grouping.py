"""A small city whose alarms hang together, and its operators' desk, by hand: findings in, what is shown and folded."""

from alerts.apply import apply
from alerts.judge import alarm_id, judge_detection, judge_time
from alerts.judge_commands import judge_command
from alerts.load import IN_MS
from alerts.state import State
from streams.city.dependence import Dependence
from streams.city.parts import Relation
from streams.city.scope import Scope
from streams.city.surroundings import Surroundings
from streams.contract.records import Detection
from tests.alerts.writing import detection

BEGUN_MS = 1_000_000_000

AROUND = Surroundings(
    dependence=Dependence(
        [
            Relation("feeder", "powers", "pump"),
            Relation("feeder", "powers", "lift"),
            Relation("pump", "drains", "underpass"),
            Relation("underpass", "carries", "s3"),
        ]
    ),
    segment_of={"d1": "s1", "d2": "s2", "u2": "s2"},
    sensors_at={"s1": ("d1",), "s2": ("d2", "u2")},
    upstream={f"s{place + 1}": (f"s{place}",) for place in range(1, 7)},
    downstream={f"s{place}": (f"s{place + 1}",) for place in range(1, 7)},
    sensors_of={("water", "z1"): ("w1", "w2", "w3"), ("water", "z2"): ("w4",), ("parking", "z1"): ("p1",)},
    grave_domains=frozenset({"water", "weather", "traffic"}),
)
"""A road s1 → s2 → … → s7; feeder → pump → underpass → s3; the water feed of two zones."""


class Room:
    """The engine's state, and what its desk is shown. A finding comes every `step_ms` of engine time."""

    def __init__(self, step_ms: int = 1000) -> None:
        self.state = State()
        self.scope = Scope(1, "c", around=AROUND)
        self.now_ms = BEGUN_MS
        self.step_ms = step_ms
        self.shown: list[tuple[int, str]] = []
        """(engine time, alarm or incident): when each came to the operators' list."""

    def find(self, level: int, kind: str, entity: str, domain: str = "water", zone: str = "z1", **other: object) -> str:
        """Take a finding of now → the id that its alarm has or would have."""
        self.wait(self.step_ms)
        one = detection(level, self.now_ms, kind=kind, entity=entity, domain=domain, zone=zone, **other)
        self.take(one)
        return alarm_id(one)

    def take(self, one: Detection) -> None:
        event = judge_detection(self.state, one, self.scope, self.now_ms)
        if event is not None:
            self._apply(event, self.now_ms)

    def command(self, one: object) -> str:
        """Take a command a second later → "done", or why not."""
        self.wait(1000)
        event = judge_command(self.state, one, self.now_ms, self.scope)
        self._apply(event, self.now_ms)
        return getattr(event, "reason", "done")

    def wait(self, ms: int) -> None:
        """Let engine time pass, and all that is due by then happen."""
        self.now_ms += ms
        while (event := judge_time(self.state, self.now_ms)) is not None:
            self._apply(event, event.at_ms)

    def _apply(self, event: object, at_ms: int) -> None:
        before = self.on_the_list().items()
        apply(self.state, event, at_ms)
        self.state.reach(at_ms)
        self.shown += [one[::-1] for one in sorted(self.on_the_list().items() - before) if one[1] == at_ms]

    def on_the_list(self) -> dict[str, int]:
        """Alarms shown by themselves and incidents shown as a card → when they were."""
        alone = [one for one in self.state.open.values() if not one.incident or one.level == 1]
        items = [one for one in [*alone, *self.state.incidents.values()] if one.presented_at_ms is not None]
        return {one.id: one.presented_at_ms for one in items}

    def most_in_ten_minutes(self) -> int:
        """The most items that came to the list in any ten minutes, but alarms of level I."""
        level_i = {one.id for one in [*self.state.open.values(), *self.state.closed.values()] if one.level == 1}
        times = [at_ms for at_ms, one in self.shown if one not in level_i]
        return max((sum(0 <= other - at_ms <= IN_MS for other in times) for at_ms in times), default=0)

    def incident(self, alarm: str) -> object:
        """The incident of an alarm, as it stands or ended; None = it stands alone."""
        found = self.state.open.get(alarm) or self.state.closed[alarm]
        known = self.state.incidents | self.state.ended
        return None if found.incident is None else known[found.incident]
