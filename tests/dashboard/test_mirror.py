from __future__ import annotations

import pytest

from dashboard.mirror import Delta, Mirror, city_now_ms
from tests.dashboard.conftest import an_alarm


def delta(seq: int, fields: dict, gone: tuple[str, ...] = (), epoch: str = "e1") -> Delta:
    return Delta(epoch, seq, fields, list(gone))


@pytest.fixture
def mirror() -> Mirror:
    mirror = Mirror()
    feed = {"at_ms": 1, "received_ms": None}
    mirror.load("e1", 5, {"s:A": [60_000, 1.5, 40.0, 0], "a:x": an_alarm("x"), "f:traffic": feed})
    mirror.take_changed()
    return mirror


def test_a_delta_that_follows_is_merged_and_told(mirror):
    assert mirror.apply(delta(6, {"s:A2": [120_000, 2.0, 15.0, 1]}, ("a:x",)), wall_ms=9)
    assert mirror.segments["A2"] == (120_000, 2.0, 15.0, 1)
    assert mirror.alarms == {}
    assert mirror.take_changed() == ({"segments", "alarms"}, {"A2"})


def test_a_segment_whose_values_are_gone_is_told(mirror):
    assert mirror.apply(delta(6, {}, ("s:A",)), wall_ms=9)
    assert mirror.segments == {}
    assert mirror.take_changed() == ({"segments"}, {"A"})


@pytest.mark.parametrize("change", [delta(7, {}), delta(6, {}, epoch="e2")], ids=["gap", "other epoch"])
def test_what_does_not_follow_asks_for_the_whole_state(mirror, change):
    assert not mirror.apply(change, wall_ms=9)
    assert mirror.seq == 5


def test_a_repeat_changes_nothing(mirror):
    assert mirror.apply(delta(5, {"s:A": [0, 9.0, 9.0, 0]}), wall_ms=9)
    assert mirror.segments["A"][1] == 1.5


def test_a_new_state_forgets_the_old_one(mirror):
    mirror.load("e2", 1, {"s:A2": [60_000, 1.0, 30.0, 1]})
    assert (set(mirror.segments), mirror.alarms, mirror.feeds) == ({"A2"}, {}, {})


def test_only_metrics_count_as_fresh_data(mirror):
    mirror.apply(delta(6, {"clock": {"at_ms": 0, "wall_ms": 0, "speed": 1.0}}), wall_ms=50)
    assert mirror.newest_metric_wall_ms is None
    row = {"at_ms": 0, "window_s": 60, "value": 1.0, "state": 0}
    mirror.apply(delta(7, {"m:tpi:city:duo": row}), wall_ms=70)
    assert mirror.newest_metric_wall_ms == 70


def test_final_values_reach_to_the_end_of_their_window(mirror):
    mirror.apply(delta(6, {"s:A": [60_000, 1.2, 50.0, 0]}), wall_ms=1)
    assert mirror.newest_final_ms is None
    mirror.apply(delta(7, {"s:A": [97_000, 1.2, 50.0, 1]}), wall_ms=1)
    assert mirror.newest_final_ms == 120_000  # the minute from 60 000 on, whenever in it the newest reading was


def test_a_segment_of_another_version_is_kept_until_it_is_taken_out(mirror):
    assert mirror.apply(delta(6, {"s:other": [1, 1.0, 1.0, 0]}), wall_ms=1)
    assert set(mirror.segments) == {"A", "other"}
    assert mirror.apply(delta(7, {}, ("s:other", "s:never")), wall_ms=1)
    assert set(mirror.segments) == {"A"}


WAS = {"at_ms": 160_000, "wall_ms": 3000, "speed": 60.0}
"""A clock of before, sixty times as fast."""


@pytest.mark.parametrize(
    ("clock", "now_ms"),
    [
        ({}, 5000),
        ({"at_ms": 100_000, "wall_ms": 4000, "speed": 60.0}, 160_000),  # one second at x60
        ({"at_ms": 100_000, "wall_ms": 4000, "speed": 60.0, "until_ms": 130_000}, 130_000),
        ({"at_ms": 900_000, "wall_ms": 9000, "speed": 1.0, "earlier": [WAS, WAS | {"wall_ms": 6000}]}, 280_000),
        ({"at_ms": 100_000, "wall_ms": -60_000_000_000_000, "speed": 1e9}, 250_000_000_000_000),
    ],
    ids=["no clock", "sixty times", "never past the end", "by the clock of then", "never past the calendar's"],
)
def test_the_city_clock(clock, now_ms):
    assert city_now_ms(clock, wall_ms=5000) == now_ms
