"""The committed sample city: what it must hold, and that its generator still writes exactly it."""

from __future__ import annotations

import csv
import math
from dataclasses import replace

import numpy as np
import pytest

from alerts.rules.shipped import shipped
from streams.city.registry import City
from streams.contract.durations import HOUR_MS
from streams.feeds.sample_city.generator.generate import FOLDER, generate
from streams.feeds.sample_city.simulation.consequences import FEEDER_TRIP
from streams.feeds.sample_city.simulation.happenings import TROUBLES, Happening, Schedule
from streams.feeds.sample_city.simulation.weather import Sky
from streams.feeds.sample_city.simulation.world import World

RULES = [
    rule
    for rule in shipped().values()
    if "column" in rule and ("schedule" not in rule or rule["schedule"]["from"] < "12:00" < rule["schedule"]["until"])
]
"""Those of a column that are in force at noon."""
NOON_MS = 1_790_827_200_000
"""2026-10-01 12:00 in Shanghai."""


@pytest.fixture(scope="module")
def world(city: City) -> World:
    return World(city, seed=1, at_ms=NOON_MS)


def test_the_generator_writes_the_committed_files_byte_for_byte() -> None:
    for name, text in generate().items():
        assert (FOLDER / name).read_bytes() == text.encode(), name


def test_another_seed_draws_another_city() -> None:
    assert generate(seed=7)["segments.geojson"] != generate()["segments.geojson"]


def test_it_is_a_city_and_fits_into_three_megabytes(city: City) -> None:
    assert len(city.segments) >= 2_000
    assert 12 <= len(city.zones) <= 16
    assert {segment.road_class for segment in city.segments} == {"expressway", "arterial", "collector", "local"}
    assert {segment.zone for segment in city.segments} == set(range(len(city.zones)))
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 3_000_000


def test_places_have_water_and_a_district_and_label_for_every_zone(city: City) -> None:
    kinds = [feature["properties"]["kind"] for feature in city.places["features"]]
    assert kinds.count("water") >= 1
    assert kinds.count("district") == kinds.count("label") == len(city.zones)
    assert all(
        feature["properties"]["name_zh"] and feature["properties"]["name_en"] for feature in city.places["features"]
    )


def test_each_of_its_twelve_domains_has_sensors_in_every_zone(city: City) -> None:
    domains = {sensor.domain for sensor in city.sensors}
    assert len(domains) == 12  # one that somebody adds is not the sample city's
    assert set(city.sensors_of_zone) == {(domain, zone) for domain in domains for zone in range(len(city.zones))}


def test_its_sensors_make_a_thousand_readings_a_second(city: City) -> None:
    detectors = [sensor for sensor in city.sensors if sensor.domain == "traffic"]
    assert len(detectors) >= 500
    assert sum(1 / sensor.interval_s for sensor in city.sensors) >= 1_000


def test_electricity_water_and_underpasses_hang_together(city: City) -> None:
    causes = {one.id: [cause.source for cause in city.dependence.reaching.get(one.id, ())] for one in city.sensors}
    kinds = {one: [cause.split("-")[0] for cause in found] for one, found in causes.items()}
    for kind, cause in {"feeder": "substation", "pump": "feeder", "lift": "feeder", "lamp": "feeder"}.items():
        assert [one for one in kinds if one.startswith(f"{kind}-") and kinds[one] != [cause]] == []
    assert [one for one in kinds if one.startswith("underpass-") and kinds[one] != ["pump"]] == []
    assert [one for one in kinds if one.startswith("hydrant-") and kinds[one] != ["main"]] == []
    assert sum(kinds[one] == ["main"] for one in kinds if one.startswith("main-")) == 3 * len(city.zones)
    assert {one for found in kinds.values() for one in found} == {"substation", "feeder", "main", "pump"}


def test_a_road_hangs_on_the_feeder_of_the_pump_of_its_underpass(city: City) -> None:
    for underpass in (one for one in city.sensors if one.id.startswith("underpass-")):
        road = city.segments[underpass.segment].id
        pump = f"pump-{underpass.id.removeprefix('underpass-')}"
        found = city.dependence.depends_on(road)
        assert [found[one][-1].source for one in (underpass.id, pump)] == [underpass.id, underpass.id]
        assert [one.split("-")[0] for one in found][:4] == ["underpass", "pump", "feeder", "substation"]


def test_what_leads_into_a_segment_ends_where_it_begins(city: City) -> None:
    for segment in city.segments:
        for other in segment.upstream:
            end = city.segments[city.segment_code[other]].line[-1]
            assert _distance_m(end, segment.line[0]) < 60, (other, segment.id)


def test_a_segment_is_about_as_long_as_its_line(city: City) -> None:
    for segment in city.segments:
        drawn_m = sum(_distance_m(a, b) for a, b in zip(segment.line, segment.line[1:], strict=False))
        assert drawn_m == pytest.approx(segment.length_m, rel=0.12, abs=15)


def test_most_of_the_city_can_be_reached_from_anywhere(city: City) -> None:
    downstream: dict[str, list[str]] = {segment.id: [] for segment in city.segments}
    for segment in city.segments:
        for other in segment.upstream:
            downstream[other].append(segment.id)
    seen = {city.segments[0].id}
    ahead = list(seen)
    while ahead:
        new = [other for other in downstream[ahead.pop()] if other not in seen]
        seen.update(new)
        ahead += new
    assert len(seen) > 0.98 * len(city.segments)


@pytest.mark.parametrize("kind", TROUBLES)
def test_each_trouble_shows_the_level_that_its_truth_tells(city: City, world: World, kind: str) -> None:
    group = next(group for group in world.groups if group.kind == kind)
    trouble = TROUBLES[kind]
    for place, level in enumerate(trouble.levels):
        sensor = city.sensors[group.codes[place]]
        zone = city.zones[sensor.zone].id
        span = NOON_MS - HOUR_MS // 6, NOON_MS + HOUR_MS
        world.strike([Happening("x", trouble.what, sensor.id, zone, *span, level)])
        measured = world.measure(group, np.zeros(len(group.codes)))
        values = {name: column[place] for name, column in measured.items()}
        assert _level(group.domain, values) == level


def test_what_follows_shows_the_level_that_its_truth_tells(city: City, world: World) -> None:
    schedule, told = Schedule(city, 1, Sky(1)), {}
    for hour in range(24 * 60):
        told |= {(one.what, one.where[:4], one.level): one for one in schedule.active(NOON_MS + hour * HOUR_MS)}
    found = {key: one for key, one in told.items() if one.cause or one.what == FEEDER_TRIP}
    assert len(found) >= 8
    for one in found.values():
        group = next(group for group in world.groups if one.where in group.place)
        lasting = replace(one, from_ms=NOON_MS - HOUR_MS // 6, until_ms=NOON_MS + HOUR_MS)
        world.strike([lasting])
        measured = world.measure(group, np.zeros(len(group.codes)))
        values = {name: column[group.place[one.where]] for name, column in measured.items()}
        assert _level(group.domain, values) == one.level, one


def _level(domain: str, values: dict[str, float]) -> int | None:
    """Judge by the rules that ship, plainly: the highest level that a value reaches."""
    reached = []
    for rule in RULES:
        value = values.get(rule["column"])
        if rule["domain"] != domain or value is None:
            continue
        for level, key in enumerate(("i", "ii", "iii", "iv"), start=1):
            if key in rule and (value < rule[key] if rule.get("sense") == "below" else value >= rule[key]):
                reached.append(level)
    return min(reached, default=None)


def _distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    scale = math.cos(math.radians(a[1]))
    return 111_320 * math.hypot((a[0] - b[0]) * scale, a[1] - b[1])


def test_no_two_sensors_have_one_name():
    with (FOLDER / "sensors.csv").open(encoding="utf-8", newline="") as file:
        sensors = list(csv.DictReader(file))
    for name in ("name_zh", "name_en"):
        assert len({one[name] for one in sensors}) == len(sensors)
