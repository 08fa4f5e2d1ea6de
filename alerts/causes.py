"""With which open alarms a new one has one cause, by what the version of the city in force knows.

It comes under the first of these that is active: the silence of its feed; an alarm at what its entity depends on
(`relations.csv`); a jam down the road, within two segments; an alarm at its own place, of the last half hour. What
hangs on it in these ways, but for the last, comes under it; so does what stands of a combination's rules. Of the
alarms of equipment only the silence of sensors has causes elsewhere, and nothing but that comes from one.
While the desk is full, what would stand alone comes together with others of its kind and zone, where these come thick.

source  own choice, docs/alarms.md
"""

from __future__ import annotations

import hashlib
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from alerts.alarm import Under
from alerts.desks import home
from alerts.events import Placed
from alerts.incidents import BURST
from alerts.kinds import SILENT_FEED, SILENT_SENSOR, is_unheard, traits
from alerts.load import IN_MS, free_at_ms
from alerts.why import why, why_too
from processors.maths.combined import standing
from processors.maths.measures import FEED_PREFIX
from streams.city.surroundings import NOWHERE
from streams.domains.schema import ROADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alerts.alarm import Alarm, Because
    from alerts.state import State
    from streams.city.scope import Scope
    from streams.city.surroundings import Surroundings
    from streams.contract.records import Detection

HOPS = 2
"""A jam reaches over so many segments, of which the nearer may have no detector."""
TOGETHER_MS = 30 * 60_000
"""What begins within this time at one place has one cause."""
MOST = 1_000
"""So many alarms at most come under a new one."""
MOST_EARS = 50
"""Of what more sensors tell, only the silence of their feed says that nothing is heard."""
GRAVE = 2
"""The level from which on (II, I) an alarm counts as one that nobody may be blind to."""
ID_LENGTH = 20

Tie = tuple["Alarm", "Because"]


class View(NamedTuple):
    """A finding that raises an alarm, and all that its place is judged by."""

    state: State
    found: Detection
    around: Surroundings

    def at(self, entities: Iterable[str]) -> Iterator[Alarm]:
        """Yield the alarms that are active at these entities; of one entity the worst and oldest first."""
        for entity in entities:
            here = [self.state.open[one] for one in self.state.of_entity.get((self.found.city, entity), ())]
            yield from sorted((one for one in here if one.process == "active"), key=_order)

    def is_ours(self, tie: Tie) -> bool:
        """Tell whether the same desk watches both; a feed's silence takes its sensors' along, whoever watches these."""
        desks = self.state.desks
        return not desks or tie[1] == "feed" or home(desks, tie[0]) == home(desks, self.found)

    @property
    def spots(self) -> tuple[str, ...]:
        """The entity, and the segment that it watches."""
        entity = self.found.entity
        return tuple(dict.fromkeys((entity, self.around.segment_of.get(entity, entity))))


def placed(state: State, found: Detection, alarm_id: str, scope: Scope | None, now_ms: int) -> Placed | None:
    """Return where the alarm that the finding raises belongs, None = it stands alone."""
    view = _view(state, found, scope)
    equipment = is_equipment(found) and not _blinds(view)
    parent, other = _parent(view)
    below = _one_of_each(state, parent, islice((one for one in _effects(view) if view.is_ours(one)), MOST))
    if parent is None and not below and not is_equipment(found):
        burst = _burst(view, now_ms)
        parent, below = (burst[0], burst[1:]) if burst else (None, [])
    ears = view.around.ears(found.entity, found.domain)
    ears = ears if len(ears) <= MOST_EARS else ()
    elsewhere = None if other is None or parent is not None else _under(view, other[0], other[1])
    if parent is None and not below:
        return Placed(equipment=equipment, elsewhere=elsewhere, ears=ears) if equipment or elsewhere or ears else None
    tied = [one for one, _ in ([] if parent is None else [parent]) + below]
    under, cause = None if parent is None else _under(view, parent[0], parent[1]), _cause(state, alarm_id, parent, tied)
    if under is None and elsewhere is None and cause != alarm_id:
        under = _beside(view, cause, below)
    return Placed(
        equipment=equipment,
        incident=_incident(state, alarm_id, tied),
        cause=cause,
        under=under,
        others=tuple(one.id for one, _ in below),
        over=_over(view, alarm_id, under, below),
        apart=True,
        elsewhere=elsewhere,
        ears=ears,
    )


def _parent(view: View) -> tuple[Tie | None, Tie | None]:
    """Return what the new alarm comes under, and what it comes from that another desk sees to; None = there is none."""
    other = None
    for one in chain(_causes(view), _mates(view)):
        if view.is_ours(one):
            return one, other
        other = other or one
    return None, other


def _burst(view: View, now_ms: int) -> list[Tie]:
    """Return the newest of its kind in its zone, the oldest first, where these come thick and the desk is full."""
    state, found = view.state, view.found
    newest = state.bursts.get((found.city, found.kind, found.zone), ())
    near = (state.open[one] for at_ms, one in newest if at_ms >= now_ms - IN_MS and one in state.open)
    thick = [one for one in near if view.is_ours((one, "burst"))]
    if len(thick) < BURST - 1 or free_at_ms(state, home(state.desks, found), now_ms) <= now_ms:
        return []
    first: Tie = (thick[0], "burst")
    return [first, *_one_of_each(state, first, [(one, "burst") for one in thick[1:]])]


def is_equipment(one: Detection | Alarm) -> bool:
    """Tell whether it is of a device or a feed."""
    return one.kind in traits().equipment


def _causes(view: View) -> Iterator[Tie]:
    """Yield what the new alarm may come from, the likeliest first."""
    found, around = view.found, view.around
    yield from ((one, "feed") for one in view.at(_feeds(found)) if one.kind == SILENT_FEED)
    if is_equipment(found) and found.kind != SILENT_SENSOR:
        return
    for spot in view.spots:
        for other, path in around.dependence.depends_on(spot).items():
            at_other = view.at([other]) if other != found.entity else ()
            yield from ((one, cast("Because", path[0].relation)) for one in at_other if not is_equipment(one))
    if found.kind in traits().queueing:
        ahead = around.roads(found.entity, HOPS, ahead=True)
        yield from ((one, "queue") for one in view.at(ahead) if one.domain == ROADS and not is_equipment(one))


def _effects(view: View) -> Iterator[Tie]:
    """Yield what may come from the new alarm, the nearest first; of a combination what stands."""
    found, around = view.found, view.around
    parts = standing(found.evidence).items()
    yield from ((one, "part") for kind, entity in parts for one in view.at([entity]) if one.kind == kind)
    if found.kind == SILENT_FEED:
        yield from ((one, "feed") for one in view.at(_fed(view)) if one.kind == SILENT_FEED or is_unheard(one))
    if is_equipment(found):
        return
    for spot in view.spots:
        for other, path in around.dependence.felt_at(spot).items():
            at_other = view.at([other]) if other != found.entity else ()
            felt = (one for one in at_other if not is_equipment(one) or one.kind == SILENT_SENSOR)
            yield from ((one, cast("Because", path[0].relation)) for one in felt)
    if found.domain == ROADS:
        behind = around.roads(found.entity, HOPS, ahead=False)
        yield from ((one, "queue") for one in view.at(behind) if one.kind in traits().queueing)


def _mates(view: View) -> Iterator[Tie]:
    """Yield what began at the same place, not long before."""
    found = view.found
    for one in view.at(view.around.place(found.entity)):
        together = abs(one.raised_at_ms - found.at_ms) <= TOGETHER_MS
        if together and is_equipment(one) == is_equipment(found):
            yield one, "place"


def _feeds(found: Detection) -> list[str]:
    """Return the feeds of which the silence explains the finding."""
    feed = f"{FEED_PREFIX}{found.domain}"
    if is_unheard(found):
        return [f"{feed}:{found.zone}", feed]
    return [feed] if found.kind == SILENT_FEED and found.entity != feed else []


def _fed(view: View) -> Iterator[str]:
    """Yield the zones' feeds and the sensors of which a feed's silence explains that."""
    found = view.found
    for (domain, zone), sensors in view.around.sensors_of.items():
        feed = f"{FEED_PREFIX}{domain}:{zone}"
        if domain == found.domain and found.entity in (feed, f"feed:{domain}"):
            yield from (one for one in (feed, *sensors) if one != found.entity)


def _blinds(view: View) -> bool:
    """Tell whether the alarm of equipment hides something grave from somebody.

    A feed's silence does where its domain can raise level I or II; a device's where an alarm of those levels is active
    at its place, or where what happens at its place is felt.
    """
    found, around = view.found, view.around
    if found.kind == SILENT_FEED:
        return around.grave_domains is None or found.domain in around.grave_domains
    felt = (near for spot in view.spots for other in around.dependence.felt_at(spot) for near in around.place(other))
    near = view.at(dict.fromkeys((*around.place(found.entity), *felt)))
    return any(one.level <= GRAVE and not is_equipment(one) for one in near)


def blinding(state: State, found: Detection, scope: Scope | None) -> tuple[str, ...]:
    """Return the alarms of equipment that hide something from who acts on this one, which is grave from now on.

    They are those at its place, at what that depends on, and of the feed that brings it.
    """
    if found.level > GRAVE or is_equipment(found):
        return ()
    view = _view(state, found, scope)
    needed = (near for spot in view.spots for one in view.around.dependence.depends_on(spot) for near in _at(view, one))
    feeds = (f"{FEED_PREFIX}{found.domain}", f"{FEED_PREFIX}{found.domain}:{found.zone}")
    near = view.at(dict.fromkeys((*view.around.place(found.entity), *needed, *feeds)))
    return tuple(one.id for one in near if one.equipment)


def _at(view: View, entity: str) -> tuple[str, ...]:
    """Return an entity and the sensors that watch it."""
    return entity, *view.around.sensors_at.get(entity, ())


def _view(state: State, found: Detection, scope: Scope | None) -> View:
    return View(state, found, scope.around if scope is not None and scope.city == found.city else NOWHERE)


def _one_of_each(state: State, parent: Tie | None, effects: Iterable[Tie]) -> list[Tie]:
    """Return one alarm of each incident among the effects, its cause where that is there; those alone as they are."""
    known = None if parent is None else parent[0].incident or parent[0].id
    found: dict[str, Tie] = {}
    for one, because in effects:
        group = one.incident or one.id
        is_cause = one.incident is not None and state.incidents[one.incident].cause == one.id
        if group != known and (group not in found or is_cause):
            found[group] = one, because
    return list(found.values())


def _incident(state: State, alarm_id: str, tied: list[Alarm]) -> str:
    """Return the oldest incident of these, a new one's id where they have none."""
    known = {one.incident for one in tied if one.incident is not None}
    if known:
        return min(known, key=lambda one: (state.incidents[one].opened_at_ms, one))
    parts = ["incident", alarm_id, tied[0].id, tied[0].revision]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:ID_LENGTH]


def _cause(state: State, alarm_id: str, parent: Tie | None, tied: list[Alarm]) -> str:
    """Return the cause of all: that of what the new alarm comes under, else itself if it explains theirs."""
    if parent is not None:
        return _cause_of(state, parent[0])
    unexplained = {_cause_of(state, one) for one in tied} - {one.id for one in tied}
    return min(unexplained, default=alarm_id)


def _cause_of(state: State, alarm: Alarm) -> str:
    """Return the cause of its incident; where that has ended or there is none, the alarm itself."""
    cause = alarm.id if alarm.incident is None else state.incidents[alarm.incident].cause
    return cause if cause in state.open else alarm.id


def _over(view: View, alarm_id: str, under: Under | None, below: list[Tie]) -> Under | None:
    """Return why the others come into the incident: they hang on the new alarm, or are of the same burst."""
    if not below or (under is not None and under.because == "burst"):
        return under if below else None
    return Under(
        of=alarm_id, because=below[0][1], why=why(view.around.called(view.found.entity), view.found, below[0][1])
    )


def _beside(view: View, cause: str, below: list[Tie]) -> Under:
    """Return why the new alarm comes into an incident that has another cause: something there hangs on it, too."""
    of, because = next(tie for tie in below if _cause_of(view.state, tie[0]) == cause)
    return Under(of=of.id, because=because, why=why_too(view.around.called(of.entity), of))


def _under(view: View, of: Alarm, because: Because) -> Under:
    return Under(of=of.id, because=because, why=why(view.around.called(of.entity), of, because))


def _order(one: Alarm) -> tuple[int, int, str]:
    return one.level, one.raised_at_ms, one.id
