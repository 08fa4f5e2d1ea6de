"""Desks: whose an alarm is, ten in ten minutes at each, hand-over, and a city whose desks change while it runs."""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice
from typing import Any

import pytest

from alerts.apply import apply
from alerts.commands import Fold, Split
from alerts.desks import home
from alerts.figures import Figures
from alerts.judge import judge_detection
from alerts.load import IN_MS, MOST
from alerts.projection import row
from tests.alerts.grouping import Room
from tests.alerts.manned import DESKS, DOMAINS, MINUTE_MS, REST, TRAFFIC, WATER, Desks, assign, escalate, order, undo
from tests.alerts.writing import acknowledge, detection


@pytest.mark.parametrize(
    ("domain", "zone", "desk"),
    [("traffic", "z9", "traffic"), ("water", "z1", "water"), ("water", "z2", "rest"), ("health", "", "rest")],
)
def test_an_alarm_is_the_first_desks_that_watches_its_domain_and_zone(domain: str, zone: str, desk: str) -> None:
    room = Desks()
    assert room.at(room.find(3, "heat", "x1", domain, zone)) == desk


def test_what_nobody_watches_is_the_first_desks() -> None:
    room = Desks((WATER, TRAFFIC))
    assert room.at(room.find(3, "heat", "x1", "weather", "z1")) == "water"


def test_each_desk_is_shown_ten_in_ten_minutes_and_level_i_at_once() -> None:
    room = Desks(step_ms=10)
    for number in range(20):
        for domain, kind in DOMAINS.items():
            room.find(3, kind, f"{domain}{number}", domain, f"z{number}")
    shown = Counter(room.at(one) for one in room.on_the_list())
    assert shown == {"traffic": MOST, "water": 1, "rest": MOST}  # water of zones but z1 is the rest's
    worst = room.find(1, "heat", "worst", "weather")
    assert worst in room.on_the_list()
    room.wait(IN_MS)
    assert Counter(room.at(one) for one in room.on_the_list())["traffic"] == 2 * MOST
    assert room.most_at_a_desk() == MOST


@pytest.mark.parametrize("count", [500, 5_000])
@pytest.mark.parametrize("spread", [1, 40], ids=["in one zone", "everywhere"])
def test_a_burst_shows_each_of_three_desks_no_more_than_ten_items_in_ten_minutes(count: int, spread: int) -> None:
    room = Desks(step_ms=0)
    state, seen = room.state, {}
    level_i = set()
    for number, domain in enumerate(islice(cycle(DOMAINS), count)):
        level = 1 if number % 100 == 0 else 2 + number % 3
        found = burst(room, level, DOMAINS[domain], f"n{number}", domain, f"z{1 + number % spread}")
        level_i |= {found} if level == 1 else set()
    for _ in range(20):
        room.wait(MINUTE_MS)
        for item in room.on_the_list():
            seen.setdefault(item, (room.at(item), room.on_the_list()[item]))
    assert level_i <= set(seen)
    for desk in DESKS:
        times = [at_ms for item, (of, at_ms) in seen.items() if of == desk.id and item not in level_i]
        assert max((sum(0 <= other - one <= IN_MS for other in times) for one in times), default=0) <= MOST
    assert len(state.open) == count
    assert all(one.desk == home(DESKS, one) for one in state.open.values())


def burst(room: Desks, level: int, kind: str, entity: str, domain: str, zone: str) -> str:
    """Take a finding without looking at the list, which costs what the burst is long."""
    room.now_ms += 1
    one = detection(level, room.now_ms, kind=kind, entity=entity, domain=domain, zone=zone)
    event = judge_detection(room.state, one, room.scope, room.now_ms)
    assert event is not None
    apply(room.state, event, room.now_ms)
    room.state.reach(room.now_ms)
    return event.alarm


def test_what_comes_together_is_of_one_desk_and_a_cause_elsewhere_is_said() -> None:
    room = Desks()
    pump = room.find(3, "lamps_out", "pump", "water")
    road = room.find(3, "underpass_flooding", "underpass", "traffic")
    assert (room.at(pump), room.at(road)) == ("water", "traffic")
    assert room.state.open[road].incident is None
    under = room.state.open[road].under
    assert under is not None
    assert (under.of, under.because) == (pump, "drains")
    assert {pump, road} <= set(room.on_the_list())
    street = room.find(3, "slow_traffic", "s3", "traffic")
    assert room.incident(street).cause == road
    assert room.at(street) == "traffic"


def test_an_assigned_alarm_goes_to_that_desk_is_shown_it_anew_and_undo_brings_it_back() -> None:
    room = Desks()
    alarm = room.find(3, "heat", "x1", "weather")
    shown_ms = room.state.open[alarm].presented_at_ms
    for number in range(MOST):
        room.find(3, "slow_traffic", f"q{number}", "traffic", f"z{number}")
    command = assign(alarm, to="traffic")
    assert room.command(command) == "done"
    assert room.at(alarm) == "traffic"
    assert row(room.state.open[alarm])["presented"] is False  # that desk is full
    assert room.command(undo(command)) == "done"
    assert (room.at(alarm), room.state.open[alarm].presented_at_ms) == ("rest", shown_ms)
    assert room.command(escalate(alarm, to="traffic")) == "done"
    room.wait(IN_MS)
    assert alarm in room.on_the_list()
    assert room.most_at_a_desk() <= MOST + 1  # ten of its own, and that one before it was handed over


def test_what_somebody_has_acknowledged_stays_on_the_list_of_the_desk_that_is_handed_it() -> None:
    room = Desks()
    alarm = room.find(3, "heat", "x1", "weather")
    room.command(acknowledge(alarm))
    room.command(assign(alarm, to="traffic"))
    assert room.at(alarm) == "traffic"
    assert row(room.state.open[alarm])["presented"] is True


def test_an_incident_is_handed_over_whole_and_comes_back_whole() -> None:
    room = Desks((REST, TRAFFIC))
    cause, member = room.find(3, "voltage_low", "feeder"), room.find(3, "lift_trapped", "lift")
    command = assign(member, to="traffic")
    assert room.command(command) == "done"
    assert {room.at(one) for one in (cause, member, room.incident(cause).id)} == {"traffic"}
    assert room.incident(cause).presented_at_ms == room.now_ms
    late = room.find(3, "lamps_out", "pump")
    assert (room.incident(late).id, room.at(late)) == (room.incident(cause).id, "traffic")
    assert room.command(undo(command)) == "done"
    assert {room.at(one) for one in (cause, member, late, room.incident(cause).id)} == {"rest"}


def test_what_is_split_off_goes_home_and_what_is_folded_goes_to_the_incidents_desk() -> None:
    room = Desks()
    jam, heat = room.find(3, "slow_traffic", "s1", "traffic"), room.find(3, "heat", "x1", "weather")
    room.command(order(Fold, heat, into=jam))
    assert room.at(heat) == "traffic"
    room.command(order(Split, heat))
    assert room.at(heat) == "rest"


@pytest.mark.parametrize("hand", [assign, escalate])
def test_an_unknown_desk_is_refused_with_those_that_there_are(hand: Any) -> None:
    room = Desks()
    alarm = room.find(3, "heat", "x1", "weather")
    assert room.command(hand(alarm, to="night shift")) == "unknown_desk"
    assert next(reversed(room.state.outcomes.values())).known == ("traffic", "water", "rest")
    assert room.at(alarm) == "rest"
    free = Room()
    assert free.command(hand(free.find(3, "heat", "x1", "weather"), to="night shift")) == "done"


def test_a_city_that_gets_loses_or_changes_its_desks_moves_what_stands_and_takes_nothing_off_the_list() -> None:
    room = Desks(())
    heat, jam = room.find(3, "heat", "x1", "weather"), room.find(3, "slow_traffic", "s5", "traffic")
    cause, member = room.find(3, "voltage_low", "feeder"), room.find(3, "lift_trapped", "lift")
    shown = room.on_the_list()
    room.man(DESKS)
    assert [room.at(one) for one in (heat, jam, cause, member)] == ["rest", "traffic", "water", "water"]
    assert room.at(room.incident(cause).id) == "water"
    room.command(assign(heat, to="water"))
    shown = room.on_the_list()
    room.man((TRAFFIC, REST))
    assert [room.at(one) for one in (heat, jam, cause, member)] == ["rest", "traffic", "rest", "rest"]
    room.man(())
    assert {room.at(one) for one in (heat, jam, cause, member)} == {""}
    assert room.on_the_list() == shown
    assert room.state.groups.desk_places == {}


def test_the_load_is_told_for_each_desk_and_all_together() -> None:
    room = Desks(step_ms=10)
    room.wait(IN_MS - room.now_ms % IN_MS)
    for number in range(12):
        room.find(3, "slow_traffic", f"q{number}", "traffic", f"z{number}")
    room.find(2, "heat", "x1", "weather")
    load = Figures().of(room.state, room.now_ms)
    assert {desk: (one["now_count"], one["shown_count"]) for desk, one in load["desks"].items()} == {
        "traffic": (12, 10),
        "water": (0, 0),
        "rest": (1, 1),
    }
    assert (load["now_count"], load["shown_count"], load["open"]) == (13, 11, {"shown": 11, "waiting": 2})
    assert load["desks"]["traffic"]["open"] == {"shown": 10, "waiting": 2}
    assert load["desks"]["traffic"]["level_ratio"]["3"] == 1.0
    assert load["desks"]["rest"]["top_ratio"] == {"heat": 1.0}
    assert "desks" not in Figures().of(Room().state, 0)


@pytest.mark.parametrize("is_split", [True, False])
def test_what_an_undo_puts_back_is_at_a_desk_that_is_there_by_now(is_split):
    """The incident of the water desk ended, or went to another; then the city had that desk no more."""
    room = Desks((WATER, REST))
    feeder = room.find(3, "voltage_low", "feeder", "water")
    lift = room.find(3, "lift_trapped", "lift", "water")
    incident = room.incident(lift).id
    assert room.at(incident) == "water"
    commands = [order(Split, feeder), order(Split, lift)] if is_split else [assign(lift, "rest")]
    assert {room.command(one) for one in commands} == {"done"}
    room.man((REST,))
    assert room.command(undo(commands[0])) == "done"
    assert incident in room.state.incidents
    assert {room.at(one) for one in (feeder, lift, incident)} == {"rest"}
