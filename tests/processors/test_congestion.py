"""Congestion, by hand: the segment is 1.2 km long, free flow is 60 km/h (docs/methods/tti.md)."""

import numpy as np
import pytest

from processors.congestion import Config, State, live, step
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import NO_TIME_MS, Frame

MINUTE_MS = 60_000
NAN = float("nan")
LATE = True


def town(sensors: int = 1, interval_s: float = 60.0) -> City:
    segment = Segment("s", 0, "", "", "arterial", 2, 1200.0, 60.0, (), ((0.0, 0.0), (0.0, 1.0)))
    watching = tuple(Sensor(f"d{index}", "traffic", 0, 0, 0.0, 0.0, interval_s, "", "") for index in range(sensors))
    return City("c", "", "", "UTC", "", (Zone("z", "", ""),), (segment,), watching)


def frame(watermark_ms: int, *rows: tuple[int, int, float, float, bool]) -> Frame:
    """Rows of (sensor, event time, flow, speed, late)."""
    sensor, at_ms, flow, speed, late = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    columns = {"flow_veh_h": np.array(flow, float), "speed_km_h": np.array(speed, float)}
    return Frame(
        "traffic", 0, np.array(sensor, np.int32), np.array(at_ms, np.int64), np.array(late, bool), columns, watermark_ms
    )


def found(rows, metric: str) -> list[float]:
    return rows.value[rows.metric == metric].tolist()


def test_a_minute_by_hand():
    rows = step(State(), frame(MINUTE_MS, (0, 0, 600, 30, False), (0, 59_999, 300, 3, False)), town(), Config()).rows
    # mean(q/v') = (600/30 + 300/5)/2 = 40 veh/km; VHT = 40 * 1.2/60 = 0.8; free VHT = (10 + 5)/2 * 1.2/60 = 0.15
    assert found(rows, "tti_ratio") == [pytest.approx(0.8 / 0.15, rel=1e-12)]
    assert found(rows, "speed_km_h") == [pytest.approx(900 / 80, rel=1e-12)]
    assert found(rows, "delay_s") == [pytest.approx(312, rel=1e-9)]  # (1.2/11.25 - 1.2/60) * 3600
    assert found(rows, "flow_veh_h") == [450]
    tti = rows.where(rows.metric == "tti_ratio")
    assert (tti.numerator.tolist(), tti.denominator.tolist()) == ([800_000_000_000], [150_000_000_000])
    assert (tti.count.tolist(), tti.at_ms.tolist(), tti.revision.tolist()) == ([2], [0], [0])


def test_faster_than_free_flow_is_free_flow():
    rows = step(State(), frame(MINUTE_MS, (0, 0, 600, 80, False)), town(), Config()).rows
    assert found(rows, "tti_ratio") == [1.0]
    assert found(rows, "delay_s") == [0.0]
    assert found(rows, "speed_km_h") == [80.0]


@pytest.mark.parametrize(
    ("flow", "speed", "dropped", "tti", "flows"),
    [
        pytest.param(0, 50, {"no_vehicles": 1}, NAN, 0, id="no vehicles, a speed carried over"),
        pytest.param(600, 0, {"no_speed": 1}, NAN, 600, id="vehicles that stand"),
        pytest.param(600, NAN, {"no_speed": 1}, NAN, 600, id="vehicles without a speed"),
        pytest.param(NAN, NAN, {"no_speed": 1}, NAN, NAN, id="nothing"),
        pytest.param(NAN, 30, {}, 2.0, NAN, id="a speed without flow counts as 1 veh/h"),
        pytest.param(600, 2, {}, 12.0, 600, id="a crawl counts as 5 km/h: 60/5"),
    ],
)
def test_what_a_reading_counts_for(flow, speed, dropped, tti, flows):
    result = step(State(), frame(MINUTE_MS, (0, 0, flow, speed, False)), town(), Config())
    assert dict(result.dropped) == dropped
    assert found(result.rows, "tti_ratio") == [pytest.approx(tti, nan_ok=True)]
    assert found(result.rows, "flow_veh_h") == [pytest.approx(flows, nan_ok=True)]
    assert result.rows.coverage_ratio.tolist() == [1.0] * 4


def test_a_late_reading_of_an_open_minute_waits_for_the_final():
    rows = step(State(), frame(MINUTE_MS, (0, 0, 600, 30, False), (0, 1000, 600, 60, LATE)), town(), Config()).rows
    tti = rows.where(rows.metric == "tti_ratio")
    assert tti.revision.tolist() == [0, 1]
    assert tti.value.tolist() == [2.0, pytest.approx(1.5)]  # (20 + 10)/2 veh/km against 10


def test_a_late_reading_of_a_closed_minute_corrects_it_exactly():
    state = step(State(), frame(MINUTE_MS, (0, 0, 600, 30, False)), town(), Config()).state
    state = step(state, frame(MINUTE_MS, (0, 2000, 600, 60, LATE)), town(), Config()).state
    rows = step(state, frame(MINUTE_MS, (0, 3000, 600, 20, LATE)), town(), Config()).rows
    assert rows.revision.tolist() == [2] * 4
    assert found(rows, "tti_ratio") == [pytest.approx(2.0)]  # (20 + 10 + 30)/3 against 10


def test_coverage_is_the_share_of_the_segments_sensors_that_spoke():
    city = town(sensors=4, interval_s=20)
    rows = step(State(), frame(MINUTE_MS, (0, 0, 600, 30, False), (2, 5, 600, 30, False)), city, Config()).rows
    assert rows.coverage_ratio.tolist() == [0.5] * 4


def test_a_sensor_of_five_minutes_is_missed_at_its_beat_only():
    city = town(sensors=2, interval_s=300)
    state, coverage = State(), []
    for minute in range(11):
        first = (0, minute * MINUTE_MS, 600, 30, False)  # speaks every minute, so that each minute is judged
        second = (1, minute * MINUTE_MS, 600, 30, False)
        rows = (first, second) if minute == 0 else (first,)
        result = step(state, frame((minute + 1) * MINUTE_MS, *rows), city, Config())
        state = result.state
        coverage.append(result.rows.coverage_ratio[0])
    assert coverage == [1, 1, 1, 1, 1, 0.5, 1, 1, 1, 1, 0.5]


def test_provisional_rows_carry_the_newest_reading_and_its_window():
    state = step(
        State(), frame(NO_TIME_MS, (0, 0, 600, 60, False), (0, 61_000, 600, 30, False)), town(), Config()
    ).state
    rows = live(state, np.array([0], np.int32), town(), Config())
    assert rows.metric.tolist() == ["tti_ratio", "speed_km_h"]
    assert rows.value.tolist() == [2.0, 30.0]
    assert (rows.at_ms.tolist(), rows.revision.tolist()) == ([61_000] * 2, [-1] * 2)


def test_sensors_that_a_reload_appends_join_what_is_open():
    state = step(State(), frame(NO_TIME_MS, (0, 0, 600, 30, False)), town(), Config()).state
    rows = step(state, frame(MINUTE_MS, (1, 1, 600, 60, False)), town(sensors=2), Config()).rows
    assert found(rows, "tti_ratio") == [pytest.approx(1.5)]


@pytest.mark.parametrize("late", [False, True])
def test_a_detector_that_floods_costs_its_neighbours_nothing(late: bool):
    """4,000 readings of 20,000 veh/h at 5 km/h, 4,000 veh/km each, are 1.6e19 at 1e12, where 64 bits end at 9.2e18."""
    flood = [(0, index, 20_000.0, 5.0, False) for index in range(4000)]
    honest = [(1, 0, 600.0, 30.0, False), (1, 1, 600.0, 60.0, late)]
    state = step(State(), frame(NO_TIME_MS, *flood, *honest), town(sensors=2), Config()).state
    state = step(state, frame(NO_TIME_MS, *[(*row[:4], late) for row in flood]), town(sensors=2), Config()).state
    provisional = live(state, np.array([0, 1], np.int32), town(sensors=2), Config())
    assert np.isfinite(provisional.value).all()
    rows = step(state, frame(2 * MINUTE_MS), town(sensors=2), Config()).rows
    assert np.isfinite(rows.value).all()
    assert found(rows, "tti_ratio")


def test_the_sums_of_honest_detectors_do_not_wrap_around():
    """Three stand in a jam: 3 * 1000 * 20,000 / 5 veh/km at 1e12 are 1.2e19, where 64 bits end at 9.2e18."""
    rows = [(sensor, index, 20_000.0, 5.0, False) for sensor in range(3) for index in range(1000)]
    rows = step(State(), frame(MINUTE_MS, *rows), town(sensors=3), Config()).rows
    assert found(rows, "speed_km_h") == [pytest.approx(5.0, rel=1e-12)]
    assert found(rows, "tti_ratio") == [pytest.approx(12.0, rel=1e-12)]


def test_a_reading_too_large_for_a_sum_costs_itself():
    """20,000 veh/h at 1 km/h are 2e16 units, of which no thousand fit: with a floor of 5 km/h there is none such."""
    log = frame(MINUTE_MS, (0, 0, 600, 30, False), (0, 1, 20_000, 1, False), (0, 2, 0, 1, False))
    result = step(State(), log, town(), Config(speed_floor_km_h=1.0))
    assert result.dropped == {"too_large": 1, "no_vehicles": 1}
    assert found(result.rows, "speed_km_h") == [30.0]
    assert found(result.rows, "flow_veh_h") == [300.0]
    assert result.rows.count[result.rows.metric == "tti_ratio"].tolist() == [1]
