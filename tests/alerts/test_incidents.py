"""Which alarms come together, under which cause, and what that says."""

import re

import pytest

from alerts.commands import End, Fold, Split
from alerts.moving import UNDO_MS
from alerts.projection import incident_row
from tests.alerts.grouping import Room
from tests.alerts.writing import acknowledge, commanded

CAUSES = {
    "the silence of its feed": (("feed_silent", "feed:water:z1"), ("sensor_silent", "w1"), "feed"),
    "the silence of the whole domain": (("feed_silent", "feed:water"), ("sensor_silent", "w4", "z2"), "feed"),
    "a zone's silence under the domain's": (("feed_silent", "feed:water"), ("feed_silent", "feed:water:z2"), "feed"),
    "what feeds power to it": (("voltage_low", "feeder"), ("lift_trapped", "lift"), "powers"),
    "what is out of order two steps before": (("voltage_low", "feeder"), ("underpass_flooding", "underpass"), "powers"),
    "a sensor without power": (("voltage_low", "feeder"), ("sensor_silent", "lift"), "powers"),
    "the flood on its road": (("underpass_flooding", "underpass"), ("slow_traffic", "s3"), "carries"),
}
ROADS = {
    "the jam next down the road": ("s3", "s2"),
    "the jam over one segment that says nothing": ("s3", "s1"),
}


@pytest.mark.parametrize("order", [1, -1], ids=["cause first", "effect first"])
@pytest.mark.parametrize(("cause", "effect", "because"), CAUSES.values(), ids=CAUSES)
def test_an_alarm_comes_under(cause, effect, because, order):
    room = Room()
    ids = {}
    for kind, entity, *zone in (cause, effect)[::order]:
        ids[kind, entity] = room.find(3, kind, entity, zone=zone[0] if zone else "z1")
    first, second = ids[cause[:2]], ids[effect[:2]]
    incident = room.incident(first)
    assert (incident.cause, incident.count, incident.entity) == (first, 2, cause[1])
    assert room.incident(second) == incident
    assert (room.state.open[second].under.of, room.state.open[second].under.because) == (first, because)
    assert room.state.open[first].under is None


@pytest.mark.parametrize("order", [1, -1], ids=["cause first", "effect first"])
def test_a_value_that_is_missing_comes_under_the_silence_of_its_feed_and_is_never_uncertain(order):
    room, of = Room(), {"evidence": {"column": "chlorine_mg_l", "of": "absence"}}
    found = [("feed_silent", "feed:water:z1", {}), ("chlorine_missing", "w1", of)][::order]
    ids = {kind: room.find(3, kind, entity, **more) for kind, entity, more in found}
    missing = room.state.open[ids["chlorine_missing"]]
    assert (missing.under.of, missing.under.because) == (ids["feed_silent"], "feed")
    assert missing.uncertain_since_ms is None


@pytest.mark.parametrize("order", [1, -1], ids=["cause first", "effect first"])
@pytest.mark.parametrize(("ahead", "behind"), ROADS.values(), ids=ROADS)
def test_a_queue_comes_under(ahead, behind, order):
    room = Room()
    pair = [(ahead, "z1"), (behind, "z2")][::order]
    ids = {entity: room.find(3, "slow_traffic", entity, "traffic", zone) for entity, zone in pair}
    assert room.incident(ids[behind]).cause == ids[ahead]
    assert room.state.open[ids[behind]].under.because == "queue"


def test_a_queue_does_not_reach_over_three_segments_nor_down_the_road():
    room = Room()
    first, second = (room.find(3, "slow_traffic", entity, "traffic") for entity in ("s5", "s2"))
    assert (room.incident(first), room.incident(second)) == (None, None)


def test_alarms_at_one_place_within_half_an_hour_come_together_those_of_equipment_apart():
    room = Room()
    first = room.find(3, "slow_traffic", "s2", "traffic")
    second = room.find(4, "underpass_flooding", "u2", "weather")
    stuck = room.find(4, "sensor_stuck", "d2", "traffic")
    assert room.incident(second).cause == first
    assert room.state.open[second].under.because == "place"
    assert room.incident(stuck) is None
    room.wait(31 * 60_000)
    assert room.incident(room.find(4, "noise_high", "d2", "traffic")) is None


def test_what_another_version_of_the_city_does_not_tie_stands_alone():
    room = Room()
    room.scope = None
    room.find(3, "voltage_low", "feeder")
    assert room.incident(room.find(3, "lift_trapped", "lift")) is None


def test_a_cause_found_later_joins_two_incidents_under_the_older_id():
    room = Room()
    flood = room.find(3, "underpass_flooding", "underpass")
    jam = room.find(3, "slow_traffic", "s3", "traffic")
    older = room.incident(jam)
    lift = room.find(2, "lift_trapped", "lift")
    silent = room.find(4, "sensor_silent", "lift")
    assert room.incident(silent) is None  # the alarm of a lift does not silence its sensor
    feeder = room.find(3, "voltage_low", "feeder")
    for one in (flood, jam, lift, silent, feeder):
        assert room.incident(one).id == older.id
    assert (room.incident(feeder).cause, room.incident(feeder).levels) == (feeder, (0, 1, 3, 1))
    assert (older.cause, room.incident(feeder).level) == (flood, 2)


def test_an_incident_that_another_takes_over_says_so():
    room = Room()
    far = room.find(3, "slow_traffic", "s7", "traffic")
    near = room.find(3, "slow_traffic", "s6", "traffic")
    first, second = (room.find(3, "slow_traffic", entity, "traffic") for entity in ("s2", "s1"))
    older, younger = room.incident(near), room.incident(second)
    assert older.id != younger.id
    room.find(3, "slow_traffic", "s4", "traffic")
    assert {room.incident(one).id for one in (far, near, first, second)} == {older.id}
    gone = room.state.ended[younger.id]
    assert (gone.merged_into, gone.end.because, gone.end.who, gone.alarms_count) == (older.id, "merged", "", 2)
    assert room.incident(first).cause == far


def test_it_ends_with_its_last_alarm_and_its_cause_is_remembered():
    room = Room()
    cause, effect = room.find(3, "voltage_low", "feeder"), room.find(3, "lift_trapped", "lift")
    incident = room.incident(cause)
    for alarm, kind, entity in ((cause, "voltage_low", "feeder"), (effect, "lift_trapped", "lift")):
        assert room.state.incidents[incident.id].cause == cause
        assert room.command(acknowledge(alarm, f"of {alarm}")) == "done"
        room.wait(UNDO_MS)
        room.find(0, kind, entity)
    assert incident.id not in room.state.incidents
    ended = room.state.ended[incident.id]
    assert (ended.cause, ended.count, ended.worst_level, ended.alarms_count) == (cause, 0, 3, 2)
    assert (ended.end.at_ms, ended.end.because, ended.end.who) == (room.now_ms, "returned", "")


def ended_by(how: str) -> tuple[Room, dict]:
    """Let the last alarm of an incident of two leave it → how the history has it."""
    room = Room()
    first, second = (room.find(level, "noise_high", entity) for level, entity in ((2, "n1"), (3, "n2")))
    assert room.command(commanded(Fold, second, "k1", into=first)) == "done"
    incident = room.incident(first).id
    room.command(acknowledge(first, "k2", seen_level=2))
    room.wait(UNDO_MS)
    room.find(0, "noise_high", "n1")
    room.command(acknowledge(second, "k3", who="王强"))
    room.wait(UNDO_MS)
    if how == "ended":
        room.command(commanded(End, second, "k4"))
        room.wait(UNDO_MS)
    elif how == "moved":
        room.command(commanded(Split, second, "k4"))
    else:
        room.find(0, "noise_high", "n2")
    return room, incident_row(room.state.ended[incident])


@pytest.mark.parametrize(("how", "who"), [("returned", ""), ("ended", "李敏"), ("moved", "李敏")])
def test_one_that_has_ended_says_the_worst_that_it_was_who_had_seen_it_and_why_it_ended(how, who):
    room, row = ended_by(how)
    said = ("level", "worst_level", "count", "alarms_count", "acknowledged", "acknowledged_by", "ended_because")
    assert tuple(row[name] for name in said) == (None, 2, 0, 2, True, "王强", how)
    assert (row["ended_by"], row["ended_at_ms"]) == (who, room.now_ms)


def test_an_open_one_says_no_end():
    room = Room()
    cause = room.find(3, "voltage_low", "feeder")
    room.find(2, "lift_trapped", "lift")
    row = incident_row(room.incident(cause))
    assert (row["worst_level"], row["alarms_count"], row["ended_because"], row["ended_at_ms"]) == (2, 2, None, None)


def test_each_fold_is_one_sentence_in_both_languages():
    room = Room()
    room.find(3, "voltage_low", "feeder")
    why = room.state.open[room.find(3, "lift_trapped", "lift")].under.why
    assert why.en == "Low voltage at feeder, which powers this place."
    assert re.fullmatch(r"feeder .*，此处由它供电。", why.zh)


@pytest.mark.parametrize("kind", ["underpass_flooding", "heat"])
def test_what_stands_of_a_combination_comes_under_it(kind):
    """And nothing else at that place."""
    room = Room()
    part = room.find(3, kind, "u1", "weather")
    whole = room.find(2, "street_floods", "zone:z1", evidence={"stands:underpass_flooding": "u1"})
    if kind == "heat":
        assert room.incident(part) is None
        return
    assert room.incident(part).cause == whole
    under = room.state.open[part].under
    assert (under.because, under.why.en.endswith(", of which this is a part.")) == ("part", True)
