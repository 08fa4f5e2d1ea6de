"""Sensors, segments and zones that are moved while their city runs: a minute of an entity is of one zone, whole."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.intake import followed_city
from tests.city_edits import properties
from tests.streams.moving import (
    HOLDS,
    MINUTE_MS,
    MOVED_MS,
    START_MS,
    Life,
    balanced,
    fire_city,
    line,
    lived,
    one_zone,
    one_zone_city,
    panels,
    renamed,
    road_city,
    roads,
    to_segment,
    to_zone,
)


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_city, "LOOK_EVERY_S", 0.0)


@pytest.mark.parametrize("second", [0, 25, 55, 58])
@pytest.mark.parametrize("restart", [False, True], ids=["while it runs", "all is down meanwhile"])
def test_a_minute_of_a_sensor_that_is_moved_is_told_once_and_whole(tmp_path: Path, second: int, restart: bool):
    moved_ms = START_MS + 3 * MINUTE_MS + second * 1000
    readings = panels(changes_ms=START_MS + 3 * MINUTE_MS + 30_000)
    life = lived(Life(fire_city(tmp_path), "fire"), readings, {moved_ms: to_zone("f1", "z0")}, restart=restart)
    told = {minute: [*dict.fromkeys(rows)] for minute, rows in life.of("f1", "alarmed_count").items()}  # sent again
    holds = 9 if second == 0 else HOLDS
    assert told[3] == [("z1", 0, 6, 3.0)]  # 0, 0, 0, 6, 6, 6
    expected = {minute: [("z0" if minute >= holds else "z1", 0, 6, 0.0 if minute < 3 else 6.0)] for minute in range(19)}
    assert told == expected | {3: told[3]}
    city = life.of("city:small", "alarmed_count")
    assert {*city[3]} == {("", 0, 12, 1.5)}
    assert all(len({*rows}) == 1 for rows in city.values())
    assert balanced(life, len(readings))
    assert [one for one in life.found() if one.kind in ("sensor_silent", "feed_silent")] == []


def test_one_that_is_moved_and_comes_back_within_a_minute_has_not_been_away(tmp_path: Path):
    edits = {MOVED_MS: to_zone("f1", "z0"), MOVED_MS + 20_000: to_zone("f1", "z1")}
    life = lived(Life(fire_city(tmp_path), "fire"), panels(changes_ms=MOVED_MS), edits)
    told = life.of("f1", "alarmed_count")
    assert {minute: [row[:3] for row in rows] for minute, rows in told.items()} == {
        minute: [("z1", 0, 6)] for minute in range(19)
    }
    assert told[3] == [("z1", 0, 6, 3.0)]
    assert balanced(life, 240)


def test_each_of_several_moves_holds_from_its_own_minute(tmp_path: Path):
    edits = {
        MOVED_MS: to_zone("f1", "z2"),
        MOVED_MS + 4 * MINUTE_MS: to_zone("f1", "z0"),
        MOVED_MS + 6 * MINUTE_MS: to_zone("f1", "z1"),
    }
    life = lived(Life(fire_city(tmp_path), "fire"), panels(), edits)
    zones = [[row[:3] for row in rows] for rows in life.of("f1", "alarmed_count").values()]
    names = ["z1"] * HOLDS + ["z2"] * 4 + ["z0"] * 2 + ["z1"] * 3
    assert zones == [[(name, 0, 6)] for name in names]
    assert balanced(life, 240)


@pytest.mark.parametrize("second", [25, 55, 58])
def test_a_segment_that_is_moved_counts_once_in_zones_and_city(tmp_path: Path, second: int):
    edits = {START_MS + 3 * MINUTE_MS + second * 1000: properties("segments", 1, zone="z0")}
    life = lived(Life(road_city(tmp_path), "traffic"), roads(changes_ms=START_MS + 3 * MINUTE_MS + 30_000), edits)
    told = life.of("s1", "speed_km_h")
    assert told[3] == [("z1", 0, 6, 32.0)]  # three at 20 and three at 80 km/h: 6 / (3/20 + 3/80)
    assert {minute: [row[:3] for row in rows] for minute, rows in told.items()} == {
        minute: [("z0" if minute >= HOLDS else "z1", 0, 6)] for minute in range(15)
    }
    for entity, at, count in (("zone:z0", 3, 6), ("zone:z1", 3, 6), ("zone:z0", HOLDS, 12), ("city:small", 3, 12)):
        assert [row[1:3] for row in life.of(entity, "speed_km_h")[at]] == [(0, count)]
    assert {row.coverage for row in life.rows("speed_km_h")} == {1.0}
    assert HOLDS not in life.of("zone:z1", "speed_km_h")
    assert balanced(life, 192)


def test_detectors_that_change_places_are_each_of_one_segment_a_minute(tmp_path: Path):
    def swap(folder: Path) -> None:
        line("d0", lambda one: one.replace(",z0,s0,", ",z1,s1,"))(folder)
        line("d1", lambda one: one.replace(",z1,s1,", ",z0,s0,"))(folder)

    life = lived(Life(road_city(tmp_path), "traffic"), roads(changes_ms=0), {MOVED_MS: swap})
    for segment, before_km_h, after_km_h in (("s0", 50.0, 80.0), ("s1", 80.0, 50.0)):
        told = life.of(segment, "speed_km_h")
        assert [rows[0][3] for rows in told.values()] == [before_km_h] * HOLDS + [after_km_h] * 5
        assert {tuple(row[1:3] for row in rows) for rows in told.values()} == {((0, 6),)}
    assert balanced(life, 192)


def test_a_road_that_is_taken_away_with_its_zone_is_told_to_its_end(tmp_path: Path):
    def edit(folder: Path) -> None:
        line("d1", lambda one: one.replace(",z1,s1,", ",z0,s0,"))(folder)
        for name, index in (("segments", 1), ("zones", 1)):
            path = folder / f"{name}.geojson"
            found = json.loads(path.read_text())
            del found["features"][index]
            path.write_text(json.dumps(found))

    life = lived(Life(road_city(tmp_path), "traffic"), roads(), {MOVED_MS: edit})
    assert life.of("s1", "speed_km_h")[3] == [("z1", 0, 6, 32.0)]
    assert list(life.of("s1", "speed_km_h")) == list(range(HOLDS))
    assert [rows[0][1:3] for rows in life.of("s0", "speed_km_h").values()] == [(0, 6)] * HOLDS + [(0, 12)] * 5
    assert balanced(life, 192)


def test_a_zone_that_is_renamed_is_told_under_its_old_name_first(tmp_path: Path):
    life = lived(Life(fire_city(tmp_path), "fire"), panels(), {MOVED_MS: renamed})
    zones = [[row[:3] for row in rows] for rows in life.of("f1", "alarmed_count").values()]
    assert zones == [[("z1", 0, 6)]] * HOLDS + [[("z9", 0, 6)]] * 9
    assert [rows for rows in life.of("city:small", "alarmed_count").values() if len(rows) > 1] == []
    assert list(life.of("zone:z1", "alarmed_count")) == list(range(HOLDS))
    assert list(life.of("zone:z9", "alarmed_count")) == list(range(HOLDS, 19))
    assert balanced(life, 240)


def test_what_comes_late_or_again_meets_the_zone_of_its_time(tmp_path: Path):
    """Readings of 2:05 and of 12:05 come for the first time at 17 min, that of 3:30 comes again."""
    late_ms = START_MS + 17 * MINUTE_MS
    late = [
        (late_ms + 2, {"sensor": "f1", "at": START_MS + 2 * MINUTE_MS + 5_000, "alarmed_count": 7}),
        (late_ms + 3, {"sensor": "f1", "at": START_MS + 12 * MINUTE_MS + 5_000, "alarmed_count": 13}),
        (late_ms + 4, {"sensor": "f1", "at": START_MS + 3 * MINUTE_MS + 30_000, "alarmed_count": 6}),
    ]
    life = lived(Life(fire_city(tmp_path), "fire"), [*panels(), *late], {MOVED_MS: to_zone("f1", "z0")})
    told = life.of("f1", "alarmed_count")
    assert told[2] == [("z1", 0, 6, 0.0), ("z1", 1, 7, 1.0)]
    assert told[12] == [("z0", 0, 6, 6.0), ("z0", 1, 7, 7.0)]
    assert told[3] == [("z1", 0, 6, 3.0)]
    assert [row[:3] for row in life.of("zone:z1", "alarmed_count")[2]] == [("", 0, 6), ("", 1, 7)]
    assert life.balance() == Counter({"in": 243, "taken": 242, "duplicates": 1})


def test_a_sensor_that_is_silent_is_missed_by_its_old_zone_to_its_last_minute_and_then_by_the_new_one(tmp_path: Path):
    """f1 says nothing from 6:00 to 12:00 and is moved at 3:25: its zones tell of each minute once, with no reading."""
    quiet = range(START_MS + 6 * MINUTE_MS, START_MS + 12 * MINUTE_MS)
    more = [(ms, {**row, "sensor": "f2"}) for ms, row in panels() if row["sensor"] == "f0"]
    more += [(ms, {**row, "sensor": "f3"}) for ms, row in panels() if row["sensor"] == "f0"]
    readings = [*more, *(one for one in panels() if one[1]["sensor"] == "f0" or one[1]["at"] not in quiet)]
    folder = fire_city(tmp_path, ("f0", "f1", "f2", "f3"))
    to_zone("f3", "z1")(folder)  # beside f1
    life = lived(Life(folder, "fire"), readings, {MOVED_MS: to_zone("f1", "z0")})
    told = life.of("f1", "alarmed_count")
    assert [(minute, rows[0][0]) for minute, rows in told.items() if rows[0][2] == 0] == [
        (minute, "z1") for minute in range(6, HOLDS)
    ]
    assert all(len(rows) == 1 for rows in told.values())
    silent = {(one.zone, one.entity) for one in life.found() if one.kind == "sensor_silent"}
    assert silent <= {("z1", "f1"), ("z0", "f1")}


def test_who_has_been_moved_and_who_has_stayed_stand_in_one_frame_as_two(tmp_path: Path):
    """f2 is alone in its new zone and f1 in the old one, the first of each; both speak at the same times."""
    folder = fire_city(tmp_path, ("f0", "f1", "f2"))
    to_zone("f2", "z1")(folder)
    readings = [*panels(), *((ms + 1, {**row, "sensor": "f2"}) for ms, row in panels() if row["sensor"] == "f1")]
    life = lived(Life(folder, "fire"), readings, {MOVED_MS: to_zone("f2", "z3")})
    for name, zone in (("f1", "z1"), ("f2", "z3")):
        zones = [[row[:3] for row in rows] for rows in life.of(name, "alarmed_count").values()]
        assert zones == [[("z1", 0, 6)]] * HOLDS + [[(zone, 0, 6)]] * 9
    assert balanced(life, len(readings))


@pytest.mark.parametrize("edit", [to_zone("f1", "z0"), renamed], ids=["a sensor", "a zone"])
def test_no_cut_and_no_way_of_decoding_changes_what_is_told(tmp_path: Path, edit: Callable[[Path], None]):
    told = []
    for number, (kernel, cut) in enumerate([(False, 1), (False, 7), (False, 10_000), (True, 1), (True, 13)]):
        life = Life(fire_city(tmp_path / str(number)), "fire", kernel=kernel, cut=cut)
        lived(life, panels(), {MOVED_MS: edit})
        rows = {tuple(row) for metric in ("alarmed_count", "silent_ratio") for row in life.rows(metric)}
        found = {(one.entity, one.kind, one.zone, one.at_ms, one.known_at_ms, one.level) for one in life.found()}
        told.append((sorted(rows), found))
    assert told[1:] == told[:1] * (len(told) - 1)


def late(sensor: str, minute: int, *, at_minute: int = 17) -> tuple[int, dict[str, object]]:
    """Return a reading of seven seconds past a minute, that comes later, at 40 km/h."""
    at_ms = START_MS + minute * MINUTE_MS + 7_000
    came_ms = START_MS + at_minute * MINUTE_MS + 2 + minute
    return came_ms, {"sensor": sensor, "at": at_ms, "speed_km_h": 40, "flow_veh_h": 600}


@pytest.mark.parametrize("cut", [1, 7, 10_000])
@pytest.mark.parametrize("restart", [False, True], ids=["while it runs", "all is down meanwhile"])
def test_a_detector_that_is_hung_on_another_road_of_its_zone_counts_on_that_of_its_time(
    tmp_path: Path, cut: int, restart: bool
):
    """Readings of 5:07 and 12:07 come at 17 min, the last one of the old road comes after the first one of the new."""
    readings = [*one_zone(), late("d1", 5), late("d1", 12)]
    swapped = {START_MS + HOLDS * MINUTE_MS - 10_000: 10_001, START_MS + HOLDS * MINUTE_MS: -9_999}
    readings = [(came + swapped.get(came, 0), row) for came, row in readings]
    life = Life(one_zone_city(tmp_path), "traffic", cut=cut)
    lived(life, readings, {MOVED_MS: to_segment("d1", "s5")}, restart=restart)
    before, after = (
        {minute: [*dict.fromkeys(rows)] for minute, rows in life.of(name, "speed_km_h").items()}  # sent again
        for name in ("s1", "s5")
    )
    assert before == {m: [("z1", 0, 6, 40.0)] for m in range(HOLDS)} | {5: [("z1", 0, 6, 40.0), ("z1", 1, 7, 40.0)]}
    both = ("z1", 0, 12, 53.333333)  # 12 / (6/40 + 6/80)
    assert after == {
        **{minute: [("z1", 0, 6, 80.0)] for minute in range(HOLDS)},
        **{minute: [both] for minute in range(HOLDS, 19)},
        12: [both, ("z1", 1, 13, 52.0)],  # 13 / (7/40 + 6/80)
    }
    for entity in ("zone:z1", "city:small"):
        told = life.of(entity, "speed_km_h")
        assert {minute: rows[-1][2] for minute, rows in told.items()} == {m: 12 + (m in (5, 12)) for m in range(19)}
    assert {row.coverage for row in life.rows("speed_km_h")} == {1.0}
    assert balanced(life, len(readings))


@pytest.mark.parametrize("early", [5, 12])
def test_what_comes_late_of_a_neighbour_leaves_a_detectors_old_road_and_new_one_alone(tmp_path: Path, early: int):
    readings = [*one_zone(), late("d5", early), late("d1", 17 - early)]
    life = lived(Life(one_zone_city(tmp_path), "traffic"), readings, {MOVED_MS: to_segment("d1", "s5")})
    counts = {name: {m: rows[-1][2] for m, rows in life.of(name, "speed_km_h").items()} for name in ("s1", "s5")}
    assert counts["s1"] == {minute: 6 + (early == 12 and minute == 5) for minute in range(HOLDS)}
    assert counts["s5"] == {
        minute: (6 if minute < HOLDS else 12) + (minute == early) + (minute == 12 and early == 5)
        for minute in range(19)
    }


def test_a_detector_is_hung_on_a_road_and_taken_off_again_at_whole_minutes(tmp_path: Path):
    folder = one_zone_city(tmp_path)
    to_segment("d1", "")(folder)
    edits = {MOVED_MS: to_segment("d1", "s1"), MOVED_MS + 4 * MINUTE_MS: to_segment("d1", "")}
    readings = [*one_zone(), *(late("d1", minute) for minute in (5, 12, 15))]
    life = lived(Life(folder, "traffic"), readings, edits)
    on_road = {minute: [("z1", 0, 6, 40.0)] for minute in range(HOLDS, HOLDS + 4)}
    assert life.of("s1", "speed_km_h") == on_road | {12: [("z1", 0, 6, 40.0), ("z1", 1, 7, 40.0)]}
    assert {rows[-1][1:3] for rows in life.of("s5", "speed_km_h").values()} == {(0, 6)}
    balance = life.balance()
    assert (balance["in"], balance["taken"]) == (len(readings), len(readings))


def test_no_cut_and_no_way_of_decoding_changes_what_is_told_of_a_road(tmp_path: Path):
    """The readings of each ten seconds come in the order 1, 0, 3, 2 and so on."""
    readings = [(came + (-10_000 if row["at"] // 10_000 % 2 else 10_000), row) for came, row in one_zone()]
    told = []
    for number, (kernel, cut) in enumerate([(False, 1), (False, 10_000), (True, 13)]):
        life = Life(one_zone_city(tmp_path / str(number)), "traffic", kernel=kernel, cut=cut)
        lived(life, readings, {MOVED_MS: to_segment("d1", "s5")})
        rows = {tuple(row) for metric in ("speed_km_h", "tti_ratio", "silent_ratio") for row in life.rows(metric)}
        found = {(one.entity, one.kind, one.zone, one.at_ms, one.known_at_ms, one.level) for one in life.found()}
        told.append((sorted(rows), found))
    assert told[1:] == told[:1] * 2
    assert life.of("s1", "speed_km_h").keys() == set(range(HOLDS))
