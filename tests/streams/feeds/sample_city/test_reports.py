"""What the sensors of the simulated city send, and when: cadence, lines, faults."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streams.city.registry import City
from streams.domains.schema import load_schemas
from streams.feeds.lanes import Lane
from streams.feeds.sample_city.simulation.faults import Fault, Faults, Readings
from streams.feeds.sample_city.simulation.reporting import Cadence, Reporter
from streams.feeds.sample_city.simulation.world import World

NOON_MS = 1_790_827_200_000
DAY_MS = 86_400_000
SECOND_MS = 1_000


@pytest.fixture(scope="module")
def world(city: City) -> World:
    return World(city, seed=1, at_ms=NOON_MS)


def cadence(step_ms: int, phase_ms: int) -> Cadence:
    return Cadence(np.array([step_ms]), np.array([phase_ms]))


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "times"),
    [
        (0, 10_000, [300, 1_300, 2_300, 3_300, 4_300, 5_300, 6_300, 7_300, 8_300, 9_300]),
        (300, 301, [300]),
        (301, 1_300, []),
        (5_000, 5_000, []),
        (1_299, 2_301, [1_300, 2_300]),
    ],
)
def test_reports_are_due_once_a_step_the_start_included_the_end_not(
    from_ms: int, until_ms: int, times: list[int]
) -> None:
    _, at_ms = cadence(1_000, 300).due(from_ms, until_ms)
    assert at_ms.tolist() == times


def test_two_spans_give_what_one_gives() -> None:
    plan = Cadence.of([1, 5, 20, 60], 1.0, (1,))
    whole = sorted(zip(*map(np.ndarray.tolist, plan.due(7, 200_007)), strict=True))
    parts = []
    for start in range(7, 200_007, 12_500):
        parts += list(zip(*map(np.ndarray.tolist, plan.due(start, start + 12_500)), strict=True))
    assert sorted(parts) == whole


@pytest.mark.parametrize(
    ("interval_s", "speed", "step_s"),
    [(1, 1, 1), (1, 60, 60), (20, 60, 60), (1, 600, 60), (60, 60, 60), (10, 25, 30), (1, 0.5, 1), (120, 600, 120)],
)
def test_a_fast_clock_thins_reports_to_one_a_wall_clock_second_but_not_below_one_a_minute(
    interval_s: float, speed: float, step_s: int
) -> None:
    assert Cadence.of([interval_s], speed, (1,)).step_ms.tolist() == [step_s * 1000]


def test_a_second_of_the_city_has_a_thousand_readings_of_all_domains_that_fit_their_schemas(world: World) -> None:
    reporter = Reporter(world, 1.0, np.zeros(len(world.city.sensors), np.int64))
    out = reporter.between(world.groups, NOON_MS, NOON_MS + 60 * SECOND_MS)
    schemas = load_schemas()
    assert set(out) == {Lane(sensor.domain, 0) for sensor in world.city.sensors}
    assert sum(map(len, out.values())) >= 60 * 1_000
    for lane, lines in out.items():
        schema = schemas[lane.domain]
        readings = [schema.decode_one(line.encode()) for line in lines]
        spoilt = sum(
            not column.low <= value <= column.high
            for reading in readings
            for column in schema.columns
            if (value := getattr(reading, column.name)) == value
        )
        assert spoilt <= 0.002 * len(readings), lane


def test_the_voltage_of_a_pump_moves_with_every_reading_so_that_it_is_not_taken_for_stuck(world: World) -> None:
    reporter = Reporter(world, 1.0, np.zeros(len(world.city.sensors), np.int64))
    pumps = [group for group in world.groups if group.kind == "pump"]
    said: dict[str, list[float]] = {}
    for start_ms in range(NOON_MS, NOON_MS + 100 * SECOND_MS, 10 * SECOND_MS):
        for line in reporter.between(pumps, start_ms, start_ms + 10 * SECOND_MS)[Lane("energy", 0)]:
            reading = json.loads(line)
            said.setdefault(reading["sensor"], []).append(reading["voltage_ratio"])
    repeating = [one for one, values in said.items() if len(set(values)) <= len(values) / 2 and values[0] > 0]
    assert len(said) == 28
    assert len(repeating) <= 1, "but for one that a fault may hold; 0 V is told from stuck by its value"


def test_every_column_is_measured_by_some_kind(world: World) -> None:
    replay_only = {("traffic", "travel_time_s")}
    measured = {
        (group.domain, name) for group in world.groups for name in world.measure(group, np.zeros(len(group.codes)))
    }
    domains = {sensor.domain for sensor in world.city.sensors}
    declared = {(domain, name) for domain in domains for name in load_schemas()[domain].names}
    assert declared - measured <= replay_only
    assert measured <= declared


@pytest.mark.parametrize("day", range(0, 365, 73))
def test_without_trouble_nothing_is_implausible_in_any_season(city: City, day: int) -> None:
    schemas = load_schemas()
    world = World(city, seed=day, at_ms=NOON_MS + day * DAY_MS + day * 3_600_000)
    draw = np.random.default_rng(day)
    for group in world.groups:
        for name, values in world.measure(group, draw.standard_normal(len(group.codes))).items():
            schema = schemas[group.domain]
            assert np.isfinite(values).all()
            assert ((values >= schema.low[name]) & (values <= schema.high[name])).all(), (group.kind, name)


def test_the_same_seed_and_time_say_the_same(city: City) -> None:
    one, two = (World(city, seed=3, at_ms=NOON_MS) for _ in range(2))
    partition = np.zeros(len(city.sensors), np.int64)
    span = NOON_MS, NOON_MS + 2 * SECOND_MS
    first = Reporter(one, 1.0, partition).between(one.groups, *span)
    assert first == Reporter(two, 1.0, partition).between(two.groups, *span)


def test_readings_go_to_their_sensors_partition(world: World) -> None:
    partition = np.arange(len(world.city.sensors)) % 3
    out = Reporter(world, 1.0, partition).between(world.groups, NOON_MS, NOON_MS + SECOND_MS)
    codes = world.city.sensor_code
    for lane, lines in out.items():
        assert {int(partition[codes[json.loads(line)["sensor"]]]) for line in lines} == {lane.partition}


def readings(*sensors: int) -> Readings:
    n = len(sensors)
    values = np.arange(1.0, n + 1)
    return Readings(np.array(sensors), np.full(n, NOON_MS), {"speed_km_h": values}, np.zeros(n, np.int64))


def spoilt(kind: str, rows: Readings, times: int = 400) -> list[Readings]:
    faults, draw = Faults(10, seed=1), np.random.default_rng(5)
    fault = Fault(kind, 7, NOON_MS - 1, NOON_MS + 1)
    return [faults.spoil(rows.take(np.arange(len(rows.at_ms))), [fault], draw) for _ in range(times)]


def test_a_silent_sensor_says_nothing_and_the_others_go_on() -> None:
    (found,) = spoilt("silent", readings(3, 7, 4), times=1)
    assert found.sensor.tolist() == [3, 4]


def test_a_stuck_sensor_repeats_the_value_it_stood_at() -> None:
    faults, draw = Faults(10, seed=1), np.random.default_rng(5)
    fault = [Fault("stuck", 7, NOON_MS - 1, NOON_MS + 1)]
    assert faults.spoil(readings(3, 7), fault, draw).columns["speed_km_h"].tolist() == [1.0, 2.0]
    assert faults.spoil(readings(7, 3), fault, draw).columns["speed_km_h"].tolist() == [2.0, 2.0]
    faults.forget([])
    assert faults.spoil(readings(7, 3), fault, draw).columns["speed_km_h"].tolist() == [1.0, 2.0]


def test_a_spiking_sensor_is_far_off_now_and_then() -> None:
    values = [found.columns["speed_km_h"][1] for found in spoilt("spiking", readings(3, 7))]
    far = [value for value in values if value != 2.0]
    assert 0 < len(far) < 40
    assert all(8 <= value <= 24 for value in far)


def test_a_late_sensors_readings_wait() -> None:
    for found in spoilt("late", readings(3, 7), times=20):
        assert found.wait_ms[0] == 0
        assert 15_000 <= found.wait_ms[1] < 90_000


def test_a_repeating_sensor_sends_some_readings_twice() -> None:
    counts = [len(found.at_ms) for found in spoilt("twice", readings(3, 7))]
    assert set(counts) == {2, 3}


def test_a_wrong_clock_stamps_some_readings_hours_or_years_off() -> None:
    stamps = {int(found.at_ms[1]) - NOON_MS for found in spoilt("clock", readings(3, 7))}
    assert len(stamps) == 2
    assert 0 in stamps
    assert max(abs(stamp) for stamp in stamps) >= 2 * 3_600_000


def test_late_lines_come_once_their_time_has_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = int(world.groups[0].codes[0])
    fault = Fault("late", sensor, NOON_MS, NOON_MS + DAY_MS)
    reporter = Reporter(world, 1.0, np.zeros(len(world.city.sensors), np.int64))
    monkeypatch.setattr(Faults, "active", lambda *_: [fault])
    name = world.city.sensors[sensor].id

    def heard(from_s: int, until_s: int) -> list[int]:
        out = reporter.between(world.groups[:1], NOON_MS + from_s * SECOND_MS, NOON_MS + until_s * SECOND_MS)
        lines = [json.loads(line) for line in out.get(Lane("traffic", 0), [])]
        return [line["at"] for line in lines if line["sensor"] == name]

    assert heard(0, 15) == []
    spoken = [(at_s, at_ms) for at_s in range(15, 200) for at_ms in heard(at_s, at_s + 1)]
    assert len(spoken) > 50
    for at_s, at_ms in spoken:
        assert NOON_MS + (at_s - 90) * SECOND_MS <= at_ms <= NOON_MS + (at_s - 14) * SECOND_MS
