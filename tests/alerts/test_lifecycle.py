"""What each detection and command does to an alarm, worked out by hand from the table in `alerts/transitions.py`."""

import pytest

from alerts.apply import apply
from alerts.commands import End
from alerts.judge import alarm_id, judge_detection
from alerts.judge_commands import judge_command
from alerts.moving import UNDO_MS
from alerts.state import REMEMBERED, State
from tests.alerts.living import BEGUN_MS, live, standing
from tests.alerts.writing import acknowledge, commanded, detection, opened_at, undo

AT_10 = opened_at(10)
AT_40 = opened_at(40)


raise_3 = detection(3, 10)
end_20 = detection(0, 20)
by_li = acknowledge(AT_10)

CASES = {
    "a level opens": ([raise_3], ["raised"], [(AT_10, "active", 3, False, 1)]),
    "an end without an alarm opens nothing": ([end_20], ["normal"], []),
    "the same level again updates": (
        [raise_3, detection(3, 20)],
        ["raised", "updated"],
        [(AT_10, "active", 3, False, 2)],
    ),
    "a higher level rises": ([raise_3, detection(2, 20)], ["raised", "risen"], [(AT_10, "active", 2, False, 2)]),
    "a lower level lowers": ([raise_3, detection(4, 20)], ["raised", "lowered"], [(AT_10, "active", 4, False, 2)]),
    "an end leaves it listed": ([raise_3, end_20], ["raised", "cleared"], [(AT_10, "returned", 3, False, 1)]),
    "an end after an end": (
        [raise_3, end_20, detection(0, 30)],
        ["raised", "cleared", "normal"],
        [(AT_10, "returned", 3, False, 1)],
    ),
    "acknowledged while active": ([raise_3, by_li], ["raised", "acknowledge"], [(AT_10, "active", 3, True, 1)]),
    "acknowledged, then ended: closed": ([raise_3, by_li, UNDO_MS, end_20], ["raised", "acknowledge", "cleared"], []),
    "acknowledged, ended while that can be undone: closed when it no longer can": (
        [raise_3, by_li, end_20, UNDO_MS - 1000],
        ["raised", "acknowledge", "cleared", "closed"],
        [],
    ),
    "and if it is undone: it is to be looked at": (
        [raise_3, by_li, end_20, undo("k1", "k2"), UNDO_MS],
        ["raised", "acknowledge", "cleared", "undo"],
        [(AT_10, "returned", 3, False, 1)],
    ),
    "an end that is undone when its condition is over: it closes as one that was acknowledged": (
        [raise_3, by_li, UNDO_MS, commanded(End, AT_10, "k2"), end_20, undo("k2", "k3"), UNDO_MS],
        ["raised", "acknowledge", "end", "cleared", "undo", "closed"],
        [],
    ),
    "returned, then acknowledged: closed": (
        [raise_3, end_20, by_li, UNDO_MS],
        ["raised", "cleared", "acknowledge", "closed"],
        [],
    ),
    "back before anybody looked: the same alarm": (
        [raise_3, end_20, detection(4, 30)],
        ["raised", "cleared", "returned"],
        [(AT_10, "active", 4, False, 2)],
    ),
    "back after it closed: a new alarm": (
        [raise_3, by_li, UNDO_MS, end_20, detection(3, 40)],
        ["raised", "acknowledge", "cleared", "raised"],
        [(AT_40, "active", 3, False, 1)],
    ),
    "a rise needs a new acknowledgement": (
        [raise_3, by_li, detection(2, 20)],
        ["raised", "acknowledge", "risen"],
        [(AT_10, "active", 2, False, 2)],
    ),
    "and gets one": (
        [raise_3, by_li, detection(2, 20), acknowledge(AT_10, "k2", seen_level=2)],
        ["raised", "acknowledge", "risen", "acknowledge"],
        [(AT_10, "active", 2, True, 2)],
    ),
    "a lowering does not": (
        [raise_3, by_li, detection(4, 20)],
        ["raised", "acknowledge", "lowered"],
        [(AT_10, "active", 4, True, 2)],
    ),
    "a repeat": ([raise_3, raise_3], ["raised", None], [(AT_10, "active", 3, False, 1)]),
    "an older one": ([raise_3, detection(1, 9)], ["raised", None], [(AT_10, "active", 3, False, 1)]),
    "an older one that more was judged for: a late reading brought it to light": (
        [raise_3, detection(1, 9, known_at_ms=20)],
        ["raised", "risen"],
        [(AT_10, "active", 1, False, 2)],
    ),
    "two beginnings known at one time": (
        [detection(3, 10, known_at_ms=20), detection(3, 12, known_at_ms=20), detection(3, 12, known_at_ms=20)],
        ["raised", "updated", None],
        [(AT_10, "active", 3, False, 2)],
    ),
    "a repeat of what came before the newest": (
        [raise_3, detection(2, 20), raise_3],
        ["raised", "risen", None],
        [(AT_10, "active", 2, False, 2)],
    ),
    "at one time a level that it was not yet given": (
        [raise_3, detection(4, 10)],
        ["raised", "lowered"],
        [(AT_10, "active", 4, False, 2)],
    ),
    "back from the very time at which it ended": (
        [raise_3, by_li, UNDO_MS, end_20, detection(4, 20), end_20],
        ["raised", "acknowledge", "cleared", "raised", None],
        [(opened_at(20), "active", 4, False, 1)],
    ),
    "opened, ended and opened by one time": (
        [raise_3, by_li, UNDO_MS, detection(0, 10), detection(2, 10), acknowledge(AT_10, "k2", seen_level=2)],
        ["raised", "acknowledge", "cleared", "raised", "acknowledge"],
        [(AT_10, "active", 2, True, 1)],
    ),
    "a replay of levels of one time": (
        [detection(3, 10), detection(2, 10), detection(3, 10)],
        ["raised", "risen", None],
        [(AT_10, "active", 2, False, 2)],
    ),
    "a replay of a level and its end at one time": (
        [detection(1, 10), detection(0, 10), detection(1, 10)],
        ["raised", "cleared", None],
        [(AT_10, "returned", 1, False, 1)],
    ),
    "a replay after it closed": (
        [raise_3, by_li, UNDO_MS, end_20, raise_3, by_li, end_20],
        ["raised", "acknowledge", "cleared", None, None, None],
        [],
    ),
    "two people: the first wins": (
        [raise_3, by_li, acknowledge(AT_10, "k2", who="王强")],
        ["raised", "acknowledge", "already_acknowledged"],
        [(AT_10, "active", 3, True, 1)],
    ),
    "risen since it was on screen": (
        [raise_3, detection(1, 20), by_li],
        ["raised", "risen", "level_risen"],
        [(AT_10, "active", 1, False, 2)],
    ),
    "lowered since it was on screen": (
        [raise_3, detection(4, 20), by_li],
        ["raised", "lowered", "acknowledge"],
        [(AT_10, "active", 4, True, 2)],
    ),
    "an alarm that never was": ([acknowledge("nobody")], ["unknown_alarm"], []),
    "an alarm of another city": (
        [raise_3, acknowledge(AT_10, city="d")],
        ["raised", "unknown_alarm"],
        [(AT_10, "active", 3, False, 1)],
    ),
    "an alarm that closed": (
        [raise_3, by_li, UNDO_MS, end_20, acknowledge(AT_10, "k2")],
        ["raised", "acknowledge", "cleared", "closed"],
        [],
    ),
    "a refused command again": ([acknowledge("nobody"), acknowledge("nobody")], ["unknown_alarm", None], []),
}


@pytest.mark.parametrize(("inputs", "did", "stands"), CASES.values(), ids=CASES)
def test_life(inputs, did, stands):
    state, happened = live(*inputs)
    assert happened == did
    assert standing(state) == stands


def test_alarms_are_apart_by_city_entity_and_kind():
    others = ({}, {"city": "d"}, {"entity": "s2"}, {"kind": "sensor_silent"})
    state, did = live(*(detection(3, 10, **other) for other in others))
    assert did == ["raised"] * 4
    assert len(state.open) == 4


def test_an_alarm_tells_who_took_it_and_forgets_it_when_it_rises():
    state, _ = live(raise_3, by_li)
    alarm = state.open[AT_10]
    assert (alarm.taken.who, alarm.taken.desk, alarm.taken.why) == ("李敏", "2 号台", "已派警")
    assert (alarm.taken.at_ms, alarm.taken.until_ms) == (BEGUN_MS + 2000, None)
    state, _ = live(raise_3, by_li, detection(2, 20))
    alarm = state.open[AT_10]
    assert alarm.taken is None
    assert (alarm.waiting_since_ms, alarm.raised_at_ms) == (BEGUN_MS + 3000, 10)


@pytest.mark.parametrize("ended", [(), (end_20,)], ids=["active", "closed"])
def test_the_second_person_is_told_who_was_first(ended):
    state, _ = live(raise_3, by_li, *ended)
    refused = judge_command(state, acknowledge(AT_10, "k2", who="王强"), BEGUN_MS)
    assert (refused.by, refused.by_desk) == ("李敏", "2 号台")


def test_times_and_values_are_those_of_the_detections():
    first = detection(3, 10, value=4.0, limit=3.0, unit="1", basis="own choice", evidence={"upstream": "s0"})
    state, _ = live(first, detection(2, 20, value=6.0, limit=5.0), detection(0, 30, value=1.0))
    alarm = state.open[AT_10]
    assert (alarm.raised_at_ms, alarm.updated_at_ms, alarm.returned_at_ms) == (10, 30, 30)
    assert (alarm.value, alarm.limit, alarm.unit, alarm.evidence) == (6.0, 5.0, "", {})
    state, _ = live(first, detection(0, 30), detection(3, 40))
    assert state.open[AT_10].returned_at_ms is None


def test_an_id_depends_on_what_opened_and_on_nothing_else():
    one = alarm_id(detection(3, 10))
    assert one == alarm_id(detection(1, 10, value=9.0, zone="z9"))
    changed = [{"city": "d"}, {"entity": "s2"}, {"kind": "x"}]
    assert one not in {alarm_id(detection(3, 10, **other)) for other in changed} | {alarm_id(detection(3, 11))}


def test_memory_of_commands_and_closed_alarms_is_bounded():
    state = State()
    for number in range(REMEMBERED + 1):
        found = detection(3, 10, entity=f"s{number}")
        apply(state, judge_detection(state, found), 0)
        apply(state, judge_command(state, acknowledge(alarm_id(found), f"k{number}"), 0), 0)
        apply(state, judge_detection(state, detection(0, 20, entity=f"s{number}")), UNDO_MS)
    state.keep()
    assert len(state.outcomes) == len(state.closed) == REMEMBERED
    assert "k0" not in state.outcomes
    assert f"k{REMEMBERED}" in state.outcomes
