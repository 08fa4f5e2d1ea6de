"""What the measurements of the running city are made of."""

from types import SimpleNamespace

import pytest

from streams.city.registry import load_city
from tests.bench.system import MEASUREMENTS, alarms, figures, growth, latency, markers


def test_each_marker_is_the_only_sensor_of_its_segment(tmp_path):
    found = markers.city_with_markers(tmp_path / "city", 20)
    city = load_city(tmp_path / "city")
    watching = {}
    for sensor in city.sensors:
        if sensor.segment >= 0:
            watching.setdefault(city.segments[sensor.segment].id, []).append(sensor.id)
    assert len(found) == 20
    assert {segment: [marker] for marker, segment in found.items()} == {
        segment: watching[segment] for segment in found.values()
    }
    assert city.simulated


def test_a_reading_is_seen_when_its_own_time_is_first_shown():
    sent = [("S1", 1_000), ("S2", 1_200), ("S1", 5_000)]
    seen = [("S1", 900, 950.0), ("S1", 1_000, 1_300.0), ("S1", 1_000, 1_800.0), ("S2", 1_200, 1_600.0)]
    found = latency.figures(sent, seen, [1.0, 2.0, 3.0])
    assert (found["seen_p50_ms"], found["seen_most_ms"]) == (350.0, 400.0)
    assert (found["sent"], found["never_seen"]) == (3, 1)
    assert found["tick_p50_ms"] == 2.0


def test_nothing_seen_is_no_figure():
    with pytest.raises(SystemExit):
        latency.figures([("S1", 1_000)], [], [1.0])


def test_every_measurement_has_targets_and_a_missed_one_is_named(monkeypatch, tmp_path):
    for name in MEASUREMENTS:
        assert figures.module(name).TARGETS
    toy = SimpleNamespace(TARGETS={"a": 1.0, "b": 2.0}, measure=lambda folder: {"a": 1.0, "b": 2.5, "c": 9.0})
    monkeypatch.setattr(figures, "module", lambda name: toy)
    found, missed = figures.take(["toy"], tmp_path)
    assert {key: found["toy"][key] for key in "abc"} == {"a": 1.0, "b": 2.5, "c": 9.0}
    assert missed == ["toy: b is 2.500, the target 2"]


def test_growth_is_the_slope_of_the_part_that_grows_fastest():
    found = growth.figures([240, 300, 360], {"wall": [100.0, 100.6, 101.2], "broker": [200.0, 260.0, 320.0]})
    assert found["grows_most_mb_min"] == found["wall_mb_min"] == pytest.approx(0.01)
    assert found["broker_mb_min"] == pytest.approx(1.0)


def test_a_part_that_ended_meanwhile_has_no_growth():
    with pytest.raises(SystemExit, match="feeds"):
        growth.figures([240, 300], {"wall": [100.0, 100.0], "feeds": [60.0]})


def test_a_finding_is_there_with_its_row_and_a_mark_when_each_console_counts_it(monkeypatch):
    monkeypatch.setattr(alarms, "CONSOLES", 2)
    watch = alarms.Watch()
    watch.sent = [("a", 1_000), ("b", 1_020), ("a", 1_040)]
    watch.rows = {"a": [(900, 950.0), (1_000, 1_100.0), (1_040, 1_240.0)], "b": []}
    watch.marks_ms = [1_000.0, 2_000.0]
    watch.shown_ms = [[1_300.0, 2_500.0], [1_400.0]]
    watch.pages_ms = [7.0]
    found = alarms.figures(watch)
    assert (found["row_p50_ms"], found["row_most_ms"]) == (150.0, 200.0)  # 100 and 200
    assert (found["console_p50_ms"], found["console_most_ms"]) == (400.0, 500.0)  # 300, 500 and 400
    assert found["never_shown"] == 2  # row of b, second mark at the second console


def test_no_alarm_that_was_shown_is_no_figure():
    with pytest.raises(SystemExit, match="none of the alarms"):
        alarms.figures(alarms.Watch())
