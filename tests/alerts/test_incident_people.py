"""What people do to incidents: acknowledge them whole, put alarms together and take them apart, and undo it."""

from itertools import permutations

import pytest

from alerts.commands import Acknowledge, Fold, Split, Unacknowledge
from alerts.course import of_row
from alerts.incidents import RELEASE_MS
from alerts.moving import UNDO_MS
from alerts.projection import row
from tests.alerts.grouping import Room
from tests.alerts.writing import acknowledge, commanded, undo


def of_incident(room, alarm, command_id="k1", **other):
    """An acknowledgement of the incident that the alarm is in."""
    fields = {"city": "c", "who": "李敏", "desk": "2 号台", "role": "operator", **other}
    return Acknowledge(id=command_id, incident=room.incident(alarm).id, **fields)


def cut_off():
    """Three of level III in one incident."""
    room = Room()
    return room, [room.find(3, *one) for one in (("voltage_low", "feeder"), ("lift_trapped", "lift"), ("heat", "pump"))]


def taken(room):
    return {one.id: one.taken is not None for one in room.state.open.values()}


def test_what_joins_an_acknowledged_incident_is_acknowledged_but_level_i_never_is():
    room, three = cut_off()
    assert room.command(of_incident(room, three[0])) == "done"
    assert taken(room) == dict.fromkeys(three, True)
    fourth = room.find(3, "noise_high", "lift")
    grave = room.find(1, "fire_alarm", "lift")
    worse = room.find(2, "crowd_dense", "lift")
    assert room.incident(grave).count == 6
    assert taken(room) == {**dict.fromkeys([*three, fourth], True), grave: False, worse: False}
    assert room.state.open[grave].waiting_since_ms == room.on_the_list()[grave]
    assert room.state.open[fourth].taken.who == "李敏"


def test_acknowledging_the_whole_leaves_its_level_i_to_be_acknowledged_by_itself():
    room, three = cut_off()
    grave = room.find(1, "fire_alarm", "lift")
    assert room.command(of_incident(room, grave)) == "done"
    assert taken(room) == {**dict.fromkeys(three, True), grave: False}
    assert room.command(of_incident(room, grave, "k2")) == "already_acknowledged"
    assert room.command(acknowledge(grave, "k3", seen_level=1)) == "done"


def test_it_takes_only_who_has_seen_the_worst_of_it():
    room, three = cut_off()
    room.find(2, "crowd_dense", "lift")
    assert room.command(of_incident(room, three[0], seen_level=3)) == "level_risen"
    assert room.command(of_incident(room, three[0], "k2", seen_level=2)) == "done"


def test_an_acknowledgement_of_the_whole_is_undone_as_a_whole():
    room, three = cut_off()
    room.command(acknowledge(three[1], "k0"))
    room.command(of_incident(room, three[0]))
    assert room.command(undo("k1", "k2")) == "done"
    assert taken(room) == {three[0]: False, three[1]: True, three[2]: False}
    late = room.find(3, "noise_high", "lift")
    assert taken(room)[late] is False


def test_who_gives_a_member_back_holds_for_nothing_that_joins():
    room, three = cut_off()
    room.command(of_incident(room, three[0], who="Ann"))
    assert room.command(commanded(Unacknowledge, three[1], "k2", who="Ann")) == "done"
    assert room.incident(three[0]).taken is None
    assert room.command(acknowledge(three[1], "k3", who="Bob")) == "done"
    late = room.find(3, "noise_high", "lift")
    assert taken(room) == {**dict.fromkeys(three, True), late: False}


def test_before_version_9_it_held_on():
    room, three = cut_off()
    room.state.version = 8
    room.command(of_incident(room, three[0]))
    room.command(commanded(Unacknowledge, three[1], "k2"))
    room.command(acknowledge(three[1], "k3"))
    late = room.find(3, "noise_high", "lift")
    assert taken(room)[late] is True


def test_giving_a_member_back_is_undone_with_what_it_held_for():
    room, three = cut_off()
    room.command(of_incident(room, three[0], who="Ann"))
    room.command(commanded(Unacknowledge, three[1], "k2", who="Ann"))
    assert room.command(undo("k2", "k3", who="Ann")) == "done"
    late, worse = room.find(3, "noise_high", "lift"), room.find(2, "crowd_dense", "lift")
    assert taken(room) == {**dict.fromkeys([*three, late], True), worse: False}


def test_who_gives_back_what_they_acknowledged_by_itself_keeps_the_whole():
    room, three = cut_off()
    room.command(acknowledge(three[1], "k0", who="Ann"))
    room.command(of_incident(room, three[0], who="Ann"))
    room.command(commanded(Unacknowledge, three[1], "k2", who="Ann"))
    assert room.incident(three[0]).taken.who == "Ann"


def gives_back(room, alarm, command_id="k5", **other):
    """Who gives back the incident that the alarm is in."""
    fields = {"city": "c", "who": "李敏", "desk": "2 号台", "role": "operator", **other}
    return Unacknowledge(id=command_id, incident=room.incident(alarm).id, **fields)


def test_the_whole_is_given_back_with_all_that_it_acknowledges_but_level_i():
    room, three = cut_off()
    assert room.command(gives_back(room, three[0], "k0")) == "not_acknowledged"
    grave = room.find(1, "fire_alarm", "lift")
    room.command(acknowledge(grave, "k1", seen_level=1))
    room.command(acknowledge(three[1], "k2", who="Ann"))
    room.command(of_incident(room, three[0], "k3"))
    joined = room.find(3, "noise_high", "lift")
    assert room.command(gives_back(room, three[0])) == "done"
    assert taken(room) == {**dict.fromkeys([*three, joined], False), grave: True}
    assert {room.state.open[one].waiting_since_ms for one in (*three, joined)} == {room.now_ms}
    assert (room.incident(grave).taken, room.incident(grave).asking) == (None, 4)
    assert room.state.outcomes["k5"].covers_count == 4
    late = room.find(3, "crowd_dense", "lift")
    assert taken(room)[late] is False


def test_giving_the_whole_back_is_undone_and_leaves_what_changed_since():
    room, three = cut_off()
    room.command(of_incident(room, three[0], who="Ann"))
    room.command(gives_back(room, three[0], who="Bob"))
    room.command(acknowledge(three[2], "k6", who="Cai"))
    assert room.command(undo("k5", "k7", who="Bob")) == "done"
    assert [room.state.open[one].taken.who for one in three] == ["Ann", "Ann", "Cai"]
    assert room.incident(three[0]).taken.who == "Ann"
    late = room.find(3, "noise_high", "lift")
    assert room.state.open[late].taken.who == "Ann"


def test_whose_incident_was_acknowledged_tells_so_in_its_course():
    room, three = cut_off()
    room.command(acknowledge(three[1], "k0"))
    room.command(of_incident(room, three[0], who="Ann"))
    late = room.find(3, "noise_high", "lift")
    joined_ms = room.now_ms
    room.command(gives_back(room, late, who="Bob"))
    room.command(undo("k5", "k6", who="Bob"))
    told = {
        one: [(step.what, step.who, step.at_ms) for step in of_row(row(room.state.open[one]))] for one in (*three, late)
    }
    back = [("unacknowledge_whole", "Bob", joined_ms + 1000), ("undo_whole", "Bob", joined_ms + 2000)]
    assert told[three[1]] == back  # it was acknowledged by a command of its own
    assert told[three[0]] == [("acknowledge_whole", "Ann", joined_ms - 1000), *back]
    assert told[late] == [("acknowledge_whole", "Ann", joined_ms), *back]


def test_what_joined_is_given_back_with_the_whole_when_that_is_undone():
    room, three = cut_off()
    room.command(of_incident(room, three[0]))
    joined = room.find(3, "noise_high", "lift")
    assert taken(room)[joined] is True
    assert room.command(undo("k1", "k2")) == "done"
    assert taken(room) == dict.fromkeys([*three, joined], False)
    assert room.state.open[joined].waiting_since_ms == room.now_ms
    assert room.incident(joined).asking == 4


def test_an_undo_leaves_the_acknowledgement_of_somebody_else_since():
    room, three = cut_off()
    room.command(of_incident(room, three[0], who="Ann"))
    worse = room.find(2, "crowd_dense", "lift")
    assert room.command(of_incident(room, three[0], "k2", who="Bob")) == "done"
    assert room.command(undo("k1", "k3", who="Ann")) == "done"
    assert taken(room) == {**dict.fromkeys(three, False), worse: True}
    assert room.incident(worse).taken.who == "Bob"


def test_an_acknowledgement_for_a_time_holds_for_what_joins_in_that_time():
    room, three = cut_off()
    room.command(of_incident(room, three[0], for_ms=60_000))
    room.wait(60_000)
    assert taken(room) == dict.fromkeys(three, False)
    late = room.find(3, "noise_high", "lift")
    assert taken(room)[late] is False


@pytest.mark.parametrize("into", ["an alarm", "an incident"])
def test_folding_by_hand_and_splitting_are_commands_and_undone(into):
    room, three = cut_off()
    other = room.find(4, "noise_high", "n1")
    target = three[1] if into == "an alarm" else room.incident(three[0]).id
    assert room.command(commanded(Fold, other, "k1", into=target)) == "done"
    assert room.incident(other) == room.incident(three[0])
    assert room.state.open[other].under.why.en == "Put there by 李敏."
    assert room.command(commanded(Fold, other, "k2", into=target)) == "folded_already"
    assert room.command(undo("k1", "k3")) == "done"
    assert room.incident(other) is None
    assert room.command(commanded(Split, other, "k4")) == "not_folded"
    assert room.command(commanded(Fold, other, "k5", into="nobody")) == "unknown_incident"


def test_two_alarms_that_stand_alone_make_an_incident_by_hand():
    room = Room()
    first, second = (room.find(3, "noise_high", entity) for entity in ("n1", "n2"))
    assert room.command(commanded(Fold, second, "k1", into=first)) == "done"
    assert (room.incident(first).cause, room.incident(second).count) == (first, 2)


def test_a_cause_that_is_split_off_leaves_the_worst_of_the_rest_as_cause():
    room, three = cut_off()
    grave = room.find(2, "crowd_dense", "lift")
    incident = room.incident(grave).id
    assert room.command(commanded(Split, three[0], "k1")) == "done"
    assert room.incident(three[0]) is None
    assert (room.incident(three[1]).id, room.incident(three[1]).cause) == (incident, grave)
    assert room.command(undo("k1", "k2")) == "done"
    assert room.incident(three[0]).id == incident


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_incident_that_ended_as_its_alarms_were_split_off_is_there_again_when_that_is_undone(order):
    room, three = cut_off()
    before = room.incident(three[0])
    for number, alarm in enumerate(three):
        assert room.command(commanded(Split, alarm, f"k{number}")) == "done"
    assert before.id in room.state.ended
    for number in order:
        assert room.command(undo(f"k{number}", f"u{number}")) == "done"
        assert room.incident(three[number]).id == before.id
    back = room.state.incidents[before.id]
    assert (back.count, back.end, back.alarms_count, back.asking) == (3, None, 3, 3)
    assert back.cause == before.cause or order != (2, 1, 0)
    assert before.id not in room.state.ended


def test_what_was_folded_elsewhere_comes_back_to_its_own_incident_and_to_what_took_that_over():
    room = Room()
    first, second, third = (room.find(3, "noise_high", entity) for entity in ("n1", "n2", "n3"))
    room.command(commanded(Fold, second, "k1", into=first))
    mine = room.incident(second).id
    room.command(commanded(Fold, second, "k2", into=third))
    room.command(commanded(Fold, first, "k3", into=third))
    assert mine in room.state.ended
    assert room.command(undo("k2", "k4")) == "done"
    assert room.incident(second).id == mine


def test_what_is_split_off_is_shown_as_an_item_of_its_own():
    room, three = cut_off()
    assert room.command(commanded(Split, three[1], "k1")) == "done"
    assert three[1] in room.on_the_list()
    room.find(0, "voltage_low", "feeder")
    room.wait(RELEASE_MS)
    assert room.incident(three[2]).cause == three[2]


def test_of_an_incident_whose_cause_is_folded_elsewhere_the_worst_of_the_rest_speaks():
    room, (feeder, lift, pump) = cut_off()
    other = room.find(3, "noise_high", "d1")
    before = room.incident(lift)
    assert before.cause == feeder
    assert room.command(commanded(Fold, feeder, "k1", into=other)) == "done"
    assert room.incident(feeder).id != before.id
    assert (room.incident(lift).id, room.incident(lift).cause) == (before.id, lift)
    assert (room.incident(lift).count, room.incident(pump).kind) == (2, "lift_trapped")


def test_of_an_incident_whose_cause_has_closed_one_that_is_there_speaks():
    room, (feeder, lift, pump) = cut_off()
    for one in (("voltage_low", "feeder"), ("lift_trapped", "lift"), ("heat", "pump")):
        room.find(0, *one)
    room.wait(RELEASE_MS)  # nothing stands: nobody was to speak instead
    assert room.incident(lift).cause == feeder
    assert room.command(acknowledge(feeder, "k1")) == "done"
    room.wait(6_000)
    assert feeder not in room.state.open
    assert (room.incident(lift).cause, room.incident(pump).count) == (lift, 2)


def test_of_an_incident_whose_cause_closed_before_the_rest_was_over_one_that_is_there_speaks_in_the_end():
    room, (feeder, lift, pump) = cut_off()
    room.command(acknowledge(feeder, "k1"))
    room.wait(UNDO_MS)
    for one in (("voltage_low", "feeder"), ("lift_trapped", "lift"), ("heat", "pump")):
        room.find(0, *one)
    assert feeder not in room.state.open
    room.wait(RELEASE_MS)
    assert (room.incident(lift).cause, room.incident(pump).release_at_ms) == (lift, None)
