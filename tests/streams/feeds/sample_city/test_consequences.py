"""What a failure brings with it in the simulated city, along its relations and after a while."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streams.city.registry import City
from streams.contract.durations import HOUR_MS, MINUTE_MS
from streams.feeds.sample_city.simulation.consequences import PUMP_STOPPED, Consequences
from streams.feeds.sample_city.simulation.happenings import Happening, Schedule
from streams.feeds.sample_city.simulation.weather import POND_MINUTES, STILL_CM_PER_MM, Sky
from streams.feeds.sample_city.simulation.world import WET_ROAD_CM, World

NOON_MS = 1_790_827_200_000
SEED = 1
DAYS = 60


def hourly(city: City, days: int) -> list[Happening]:
    """Everything that happens within days, once."""
    schedule = Schedule(city, SEED, Sky(SEED))
    near = (one for hour in range(24 * days) for one in schedule.active(NOON_MS + hour * HOUR_MS))
    return list({one.id: one for one in near}.values())


def wettest(city: City) -> Happening:
    """The pump that stands by day under the deepest water."""
    sky = Sky(SEED)
    (group,) = [group for group in World(city, SEED, NOON_MS).groups if group.kind == "underpass"]
    share = {one.replace("underpass", "pump"): 0.5 + group.trait[place] for one, place in group.place.items()}
    pumps = [one for one in hourly(city, DAYS) if one.what == PUMP_STOPPED]
    by_day = [one for one in pumps if 8 <= (one.from_ms // HOUR_MS + 8) % 24 <= 18]
    return max(by_day, key=lambda one: sky.left_cm(one.from_ms, one.until_ms, one.until_ms) * share[one.where])


def says(world: World, sensor: str) -> dict[str, float]:
    group = next(group for group in world.groups if sensor in group.place)
    measured = world.measure(group, np.zeros(len(group.codes)))
    return {name: float(values[group.place[sensor]]) for name, values in measured.items()}


def test_a_feeder_that_fails_in_the_rain_stops_its_pump_floods_the_underpass_and_slows_the_road(city: City) -> None:
    stopped = wettest(city)
    pump, underpass = stopped.where, stopped.where.replace("pump", "underpass")
    (feeder,) = [one.source for one in city.dependence.reaching[pump]]
    road = city.sensors[city.sensor_code[underpass]].segment
    before_ms = stopped.from_ms - MINUTE_MS
    world, twin = World(city, SEED, before_ms), World(replace(city, relations=()), SEED, before_ms)
    assert says(world, feeder)["voltage_ratio"] == pytest.approx(1.0, abs=0.05)
    assert says(world, underpass) == says(twin, underpass)
    assert world.traffic.speed_km_h[road] == twin.traffic.speed_km_h[road]

    depth_cm = [says(world, underpass)["depth_cm"]]
    while depth_cm[-1] < WET_ROAD_CM + 2 and world.at_ms < stopped.until_ms - 5 * MINUTE_MS:
        world.advance(world.at_ms + 5 * MINUTE_MS)
        depth_cm.append(says(world, underpass)["depth_cm"])
    assert says(world, feeder) == {"load_ratio": 0.0, "voltage_ratio": 0.0}
    assert says(world, pump) == {"voltage_ratio": 0.0}
    assert len(depth_cm) > 3, "water takes its time"
    assert depth_cm[-1] >= WET_ROAD_CM

    world.advance(world.at_ms + 10 * MINUTE_MS)
    twin.advance(world.at_ms)
    assert says(twin, underpass)["depth_cm"] < WET_ROAD_CM
    assert world.traffic.flow_veh_h[road] < 0.9 * twin.traffic.flow_veh_h[road]
    flooded_cm = says(world, underpass)["depth_cm"]
    world.advance(stopped.until_ms + 2 * HOUR_MS)
    assert says(world, pump)["voltage_ratio"] > 0.9
    assert says(world, underpass)["depth_cm"] < 0.3 * flooded_cm


def test_a_burst_takes_the_pressure_from_what_its_main_feeds(city: City) -> None:
    world = World(city, SEED, NOON_MS)
    zone, span = "wenlan", (NOON_MS - 30 * MINUTE_MS, NOON_MS + 30 * MINUTE_MS)
    burst = Happening("burst", "water_main_burst", "main-wenlan-1", zone, *span, 1)
    world.strike([])
    fed = [one for one in city.dependence.felt_at(burst.where) if one.startswith(("main-", "hydrant-"))]
    usual = {one: says(world, one) for one in fed}
    caused = list(Consequences(city).of(burst, np.random.default_rng(1)))
    assert {one.where for one in caused} == set(fed)
    assert all(burst.from_ms + MINUTE_MS <= one.from_ms <= burst.from_ms + 5 * MINUTE_MS for one in caused)
    world.strike([burst, *caused])
    for one in fed:
        column = "hydrant_mpa" if one.startswith("hydrant-") else "pressure_mpa"
        assert says(world, one)[column] < 0.6 * usual[one][column]
        if column == "pressure_mpa":
            assert says(world, one)["flow_m3_h"] < usual[one]["flow_m3_h"] < says(world, burst.where)["flow_m3_h"] * 10
    levels = {one.where: one.level for one in caused}
    chain = ("main-wenlan-2", "main-wenlan-4", "hydrant-wenlan-1")
    assert [levels[one] for one in chain] == [2, 3, 4], "milder from one to the next"


def test_a_small_leak_is_felt_by_nobody_else(city: City) -> None:
    leak = Happening("leak", "water_main_burst", "main-wenlan-1", "wenlan", NOON_MS, NOON_MS + HOUR_MS, 4)
    assert list(Consequences(city).of(leak, np.random.default_rng(1))) == []


def test_what_follows_names_its_cause_begins_after_it_and_has_an_end(city: City) -> None:
    told = {one.id: one for one in hourly(city, 30)}
    caused = [one for one in told.values() if one.cause and one.cause in told]
    assert len(caused) > 200
    for one in caused:
        cause = told[one.cause]
        assert cause.from_ms < one.from_ms < one.until_ms <= cause.until_ms + 5 * MINUTE_MS
        assert any(relation.target == one.where for relation in city.dependence.leaving[cause.where])


def test_an_operator_sees_a_chain_every_few_hours(city: City) -> None:
    roots = {one.id.split("/")[0] for one in hourly(city, 30) if one.cause}
    assert 30 * 4 < len(roots) < 30 * 16


def test_the_same_seed_and_time_bring_the_same_whatever_was_asked_before(city: City) -> None:
    at_ms = NOON_MS + 5 * HOUR_MS
    asked, fresh = (Schedule(city, SEED, Sky(SEED)) for _ in range(2))
    for hours in range(-30, 30):
        asked.active(NOON_MS + hours * HOUR_MS)
    assert asked.active(at_ms) == fresh.active(at_ms)
    assert asked.lately(at_ms, PUMP_STOPPED) == fresh.lately(at_ms, PUMP_STOPPED)


def test_without_relations_nothing_follows_and_all_else_is_the_same(city: City) -> None:
    alone = hourly(replace(city, relations=()), 3)
    assert alone == [one for one in hourly(city, 3) if not one.cause]


def test_water_that_pumps_leave_is_what_they_would_have_taken_and_goes_when_they_run_again() -> None:
    sky = Sky(SEED)
    rainy = next(ms for ms in range(NOON_MS, NOON_MS + 90 * 24 * HOUR_MS, 10 * MINUTE_MS) if sky.rain_mm_h(ms) > 4)
    until_ms = rainy + 30 * MINUTE_MS
    minutes = [sky.at(rainy + minute * MINUTE_MS, 12.0, 1) for minute in range(30)]
    kept_cm = sum(min(one.rain_mm_h, 16.0) / 60 * STILL_CM_PER_MM + one.pond_cm / POND_MINUTES for one in minutes)
    assert sky.left_cm(rainy, until_ms, until_ms) == pytest.approx(kept_cm, rel=1e-9)
    assert sky.left_cm(rainy, until_ms, rainy) == 0
    after_ms = until_ms + int(POND_MINUTES * MINUTE_MS)
    assert sky.left_cm(rainy, until_ms, after_ms) == pytest.approx(kept_cm / np.e, rel=1e-9)


def test_water_is_kept_over_midnight() -> None:
    sky, day_ms = Sky(SEED), 24 * HOUR_MS
    first = NOON_MS // day_ms
    evenings = (day * day_ms - HOUR_MS for day in range(first, first + 200))
    from_ms = next(ms for ms in evenings if sky.rain_mm_h(ms) > 1)
    midnight_ms, until_ms = from_ms + HOUR_MS, from_ms + HOUR_MS + 20 * MINUTE_MS
    before_cm = sky.left_cm(from_ms, midnight_ms, midnight_ms)
    after_cm = sky.left_cm(midnight_ms, until_ms, until_ms)
    assert before_cm > 0
    assert sky.left_cm(from_ms, until_ms, until_ms) == pytest.approx(before_cm + after_cm)
