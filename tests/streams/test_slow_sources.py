"""design.md 6.3: what is late, too late or future follows the source: `stamps`, `delay_s`, `late_limit_s` of a sensor.

A city with one station of air that reports each minute, and one beside it that is slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streams.city.own_domains import take_in
from streams.domains import schema
from tests.streams.sources import HOUR_MS, MINUTE_MS, START_MS, Reading, Told, run, town

if TYPE_CHECKING:
    from pathlib import Path

PM10 = "pm10_ug_m3"


def air(folder: Path, *lines: str) -> Path:
    """A city with the station `quick` and these."""
    return town(folder, "environment", "quick,60,,,", *lines)


def each_minute(hours: float) -> list[Reading]:
    return [Reading(at_ms, "quick", at_ms) for at_ms in range(START_MS, START_MS + int(hours * HOUR_MS), MINUTE_MS)]


def test_an_hourly_station_that_stamps_the_begin_and_sends_20_minutes_later_counts(tmp_path: Path) -> None:
    """Nine of nine: of the hours 0 to 8, sent at 1:20 … 9:20, between a neighbour's readings of each minute."""
    folder = air(tmp_path / "city", "hourly,3600,begin,1200,")
    hourly = [
        Reading(START_MS + (hour + 1) * HOUR_MS + 20 * MINUTE_MS, "hourly", START_MS + hour * HOUR_MS, 10.0 * hour)
        for hour in range(9)
    ]
    told = run(folder, PM10, [*each_minute(9.5), *hourly])
    assert told.refused == {}
    assert told.of("hourly") == [(60 * hour, 0, 10.0 * hour) for hour in range(9)]
    assert told.of("quick") == [(minute, 0, 40.0) for minute in range(568)]
    assert told.of("hourly", window_s=3600)[0] == (0, 0, 0.0)
    assert told.of("zone:z0")[0] == (0, 0, 20.0)  # (0 + 40) / 2: a zone waits for its slowest
    assert [one for one in told.detections if one.entity == "hourly"] == []


@pytest.mark.parametrize("cut", [1, 7])
def test_no_cut_changes_a_slow_station(tmp_path: Path, cut: int) -> None:
    """A quick and a slow one, in order, out of order, late and too late: rows by identity, and what was refused.

    Every fourth comes 83 min 20 s after its time: 60 s of disorder and 400 s of delay less, that is 75 min 40 s.
    """
    folder = air(tmp_path / "city", "slow,300,,400,")
    readings = each_minute(2.5)
    for number in range(20):
        at_ms = START_MS + number * 5 * MINUTE_MS
        readings.append(Reading(at_ms + [390_000, 10_000, 900_000, 5_000_000][number % 4], "slow", at_ms, number))
    whole, other = run(folder, PM10, readings), run(folder, PM10, readings, cut=cut)
    assert whole.refused == {"too_late": 5}
    assert newest(other) == newest(whole)
    assert {one.identity for one in other.detections} == {one.identity for one in whole.detections}
    assert other.refused == whole.refused
    finals = [row[:4] for row in whole.rows if row[4] == 0]
    assert len(finals) == len(set(finals))


def newest(told: Told) -> dict[Any, Any]:
    """Identity → revision and value of its highest revision; an unknown value is as good as another."""
    held: dict[Any, Any] = {}
    for *identity, revision, value in told.rows:
        key = tuple(identity)
        if key not in held or revision >= held[key][0]:
            held[key] = (revision, str(value))
    return held


@pytest.mark.parametrize(("delay_s", "revisions"), [(0, {1}), (180, {0})])
def test_a_declared_delay_makes_finals_of_what_were_corrections(
    tmp_path: Path, delay_s: int, revisions: set[int]
) -> None:
    """Readings of each five minutes that come 200 s after their time, where 60 s of disorder are usual."""
    folder = air(tmp_path / "city", f"slow,300,,{delay_s},")
    times = range(START_MS, START_MS + HOUR_MS, 5 * MINUTE_MS)
    told = run(folder, PM10, [*each_minute(1.2), *(Reading(at_ms + 200_000, "slow", at_ms, 30.0) for at_ms in times)])
    assert {revision for _, revision, value in told.of("slow") if value == value} == revisions


def test_future_and_too_late_follow_the_source(tmp_path: Path) -> None:
    """At 1:59:00 the source has reached 1:59:00 less the disorder of its domain, 60 s."""
    cases = [  # interval, stamps, delay, limit; so far ahead of the clock; refused for
        ("3600,end,,", 3000, ""),
        ("3600,end,,", 3700, "future"),
        ("3600,moment,,", 3000, "future"),
        ("60,end,,", 290, ""),
        ("60,end,,", 310, "future"),
        ("60,,,120", -170, ""),
        ("60,,,120", -190, "too_late"),
        ("60,,300,120", -470, ""),
        ("60,,300,120", -490, "too_late"),
        ("60,begin,300,120", -530, ""),
        ("60,begin,300,120", -550, "too_late"),
        ("60,,,", -3650, ""),
        ("60,,,", -3670, "too_late"),
        ("3600,begin,1200,", -3650 - 4800, ""),
        ("3600,begin,1200,", -3670 - 4800, "too_late"),
    ]
    folder = air(tmp_path / "city", *(f"air{number},{line}" for number, (line, _, _) in enumerate(cases)))
    now_ms = START_MS + 119 * MINUTE_MS
    sent = [
        Reading(now_ms + 1, f"air{number}", now_ms + 1000 * ahead_s) for number, (_, ahead_s, _) in enumerate(cases)
    ]
    told = run(folder, PM10, [*each_minute(2), *sent])
    assert told.refused_of == {f"air{number}": reason for number, (_, _, reason) in enumerate(cases) if reason}


def test_a_city_raises_the_limit_of_a_domain(tmp_path: Path) -> None:
    """Ten readings two hours late, where `domains/environment.toml` lets them be six: corrections, none refused."""
    folder = air(tmp_path / "city", "slow,60,,,21600")
    (folder / "domains").mkdir()
    (folder / "domains" / "environment.toml").write_text("late_limit_s = 21600\n")
    late = [
        Reading(START_MS + 150 * MINUTE_MS, "slow", START_MS + minute * MINUTE_MS, 20.0) for minute in range(30, 40)
    ]
    take_in(folder)
    try:
        told = run(folder, PM10, [*each_minute(3), *late])
    finally:
        schema.take_in({})
    assert told.refused == {}
    assert [row for row in told.of("slow") if row[2] == row[2]] == [(minute, 1, 20.0) for minute in range(30, 40)]
    assert {row[1:] for row in told.of("quick")} == {(0, 40.0)}


def test_a_feed_that_begins_with_decades_past_moves_nothing(tmp_path: Path) -> None:
    """A logger without a clock sends twelve minutes of 2000-01-01; then its clock is set. Its neighbour is right."""
    folder = air(tmp_path / "city", "logger,10,,,")
    past_ms = 946_684_800_000
    lost = [Reading(START_MS + 10_000 * n, "logger", past_ms + 10_000 * n, 900.0) for n in range(72)]
    back = [
        Reading(at_ms, "logger", at_ms, 20.0) for at_ms in range(START_MS + HOUR_MS, START_MS + 2 * HOUR_MS, 10_000)
    ]
    right = [one for one in each_minute(2) if one.at_ms >= START_MS + HOUR_MS]
    told = run(folder, PM10, [*lost, *back, *right])
    assert told.refused == {"too_late": 72}
    assert told.of("logger") == [(minute, 0, 20.0) for minute in range(60, 118)]  # to 1:59:50 less 60 s
    assert {row[3] // 60 for row in told.rows} <= {0, 1}  # nothing of another hour
    assert {one.kind for one in told.detections} == {"sensor_stuck"}  # both say the same for an hour


@pytest.mark.parametrize(
    ("line", "behind_s", "refused"),
    [
        ("60,,,", 3650, {}),
        ("60,,,", 3670, {"too_late": 1}),
        ("60,,300,", 3950, {}),
        ("60,,300,", 3970, {"too_late": 1}),
        ("3600,begin,1200,", 3650 + 4800, {}),
        ("3600,begin,1200,", 3670 + 4800, {"too_late": 1}),
    ],
)
def test_the_first_reading_of_a_feed_is_judged_by_its_arrival(
    tmp_path: Path, line: str, behind_s: int, refused: dict[str, int]
) -> None:
    """Its source has reached nothing yet. The limit is 3600 s, the disorder 60 s, and its sensor's lag."""
    folder = air(tmp_path / "city", f"first,{line}")
    told = run(folder, PM10, [Reading(START_MS, "first", START_MS - 1000 * behind_s)])
    assert told.refused == refused


@pytest.mark.parametrize("cut", [1, 50, 10**6])
def test_a_day_of_back_fill_before_the_live_readings_is_too_late(tmp_path: Path, cut: int) -> None:
    """24 readings of the 24 hours before, in one go: of the last hour alone one is in time, one behind the mark."""
    folder = air(tmp_path / "city", "logger,60,,,")
    day = [Reading(START_MS, "logger", START_MS - hour * HOUR_MS, 10.0) for hour in range(1, 25)]
    live = [Reading(at_ms, "logger", at_ms, 20.0) for at_ms in range(START_MS + 1000, START_MS + HOUR_MS, MINUTE_MS)]
    told = run(folder, PM10, [*day, *live], cut=cut)
    assert told.refused == {"too_late": 23}  # the hour of an hour ago is 59 minutes behind 60 s of disorder
    assert [row for row in told.of("logger") if row[0] >= 0] == [(minute, 0, 20.0) for minute in range(58)]
