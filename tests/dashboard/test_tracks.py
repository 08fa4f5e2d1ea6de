from __future__ import annotations

from dashboard.tracks import Track, band

MINUTE = 60_000


def test_a_track_keeps_the_last_value_of_each_bucket():
    track = Track(MINUTE, 3)
    for at_ms, value in [(0, 1.0), (30_000, 2.0), (2 * MINUTE, 4.0)]:
        track.put(at_ms, value)
    assert track.values() == [2.0, None, 4.0]


def test_seeding_replaces_nothing_and_keeps_what_is_newer():
    track = Track(MINUTE, 3)
    track.put(10 * MINUTE, 5.0)
    track.seed([(9 * MINUTE, 4.0), (10 * MINUTE, 9.0), (2 * MINUTE, 7.0)])
    assert track.values() == [None, 4.0, 5.0]


def test_a_clock_set_back_begins_anew():
    track = Track(MINUTE, 3)
    track.put(100 * MINUTE, 5.0)
    track.put(1 * MINUTE, 1.0)
    assert track.values() == [None, None, 1.0]


def test_a_band_needs_three_days():
    assert band([[1.0, 2.0], [1.0, 2.0]]) == []


def test_a_band_is_the_10th_and_90th_percentile_of_a_slot_and_its_neighbours():
    days = [[0.0, 10.0, None, 0.0]] * 3
    # slot 0 sees slots 3, 0, 1: six zeros and three tens; 9 sorted values, 10 % at 0.8 -> 0, 90 % at 7.2 -> 10
    assert band(days)[0] == [0.0, 10.0]
    assert band(days)[2] is None


def test_a_track_is_spread_over_longer_steps_by_its_times():
    track = Track(MINUTE, 60)
    for minute, value in [(100, 1.0), (104, 2.0), (105, None), (111, 3.0)]:
        track.put(minute * MINUTE, value)
    # steps of five minutes from minute 93 on: 93-97, 98-102, 103-107, 108-112
    assert track.spread(93 * MINUTE, 5 * MINUTE, 4) == [None, 1.0, 2.0, 3.0]
