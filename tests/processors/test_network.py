"""Zones, city and hours, by hand."""

import numpy as np
import pytest

from processors import threshold
from streams.city.registry import City, Segment, Sensor, Zone
from streams.city.versions import with_zone
from streams.contract import metric_frames
from streams.contract.spec import Metric, sums_of
from streams.contract.sums import Sums
from tests.processors.watcher import HOUR_MS, LINE, MINUTE_MS, Watcher, row, tti


def test_the_city_divides_sums_never_means_of_ratios():
    city = Watcher()
    city.take(0, MINUTE_MS, tti(0, 0, 3.0, 1.0))
    assert city.held == {}  # the other zone has not passed yet
    city.take(1, MINUTE_MS, tti(1, 0, 9.0, 7.0))
    assert city.held["zone:a", "tti_ratio", 0, 60][0] == 3.0
    assert city.held["city:c", "tti_ratio", 0, 60][0] == 1.5  # (3 + 9) / (1 + 7)
    assert city.held["city:c", "tpi", 0, 60][0] == pytest.approx(2 + 2 * (1 / 3 - 0.3) / 0.2)


def test_a_frame_in_parts_counts_as_the_frame(monkeypatch):
    whole, parts = Watcher(), Watcher()
    frames = [
        (0, MINUTE_MS, tti(0, 0, 3.0, 1.0), row("d0", "flow", 0, 40, 1)),
        (1, 2 * MINUTE_MS, tti(1, 0, 9.0, 7.0), tti(1, MINUTE_MS, 5.0, 1.0)),
        (0, HOUR_MS, tti(0, 0, 7.0, 1.0, revision=2), tti(0, MINUTE_MS, 8.0, 4.0)),
        (1, HOUR_MS),
    ]
    for zone, watermark_ms, *rows in frames:
        whole.take(zone, watermark_ms, *rows)
    monkeypatch.setattr(metric_frames, "PART_BYTES", 1)  # a part a row
    for zone, watermark_ms, *rows in frames:
        parts.take(zone, watermark_ms, *rows)
    assert repr(sorted(parts.held.items())) == repr(sorted(whole.held.items()))  # nan equals itself in no other way
    assert repr(sorted(parts.said)) == repr(sorted(whole.said))
    assert any(key[:2] == ("city:c", "tti_ratio") and key[3] == 3600 for key in whole.held)


def test_a_correction_replaces_and_a_repeat_changes_nothing():
    city = Watcher()
    city.take(0, MINUTE_MS, tti(0, 0, 3.0, 1.0))
    city.take(1, MINUTE_MS, tti(1, 0, 9.0, 7.0))
    city.take(0, MINUTE_MS, tti(0, 0, 7.0, 1.0, revision=2))
    assert city.held["city:c", "tti_ratio", 0, 60] == (2.0, 2, 1.0)  # (7 + 9) / (1 + 7)
    held = dict(city.held)
    assert city.take(0, MINUTE_MS, tti(0, 0, 3.0, 1.0), tti(0, 0, 7.0, 1.0, revision=2)) == {"repeat": 2}
    assert city.held == held


def test_an_hour_sums_its_minutes_and_folds_only_the_difference_of_a_correction():
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, HOUR_MS, tti(zone, 0, 3.0, 1.0), tti(zone, 59 * MINUTE_MS, 1.0, 3.0))
    assert city.held["s0", "tti_ratio", 0, 3600] == (1.0, 0, 1.0)  # (3 + 1) / (1 + 3): a fast minute makes up for it
    city.take(0, HOUR_MS, tti(0, 0, 7.0, 1.0, revision=1))
    assert city.held["s0", "tti_ratio", 0, 3600] == (2.0, 1, 1.0)  # (7 + 1) / (1 + 3)
    assert city.held["city:c", "tti_ratio", 0, 3600] == (1.5, 1, 1.0)  # (8 + 4) / (4 + 4)


@pytest.mark.parametrize(("coverage", "known"), [(0.6, True), (0.59, False)])
def test_no_index_below_the_least_coverage(coverage, known):
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, MINUTE_MS, tti(zone, 0, 2.0, 1.0, coverage=coverage))
    value, _, told = city.held["city:c", "tpi", 0, 60]
    assert told == pytest.approx(coverage)
    assert (value == 4.0) if known else np.isnan(value)  # DTP 0.5
    assert city.held["city:c", "tti_ratio", 0, 60][0] == 2.0


def test_a_column_that_two_domains_share_gets_the_domains_name_for_the_city():
    city = Watcher()
    for zone, total in ((0, 500_000), (1, 1_500_000)):
        city.take(zone, MINUTE_MS, row(f"b{zone}", "load_ratio", 0, total, 1), domain="transit")
    assert city.held["city:c", "transit_load_ratio", 0, 60][0] == 1.0  # (0.5 + 1.5) / 2


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param(row("nowhere", "tti_ratio", 0, 1, 1), "unknown_entity", id="an entity of another city"),
        pytest.param(row("s0", "tti_ratio", 0, 1, 1, revision=-1), "provisional", id="provisional"),
    ],
)
def test_rows_that_are_not_used_say_why(rows, reason):
    assert Watcher().take(0, 0, rows) == {reason: 1}


def test_what_nothing_can_correct_any_more_is_too_late():
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, 2 * HOUR_MS)
    assert city.take(0, 2 * HOUR_MS, tti(0, HOUR_MS - MINUTE_MS, 1.0, 1.0)) == {"too_late": 1}
    assert city.take(0, 2 * HOUR_MS, tti(0, HOUR_MS, 1.0, 1.0, revision=1)) == {}


def test_a_new_metric_is_what_it_declares():
    """120 m of queue, half of it in each of two segments of a zone's minute, at a scale that nobody else has."""
    queue = Metric(
        "queue_m", "m", "排队长度", "Queue", "queue", "own choice", Sums(1e9, value="numerator", most=1000.0)
    )
    mean = Metric("queue_s", "s", "排队时间", "Queue time", "queue", "own choice", Sums(1e9, 1e3))
    apart = Metric("queue_count", "", "排队", "Queues", "queue", "own choice", Sums(rolls_up="never"))
    sums = {one.name: one.sums for one in (queue, mean, apart)}
    city = Watcher()
    for zone, queue_m in ((0, 120), (1, 60)):
        rows = [row(f"s{zone}", "queue_m", 0, queue_m * 10**9, 1), row(f"s{zone}", "queue_s", 0, 90 * 10**9, 2000)]
        city.take(zone, HOUR_MS, *rows, row(f"s{zone}", "queue_count", 0, 3, 1), sums=sums)
    assert city.held["zone:a", "queue_m", 0, 60][0] == 120.0
    assert city.held["city:c", "queue_m", 0, 60][0] == 180.0
    assert city.held["s0", "queue_m", 0, 3600][0] == 120.0
    assert city.held["city:c", "queue_s", 0, 3600][0] == 45.0  # 2 * 90 s over 2 * 2
    assert not [identity for identity in city.held if identity[1] == "queue_count"]


def test_a_value_beyond_its_bounds_is_the_bound():
    sums = {"queue_m": Sums(least=10.0, most=100.0)}
    city = Watcher()
    for zone, queue_m in ((0, 4), (1, 400)):
        city.take(zone, MINUTE_MS, row(f"s{zone}", "queue_m", 0, queue_m, 1), sums=sums)
    assert [city.held[entity, "queue_m", 0, 60][0] for entity in ("zone:a", "zone:b", "city:c")] == [10.0, 100.0, 100.0]


def test_a_column_named_as_a_metric_of_another_domain_stays_apart():
    """Transit with a column `speed_km_h`, whose mean is fixed point at 1e6; traffic's speed is at 1e10 over 1e12."""
    transit = {"speed_km_h": Sums(1e6, wide_name="transit_speed_km_h")}
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, MINUTE_MS, row(f"s{zone}", "speed_km_h", 0, 60 * 10**10, 10**12))
        city.take(zone, MINUTE_MS, row(f"b{zone}", "speed_km_h", 0, 18 * 10**6, 1), domain="transit", sums=transit)
    assert city.held["zone:a", "speed_km_h", 0, 60][0] == city.held["city:c", "speed_km_h", 0, 60][0] == 60.0
    assert city.held["zone:a", "transit_speed_km_h", 0, 60][0] == 18.0


def test_a_frame_of_before_says_nothing_and_adds_up_as_then():
    city = Watcher()
    for zone in (0, 1):
        city.take(zone, MINUTE_MS, tti(zone, 0, 3.0, 2.0), row(f"s{zone}", "crawl_ratio", 0, 500_000, 1))
        city.take(zone, MINUTE_MS, row(f"b{zone}", "load_ratio", 0, 700_000, 1), domain="transit")
    found = {identity[1]: held[0] for identity, held in city.held.items() if identity[0] == "city:c"}
    assert {name: found[name] for name in ("tti_ratio", "crawl_ratio", "transit_load_ratio")} == {
        "tti_ratio": 1.5,
        "crawl_ratio": 0.5,
        "transit_load_ratio": 0.7,
    }


def test_a_scale_that_a_newer_build_declares_is_brought_to_the_one_in_force():
    city = Watcher()
    for zone, scale in ((0, 1e6), (1, 1e9)):
        sums = {"queue_m": Sums(scale)}
        city.take(zone, MINUTE_MS, row(f"s{zone}", "queue_m", 0, round(120 * scale), 1), sums=sums)
    assert city.held["city:c", "queue_m", 0, 60][0] == 120.0


def test_what_a_first_level_processor_makes_of_a_domain_is_declared():
    declared = sums_of([threshold.SPEC], "transit")
    assert declared["load_ratio"] == Sums(numerator_scale=1e6, wide_name="transit_load_ratio")
    assert declared["lateness_s"].wide_name == ""


def quarters(*sensors_count: int, interval_s: float = 60.0) -> City:
    """A city of zones z0, z1, … with a segment of that many sensors each."""
    zones = tuple(Zone(f"z{n}", "", "") for n in range(len(sensors_count)))
    segments = tuple(Segment(f"s{n}", n, "", "", "local", 1, 1000.0, 60.0, (), LINE) for n in range(len(zones)))
    sensors = [
        Sensor(f"d{n}.{k}", "traffic", n, n, 0.0, 0.0, interval_s, "", "")
        for n, count in enumerate(sensors_count)
        for k in range(count)
    ]
    return City("c", "", "", "UTC", "", zones, segments, tuple(sensors))


def test_silent_zones_count_against_the_coverage():
    """Three of four zones have never said a word."""
    city = Watcher(quarters(1, 1, 1, 1))
    for zone in range(4):
        city.take(zone, HOUR_MS, *([tti(0, 0, 2.0, 1.0), tti(0, MINUTE_MS, 2.0, 1.0)] if zone == 0 else []))
    for window_s in (60, 3600):
        assert city.held["city:c", "tti_ratio", 0, window_s] == (2.0, 0, 0.25)
        assert np.isnan(city.held["city:c", "tpi", 0, window_s][0])
        assert city.held["zone:z0", "tti_ratio", 0, window_s] == (2.0, 0, 1.0)
        value, _, told = city.held["zone:z1", "tti_ratio", 0, window_s]
        assert (np.isnan(value), told) == (True, 0.0)
    value, _, told = city.held["s1", "tti_ratio", 0, 3600]
    assert (np.isnan(value), told) == (True, 0.0)


def test_who_has_never_spoken_is_expected_however_long_its_interval_is():
    """Sensors of five minutes, three of four never heard: as if heard just before the first minute, so due at 5."""
    city = Watcher(quarters(1, 1, 1, 1, interval_s=300.0))
    minutes = (0, 5, 10, 15)
    for minute in minutes:
        for zone in range(4):
            rows = [tti(0, minute * MINUTE_MS, 2.0, 1.0)] if zone == 0 else []
            city.take(zone, (minute + 1) * MINUTE_MS, *rows)
    coverage = [city.held["city:c", "tti_ratio", minute * MINUTE_MS, 60][2] for minute in minutes]
    assert coverage == [1.0, 0.25, 0.25, 0.25]
    assert np.isnan(city.held["city:c", "tpi", 5 * MINUTE_MS, 60][0])


def test_coverage_is_by_sensors_not_by_segments():
    city = Watcher(quarters(1, 3))
    for zone in range(2):
        city.take(zone, MINUTE_MS, *([tti(0, 0, 2.0, 1.0)] if zone == 0 else []))
    assert city.held["city:c", "tti_ratio", 0, 60][2] == 0.25


def test_a_correction_speaks_for_as_many_sensors_as_the_row_that_it_corrects():
    """Two segments of a sensor each; the first gets two more before a reading of the closed minute comes late."""
    city = Watcher(quarters(1, 1))
    for zone in range(2):
        city.take(zone, HOUR_MS, *([tti(0, 0, 2.0, 1.0)] if zone == 0 else []))
    city.city = quarters(3, 1)
    city.take(0, HOUR_MS, tti(0, 0, 4.0, 1.0, revision=1))
    assert city.held["city:c", "tti_ratio", 0, 60] == (4.0, 1, 0.5)
    assert city.held["city:c", "tti_ratio", 0, 3600] == (4.0, 1, 0.5)
    assert city.held["s0", "tti_ratio", 0, 3600] == (4.0, 1, 1.0)


def test_a_zone_that_falls_silent_is_expected_at_its_sensors_own_pace():
    """Sensors of five minutes: both speak at 0 and 5, one alone at 1 … 4 and 10, for which the other is due again."""
    city = Watcher(quarters(1, 1, interval_s=300.0))
    told = []
    for minute in range(12):
        for zone in range(2):
            speaks = minute in (0, 5) or (zone == 0 and minute in (1, 2, 10))
            rows = [tti(zone, minute * MINUTE_MS, 2.0, 1.0)] if speaks else []
            city.take(zone, (minute + 1) * MINUTE_MS, *rows)
        if ("city:c", "tti_ratio", minute * MINUTE_MS, 60) in city.held:
            told.append((minute, city.held["city:c", "tti_ratio", minute * MINUTE_MS, 60][2]))
    assert told == [(0, 1.0), (1, 1.0), (2, 1.0), (5, 1.0), (10, 0.5)]


def test_what_comes_late_of_a_silent_zone_takes_the_place_of_its_silence():
    city = Watcher(quarters(1, 1))
    for zone in range(2):
        city.take(zone, HOUR_MS, *([tti(0, 0, 2.0, 1.0)] if zone == 0 else []))
    assert city.held["city:c", "tti_ratio", 0, 3600] == (2.0, 0, 0.5)
    city.take(1, HOUR_MS, tti(1, 0, 4.0, 1.0, revision=1))
    assert city.held["city:c", "tti_ratio", 0, 60] == (3.0, 1, 1.0)
    assert city.held["city:c", "tti_ratio", 0, 3600] == (3.0, 1, 1.0)
    assert city.held["s1", "tti_ratio", 0, 3600] == (4.0, 1, 1.0)


def test_who_left_the_city_is_expected_no_more():
    city = Watcher(quarters(1, 1))
    for zone in range(2):
        city.take(zone, MINUTE_MS, tti(zone, 0, 2.0, 1.0))
    city.city = with_zone(quarters(1), "z1")
    city.take(0, 2 * MINUTE_MS, tti(0, MINUTE_MS, 2.0, 1.0))
    assert ("city:c", "tti_ratio", MINUTE_MS, 60) not in city.held  # the zone may have something of it
    city.take(1, 2 * MINUTE_MS)
    assert city.held["city:c", "tti_ratio", MINUTE_MS, 60] == (2.0, 0, 1.0)


def test_sums_over_the_city_do_not_wrap():
    """300 rows just below what fits an hour, three minutes of them: 2.3e19 a minute, where 64 bits end at 9.2e18."""
    segments = 300
    city = Watcher(quarters(*[1] * segments))
    large = 2**62 // 60 - 1
    for zone in range(segments):
        rows = [row(f"s{zone}", "tti_ratio", minute * MINUTE_MS, large, large // 2) for minute in range(3)]
        assert city.take(zone, HOUR_MS, *rows) == {}
    assert city.held["city:c", "tti_ratio", 0, 60][0] == pytest.approx(2.0)
    assert city.held["city:c", "tti_ratio", 0, 3600][0] == pytest.approx(2.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_row_too_large_for_an_hour_costs_itself(sign):
    city = Watcher()
    large = row("s0", "delay_s", 0, sign * (2**62 // 60), 10**10)
    assert city.take(0, MINUTE_MS, tti(0, 0, 3.0, 1.0), large) == {"too_large": 1}
    city.take(1, MINUTE_MS, tti(1, 0, 3.0, 1.0))
    assert city.held["city:c", "tti_ratio", 0, 60][0] == 3.0
