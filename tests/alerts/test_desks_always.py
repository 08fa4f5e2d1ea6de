"""Desks, whatever happens: each open alarm at one desk, one desk as none, and the same in every replay."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.commands import Fold, Split
from alerts.figures import figures
from alerts.judge import alarm_id
from alerts.load import IN_MS, places
from streams.alarms.order import Input
from streams.broker.topics import ALARMS, CITIES, DETECTIONS
from streams.broker.topics import COMMANDS as COMMANDS_TOPIC
from streams.city.scope import Scope
from tests.alerts.grouping import Room
from tests.alerts.manned import DESKS, MINUTE_MS, NUMBERS, REST, TRAFFIC, WATER, Desks, assign, escalate, order
from tests.alerts.writing import acknowledge, detection, encoded, keyed_engine
from tests.alerts.writing import undo as undo_of

ENTITIES = ("feeder", "pump", "underpass", "s3", "s2", "s1", "x1", "x2", "x3", "x4", "x5", "x6")
KINDS = {"traffic": ("slow_traffic", "road_incident"), "water": ("pressure_low", "sensor_silent"), "weather": ("heat",)}
FINDINGS = st.tuples(
    st.integers(0, 4),
    st.sampled_from(ENTITIES),
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 1),
    st.sampled_from("12"),
)
COMMANDS = st.tuples(
    st.sampled_from(("assign", "escalate", "acknowledge", "fold", "split", "undo")), st.integers(0, 40)
)
LAYOUTS = ((), DESKS, (WATER, TRAFFIC), (REST,))
STEPS = st.lists(st.one_of(FINDINGS, COMMANDS, st.sampled_from((MINUTE_MS, IN_MS))), max_size=40)


def step(room: Room, one: Any) -> None:
    """Take a finding, a command about some open alarm, or so much time."""
    if isinstance(one, int):
        room.wait(one)
    elif len(one) == 5:
        level, entity, domain, which, zone = one
        room.find(level, KINDS[domain][which % len(KINDS[domain])], entity, domain, f"z{zone}")
    elif room.state.open:
        action, number = one
        names = sorted(room.state.open)
        alarm, other = names[number % len(names)], names[number // 2 % len(names)]
        to = DESKS[number % 3].id
        kinds: dict[str, Any] = {
            "assign": lambda: assign(alarm, to),
            "escalate": lambda: escalate(alarm, to),
            "acknowledge": lambda: acknowledge(alarm, f"k{next(NUMBERS)}", seen_level=None),
            "fold": lambda: order(Fold, alarm, into=other),
            "split": lambda: order(Split, alarm),
            "undo": lambda: undo_of(next(reversed(room.state.outcomes), "none"), f"k{next(NUMBERS)}"),
        }
        room.command(kinds[action]())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LAYOUTS), STEPS), min_size=1, max_size=3))
def test_every_open_alarm_is_at_one_desk_and_in_one_place_there_whatever_happens(chapters: list[Any]) -> None:
    room = Desks(())
    for desks, steps in chapters:
        room.man(desks)
        for one in steps:
            step(room, one)
            state = room.state
            known = {desk.id for desk in desks} or {""}
            for alarm in state.open.values():
                incident = state.incidents.get(alarm.incident or "")
                assert alarm.desk in known
                assert incident is None or incident.desk == alarm.desk
            plain = Counter((alarm.desk, place) for alarm in state.open.values() for place in places(alarm))
            assert state.groups.desk_places == {of: count for of, count in plain.items() if of[0]}
            assert sum(count for (_, place), count in plain.items() if place != "chattering") == len(state.open)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_one_desk_that_watches_all_is_as_none(steps: list[Any]) -> None:
    plain, one = Room(), Desks((replace(REST, id="traffic"),))
    for what in steps:
        if not isinstance(what, tuple) or len(what) == 5:
            step(plain, what)
            step(one, what)
    assert one.on_the_list() == plain.on_the_list()
    assert one.shown == plain.shown
    assert one.state.groups.places == plain.state.groups.places
    assert figures(one.state, one.now_ms, "traffic") == figures(plain.state, plain.now_ms)


def test_desks_are_journaled_so_that_a_replay_and_a_checkpoint_have_each_alarm_at_its_desk() -> None:
    inputs: list[tuple[str, object]] = [
        (CITIES, ()),
        (DETECTIONS, detection(3, 10, entity="q1")),
        (DETECTIONS, detection(2, 20, entity="t1", domain="weather", kind="heat")),
        (CITIES, DESKS),
        (DETECTIONS, detection(2, 30, entity="t2", domain="weather", kind="heat")),
        (COMMANDS_TOPIC, assign(alarm_id(detection(3, 10, entity="q1")), to="water")),
        (COMMANDS_TOPIC, assign(alarm_id(detection(3, 10, entity="q1")), to="nowhere")),
        (CITIES, (REST, WATER)),
        (CITIES, ()),
    ]
    live, journal, told = keyed_engine(), [], []
    for number, (topic, one) in enumerate(inputs):
        offset = live.covers.get(topic, 0)
        if topic == CITIES:
            live.learn(offset, Scope(number, "c", desks=one))  # type: ignore[arg-type] - desks
        value = None if topic == CITIES else encoded(one)
        record = live.judge([Input(topic, offset, value, 1_000 + number)], whole=True)
        journal.append(record or b"")
        told.append({key: value for key, value in (live.fold(record) or {}).items()})
    replayed = keyed_engine()
    assert [dict(replayed.fold(one) or {}) for one in journal] == told
    resumed = keyed_engine()
    for number, one in enumerate(journal):
        resumed = resumed if number else keyed_engine()
        again = keyed_engine()
        again.resume(dict(resumed.checkpoint(number).records(b"a")))
        resumed = again
        assert dict(resumed.fold(one) or {}) == told[number]
    at = [{json.loads(row or b"{}").get("desk") for of, row in one.items() if of.topic == ALARMS} for one in told]
    assert at == [set(), {""}, {""}, {"traffic", "rest"}, {"rest"}, {"water"}, set(), set(), {""}]
    (refusal,) = (json.loads(row or b"") for row in told[6].values())
    assert (refusal["reason"], refusal["known"]) == ("unknown_desk", ["traffic", "water", "rest"])
