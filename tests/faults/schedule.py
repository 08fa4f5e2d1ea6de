"""What is done to a city, when and in which order: drawn from a seed, so that a failed run can be had again. Pure."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal, NamedTuple

from streams.engine.failpoints import PLACES

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["kill", "end", "stop", "join", "leave", "flush", "full", "clock", "gap"]

_Blow = tuple[Kind, str, float]
"""Kind, target, amount."""

PARTS = ("intake", "processors", "processors_second", "alarms", "sinks_history", "sinks_live")
SERVERS = ("redis", "broker")
JOINED = ("intake", "processors", "alarms")
"""Parts that a second worker joins."""
JUMPS_S = (-2400.0, -600.0, 600.0, 2400.0)
"""Kafka refuses a record that is stamped more than an hour ahead."""
PART_OF = {"intake": "intake", "zone": "processors", "second": "processors_second", "alarms": "alarms"}
PART_OF |= {"history": "sinks_history"}
"""First word of a failpoint → the part that comes to it."""


class Fault(NamedTuple):
    """One blow."""

    after_s: float
    """Since the one before."""
    kind: Kind
    target: str
    """A part or server, or the place of a failpoint."""
    amount: float = 0.0
    """stop, full: how long, in seconds. clock: seconds ahead. gap: at which time of coming there. leave: 1 = killed."""

    def __str__(self) -> str:
        """Say it in a line."""
        more = f" {self.amount:g}" if self.amount else ""
        return f"+{self.after_s:.1f} s {self.kind} {self.target}{more}"


class Dose(NamedTuple):
    """How much of each kind."""

    kills: Sequence[str]
    """Targets of SIGKILL."""
    ends: int
    ended: Sequence[str]
    """Of these, by SIGTERM."""
    stops: int
    stop_s: tuple[float, float]
    joins: Sequence[str]
    flushes: int
    fulls: int
    clocks: int
    gaps: Sequence[str]
    pause_s: tuple[float, float]


SHORT = Dose(
    kills=(*PARTS, *SERVERS),
    ends=3,
    ended=(*PARTS, "redis"),
    stops=4,
    stop_s=(2.0, 9.0),
    joins=JOINED,
    flushes=1,
    fulls=1,
    clocks=2,
    gaps=(),
    pause_s=(1.5, 5.5),
)
"""Some 25 in three minutes; four failpoints are drawn besides. Some stops outlast the session of 6 s: zombies. The
broker ends once only: each time takes it 15 s to come back, and everybody waits."""

LONG = Dose(
    kills=(*PARTS, *SERVERS) * 8,
    ends=20,
    ended=(*PARTS, *SERVERS),
    stops=20,
    stop_s=(30.0, 30.0),
    joins=JOINED * 3,
    flushes=4,
    fulls=4,
    clocks=8,
    gaps=PLACES * 2,
    pause_s=(2.0, 9.0),
)


def draw(seed: int, dose: Dose = SHORT) -> list[Fault]:
    """Return the faults of a seed, in their order."""
    chance = random.Random(seed)
    gaps = dose.gaps or chance.sample(PLACES, 4)
    blows: list[_Blow] = [("kill", target, 0.0) for target in dose.kills]
    blows += [("end", chance.choice(dose.ended), 0.0) for _ in range(dose.ends)]
    blows += [
        ("stop", chance.choice((*PARTS, "broker")), round(chance.uniform(*dose.stop_s), 1)) for _ in range(dose.stops)
    ]
    blows += [("flush", "redis", 0.0)] * dose.flushes
    blows += [("full", "sinks_history", 6.0)] * dose.fulls
    jumps = chance.sample(JUMPS_S, len(JUMPS_S)) * dose.clocks
    blows += [("clock", "all", ahead_s) for ahead_s in jumps[: dose.clocks]]
    chance.shuffle(blows)
    _insert_gaps(chance, blows, gaps)
    for part in dose.joins:
        _insert_joined(chance, blows, part)
    return [Fault(round(chance.uniform(*dose.pause_s), 1), *blow) for blow in blows]


def _insert_gaps(chance: random.Random, blows: list[_Blow], places: Sequence[str]) -> None:
    """Arm failpoints far enough from one another, and from the end, for a part that starts again to come to each."""
    apart = len(blows) * 3 // 4 / len(places)
    for number, place in reversed(list(enumerate(chance.sample(places, len(places))))):
        times = float(chance.randint(1, 2 if place.startswith("alarms") else 4))
        blows.insert(int(apart * (number + chance.random())), ("gap", place, times))


def _insert_joined(chance: random.Random, blows: list[_Blow], part: str) -> None:
    """Let a second worker join somewhere and leave some blows later, after the one that is there has left."""
    last = max((place for place, blow in enumerate(blows) if blow[:2] == ("leave", part)), default=-1)
    at = chance.randint(last + 1, max(len(blows) - 6, last + 1))
    blows.insert(at, ("join", part, 0.0))
    blows.insert(min(at + chance.randint(3, 6), len(blows)), ("leave", part, float(chance.randint(0, 1))))
