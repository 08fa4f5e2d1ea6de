"""What the wall shows is the newest of everything, and never goes back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from streams.contract.records import Rows
from streams.sinks.live_city import Residents
from streams.sinks.live_state import LiveState
from tests.streams.sinks.rows import MINUTE_MS, START_MS, alarm, row, rows_of

METHODS = {"tti_ratio": "tti", "tpi": "tpi"}


RESIDENTS = Residents({"S1", "S2"}, {"zone:Z1", "air-1", "city:c"})


@pytest.fixture
def state() -> LiveState:
    return LiveState(RESIDENTS, METHODS, shown={"pm2_5_ug_m3": 60, "aqi": 3600})


def taken(state: LiveState) -> dict[str, object]:
    fields, deleted = state.take()
    assert deleted == []
    return {name: json.loads(text) for name, text in fields.items()}


def test_a_segment_shows_both_values_of_its_window(state: LiveState):
    state.fold_rows(
        "traffic", rows_of(row("S1", 2, 1.23456, revision=-1), row("S1", 2, 40.0, metric="speed_km_h", revision=-1))
    )
    assert taken(state) == {"s:S1": [START_MS + 2 * MINUTE_MS, 1.235, 40.0, 0]}


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ((0, 0), (0, -1), (0, 1)),  # provisional never follows final
        ((0, 0), (1, -1), (1, 0)),  # but a newer window does
        ((1, -1), (0, 0), (1, 0)),  # the final of an older window does not replace the newer provisional
        ((0, 2), (0, 1), (0, 2)),  # no lower revision replaces a higher one
        ((0, 0), (0, 1), (0, 2)),  # a correction shows as such
        ((0, -1), (0, -1), (0, 0)),  # provisional after provisional: the later one
    ],
)
def test_newer_window_then_higher_revision_wins(state: LiveState, first: tuple, second: tuple, shown: tuple):
    for value, (minute, revision) in ((1.0, first), (2.0, second)):
        state.fold_rows(
            "traffic",
            rows_of(row("S1", minute, value, revision=revision), row("zone:Z", minute, value, revision=revision)),
        )
    road, zone = state.fields["s:S1"], state.fields["m:tti_ratio:zone:Z"]
    value = 2.0 if second == first or (second[0], second[1]) > (first[0], first[1]) else 1.0
    assert road == [START_MS + shown[0] * MINUTE_MS, value, None, shown[1]]
    assert (zone["at_ms"], zone["state"], zone["value"]) == (road[0], shown[1], value)


def moment(value: float, at_ms: int, revision: int) -> Rows:
    return replace(rows_of(row("S1", 0, value, revision=revision)), at_ms=np.array([at_ms]))


def test_a_provisional_value_has_the_time_of_its_newest_reading(state: LiveState):
    state.fold_rows("traffic", moment(1.1, START_MS + 20_000, -1))
    state.fold_rows("traffic", moment(1.2, START_MS + 40_000, -1))
    state.fold_rows("traffic", moment(1.15, START_MS + 30_000, -1))  # an older reading's does not come back
    assert taken(state) == {"s:S1": [START_MS + 40_000, 1.2, None, 0]}


def test_the_final_value_of_the_same_window_replaces_it_without_going_back_in_time(state: LiveState):
    state.fold_rows("traffic", moment(1.2, START_MS + 40_000, -1))
    state.fold_rows("traffic", moment(1.3, START_MS, 0))
    state.fold_rows("traffic", moment(1.4, START_MS + 50_000, -1))
    assert taken(state) == {"s:S1": [START_MS + 40_000, 1.3, None, 1]}


def test_the_final_value_of_an_older_window_does_not(state: LiveState):
    state.fold_rows("traffic", moment(1.2, START_MS + 61_000, -1))
    state.fold_rows("traffic", moment(1.3, START_MS, 0))
    assert taken(state) == {"s:S1": [START_MS + 61_000, 1.2, None, 0]}


def test_a_newer_window_forgets_the_other_value_of_the_older(state: LiveState):
    state.fold_rows("traffic", rows_of(row("S1", 0, 40.0, metric="speed_km_h")))
    state.fold_rows("traffic", rows_of(row("S1", 1, 1.5)))
    assert taken(state) == {"s:S1": [START_MS + MINUTE_MS, 1.5, None, 1]}


def test_a_zone_row_carries_its_truth_label(state: LiveState):
    state.fold_rows("traffic", rows_of(row("zone:Z1", 0, np.nan, metric="tpi", coverage_ratio=0.5)))
    assert taken(state) == {
        "m:tpi:zone:Z1": {
            "at_ms": START_MS,
            "window_s": 60,
            "value": None,
            "coverage_ratio": 0.5,
            "state": 1,
            "method": "tpi",
            "domain": "traffic",
        }
    }


def test_hours_and_metrics_that_no_tile_shows_stay_out(state: LiveState):
    state.fold_rows("traffic", rows_of(row("zone:Z1", window_s=3600), row("S1", metric="delay_s"), row("elsewhere")))
    state.fold_rows("environment", rows_of(row("E1", metric="pm10_ug_m3"), row("E1", metric="pm2_5_ug_m3")))
    assert list(taken(state)) == ["m:pm2_5_ug_m3:E1"]


def test_of_a_metric_that_is_shown_by_the_hour_the_hour_is_carried_and_no_other_window(state: LiveState):
    hour = row("air-1", 0, 83.0, metric="aqi", window_s=3600)
    state.fold_rows("environment", rows_of(hour, row("air-1", 0, 90.0, metric="aqi", window_s=86_400)))
    state.fold_rows("environment", rows_of(row("air-1", 0, 30.0, metric="pm2_5_ug_m3", window_s=3600)))
    [(field, value)] = taken(state).items()
    assert (field, value["value"], value["window_s"], value["at_ms"]) == ("m:aqi:air-1", 83.0, 3600, START_MS)


def test_only_what_changed_is_taken(state: LiveState):
    state.fold_rows("traffic", rows_of(row("S1"), row("S2")))
    assert set(taken(state)) == {"s:S1", "s:S2"}
    state.fold_rows("traffic", rows_of(row("S1"), row("S2", value=3.0, revision=1)))
    assert set(taken(state)) == {"s:S2"}
    assert not state.changed


def test_what_could_not_be_published_is_taken_again_with_its_newest_value(state: LiveState):
    state.put("a:1", alarm("1"))
    fields, deleted = state.take()
    state.give_back(fields, deleted)
    state.put("a:1", alarm("1", 1))
    assert taken(state) == {"a:1": alarm("1", 1)}


def test_a_closed_alarm_is_deleted_once(state: LiveState):
    state.put("a:1", alarm("1"))
    state.take()
    state.put("a:1", None)
    state.put("a:never", None)
    assert state.take() == ({}, ["a:1"])


def intake_book(readings_in: int, last_at_ms: int | None) -> dict[str, object]:
    return {"domain": "water", "counts": {"readings_in": readings_in, "last_at_ms": last_at_ms}}


def zone_book(in_frames: int) -> dict[str, object]:
    return {"counts": {"in_frames": in_frames}}


FEED = {"at_ms": None, "received_ms": None, "silent_ratio": None, "interval_s": None}


def test_a_feed_tells_its_newest_event_and_when_a_row_was_last_admitted(state: LiveState):
    state.fold_book("intake:water:0", intake_book(5, 1_000), 90_000)
    assert state.fields["f:water"] == FEED | {"at_ms": 1_000}
    state.fold_book("zone:water:0", zone_book(5), 90_500)  # when its rows came, nobody knows
    assert state.fields["f:water"]["received_ms"] is None
    state.fold_book("zone:water:0", zone_book(6), 91_000)
    state.fold_book("intake:water:0", intake_book(9, 2_000), 92_000)  # three that no zone admits
    state.fold_book("zone:water:0", zone_book(6), 92_000)  # nothing was admitted in that second
    state.fold_book("intake:water:1", intake_book(0, None), 93_000)
    state.fold_rows("water", rows_of(row("feed:water", value=0.25, metric="silent_ratio")))
    assert state.fields["f:water"] == FEED | {"at_ms": 2_000, "received_ms": 91_000, "silent_ratio": 0.25}


def test_provisional_rows_tell_when_they_came_each_second(state: LiveState):
    heard = []
    for received_ms in (1_000, 1_250, 1_999, 2_000, 2_900, 3_100):
        state.fold_rows("traffic", rows_of(row("S1", revision=-1)), received_ms)
        heard.append(state.fields["f:traffic"]["received_ms"])
    assert heard == [1_000, 1_000, 1_000, 2_000, 2_000, 3_100]
    state.fold_rows("traffic", Rows.empty(), 9_000)
    assert state.fields["f:traffic"]["received_ms"] == 3_100


def test_a_feed_tells_the_interval_of_the_fastest_sensor_heard_in_the_last_hour():
    state = LiveState(Residents(intervals_s={"fast": 10.0, "slow": 300.0, "other": 1.0}), {})
    seen = []
    for minute, entity, value in (
        (0, "fast", 1.0),
        (1, "slow", 1.0),
        (60, "slow", 1.0),
        (61, "other", np.nan),  # due, and said nothing
        (61, "slow", 1.0),  # 61 minutes since the fast one
        (62, "fast", 1.0),
    ):
        state.fold_rows("weather", rows_of(row(entity, minute, value, metric="depth_cm")))
        seen.append(state.fields["f:weather"]["interval_s"])
    assert seen == [10.0, 10.0, 10.0, 10.0, 300.0, 10.0]


def test_an_adopted_interval_holds_until_its_hour_is_over():
    state = LiveState(Residents(intervals_s={"slow": 300.0}), {})
    state.adopt({"f:weather": FEED | {"at_ms": START_MS, "interval_s": 10.0}})
    seen = []
    for minute in (60, 61):
        state.fold_rows("weather", rows_of(row("slow", minute, metric="depth_cm")))
        seen.append(state.fields["f:weather"]["interval_s"])
    assert seen == [10.0, 300.0]


def test_books_tell_readings_and_dead_letters(state: LiveState):
    state.fold_book("intake:water:0", intake_book(5, 1_000), 90_000)
    assert state.fields["b:intake:water:0"]["counts"]["readings_in"] == 5
    state.fold_book("zone:water:0", {"counts": {"in_frames": 4, "too_late": 1}}, 90_000)
    assert state.fields["b:zone:water:0"] == {"counts": {"in_frames": 4, "too_late": 1}}


def test_a_book_of_a_worker_that_has_lost_its_partition_does_not_go_back(state: LiveState):
    for offset, too_late in ((10, 3), (9, 2), (10, 3), (11, 4)):
        state.fold_book("zone:water:0", {"offset": offset, "counts": {"too_late": too_late}}, 90_000)
        assert state.fields["b:zone:water:0"]["counts"]["too_late"] == max(too_late, 3)


def test_a_pulse_shows_under_its_part(state: LiveState):
    state.fold_book("pulse:intake", {"part": "intake", "pid": 7, "at_ms": 5}, 0)
    state.fold_book("zone:water:0", {"counts": {}}, 0)
    assert taken(state) == {"p:intake": {"part": "intake", "pid": 7, "at_ms": 5}}


def test_adopted_fields_do_not_go_back_and_are_not_published_again(state: LiveState):
    state.fold_rows("traffic", rows_of(row("S1", 1, 2.0), row("zone:Z1", 1, 2.0)))
    after = LiveState(Residents({"S1"}), METHODS)
    after.adopt(state.fields)
    after.fold_rows("traffic", rows_of(row("S1", 1, 3.0, revision=-1), row("zone:Z1", 0, 3.0)))
    assert not after.changed
    after.fold_rows("traffic", rows_of(row("S1", 1, 3.0, revision=1)))
    assert taken(after) == {"s:S1": [START_MS + MINUTE_MS, 3.0, None, 2]}


ODD_ROWS = {
    "of no calendar's time": {"at_ms": np.array([2**62])},
    "before all time": {"at_ms": np.array([-(2**62)])},
    "infinite": {"value": np.array([np.inf])},
    "of an infinite share": {"coverage_ratio": np.array([-np.inf])},
    "of no revision": {"revision": np.array([-2])},
}


@pytest.mark.parametrize("changed", ODD_ROWS.values(), ids=ODD_ROWS)
def test_a_row_that_no_field_can_hold_is_counted_and_said_once(state: LiveState, changed: dict, caplog):
    good, odd = rows_of(row("S1")), replace(rows_of(row("S1", 1)), **changed)
    for _ in range(2):
        state.fold_rows("traffic", Rows.concat([odd, good]))
    assert state.fields["s:S1"] == [START_MS, 1.5, None, 1]
    assert state.fields["b:live"] == {"counts": {"odd": {"row": 2}}}
    assert len(caplog.records) == 1


def test_odd_fields_that_were_published_are_not_gone_on_from_and_are_deleted(state: LiveState):
    fields = {"s:S1": [START_MS, 1.5, None, 1], "s:S2": "not JSON", "f:water": {"at_ms": "now"}, "clock": None}
    state.adopt(fields)
    assert state.fields == {"s:S1": fields["s:S1"]}
    assert state.take() == ({}, ["clock", "f:water", "s:S2"])


def test_whom_the_city_has_no_more_is_gone_after_two_sweeps_and_comes_again_when_it_comes_back(state: LiveState):
    rows = rows_of(row("S1", 1), row("S2", 1), row("air-1", 1, metric="pm2_5_ug_m3"), row("zone:Z1", 1))
    state.fold_rows("traffic", rows)
    state.take()
    state.move_to(Residents({"S2"}, {"zone:Z1"}))
    state.sweep()
    assert state.take() == ({}, [])  # a row may come before the version that has its entity
    state.sweep()
    assert state.take() == ({}, ["m:pm2_5_ug_m3:air-1", "s:S1"])
    state.fold_rows("environment", rows_of(row("air-1", 2, metric="pm2_5_ug_m3")))  # its last window, computed late
    state.sweep()
    state.sweep()
    assert state.take() == ({}, ["m:pm2_5_ug_m3:air-1"])
    state.move_to(RESIDENTS)
    state.fold_rows("traffic", rows_of(row("S1", 0, 9.0)))  # it begins anew: nothing newer is known of it
    state.sweep()
    state.sweep()
    assert taken(state) == {"s:S1": [START_MS, 9.0, None, 1]}


def test_a_newcomers_first_row_may_come_before_its_version(state: LiveState):
    state.fold_rows("environment", rows_of(row("air-2", 1, metric="pm2_5_ug_m3")))
    state.sweep()
    state.move_to(Residents((), {"air-2"}))
    state.sweep()
    state.sweep()
    assert "m:pm2_5_ug_m3:air-2" in state.fields


def test_what_an_earlier_process_published_of_one_who_left_is_gone_too(state: LiveState):
    state.fold_rows("environment", rows_of(row("air-1", 1, metric="pm2_5_ug_m3"), row("zone:Z1", 1)))
    after = LiveState(Residents((), {"zone:Z1"}), METHODS)
    after.adopt(state.fields)
    after.sweep()
    after.sweep()
    assert after.take()[1] == ["m:pm2_5_ug_m3:air-1"]
