"""Several rules that stand together at one place: an alarm of its own, by how many they are.

in      city.metrics.v1 of every domain: levels of the zones' detections, as `threshold` and others found them
out     detections named as the rule, of `zone:<id>`, `city:<id>` or a segment: one for each change of its level, with
        how many rules stand; the evidence names, for each of them, the entity at which it has stood longest
state   per domain: the zones' watermarks; per rule of the zone stage, zone and entity: its levels since the oldest
        minute that some combination has yet to judge; per combination: up to where it is judged, places, their levels
drops   other_metric: every row, it reads levels alone
source  own choice, docs/rules.md; on-delay and off-delay after ISA-18.2 / IEC 62682

A level counts from the event time up to which was judged when it was found (`known_at_ms`). A minute is judged once
all zones of all of the combination's domains have passed the next one, their longest lag taken off: then nothing that
counts in it can come any more, in whatever order the zones' frames do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from processors.maths import combined, hold, retired
from processors.maths.combined import STANDS, Combination
from processors.maths.hold import Hold
from processors.maths.rules import cited, in_force
from processors.maths.watermarks import Marks
from streams.contract.durations import MINUTE_MS
from streams.contract.records import NO_TIME_MS, Detection, MetricFrame, Result
from streams.contract.spec import EVERY_DOMAIN, Spec
from streams.contract.spec import Config as BaseConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.city.registry import City

OTHER_METRIC = "other_metric"


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; both are filled in from the rules of `[[threshold.rules]]` and those that ship."""

    rules: tuple[Combination, ...] = ()
    """Those of kind `combination`: see `Combination`."""
    domain_of: dict[str, str] = msgspec.field(default_factory=dict)
    """Every rule that can be part of one → its domain."""

    def __post_init__(self) -> None:
        """Refuse rules that could never hold; the sentence names the rule, the key and the cure."""
        if found := [problem for rule in self.rules for problem in combined.problems(rule)]:
            raise ValueError("; ".join(found))


Course = list[tuple[int, int]]
"""When a level became known, and which, 0 = it ended: rising."""


@dataclass
class Held:
    """What is known of one combination."""

    domain: str
    judged_ms: int = NO_TIME_MS
    """The minutes that end by then are judged."""
    places: list[str] = field(default_factory=list)
    levels: Hold = field(default_factory=Hold)
    """By place."""


@dataclass
class State:
    """Everything."""

    marks: dict[str, Marks] = field(default_factory=dict)
    """Domain → what its zones have passed, less the longest lag of its sensors."""
    courses: dict[str, dict[str, dict[str, Course]]] = field(default_factory=dict)
    """Rule → zone id → entity → its course."""
    held: dict[str, Held] = field(default_factory=dict)


class _Standing(NamedTuple):
    """A rule that stands at a place: since when that is known, and where."""

    known_ms: int
    entity: str


def step(state: State, frame: MetricFrame, city: City, config: Config) -> Result[State]:
    """Take the zone's levels; judge the minutes that all zones have passed that a combination waits for."""
    rules = in_force(config.rules, city, Combination, combined.problems)
    marks = state.marks.setdefault(frame.domain, Marks())
    zone = city.zones[frame.zone].id
    _take(state, frame, zone, marks.zones.get(zone, NO_TIME_MS))
    lag_ms = city.longest_lag_ms.get(frame.domain, 0) if frame.lag_ms is None else frame.lag_ms
    passed = MetricFrame(frame.domain, frame.zone, frame.rows, frame.watermark_ms - lag_ms)
    found = _retired(state, rules, city)
    of = [(rule, _domains(rule, city, config)) for rule in rules]
    for rule, domains in of:
        if rule.name not in state.held:  # what stands already counts from the newest minute on
            until_ms = _until_ms(state, domains, city)
            begun_ms = until_ms if until_ms == NO_TIME_MS else until_ms - MINUTE_MS
            state.held[rule.name] = Held(rule.domain, begun_ms)
            found += _judged(state, rule, until_ms, city)
    moved = marks.advance(passed, city) < marks.watermark_ms
    if moved:
        for rule, domains in of:
            found += _judged(state, rule, _until_ms(state, domains, city), city)
        _forget(state, rules)
    dropped = {OTHER_METRIC: len(frame.rows)} if len(frame.rows) else {}
    return Result(state=state, detections=tuple(found), dropped=dropped)


def _take(state: State, frame: MetricFrame, zone: str, passed_ms: int) -> None:
    """Put the levels of a frame into their courses; one raised in a minute that its zone has passed is a repeat.

    What stands is told again and again: it is news only to who has missed how it came.
    """
    for kind, entity, known_ms, level in frame.levels:
        of_zone = state.courses.setdefault(kind, {}).setdefault(zone, {})
        if level > 0 and known_ms < passed_ms - passed_ms % MINUTE_MS:
            continue
        course = of_zone.setdefault(entity, [])
        if (known_ms, level) not in course:
            course.append((known_ms, level))
            course.sort(key=lambda one: one[0])  # stable: what became known at once stays in its order
    for kind, entity, known_ms, level in frame.stands if frame.watermark_ms >= passed_ms else ():
        course = state.courses.setdefault(kind, {}).setdefault(zone, {}).setdefault(entity, [])
        newest_ms, newest = course[-1] if course else (NO_TIME_MS, 0)
        if newest_ms < known_ms and newest != level:
            course.append((known_ms, level))


def _domains(rule: Combination, city: City, config: Config) -> set[str]:
    return {str(city.rules.get(one, {}).get("domain", config.domain_of.get(one, ""))) for one in rule.of}


def _until_ms(state: State, domains: set[str], city: City) -> int:
    """Return the end of the newest minute of which everything is known; a domain without sensors is not waited for."""
    awaited = [state.marks.get(one, Marks()) for one in domains if one in city.zones_awaited]
    passed_ms = min((one.watermark_ms for one in awaited), default=NO_TIME_MS)
    return passed_ms if passed_ms == NO_TIME_MS else passed_ms - passed_ms % MINUTE_MS - MINUTE_MS


def _judged(state: State, rule: Combination, until_ms: int, city: City) -> Iterator[Detection]:
    """Judge a combination's minutes up to one, in their order: those in which something changes or is waited for."""
    held = state.held[rule.name]
    courses = [
        (kind, zone, entity, course)
        for kind in rule.of
        for zone, of_zone in state.courses.get(kind, {}).items()
        for entity, course in of_zone.items()
    ]
    changes = sorted({-(-known_ms // MINUTE_MS) * MINUTE_MS for *_, course in courses for known_ms, _ in course})
    while held.judged_ms < until_ms:
        waits = bool((held.levels.since_ms != hold.NO_RUN).any())
        later = (one for one in changes if held.judged_ms < one <= until_ms)
        end_ms = held.judged_ms + MINUTE_MS if waits else next(later, until_ms)
        held.judged_ms = end_ms
        standing: dict[str, dict[str, _Standing]] = {}
        for kind, zone, entity, course in courses:
            level = next((level for known_ms, level in reversed(course) if known_ms <= end_ms), 0)
            place = rule.place(city, zone, entity) if level else None
            if place is not None:
                here, one = standing.setdefault(place, {}), _Standing(_since_ms(course, end_ms), entity)
                here[kind] = min(here.get(kind, one), one)
        yield from _minute(held, rule, end_ms, standing, city)


def _since_ms(course: Course, end_ms: int) -> int:
    """Return since when an entity has some level, as far back as its course goes."""
    since_ms = end_ms
    for known_ms, level in reversed(course):
        if known_ms <= end_ms:
            if not level:
                break
            since_ms = known_ms
    return since_ms


def _minute(
    held: Held, rule: Combination, end_ms: int, standing: dict[str, dict[str, _Standing]], city: City
) -> Iterator[Detection]:
    held.places += sorted(standing.keys() - set(held.places))
    hold.grow(held.levels, len(held.places))
    place = np.arange(len(held.places))
    value = np.array([float(len(standing.get(one, ()))) for one in held.places])
    seen = hold.Seen(place, value, np.full(len(place), MINUTE_MS), end_ms - MINUTE_MS, end_ms)
    changes = hold.judge(held.levels, seen, rule.limits)
    told = zip(*(part.tolist() for part in changes), strict=True)
    for row, before, after, since_ms in sorted(told, key=lambda one: held.places[one[0]]):
        here = standing.get(held.places[row], {})
        yield Detection(
            city=city.id,
            domain=rule.domain,
            kind=rule.name,
            entity=held.places[row],
            zone=_zone(held.places[row], city),
            at_ms=since_ms,
            known_at_ms=end_ms,
            level=hold.level(after),
            value=float(len(here)),
            limit=rule.limits.limits[(after or before) - 1],
            basis=cited(rule.reference)[0],
            evidence={
                "basis": rule.basis,
                **cited(rule.reference)[1],
                **{f"{STANDS}{kind}": here[kind].entity for kind in rule.of if kind in here},
            },
        )


def _zone(place: str, city: City) -> str:
    """Return the zone of a place, "" = the whole city, or none any more."""
    if place in city.segment_code:
        return city.zones[city.segments[city.segment_code[place]].zone].id
    return place.removeprefix("zone:") if place.startswith("zone:") else ""


def _retired(state: State, rules: tuple[Combination, ...], city: City) -> list[Detection]:
    """Forget the combinations, and their places, that are gone → the end of their alarms."""
    kept = {rule.name: rule for rule in rules}
    found = []
    for name, held in list(state.held.items()):
        gone = np.array([name not in kept or not _has(city, one) for one in held.places], bool)
        for row in hold.end(held.levels, gone).tolist():
            where = retired.Where(city.id, held.domain, _zone(held.places[row], city))
            found.append(retired.end(where, name, held.places[row], held.judged_ms))
        if name not in kept:
            del state.held[name]
    return found


def _has(city: City, place: str) -> bool:
    return place in city.segment_code or place == f"city:{city.id}" or place.removeprefix("zone:") in city.zone_code


def _forget(state: State, rules: tuple[Combination, ...]) -> None:
    """Let go of what no minute that is yet to be judged can ask for."""
    passed_ms = min(marks.watermark_ms for marks in state.marks.values())
    for kind, zones in list(state.courses.items()):
        floor_ms = min([state.held[rule.name].judged_ms for rule in rules if kind in rule.of], default=passed_ms)
        for zone, of_zone in list(zones.items()):
            state.courses[kind][zone] = {
                entity: kept for entity, course in of_zone.items() if (kept := _from(course, floor_ms))
            }


def _from(course: Course, floor_ms: int) -> Course:
    """Return the course from the level on that stood at a time; nothing where it ended before."""
    first = sum(known_ms <= floor_ms for known_ms, _ in course) - 1
    kept = course[max(first, 0) :]
    return kept[1:] if first >= 0 and kept[0][1] == 0 else kept


SPEC = Spec(
    domains=EVERY_DOMAIN,
    step=step,
    config=Config,
    state=State,
    drops=(OTHER_METRIC,),
    second_level=True,
)
