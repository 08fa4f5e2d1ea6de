"""The traffic flow on small networks: no vehicle is lost, a blocked lane makes a queue that grows and dissolves."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from streams.city.registry import City, Segment, Zone
from streams.feeds.sample_city.simulation.rhythm import Moment, moment
from streams.feeds.sample_city.simulation.roads import Roads
from streams.feeds.sample_city.simulation.roads import build as build_roads
from streams.feeds.sample_city.simulation.traffic import STEP_S, Traffic

MINUTE_STEPS = int(60 / STEP_S)
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON_MS = 1_790_827_200_000
"""2026-10-01 12:00 in Shanghai, a Thursday."""
NOON = moment(NOON_MS, SHANGHAI)


def line(count: int = 8, entering_veh_h: float = 2_000.0) -> Roads:
    """A straight road of 3 lanes in `count` pieces of 500 m, 60 km/h, 3,000 veh/h; all enter first and leave last."""
    ones = np.ones(count)
    ending, entering = np.zeros(count), np.zeros(count)
    ending[-1], entering[0] = 1.0, entering_veh_h
    return Roads(
        lanes=3 * ones,
        length_km=0.5 * ones,
        free_km_h=60 * ones,
        capacity_veh_h=3_000 * ones,
        critical_veh_km=3_000 / (60 * 0.55) * ones,
        jam_veh_km=420 * ones,
        ending=ending,
        start=np.arange(count - 1),
        end=np.arange(1, count),
        turning=np.ones(count - 1),
        inward=0 * ones,
        centrality=0.5 * ones,
        entering_veh_h=entering,
    )


def run(traffic: Traffic, minutes: int, open_share: np.ndarray | None = None) -> None:
    everything = np.ones(len(traffic.vehicles))
    for _ in range(minutes * MINUTE_STEPS):
        traffic.step(NOON, 0.0, everything if open_share is None else open_share)


def test_an_incident_makes_a_queue_that_grows_upstream_and_dissolves() -> None:
    traffic = Traffic(line(), seed=1)
    run(traffic, 20)
    before = traffic.speed_km_h.copy()
    blocked = np.ones(8)
    blocked[5] = 1 / 3
    slow_after = []
    for _ in range(4):
        run(traffic, 10, blocked)
        slow_after.append(int(np.sum(traffic.speed_km_h < 0.5 * before)))
    assert slow_after[0] >= 1
    assert slow_after == sorted(slow_after)
    assert slow_after[-1] > slow_after[0]
    assert traffic.speed_km_h[4] < 0.5 * before[4]
    assert traffic.speed_km_h[6] > 0.95 * before[6], "beyond the incident the road is free"
    run(traffic, 90)
    assert traffic.speed_km_h == pytest.approx(before, rel=0.05)


def test_what_passes_an_incident_is_what_its_open_lanes_carry() -> None:
    traffic = Traffic(line(), seed=1)
    blocked = np.ones(8)
    blocked[5] = 1 / 3
    run(traffic, 60, blocked)
    # one lane of three, 85 % of it: 3,000 / 3 * 0.85
    assert traffic.flow_veh_h[5] == pytest.approx(850, rel=0.01)


def test_no_vehicle_is_lost_or_made_on_a_ring() -> None:
    ring = line(count=6)
    closed = Roads(
        **{
            **{name: getattr(ring, name) for name in Roads.__dataclass_fields__},
            "ending": np.zeros(6),
            "entering_veh_h": np.zeros(6),
            "start": np.arange(6),
            "end": np.roll(np.arange(6), -1),
            "turning": np.ones(6),
        }
    )
    traffic = Traffic(closed, seed=1)
    traffic.vehicles = np.array([90.0, 0, 30, 180, 5, 0])
    run(traffic, 60)
    assert traffic.vehicles.sum() == pytest.approx(305.0, rel=1e-9)
    assert (traffic.vehicles >= 0).all()


def test_an_empty_road_is_driven_at_free_flow() -> None:
    traffic = Traffic(line(entering_veh_h=30.0), seed=1)
    run(traffic, 30)
    assert traffic.speed_km_h == pytest.approx(np.full(8, 60.0), rel=0.02)


def test_rain_slows_traffic() -> None:
    dry, wet = Traffic(line(), seed=1), Traffic(line(), seed=1)
    for _ in range(30 * MINUTE_STEPS):
        dry.step(NOON, 0.0, np.ones(8))
        wet.step(NOON, 1.0, np.ones(8))
    assert (wet.speed_km_h < 0.85 * dry.speed_km_h).all()


def test_the_morning_is_fuller_than_the_night() -> None:
    by_hour = {}
    for hour in (3, 8):
        traffic = Traffic(line(), seed=1)
        now = Moment(NOON_MS, float(hour), weekend=False, day_of_year=274)
        for _ in range(30 * MINUTE_STEPS):
            traffic.step(now, 0.0, np.ones(8))
        by_hour[hour] = float(traffic.vehicles.sum())
    assert by_hour[8] > 5 * by_hour[3]


def test_roads_of_a_city_lead_traffic_on_and_carry_what_the_peak_asks() -> None:
    def piece(name: str, x: float, upstream: tuple[str, ...]) -> Segment:
        ends = (118.0 + x / 100, 30.0), (118.0 + (x + 1) / 100, 30.0)
        return Segment(name, 0, name, name, "arterial", 2, 950.0, 50.0, upstream, ends)

    segments = (piece("a", 0, ()), piece("b", 1, ("a",)), piece("c", 2, ("b",)), piece("d", 2, ("b",)))
    city = City("t", "t", "t", "UTC", "", (Zone("z", "z", "z"),), segments, ())
    roads = build_roads(city)
    assert list(zip(roads.start.tolist(), roads.end.tolist(), strict=True)) == [(0, 1), (1, 2), (1, 3)]
    assert np.bincount(roads.start, roads.turning) == pytest.approx([1.0, 1.0])
    assert roads.ending[2] == roads.ending[3] == 1.0, "what nothing follows ends every trip"
    assert roads.ending[0] < 1.0
    assert (roads.entering_veh_h > 0).any()
