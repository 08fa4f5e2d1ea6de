from __future__ import annotations

import dataclasses

import pytest

from dashboard.health import health
from dashboard.mirror import Mirror
from dashboard.pipeline import Rate, dead_letters, is_late, lag
from dashboard.places import Name

NOW = 1_000_000


@pytest.fixture
def living(config):
    mirror = Mirror(config.city)
    feed = {"at_ms": NOW, "received_ms": NOW - 500, "silent_ratio": 0.0}
    mirror.load("e", 1, {"f:traffic": dict(feed), "f:weather": dict(feed)})
    mirror.newest_metric_wall_ms = NOW - 9000
    return mirror


def test_a_living_city_is_ok(config, living):
    found = health(config, living, None, NOW)
    assert (found["status"], found["age_s"], found["reasons"], found["build"]) == ("ok", 9.0, [], "b1")


def test_what_stands_still_is_said_of_a_wall_that_is_living(config, living):
    told = dataclasses.replace(config, troubles=lambda: [Name("history 停滞", "history stands still")])
    found = health(told, living, None, NOW)
    assert (found["status"], found["reasons"]) == ("ok", ["history stands still"])


def test_an_old_picture_is_down(config, living):
    assert health(config, living, None, NOW + 1001)["status"] == "down"


def test_data_of_an_earlier_start_proves_nothing(config, living):
    later = dataclasses.replace(config, started_ms=NOW)
    found = health(later, living, None, NOW)
    assert found["status"] == "down"
    assert "traffic, weather" in found["reasons"][0]


def test_a_domain_that_never_spoke_is_named(config, living):
    del living.feeds["weather"]
    assert "weather" in health(config, living, None, NOW)["reasons"][0]


def test_a_lost_live_state_is_down(config, living):
    assert health(config, living, NOW - 4000, NOW)["status"] == "down"


def test_final_age_follows_the_city_clock(config, living):
    living.load("e", 2, {"clock": {"at_ms": 500_000, "wall_ms": NOW, "speed": 60.0}, "s:A": [420_000, 1.0, 60.0, 1]})
    assert health(config, living, None, NOW)["final_age_s"] == 20.0  # 500 s minus the end of the minute at 480 s


@pytest.mark.parametrize(
    ("feed", "late"),
    [
        (None, True),
        ({"at_ms": None, "received_ms": None}, True),
        ({"at_ms": NOW - 44_000, "received_ms": NOW}, False),
        ({"at_ms": NOW - 61_000, "received_ms": NOW}, True),
        ({"at_ms": NOW, "received_ms": NOW - 46_000}, True),
    ],
    ids=["none", "unknown", "three intervals", "behind", "quiet"],
)
def test_a_source_is_late_by_its_own_rhythm(feed, late):
    assert is_late(feed, interval_s=10, now_ms=NOW, wall_ms=NOW, speed=1.0) is late


def test_lag_is_the_worst_partition():
    parts = {
        "intake": {"rates": {"in_per_s": 10.0}, "partitions": [{"lag_s": 0.5, "lag_records": 3}]},
        "intake_2": {"rates": {"in_per_s": 5.5}, "partitions": [{"lag_s": 2.0, "lag_records": 4}]},
        "sinks": {"rates": {"in_per_s": 99.0}, "partitions": []},
    }
    assert lag(parts) == {"lag_s": 2.0, "lag_records": 7}
    assert lag({}) == {"lag_s": None, "lag_records": None}


def test_dead_letters_are_summed_by_reason_and_unknown_without_books():
    books = {"intake:a:0": {"counts": {"dead_lettered": {"future": 2}}}, "zone:a:0": {"counts": {"too_late": 3}}}
    assert dead_letters(books) == {"too_late": 3, "future": 2}
    assert dead_letters({}) is None


def test_a_rate_is_the_growth_of_the_books_over_the_last_seconds():
    rate = Rate(over_ms=2000)
    books = [
        {"intake:a:0": {"counts": {"readings_in": n}}, "zone:a:0": {"counts": {"too_late": 1}}}
        for n in (0, 100, 300, 600)
    ]
    # after 3 s only the last two seconds count: (600 - 100) / 2 s
    assert [rate.take(book, 1000 * second) for second, book in enumerate(books)] == [None, 100.0, 150.0, 250.0]
    assert rate.take(books[0], 4000) is None  # a new run begins its count anew
    assert rate.take({}, 5000) is None
