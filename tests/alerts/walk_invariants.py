"""What holds of the alarm engine's state behind every record, whatever came: each rule says what it found."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from alerts.commands import Where
from alerts.hearing import uncertain_since_ms
from alerts.load import IN_MS, MOST, places, rank

if TYPE_CHECKING:
    from alerts.alarm import Alarm
    from alerts.incident import Incident
    from alerts.state import State


def check_state(state: State, causes: set[str]) -> None:
    """Check all that follows from the tables; `causes`: of alarms that have ever been an incident's cause."""
    desks = {one.id for one in state.desks} or {""}
    for incident in state.incidents.values():
        check_incident(state, incident, desks, causes)
    for alarm in state.open.values():
        check_alarm(state, alarm, desks)
        check_times(state, alarm)
    for cover in state.covers.values():
        assert cover.due_ms is None or cover.due_ms > state.now_ms, ("overdue", cover)
    check_counts(state)
    check_shown(state)


def check_incident(state: State, incident: Incident, desks: set[str], causes: set[str]) -> None:
    """Its alarms are those that name it, at its desk; each but a cause says why it is there."""
    members = state.groups.members.of(incident.id)
    levels = Counter(state.open[one].level for one in members)
    assert len(members) == incident.count > 0, ("count", incident)
    assert incident.levels == tuple(levels[level] for level in (1, 2, 3, 4)), ("levels", incident)
    assert set(incident.listed) <= set(members), ("listed", incident)
    assert len(members) > 50 or set(incident.listed) == set(members), ("not listed", incident)
    assert incident.cause not in state.open or incident.cause in members, ("its cause is elsewhere", incident)
    assert incident.desk in desks, ("no such desk", incident)
    for alarm in map(state.open.__getitem__, members):
        assert (alarm.incident, alarm.desk) == (incident.id, incident.desk), ("elsewhere", alarm, incident)
        assert alarm.under is not None or alarm.id in causes, ("no why", alarm, incident)
        if alarm.under is not None:
            assert alarm.under.of != alarm.id, ("under itself", alarm)
            assert alarm.under.why.zh, ("no words", alarm)
            assert alarm.under.why.en, ("no words", alarm)


def check_alarm(state: State, alarm: Alarm, desks: set[str]) -> None:
    """What is derived of it is as the tables say."""
    assert state.current[alarm.city, alarm.entity, alarm.kind] == alarm.id, ("not the current one", alarm)
    assert alarm.id not in state.closed, ("open and closed", alarm)
    assert alarm.desk in desks, ("no such desk", alarm)
    assert alarm.incident is None or alarm.incident in state.incidents, ("its incident is not open", alarm)
    assert alarm.covers == state.over(alarm), ("covers", alarm, state.over(alarm))
    shelf = Where(kind=alarm.kind, entity=alarm.entity)
    shelves = [one for one in state.covers.values() if one.what == "shelved" and one.where == shelf]
    assert sum(one.city == alarm.city for one in shelves) <= 1, ("two shelves", alarm)
    since_ms = uncertain_since_ms(state, alarm)
    assert alarm.uncertain_since_ms == since_ms, ("uncertain", alarm, since_ms)


def check_times(state: State, alarm: Alarm) -> None:
    """Nothing is overdue; what is held because it chatters is active."""
    assert alarm.due_ms is None or alarm.due_ms > state.now_ms, ("overdue", alarm)
    if alarm.taken is not None and alarm.taken.until_ms is not None and alarm.closing is None:
        assert alarm.taken.until_ms > state.now_ms, ("acknowledged too long", alarm)
    if alarm.over_at_ms is not None or alarm.newest_level is not None:
        assert (alarm.process, alarm.calm_at_ms is not None) == ("active", True), ("held", alarm)
    if alarm.process == "returned" and alarm.taken is not None:
        assert alarm.closing is not None, ("over, acknowledged, and never closes", alarm)


def check_counts(state: State) -> None:
    """The figures of where alarms stand are those of the alarms."""
    found = Counter(chain.from_iterable(map(places, state.open.values())))
    assert dict(found) == dict(state.groups.places), ("places", found)
    by_desk = Counter((one.desk, place) for one in state.open.values() if one.desk for place in places(one))
    assert dict(by_desk) == dict(state.groups.desk_places), ("places at desks", by_desk)


def check_shown(state: State) -> None:
    """Level I is shown at once, the rest waits in a queue; no desk is shown more than it can take."""
    items: list[Alarm | Incident] = [*state.open.values(), *state.incidents.values()]
    for one in items:
        found = rank(one)
        assert found is None or found in state.groups.waiting[found.desk]._known, ("in no queue", one)
    for alarm in state.open.values():
        assert alarm.level > 1 or not alarm.asks or alarm.presented_at_ms is not None, ("level I is hidden", alarm)
    for desk, times in state.shown.items():
        for at_ms in times:
            assert sum(0 <= at_ms - one <= IN_MS for one in times) <= MOST, ("too much at once", desk, times)
