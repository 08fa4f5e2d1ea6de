"""Conditions that flap, latch, fall silent or come from another time, worked out by hand; (A…) are public reports."""

import pytest

from alerts.commands import Assign, End, Escalate, Reset
from alerts.moving import UNDO_MS
from alerts.projection import row
from streams.city.clock import ClockSetting
from tests.alerts.living import BEGUN_MS, live
from tests.alerts.writing import acknowledge, commanded, detection, opened_at, undo

AT_10 = opened_at(10)
raise_3, end_20 = detection(3, 10), detection(0, 20)
MINUTE_MS = 60_000


def flaps(times, step_ms=1000):
    """Up and down so many times in turn, one every `step_ms`."""
    found = []
    for number in range(times):
        found += (
            [detection(3 if number % 2 == 0 else 0, 10 + number), step_ms - 1000]
            if step_ms > 1000
            else [detection(3 if number % 2 == 0 else 0, 10 + number)]
        )
    return found


def standing(state):
    return [(one["standing"], one["chattering"], one["count"]) for one in map(row, state.open.values())]


def test_ten_changes_in_a_minute_are_one_alarm_that_is_held_and_ends_once():  # A25
    state, did = live(*flaps(10))
    assert did == ["raised", "cleared", "returned", "cleared", *["updated", "cleared"] * 3]
    assert standing(state) == [("unacknowledged", True, 10)]
    state, did = live(*flaps(10), MINUTE_MS)
    assert did[-1] == "calmed"
    assert standing(state) == [("returned_unacknowledged", False, 5)]


def test_what_chatters_and_stands_at_last_is_one_alarm():  # A25
    state, did = live(*flaps(11), MINUTE_MS)
    assert did.count("raised") == 1
    assert standing(state) == [("unacknowledged", False, 6)]


def test_an_acknowledged_one_that_chatters_closes_when_it_is_calm_and_not_before():
    begun = (raise_3, acknowledge(AT_10), UNDO_MS)
    state, did = live(*begun, *flaps(10)[1:], MINUTE_MS - 1)
    assert did[:3] == ["raised", "acknowledge", "cleared"]  # two changes are no chattering yet: it closed
    assert did.count("raised") == 2
    assert [one.process for one in state.open.values()] == ["active"]
    state, _ = live(*begun, *flaps(10)[1:], acknowledge(opened_at(12), "k2"), MINUTE_MS)
    assert not state.open


def test_one_that_flaps_every_minute_is_damped_too():
    state, did = live(*flaps(31, 58_000))
    assert did.count("raised") == 1
    assert did.count("cleared") == 15
    assert standing(state) == [("unacknowledged", True, 31)]
    (alarm,) = state.open.values()
    assert alarm.changes == 31


def test_one_that_comes_every_four_minutes_is_not():
    state, did = live(*flaps(5, 240_000))
    assert standing(state) == [("unacknowledged", False, 3)]
    assert did == ["raised", "cleared", "returned", "cleared", "returned"]


def levels(*found: int) -> list[object]:
    return [detection(level, 10 + number) for number, level in enumerate(found)]


def test_a_level_that_flaps_is_held_at_its_worst_and_asks_no_more():
    seen = acknowledge(AT_10, seen_level=2)
    state, did = live(*levels(3, 2, 3, 2, 3, 2, 3), seen, *[detection(2 + n % 2, 20 + n) for n in range(12)])
    assert did[:4] == ["raised", "risen", "lowered", "risen"]  # so far nobody knows that it flaps
    assert "risen" not in did[4:]
    (alarm,) = map(row, state.open.values())
    assert (alarm["standing"], alarm["level"], alarm["newest_level"]) == ("acknowledged", 2, 3)
    assert (alarm["chattering"], alarm["count"]) == (True, 19)


def test_a_level_that_no_longer_flaps_is_that_of_its_newest_finding():
    state, did = live(*levels(3, 2, 3, 2, 3, 4), MINUTE_MS)
    assert did[-1] == "calmed"
    (alarm,) = map(row, state.open.values())
    assert (alarm["level"], alarm["newest_level"], alarm["revision"]) == (4, None, 3)


def test_what_is_worse_than_ever_rises_however_it_flapped():
    state, did = live(*levels(3, 2, 3, 2, 3), acknowledge(AT_10), detection(1, 30))
    assert did[-1] == "risen"
    assert standing(state) == [("unacknowledged", True, 6)]


@pytest.mark.parametrize("found", [(4, 3, 2, 1, 1, 1, 2), (1, 2, 3, 4)])
def test_one_that_worsens_or_eases_step_by_step_does_not_flap(found):
    state, _ = live(*levels(*found))
    assert [(one.level, one.calm_at_ms) for one in state.open.values()] == [(found[-1], None)]


def test_a_held_level_goes_with_the_end_of_its_condition():
    state, _ = live(*levels(3, 2, 3, 2, 3, 0), MINUTE_MS)
    assert [(one.level, one.newest_level, one.process) for one in state.open.values()] == [(2, None, "returned")]


def test_an_end_while_it_is_held_leaves_nothing_muted():
    state, _ = live(*flaps(4), commanded(End, AT_10, "k1"), UNDO_MS)
    assert not state.open
    assert not state.muted


GAS = {"kind": "gas_leak", "entity": "s1"}
LEAK, LEAK_OVER = detection(1, 10, **GAS), detection(0, 20, **GAS)


def leak_id():
    state, _ = live(LEAK)
    return next(iter(state.open))


@pytest.mark.parametrize(
    ("orders", "did", "stands"),
    [
        ([], [], "latched_unacknowledged"),
        (["reset"], ["acknowledge_first"], "latched_unacknowledged"),
        (["acknowledge"], ["acknowledge"], "latched_acknowledged"),
        (["acknowledge", "reset"], ["acknowledge", "reset", "closed"], None),
        (["acknowledge", "reset", "undo"], ["acknowledge", "reset", "undo"], "latched_acknowledged"),
        (["acknowledge", "again"], ["acknowledge", "returned"], "unacknowledged"),
        (["again"], ["returned"], "unacknowledged"),
    ],
)
def test_one_that_latches_stays_until_somebody_resets_it(orders, did, stands):
    of = {
        "acknowledge": acknowledge(leak_id(), "k1", None),
        "reset": commanded(Reset, leak_id(), "k2"),
        "undo": undo("k2", "k3"),
        "again": detection(1, 30, **GAS),
    }
    state, happened = live(LEAK, LEAK_OVER, *(of[one] for one in orders), UNDO_MS)
    assert happened == ["raised", "latched", *did]
    assert [one.shown for one in state.open.values()] == ([] if stands is None else [stands])


SILENT = {"kind": "sensor_silent", "entity": "s1"}


def test_what_is_not_heard_any_more_is_uncertain_and_ends_nothing():  # A1
    silent, heard = detection(3, 30, **SILENT), detection(0, 1830, **SILENT)
    state, _ = live(raise_3, acknowledge(AT_10), silent)
    before = state.open[AT_10]
    assert (before.shown, before.uncertain_since_ms, before.revision) == ("acknowledged", 30, 2)
    state, _ = live(raise_3, acknowledge(AT_10), silent, heard, detection(3, 1840))
    after = state.open[AT_10]
    assert (after.shown, after.uncertain_since_ms, after.revision) == ("acknowledged", None, 2)
    assert after.waiting_since_ms == before.waiting_since_ms


def test_what_is_raised_of_a_silent_feed_is_uncertain_from_its_first_row():
    silent = detection(2, 5, kind="feed_silent", entity="feed:traffic:z1")
    state, _ = live(silent, raise_3)
    assert state.open[AT_10].uncertain_since_ms == 5
    state, _ = live(raise_3, silent)
    assert state.open[AT_10].uncertain_since_ms == 5
    state, _ = live(raise_3, detection(2, 5, kind="feed_silent", entity="feed:traffic:z2"))
    assert state.open[AT_10].uncertain_since_ms is None


CLOCK = ClockSetting(at_ms=100_000_000, wall_ms=0, speed=1.0)


def test_what_comes_from_the_future_is_counted_and_blocks_nothing():  # A10
    begun, two_h_ms = 100_000_000, 2 * 3_600_000
    state, did = live(CLOCK, detection(2, begun + two_h_ms), detection(3, begun), detection(0, begun + MINUTE_MS))
    assert did == ["clock", "future", "raised", "cleared"]
    (alarm,) = state.open.values()
    assert (alarm.raised_at_ms, alarm.returned_at_ms) == (begun, begun + MINUTE_MS)
    assert state.counts["future"] == 1


def test_an_end_of_before_the_raise_ends_nothing():  # A10
    end = detection(0, 1_000_000, known_at_ms=23_000_000)
    state, did = live(detection(3, 22_600_000), end)
    assert did == ["raised", "behind"]
    assert [one.process for one in state.open.values()] == ["active"]


def test_a_desk_is_named_and_that_can_be_undone():
    assigned, escalated = commanded(Assign, AT_10, "k1", to="3 号台"), commanded(Escalate, AT_10, "k2", to="值班长")
    state, did = live(raise_3, assigned, escalated)
    found = row(state.open[AT_10])
    assert did == ["raised", "assign", "escalate"]
    assert (found["assigned_to"], found["assigned_by"], found["escalated_to"]) == ("3 号台", "李敏", "值班长")
    assert (found["standing"], found["revision"]) == ("unacknowledged", 3)
    state, _ = live(raise_3, assigned, undo("k1", "k2"))
    assert row(state.open[AT_10])["assigned_to"] is None


def test_time_goes_on_where_the_clock_stands_still():
    state, did = live(ClockSetting(at_ms=5, wall_ms=0, speed=0.0), raise_3, acknowledge(AT_10, for_ms=1000), 1000)
    assert did == ["clock", "raised", "acknowledge", "lapsed"]
    assert state.city_ms(BEGUN_MS + 10**9) == 5
