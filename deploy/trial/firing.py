"""What a rule's findings would have been as alarms, and the load that they would have put on a desk.

source  limits: ISA-18.2 and EEMUA 191 as two summaries that agree give them; docs/rules.md
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.contract.durations import DAY_MS, MINUTE_MS
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.contract.records import Detection

TEN_MINUTES_MS = 10 * MINUTE_MS
CHATTER_MS, CHATTER_CHANGES = MINUTE_MS, 3
AVERAGE_LIMIT, WORST_LIMIT, STANDING_LIMIT = 2.0, 10, 5
"""Alarms of a desk in 10 minutes: on average, and at most; those that stand for longer than a day."""
TOP = 10


class Fired(NamedTuple):
    """One alarm that would have been; it was told of at `raised_ms`, and `ended_ms` None = it still stood."""

    entity: str
    raised_ms: int
    ended_ms: int | None
    level: int
    """The highest that it reached, I = 1."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place and how often it alarmed."""

    entity: str
    alarms_count: int


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What the alarms would have asked of a desk, one of `desks` among which they are shared."""

    alarms_count: int
    by_level: dict[str, int]
    """Highest level, 1 to 4 → alarms."""
    average_in_10min: float
    """A desk's, over all windows of ten minutes, the empty ones too; so `worst_in_10min`, and `flood_ratio`: > 10."""
    worst_in_10min: float
    worst_at_ms: int | None
    flood_ratio: float
    flood_count: int
    """Windows in flood."""
    chattering_count: int
    """Places that changed three times within a minute."""
    standing_count: int
    """Alarms that stood for longer than a day."""
    longest_s: float | None
    longest_at: str | None
    """The place of the longest."""
    first_at_ms: int | None
    last_at_ms: int | None
    """Newest raise."""
    top: list[Place]
    """The places that alarmed most."""


def fired(detections: Iterable[Detection]) -> list[Fired]:
    """Return the alarms that these findings, in the order in which they were found, open and end."""
    found: list[Fired] = []
    open_at: dict[str, int] = {}
    for one in detections:
        place = open_at.get(one.entity)
        if place is None:
            if one.level > 0:
                open_at[one.entity] = len(found)
                found.append(Fired(one.entity, one.known_ms, None, one.level))
        elif one.level == 0:
            found[open_at.pop(one.entity)] = found[place]._replace(ended_ms=one.known_ms)
        else:
            found[place] = found[place]._replace(level=min(found[place].level, one.level))
    return found


def load(alarms: Sequence[Fired], changes: Sequence[Detection], span_ms: tuple[int, int], desks: int = 1) -> Load:
    """Return the load of alarms in [from, until); `changes` are all findings of these."""
    from_ms, until_ms = span_ms
    windows = max(-(-(until_ms - from_ms) // TEN_MINUTES_MS), 1)
    in_window = Counter((one.raised_ms - from_ms) // TEN_MINUTES_MS for one in alarms)
    floods = sum(count / desks > WORST_LIMIT for count in in_window.values())
    worst_window, worst = max(in_window.items(), key=lambda one: (one[1], -one[0]), default=(None, 0))
    lasted_ms = [(one.ended_ms or until_ms) - one.raised_ms for one in alarms]
    longest = max(range(len(alarms)), key=lambda place: lasted_ms[place], default=None)
    raised_ms = sorted(one.raised_ms for one in alarms)
    top = sorted(Counter(one.entity for one in alarms).items(), key=lambda one: (-one[1], one[0]))[:TOP]
    return Load(
        alarms_count=len(alarms),
        by_level={str(level): sum(one.level == level for one in alarms) for level in (1, 2, 3, 4)},
        average_in_10min=round(len(alarms) / windows / desks, 4),
        worst_in_10min=worst / desks,
        worst_at_ms=None if worst_window is None else from_ms + worst_window * TEN_MINUTES_MS,
        flood_ratio=round(floods / windows, 4),
        flood_count=floods,
        chattering_count=_chattering(changes),
        standing_count=sum(lasted > DAY_MS for lasted in lasted_ms),
        longest_s=None if longest is None else lasted_ms[longest] / 1000,
        longest_at=None if longest is None else alarms[longest].entity,
        first_at_ms=raised_ms[0] if raised_ms else None,
        last_at_ms=raised_ms[-1] if raised_ms else None,
        top=[Place(entity=entity, alarms_count=count) for entity, count in top],
    )


def broken(of: Load, without: Load) -> list[Name]:
    """Say which limits the load of a desk breaks with a rule, where it is heavier by the rule than `without` it."""
    found = []
    if of.average_in_10min > max(AVERAGE_LIMIT, without.average_in_10min):
        zh, en = "每席每 10 分钟平均 {:g} 条，上限 {:g}", "{:g} alarms of a desk in 10 min on average, at most {:g}"
        found.append(Name(zh.format(of.average_in_10min, AVERAGE_LIMIT), en.format(of.average_in_10min, AVERAGE_LIMIT)))
    if of.flood_count > without.flood_count or of.worst_in_10min > max(WORST_LIMIT, without.worst_in_10min):
        zh, en = "每席某 10 分钟内 {:g} 条，上限 {:g}", "{:g} alarms of a desk in one window of 10 min, at most {:g}"
        found.append(Name(zh.format(of.worst_in_10min, WORST_LIMIT), en.format(of.worst_in_10min, WORST_LIMIT)))
    if of.standing_count >= max(STANDING_LIMIT, without.standing_count + 1):
        zh, en = "{} 条持续一天以上，须少于 {}", "{} alarms stand for more than a day, fewer than {} may"
        found.append(Name(zh.format(of.standing_count, STANDING_LIMIT), en.format(of.standing_count, STANDING_LIMIT)))
    if of.chattering_count > without.chattering_count:
        zh, en = "{} 处抖动，不得有", "{} places chatter, none may"
        found.append(Name(zh.format(of.chattering_count), en.format(of.chattering_count)))
    return found


def _chattering(changes: Sequence[Detection]) -> int:
    times: dict[str, list[int]] = {}
    for one in changes:
        times.setdefault(one.entity, []).append(one.known_ms)
    return sum(
        any(last - first <= CHATTER_MS for first, last in zip(at, at[CHATTER_CHANGES - 1 :], strict=False))
        for at in times.values()
    )
