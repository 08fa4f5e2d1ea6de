"""Sudden slow traffic, by hand: three segments in a row, s0 → s1 → s2, usually at 60 km/h."""

import numpy as np
import pytest

from processors.slow_traffic import Config, State, step
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import Frame

MINUTE_MS = 60_000
LINE = ((0.0, 0.0), (0.0, 1.0))
WARM = 10
"""Minutes of usual traffic before anything happens."""


def road(interval_s: float = 60.0) -> City:
    segments = tuple(
        Segment(f"s{n}", 0, "", "", "arterial", 2, 500.0, 60.0, (f"s{n - 1}",) if n else (), LINE) for n in range(3)
    )
    sensors = tuple(Sensor(f"d{n}", "traffic", 0, n, 0.0, 0.0, interval_s, "", "") for n in range(3))
    return City("c", "", "", "UTC", "", (Zone("z", "", ""),), segments, sensors)


def drive(
    minutes: list[tuple[float, float, float]], flow_veh_h: float = 600, every: int = 1
) -> list[tuple[str, int, int]]:
    """Speeds of the three segments, a report each → (segment, level, report of `at`) found after the usual traffic."""
    city, state, found = road(60.0 * every), State(), []
    for index, speeds in enumerate([(60.0, 60.0, 60.0)] * WARM + minutes):
        at_ms = index * every * MINUTE_MS
        columns = {"speed_km_h": np.array(speeds), "flow_veh_h": np.full(3, flow_veh_h)}
        frame = Frame("traffic", 0, np.arange(3, dtype=np.int32), np.full(3, at_ms), np.zeros(3, bool), columns, at_ms)
        result = step(state, frame, city, Config())
        state = result.state
        found += result.detections
    end_ms = (WARM + len(minutes)) * every * MINUTE_MS
    nothing = np.empty(0, np.int64)
    last = Frame("traffic", 0, nothing.astype(np.int32), nothing, nothing.astype(bool), {}, end_ms)
    found += step(state, last, city, Config()).detections
    return [(one.entity, one.level, one.at_ms // MINUTE_MS // every - WARM) for one in found]


USUAL = (60.0, 60.0, 60.0)


@pytest.mark.parametrize(
    ("minutes", "found"),
    [
        pytest.param([(60, 60, 30)] * 4 + [USUAL], [], id="four slow reports alone are too few"),
        pytest.param([(60, 60, 30)] * 5, [("s2", 4, 0)], id="five are enough, tentatively"),
        pytest.param([(60, 40, 30)] * 3, [("s2", 4, 0)], id="three with the neighbour's word"),
        pytest.param([(60, 40, 25)] * 3, [("s2", 3, 0)], id="confirmed and below 0.45: III"),
        pytest.param([(60, 40, 10)] * 3, [("s2", 2, 0)], id="confirmed and below 0.3: II"),
        pytest.param([(60, 60, 40)] * 20, [], id="two thirds of the usual speed are not slow"),
        pytest.param(
            [(60, 40, 30)] * 3 + [USUAL] * 3, [("s2", 4, 0), ("s2", 0, 3)], id="three recovered reports clear"
        ),
        pytest.param([(60, 40, 30)] * 3 + [USUAL, (60, 40, 30)] * 3, [("s2", 4, 0)], id="not with a relapse between"),
        pytest.param([(60, 40, 30)] * 3 + [(60, 40, 10)], [("s2", 4, 0), ("s2", 2, 3)], id="it steps up"),
        pytest.param([(60, 40, 10)] * 3 + [(20, 20, 10)] * 8, [("s2", 2, 0)], id="the queue behind it is its own"),
    ],
)
def test_what_is_found(minutes, found):
    assert drive(minutes) == found


def test_a_few_vehicles_at_night_decide_nothing():
    assert drive([(60, 40, 10)] * 10, flow_veh_h=60) == []


def test_reports_of_five_minutes_count_as_reports():
    assert drive([(60, 40, 30)] * 3 + [USUAL] * 3, every=5) == [("s2", 4, 0), ("s2", 0, 3)]
