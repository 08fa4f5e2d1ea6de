"""A room with several desks, and what people there do, in short."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from alerts.commands import Assign, Escalate
from alerts.judge import judge_version
from alerts.load import IN_MS
from streams.city.parts import Desk
from tests.alerts.grouping import Room
from tests.alerts.writing import commanded
from tests.alerts.writing import undo as undo_of

if TYPE_CHECKING:
    from alerts.commands import OfAlarm, Undo

MINUTE_MS = 60_000
TRAFFIC = Desk("traffic", "交通席", "Traffic", domains=("traffic", "parking"))
WATER = Desk("water", "水务席", "Water", domains=("water",), zones=("z1",))
REST = Desk("rest", "综合席", "Everything else")
DESKS = (TRAFFIC, WATER, REST)
NUMBERS = count()
DOMAINS = {"traffic": "slow_traffic", "water": "pressure_low", "weather": "heat"}


def order(kind: type[OfAlarm], alarm: str, **other: object) -> OfAlarm:
    return commanded(kind, alarm, f"k{next(NUMBERS)}", **other)


def assign(alarm: str, to: str) -> OfAlarm:
    return order(Assign, alarm, to=to)


def escalate(alarm: str, to: str) -> OfAlarm:
    return order(Escalate, alarm, to=to)


def undo(command: OfAlarm) -> Undo:
    return undo_of(command.id, f"u{command.id}")


class Desks(Room):
    """A room with several desks."""

    def __init__(self, desks: tuple[Desk, ...] = DESKS, step_ms: int = 1000) -> None:
        super().__init__(step_ms)
        self.man(desks)

    def man(self, desks: tuple[Desk, ...]) -> None:
        """Take a version of the city with these desks."""
        self.scope = replace(self.scope, number=self.scope.number + 1, desks=desks)
        for event in judge_version(self.state, self.scope):
            self._apply(event, self.now_ms)

    def at(self, item: str) -> str:
        return (self.state.open.get(item) or self.state.incidents[item]).desk

    def most_at_a_desk(self) -> int:
        """The most items that came to one desk in any ten minutes, but alarms of level I."""
        known = self.state.open | self.state.closed | self.state.incidents | self.state.ended
        times: dict[str, list[int]] = {}
        for at_ms, item in self.shown:
            if getattr(known[item], "cause", None) is not None or known[item].level != 1:
                times.setdefault(known[item].desk, []).append(at_ms)
        of_each = ((one, found) for found in times.values() for one in found)
        return max((sum(0 <= other - one <= IN_MS for other in found) for one, found in of_each), default=0)
