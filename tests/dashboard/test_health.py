from __future__ import annotations

import dataclasses

import pytest

from dashboard.health import health
from dashboard.mirror import Mirror
from dashboard.pipeline import Rate, dead_letters, lag
from dashboard.screen import Screen
from dashboard.sources import is_behind, limit_s, silent_parts
from streams.contract.name import Name

NOW = 1_000_000
PARTS = ("intake", "processors", "processors_second", "alarms", "sinks_live", "sinks_history")


def feed(age_s: float, interval_s: float | None = None) -> dict:
    """Return the field of a domain whose newest row came so long ago."""
    came_ms = NOW - int(age_s * 1000)
    return {"at_ms": came_ms, "received_ms": came_ms, "silent_ratio": 0.0, "interval_s": interval_s}


def pulses(age_s: float = 0.5) -> dict[str, dict]:
    return {f"p:{part}": {"part": part, "at_ms": NOW - int(age_s * 1000)} for part in PARTS}


def screen_of(config, fields: dict) -> Screen:
    mirror = Mirror()
    mirror.load("e", 1, fields)
    return Screen(config, mirror)


@pytest.fixture
def fields() -> dict:
    """Traffic reports each 10 s (limit 35 s), weather each 60 s (limit 185 s)."""
    return pulses() | {"f:traffic": feed(0.5), "f:weather": feed(9.0)}


def test_a_living_city_is_ok(config, fields):
    assert health(screen_of(config, fields), None, NOW) == {
        "status": "ok",
        "build": "b1",
        "reasons": [],
        "reasons_zh": [],
        "age_s": 0.5,
        "final_age_s": None,
        "domains": {
            "traffic": {"state": "live", "age_s": 0.5, "limit_s": 35.0},
            "weather": {"state": "live", "age_s": 9.0, "limit_s": 185.0},
        },
    }


@pytest.mark.parametrize(
    ("interval_s", "speed", "limit"),
    [
        (1.0, 1.0, 10.0),  # 3 x 1 / 1 + 5 = 8, and never less than 10
        (10.0, 1.0, 35.0),
        (60.0, 1.0, 185.0),
        (300.0, 1.0, 905.0),
        (300.0, 60.0, 20.0),  # 3 x 300 / 60 + 5
        (60.0, 0.0, 10.0),  # at full speed the clock stands
    ],
)
def test_a_limit_follows_the_interval_and_the_speed(interval_s, speed, limit):
    assert limit_s(interval_s, speed) == limit


@pytest.mark.parametrize("interval_s", [10.0, 60.0, 300.0])
def test_a_city_that_reports_on_time_is_ok_at_every_second(config, interval_s):
    city = config.city
    slow = dataclasses.replace(
        city, sensors=tuple(dataclasses.replace(sensor, interval_s=interval_s) for sensor in city.sensors)
    )
    screen = screen_of(dataclasses.replace(config, city=slow), {})
    for second in range(int(2 * interval_s)):
        came_ms = int(second // interval_s * interval_s) * 1000
        now_ms = second * 1000 + 999
        field = {"at_ms": came_ms, "received_ms": came_ms, "silent_ratio": 0.0, "interval_s": interval_s}
        state = {"f:traffic": field, "f:weather": field}
        state |= {f"p:{part}": {"part": part, "at_ms": now_ms - 900} for part in PARTS}
        screen.mirror.load("e", second, state)
        assert health(screen, None, now_ms)["status"] == "ok"
        assert screen.late_domains(now_ms) == set()
        assert screen.living(now_ms)["live_until_ms"] > now_ms


@pytest.mark.parametrize(
    ("traffic", "weather", "states", "status"),
    [
        (feed(35.0), feed(185.0), ("live", "live"), "ok"),
        (feed(35.1), feed(1.0), ("late", "live"), "ok"),  # a silent department takes nothing else down
        (feed(35.1), feed(185.1), ("late", "late"), "down"),
        (None, feed(1.0), ("unheard", "live"), "ok"),
        (None, None, ("unheard", "unheard"), "down"),
        (feed(29.0, interval_s=300.0), feed(1.0), ("live", "live"), "ok"),
        (feed(35.1, interval_s=300.0), None, ("live", "unheard"), "ok"),  # its fast sensor has long been silent
    ],
)
def test_each_domain_is_judged_alone(config, fields, traffic, weather, states, status):
    found = fields | {"f:traffic": traffic, "f:weather": weather}
    screen = screen_of(config, {field: value for field, value in found.items() if value is not None})
    health_ = health(screen, None, NOW)
    assert tuple(one["state"] for one in health_["domains"].values()) == states
    assert health_["status"] == status
    assert bool(health_["reasons"]) is (status == "down")
    assert len(health_["reasons_zh"]) == len(health_["reasons"])
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in one) for one in health_["reasons_zh"])
    assert screen.late_domains(NOW) == {
        domain for domain, state in zip(("traffic", "weather"), states, strict=True) if state != "live"
    }


def test_what_stands_still_is_said_of_a_wall_that_is_living(config, fields):
    told = dataclasses.replace(config, troubles=lambda: [Name("history 停滞", "history stands still")])
    found = health(screen_of(told, fields), None, NOW)
    assert (found["status"], found["reasons"]) == ("ok", ["history stands still"])


def test_data_of_an_earlier_start_proves_nothing(config, fields):
    later = dataclasses.replace(config, started_ms=NOW - 400)
    found = health(screen_of(later, fields), None, NOW)
    assert found["status"] == "down"
    assert {one["state"] for one in found["domains"].values()} == {"unheard"}
    assert "traffic, weather" in found["reasons"][-1]


@pytest.mark.parametrize(
    ("changed", "silent"),
    [
        ({}, {}),
        ({"p:alarms": {"at_ms": NOW - 10_001}}, {"alarms": 10.001}),
        ({"p:alarms": {"at_ms": NOW - 10_000}}, {}),
        ({"p:processors_second": {"at_ms": NOW - 60_000}}, {"processors_second": 60.0}),
        ({"p:sinks_history": {"at_ms": NOW - 60_000}}, {}),  # the history may be away
        ({"p:intake": {"at_ms": NOW - 60_000}, "p:intake-2": {"at_ms": NOW}}, {}),  # another worker has its partitions
        ({"p:alarms": None}, {"alarms": None}),
    ],
    ids=["none", "just now", "at the limit", "second level", "history", "another worker", "never heard"],
)
def test_the_way_is_broken_where_a_part_is_silent(config, fields, changed, silent):
    found = {field: value for field, value in (fields | changed).items() if value is not None}
    screen = screen_of(config, found)
    assert silent_parts(screen.mirror.parts, NOW) == silent
    assert health(screen, None, NOW)["status"] == ("down" if silent else "ok")
    assert screen.living(NOW)["silent"] == list(silent)


@pytest.mark.parametrize(("age_s", "said"), [(60.0, "gave its last pulse 60 s ago"), (None, "has not been heard")])
def test_a_silent_alarm_engine_has_a_reason_of_its_own(config, fields, age_s, said):
    """A quiet list and a dead engine look alike."""
    del fields["p:alarms"]
    if age_s is not None:
        fields["p:alarms"] = {"at_ms": NOW - int(age_s * 1000)}
    found = health(screen_of(config, fields), None, NOW)
    assert found["status"] == "down"
    (reason,), (reason_zh,) = found["reasons"], found["reasons_zh"]
    assert said in reason
    assert "no new alarm is raised and no command takes effect" in reason
    assert "新报警不会出现" in reason_zh


def test_a_lost_live_state_is_down(config, fields):
    assert health(screen_of(config, fields), NOW - 4000, NOW)["status"] == "down"


@pytest.mark.parametrize(
    ("minute_ms", "age_s"),
    [
        (420_000, 20.0),  # 500 s minus the end of the minute at 480 s
        (720_000, 0.0),  # a mark 290 s ahead closed the minute that ends at 780 s
    ],
)
def test_final_age_follows_the_city_clock_and_is_never_negative(config, fields, minute_ms, age_s):
    more = {"clock": {"at_ms": 500_000, "wall_ms": NOW, "speed": 60.0}, "s:A": [minute_ms, 1.0, 60.0, 1]}
    found = health(screen_of(config, fields | more), None, NOW)
    assert found["final_age_s"] == age_s


def test_a_page_is_told_until_when_it_is_live(config, fields):
    assert screen_of(config, fields).living(NOW) == {
        "newest_ms": NOW - 500,
        "live_until_ms": NOW - 9_000 + 185_000,  # weather's newest row and its limit
        "late_after_ms": 17_500,  # half of traffic's 35 s
        "silent": [],
    }
    assert screen_of(config, {}).living(NOW)["live_until_ms"] is None


@pytest.mark.parametrize(
    ("at_ms", "speed", "behind"),
    [
        (NOW - 55_000, 1.0, False),  # 35 s and 20 s on its way
        (NOW - 55_001, 1.0, True),
        (NOW - 1_800_000, 60.0, False),  # 30 s of the wall's time: 10 s and 20 s
        (NOW - 1_800_060, 60.0, True),
        (NOW - 9_000_000, 0.0, False),
        (None, 1.0, True),
    ],
)
def test_a_backlog_is_behind_by_its_own_time(at_ms, speed, behind):
    assert is_behind({"at_ms": at_ms, "received_ms": NOW}, 10.0, NOW, speed) is behind


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
