"""Cost and memory by size, on little: what is measured is verified, and neither grows with the city or the hours."""

import asyncio

import pytest

from tests.bench.job import Shape
from tests.bench.race import Run
from tests.bench.scale import costs, memory, passage, rebuild, second, turns, workers
from tests.bench.scale.passage import Cost
from tests.bench.system import live_latency

SMALL, LARGE = Shape(segments=1_000, zones=4, partitions=2), Shape(segments=20_000, zones=4, partitions=2)
MOST_RATIO = 1.5
"""Generous: the job is short. It is some 1.2; looking each name up for each frame made it 1.75."""


def test_twenty_times_the_segments_leave_a_reading_its_cost(tmp_path):
    def cost(shape, minutes):
        return min(
            (one.intake_us + one.zone_us)
            for one in [asyncio.run(passage.passage(shape, 12, minutes, tmp_path)) for _ in range(3)]
        )

    assert cost(LARGE, 1) / cost(SMALL, 20) < MOST_RATIO


def test_a_passage_with_a_wrong_window_has_no_cost(tmp_path, monkeypatch):
    honest = passage.results

    def one_too_many(value):
        for segment, at_ms, tti, count in honest(value):
            yield segment, at_ms, tti, count + (segment == 7)

    monkeypatch.setattr(passage, "results", one_too_many)
    with pytest.raises(ValueError, match="8 windows differ"):  # segment 7, eight minutes
        asyncio.run(passage.passage(SMALL, 12, 8, tmp_path))


def test_an_axis_is_judged_by_its_calmest_repeats():
    repeats = {
        "1": [Cost(3.0, 2.0, 100.0, 50.0, 1.0, 9.0), Cost(0.5, 4.0, 100.0, 50.0, 1.0, 9.0)],
        "9": [Cost(5.0, 5.0, 100.0, 60.0, 1.0, 9.0)],
    }
    found = costs.figures("segments", repeats)
    assert (found["segments_1_intake_us"], found["segments_1_zone_us"]) == (0.5, 2.0)
    assert found["segments_last_by_first"] == pytest.approx(10 / 2.5)
    assert found["segments_off_middle_ratio"] == pytest.approx(2.0)  # 2.5 and 10 lie around 5


@pytest.mark.timeout(240)
def test_states_stand_still_once_the_first_hours_are_over(tmp_path):
    found = asyncio.run(memory.measure(tmp_path, 5, Shape(segments=100, zones=4, partitions=2)))
    assert found["memory_readings"] == 5 * 60 * 100
    assert found["memory_zone_state_ratio"] < memory.FLAT_RATIO
    assert found["memory_second_state_ratio"] < memory.FLAT_RATIO


def test_the_second_level_has_a_cost_only_where_its_city_is_the_sum_of_its_segments(tmp_path, monkeypatch):
    shape = Shape(segments=100, zones=4, partitions=2)
    monkeypatch.setattr(second, "LATE_EVERY", 10)
    found = asyncio.run(second.measure(tmp_path, shape, 2))
    assert found["second_frames_a_minute"] > 8  # four zones', and what is corrected and summed up
    honest = second.note

    def one_too_many(told, rows, of_city):
        honest(told, rows, of_city)
        for of_minute in told.values():
            of_minute["s100"] = (0, 1, 1)

    monkeypatch.setattr(second, "note", one_too_many)
    with pytest.raises(ValueError, match="3 minutes of the city are not"):
        asyncio.run(second.measure(tmp_path, shape, 2))


def test_turns_of_the_event_loop_are_told_by_what_they_did(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "WARM_UP_STEPS", 7)
    found = turns.measure(tmp_path, 20, 5)
    assert found["turns_saving_count"] > 2  # five seconds have a save of each stage at least, in several turns
    assert found["turns_other_count"] >= 5 * turns.TICKS_A_SECOND
    by_hand = turns.figures([(0.002, True), (0.004, True), (0.1, False)])
    assert (by_hand["turns_saving_p50_ms"], by_hand["turns_saving_most_ms"]) == (3.0, 4.0)
    assert (by_hand["turns_other_count"], by_hand["turns_other_p999_ms"]) == (1.0, 100.0)


def test_what_is_rebuilt_has_a_time_only_where_nothing_is_missing_afterwards(tmp_path, monkeypatch):
    def measured():
        with asyncio.Runner(loop_factory=turns.TurnLoop) as runner:
            return runner.run(rebuild.measure(tmp_path, 60, 150, 70))

    monkeypatch.setattr("streams.zone.rebuilding.START_S", 0.0)  # else all of it is rebuilt before anything comes
    found = measured()
    assert found["rebuild_held_readings"] == 150  # 60 a minute for two and a half
    assert found["rebuild_whole_minutes"] == 7 * 60  # so few frames are kept for six hours, and the late limit is one
    assert found["rebuild_wall_s"] == pytest.approx(found["rebuild_held_wall_s"] * 7 * 3600 / 150)
    assert found["rebuild_lag_most_ms"] >= found["rebuild_lag_p50_ms"] > 0
    monkeypatch.setattr("streams.zone.rebuilding.Rebuild.move_over", lambda _: [])
    with pytest.raises(ValueError, match="lacks a reading"):
        measured()


def test_two_workers_are_compared_by_their_calmest_runs():
    def run(name, cpu_us, wall_us, peak_mb):
        return Run(name, 1, cpu_us, wall_us, 0.0, 0, {"intake": peak_mb, "processors": 100.0})

    two = [run(workers.TWO, 2.2, 2.0, 0.0), run(workers.TWO, 2.4, 1.5, 0.0)]
    found = workers.figures([run(workers.ONE, 2.0, 3.0, 350.0), run(workers.ONE, 2.5, 3.5, 360.0), *two])
    assert found["workers_cpu_ratio"] == pytest.approx(1.1)
    assert found["workers_wall_speedup"] == pytest.approx(2.0)
    assert (found["workers_intake_peak_mb"], found["workers_processors_peak_mb"]) == (360.0, 100.0)


def test_a_reading_is_in_redis_when_its_time_or_a_later_one_is():
    sent = [(1, 1_000), (1, 1_400), (2, 1_000), (3, 1_000)]
    shown = {1: [(900, 950.0), (1_400, 1_600.0)], 2: [(1_000, 1_100.0)]}
    found = live_latency.figures(sent, shown)
    assert found["redis_p50_ms"] == 200.0  # of 600, 200 and 100
    assert found["redis_most_ms"] == 600.0
    assert found["never_shown"] == 1
