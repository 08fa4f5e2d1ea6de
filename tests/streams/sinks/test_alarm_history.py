"""One contract suite for every history store: alarms and their events come back, the newest first, all of them once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streams.contract.alarm_events import (
    ALARMS,
    INCIDENTS,
    AlarmEvent,
    AlarmsWanted,
    EventsWanted,
    Moment,
    Raised,
    Where,
    cursor_of,
    moment_of,
    raised_of,
)
from tests.streams.sinks.rows import START_MS, alarm

if TYPE_CHECKING:
    from streams.sinks.history.store import History

HOUR_MS = 3_600_000
WHERE = {"domain": "water", "kind": "water_pressure_low", "entity": "W1", "zone": "Z1"}


def event(seq: int, place: int = 0, name: str = "a-1", at_ms: int = START_MS, **other: object) -> AlarmEvent:
    return AlarmEvent(alarm=name, seq=seq, place=place, at_ms=at_ms, **{"what": "updated", **WHERE, **other})


def pages(history: History, wanted: EventsWanted, limit: int) -> list[AlarmEvent]:
    """Read on from cursor to cursor to the end."""
    found: list[AlarmEvent] = []
    after: Moment | None = None
    while page := history.alarm_events(wanted, limit, after):
        assert len(page) <= limit
        found += page
        after = moment_of(cursor_of(page[-1].moment))
    return found


def raised(history: History, wanted: AlarmsWanted, limit: int) -> list[str]:
    """The same of alarms → their ids."""
    found: list[str] = []
    after: Raised | None = None
    while page := history.alarms(wanted, limit, after):
        found += [one["id"] for one in page]
        after = raised_of(cursor_of(Raised(page[-1]["raised_at_ms"], page[-1]["id"])))
    return found


def test_an_event_comes_back_whole(history: History):
    odd = 'a" = 1,\\ ${x}\n路 {0}'
    sent = event(
        7, 3, outcome="refused", reason="changed", level=0, event_at_ms=-5, who=odd, desk=odd, why=odd, command=odd,
        event={"type": "done", "text": odd, "none": None, "many": [1, 2.5]},
    )  # fmt: skip
    bare = AlarmEvent(alarm="", seq=7, place=4, at_ms=START_MS, what="suppress", who="李敏")
    history.write_alarm_events([sent, bare])
    assert history.alarm_events(EventsWanted(), 10) == [bare, sent]


def test_300_events_of_one_alarm_come_once_each_the_newest_first(history: History):
    """Some share a millisecond, some a record; some were written twice; others lie between."""
    mine = [event(1 + n // 3, n % 3, at_ms=START_MS + n // 7 * HOUR_MS // 2) for n in range(300)]
    others = [event(1 + n, 5, "a-2", at_ms=START_MS + n * HOUR_MS) for n in range(60)]
    history.write_alarm_events([*mine[:200], *others])
    history.write_alarm_events(mine[150:])
    expected = sorted(mine, key=lambda one: (one.seq, one.place), reverse=True)
    assert pages(history, EventsWanted(alarm="a-1"), 7) == expected
    assert history.alarm_events(EventsWanted(alarm="a-1"), 300) == expected
    assert len(pages(history, EventsWanted(), 100)) == 360


def test_a_burst_in_one_millisecond_keeps_the_order_of_the_journal(history: History):
    burst = [event(seq, place, f"a-{seq}{place}") for seq in range(55, 70) for place in range(20)]
    history.write_alarm_events(burst)
    assert pages(history, EventsWanted(), 33) == burst[::-1]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"alarm": "a-2"}, [2]),
        ({"kind": "leak"}, [2]),
        ({"domain": "water", "zone": "Z 2"}, [3]),
        ({"entity": "路 1,=x"}, [3]),
        ({"who": "李 {敏}"}, [4]),
        ({"who": "李"}, []),
        ({"from_ms": START_MS + 3}, [4, 3]),
        ({"until_ms": START_MS + 3}, [2, 1]),
        ({"from_ms": START_MS + 1, "until_ms": START_MS + 2}, [1]),
        ({"from_ms": START_MS + 3, "until_ms": START_MS + 1}, []),
    ],
)
def test_time_place_kind_and_person_select(history: History, wanted: dict[str, object], found: list[int]):
    others: list[dict[str, object]] = [
        {}, {"name": "a-2", "kind": "leak"}, {"zone": "Z 2", "entity": "路 1,=x"}, {"who": "李 {敏}"},
    ]  # fmt: skip
    history.write_alarm_events([event(n, at_ms=START_MS + n, **other) for n, other in enumerate(others, 1)])
    assert [one.seq for one in history.alarm_events(EventsWanted(**wanted), 10)] == found


def test_of_what_an_alarm_is_its_raise_says(history: History):
    raise_ = event(1, what="raised")
    later = event(2, at_ms=START_MS + HOUR_MS, what="risen", zone="Z2")
    history.write_alarm_events([later, raise_, event(3, name="a-2", domain="", kind="", entity="", zone="")])
    assert history.alarms_where(["a-1", "never_seen"]) == {"a-1": Where(**WHERE)}
    assert history.alarms_where([]) == {}


def test_a_closed_alarm_is_kept_as_closed(history: History):
    alarms = [alarm(f"a{i}") | {"raised_at_ms": START_MS + i} for i in range(3)]
    history.write_alarms([(str(one["id"]), json.dumps(one)) for one in alarms] + [("a1", None)])
    history.write_alarms([("never_seen", None), ("a2", None)])
    span = AlarmsWanted(from_ms=START_MS, until_ms=START_MS + 2)
    assert history.alarms(span, 9) == [alarms[1] | {"closed": True}, alarms[0] | {"closed": False}]
    assert [one["id"] for one in history.alarms(AlarmsWanted(closed=True), 9)] == ["a2", "a1"]
    assert [one["id"] for one in history.alarms(AlarmsWanted(closed=False), 9)] == ["a0"]


def test_alarms_of_one_moment_come_once_each_in_pages(history: History):
    names = [f"a-{n:03}" for n in range(50)]
    for name in names:
        history.write_alarms([(name, json.dumps(alarm(name) | {"raised_at_ms": START_MS + int(name[2:]) // 20}))])
    assert raised(history, AlarmsWanted(), 7) == names[::-1]
    assert raised(history, AlarmsWanted(), 50) == names[::-1]


def test_alarms_are_selected_by_place_kind_and_level(history: History):
    some = [alarm("a1"), alarm("a2", 1) | {"kind": "leak"}, alarm("a3") | {"zone": "Z2", "entity": 'W "2"'}]
    history.write_alarms([(str(one["id"]), json.dumps(one)) for one in some])

    def found(**wanted: object) -> list[str]:
        return [one["id"] for one in history.alarms(AlarmsWanted(**wanted), 9)]

    assert (found(level=1), found(kind="leak"), found(entity='W "2"')) == (["a2"], ["a2"], ["a3"])
    assert found(zone="Z1") == ["a2", "a1"]


PEOPLE = (
    {"acknowledged_by": "Li"}, {"shelved_by": "李 {敏}"}, {"changed_by": {"what": "note", "who": "Li", "desk": "2"}},
    {"acknowledged_by": "Li Na", "changed_by": None}, {},
)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "found"), [("Li", ["a2", "a0"]), ("李 {敏}", ["a1"]), ("Li Na", ["a3"]), ("2", []), ("note", [])]
)
def test_alarms_are_found_by_who_did_something_to_them(history: History, who: str, found: list[str]):
    some = [alarm(f"a{n}") | more for n, more in enumerate(PEOPLE)]
    history.write_alarms([(str(one["id"]), json.dumps(one)) for one in some])
    assert [one["id"] for one in history.alarms(AlarmsWanted(who=who), 9)] == found


def test_alarms_are_found_by_their_incident(history: History):
    some = [alarm("a1") | {"incident": "i1"}, alarm("a2") | {"incident": "i2"}, alarm("a3") | {"incident": None}]
    history.write_alarms([(str(one["id"]), json.dumps(one)) for one in some])
    assert [one["id"] for one in history.alarms(AlarmsWanted(incident="i1"), 9)] == ["a1"]


def incident(name: str, opened_at_ms: int = START_MS, **other: object) -> dict[str, object]:
    about = {"domain": "water", "kind": "water_pressure_low", "entity": "W1", "zone": "Z1", "level": 2}
    return {"id": name, "opened_at_ms": opened_at_ms, **about, "acknowledged_by": None, **other}


def test_incidents_are_kept_beside_alarms_and_found_as_they_are(history: History):
    some = [incident(f"i{n}", START_MS + n * HOUR_MS) for n in range(4)]
    some[1] |= {"kind": "leak", "acknowledged_by": "Li"}
    history.write_alarms([(str(one["id"]), json.dumps(one)) for one in some], INCIDENTS)
    history.write_alarms([("i1", json.dumps(alarm("i1")))], ALARMS)
    why = {"ended_at_ms": START_MS + 5 * HOUR_MS, "ended_because": "ended", "ended_by": "Wang"}
    ended = some[3] | {"level": None, "worst_level": 1, "alarms_count": 4, **why}
    history.write_alarms([("i1", None), ("i3", json.dumps(ended)), ("i3", None)], INCIDENTS)

    def found(**wanted: object) -> list[str]:
        return [one["id"] for one in history.alarms(AlarmsWanted(of=INCIDENTS, **wanted), 9)]

    assert (found(), found(closed=True), found(closed=False)) == (["i3", "i2", "i1", "i0"], ["i3", "i1"], ["i2", "i0"])
    assert (found(kind="leak"), found(who="Li"), found(zone="Z2")) == (["i1"], ["i1"], [])
    assert found(from_ms=START_MS + HOUR_MS, until_ms=START_MS + 3 * HOUR_MS) == ["i2", "i1"]
    assert history.alarms(AlarmsWanted(of=INCIDENTS, closed=True), 1) == [ended | {"closed": True}]
    assert found(who="Wang") == ["i3"]
    assert [one["closed"] for one in history.alarms(AlarmsWanted(), 9)] == [False]
    assert raised_of(cursor_of(Raised(START_MS, "i"))) == Raised(START_MS, "i")


def test_alarms_of_years_come_once_each_in_pages_wherever_one_begins(history: History):
    """Some share an hour, some a millisecond; pages cross both."""
    begun = [START_MS + hours * HOUR_MS + n * 7 for n, hours in enumerate([0, 0, 1, 5, 40, 300, 3_000, 20_000])] * 3
    some = [alarm(f"a{n:02}") | {"raised_at_ms": at_ms} for n, at_ms in enumerate(begun)]
    history.write_alarms([(str(one["id"]), json.dumps(one)) for one in some])
    expected = [f"a{n:02}" for _, n in sorted(((at_ms, n) for n, at_ms in enumerate(begun)), reverse=True)]
    for limit in (1, 5, 100):
        assert raised(history, AlarmsWanted(), limit) == expected
    until = AlarmsWanted(from_ms=begun[2], until_ms=begun[6])
    assert raised(history, until, 2) == [one for one in expected if begun[2] <= begun[int(one[1:])] < begun[6]]


def test_what_became_of_a_command_is_found_by_its_id(history: History):
    def of(seq: int, command: str, what: str, outcome: str, about: str = "", **other: object) -> AlarmEvent:
        order = {"action": what, "id": command} | ({"command": about} if about else {})
        body = {"type": outcome, "command": order}
        return event(seq, what=what, outcome=outcome, command=command, event=body, who="Li", **other)

    done, refused = of(1, "k1", "acknowledge", "done"), of(2, "k2", "acknowledge", "refused", name="")
    undone, in_vain = of(3, "k3", "undo", "done", "k1"), of(4, "k4", "undo", "refused", "k2")
    shelf = event(5, what="uncovered", command="k1")
    history.write_alarm_events([done, refused, undone, in_vain, shelf])

    def found(**wanted: object) -> list[AlarmEvent]:
        return history.alarm_events(EventsWanted(**wanted), 9)

    assert (found(command="k1"), found(command="k2"), found(command="k3")) == ([undone, done], [refused], [undone])
    assert found(command="never") == []
    assert history.alarm_events(EventsWanted(command="k1"), 1, undone.moment) == [done]
    assert (found(outcome="refused"), found(what="undo", outcome="done")) == ([in_vain, refused], [undone])


@pytest.mark.parametrize("cursor", ["", "5", "a.b.c", "1.2"])
def test_a_cursor_that_is_none_is_refused(cursor: str):
    with pytest.raises(ValueError, match=r"invalid literal|to unpack"):
        moment_of(cursor)
