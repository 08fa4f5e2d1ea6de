"""Versions of a city: what is written, what is read back, and which partition a zone keeps."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from streams.city import versions
from streams.city.folder import read_folder
from streams.city.parts import Sensor, Zone
from streams.city.publishing import holds_before
from streams.city.registry import City, load_city
from streams.contract.stage import Message, Record
from tests.small_city import write_small_city

COUNTS = {"traffic": 2, "weather": 1}


def records(messages: list[Message]) -> list[Record]:
    return [Record(offset, one.key, one.value, 0, one.headers) for offset, one in enumerate(messages)]


def of(**sensors: int) -> City:
    """A city with so many traffic sensors in each zone."""
    zones = tuple(Zone(name, "", "") for name in sensors)
    made = [
        Sensor(f"{name}{number}", "traffic", index, -1, 0.0, 0.0, 60.0, "", "")
        for index, (name, count) in enumerate(sensors.items())
        for number in range(count)
    ]
    return City("c", "", "", "UTC", "", zones, (), tuple(made))


@pytest.mark.parametrize(
    ("city", "before", "partitions"),
    [
        pytest.param(of(a=1, b=1, c=1), None, {"a": 0, "b": 1, "c": 0}, id="the first: as without a version, in turn"),
        pytest.param(of(new=1, a=1, b=1), {"a": 0, "b": 1}, {"a": 0, "b": 1, "new": 0}, id="above all, moves nobody"),
        pytest.param(of(a=2, b=1, new=1), {"a": 0, "b": 1}, {"a": 0, "b": 1, "new": 1}, id="where sensors are fewest"),
        pytest.param(of(b=1), {"a": 0, "b": 1}, {"a": 0, "b": 1}, id="kept for a zone that left"),
        pytest.param(of(x=3, y=1, z=1), {}, {"x": 0, "y": 1, "z": 1}, id="one new zone after the other"),
    ],
)
def test_a_zone_has_its_partition_for_its_life(city, before, partitions):
    found = versions.assign(city, {"traffic": 2}, None if before is None else {"traffic": before})
    assert found == {"traffic": partitions}


def test_a_version_is_read_back_as_the_city_it_was(tmp_path: Path):
    folder = write_small_city(tmp_path)
    messages = versions.next_version(read_folder(folder), {}, COUNTS)
    assert [one.key for one in messages] == [b"small/1"]
    found = versions.load(versions.stored(records(messages))[1])
    assert replace(found.city, number=0) == load_city(folder)
    assert (found.number, found.city.version) == (1, "1")
    assert [found.partition("traffic", f"z{index}", 2) for index in range(4)] == [0, 1, 0, 1]


def test_an_old_folder_put_back_is_a_new_version_and_the_same_folder_is_none(tmp_path: Path):
    folder = write_small_city(tmp_path)
    first = versions.next_version(read_folder(folder), {}, COUNTS)
    known = versions.stored(records(first))
    assert versions.next_version(read_folder(folder), known, COUNTS) == []
    write_small_city(tmp_path, segments=4)
    second = versions.next_version(read_folder(folder), known, COUNTS)
    write_small_city(tmp_path)
    third = versions.next_version(read_folder(folder), versions.stored(records([*first, *second])), COUNTS)
    assert [message.key for message in (*second, *third)] == [b"small/2", b"small/3"]


def test_other_rules_make_a_new_version_and_the_same_ones_none(tmp_path: Path):
    folder = read_folder(write_small_city(tmp_path))
    first = versions.next_version(folder, {}, COUNTS)  # of a CityWall that wrote no rules down
    before, after = {"threshold": [{"name": "heat"}], "other": None}, {"threshold": [], "other": None}
    second = versions.next_version(folder, versions.stored(records(first)), COUNTS, before)
    known = versions.stored(records([*first, *second]))
    assert versions.next_version(folder, known, COUNTS, before) == []
    third = versions.next_version(folder, known, COUNTS, after)
    assert [message.key for message in (*second, *third)] == [b"small/2", b"small/3"]
    assert [known[number].open().rules for number in (1, 2)] == [None, before]


def test_parts_that_a_dying_writer_left_do_not_hinder_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(versions, "PART_BYTES", 200)
    left = versions.next_version(read_folder(write_small_city(tmp_path)), {}, COUNTS)[:2]
    monkeypatch.setattr(versions, "PART_BYTES", 100_000)
    assert versions.stored(records(left)) == {}
    again = versions.next_version(read_folder(write_small_city(tmp_path, segments=4)), {}, COUNTS)
    log = records([*left, *again])
    assert len(versions.load(versions.stored(log)[1]).city.segments) == 4


def test_a_version_is_superseded_when_the_next_one_there_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(versions, "PART_BYTES", 400)
    folder = read_folder(write_small_city(tmp_path))
    whole = versions.Opened(folder, {}, None)
    log = [
        Record(0, one.key, one.value, 1000 * number + place, one.headers)
        for number in (1, 2, 4)
        for place, one in enumerate(versions.to_messages("small", number, whole))
    ]
    last = sum(one.timestamp > 4000 for one in log)  # parts of the fourth after its first
    assert last > 0
    assert versions.superseded(log) == {1: 2000 + last, 2: 4000 + last}
    gone = versions.tombstones(log, {1, 2})
    assert [one.value for one in gone] == [None] * 2 * (last + 1)
    assert gone[-1].key == b"small/1"
    log += [Record(0, one.key, one.value, 5000, one.headers) for one in gone]
    assert list(versions.stored(log)) == [4]
    assert versions.superseded(log) == {}


class Held:
    """What a consumer says of partitions of (begin, [timestamp of each record])."""

    def __init__(self, **held: tuple[int, list[int]]) -> None:
        self.held = held

    def beginning_offsets(self, partitions: list[str]) -> dict[str, int]:
        return {one: self.held[one][0] for one in partitions}

    def end_offsets(self, partitions: list[str]) -> dict[str, int]:
        return {one: self.held[one][0] + len(self.held[one][1]) for one in partitions}

    def offsets_for_times(self, wanted: dict[str, int]) -> dict[str, SimpleNamespace | None]:
        found = {}
        for one, at_ms in wanted.items():
            begin, times = self.held[one]
            later = [begin + place for place, time_ms in enumerate(times) if time_ms >= at_ms]
            found[one] = SimpleNamespace(offset=later[0]) if later else None
        return found


@pytest.mark.parametrize(
    ("held", "answer"),
    [
        ({"p": (0, [])}, False),
        ({"p": (7, [])}, False),
        ({"p": (7, [100, 200])}, False),
        ({"p": (7, [99, 200])}, True),
        ({"p": (7, [50, 60])}, True),
        ({"p": (0, [100]), "q": (3, [99])}, True),
    ],
)
def test_a_version_goes_when_no_record_from_before_it_was_replaced_is_held(held, answer):
    assert holds_before(Held(**held), list(held), 100) is answer


def test_a_version_in_parts_counts_when_all_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(versions, "PART_BYTES", 400)
    messages = versions.next_version(read_folder(write_small_city(tmp_path)), {}, COUNTS)
    assert len(messages) > 1
    assert versions.stored(records(messages[:-1])) == {}
    assert versions.load(versions.stored(records(messages))[1]).city.id == "small"


def test_a_zone_keeps_its_partition_of_topics_that_were_made_after_the_version(tmp_path: Path):
    """A domain's topics come with the next `up`, which makes no version: zones go by their places in the one before."""
    folder = write_small_city(tmp_path)
    first = versions.next_version(read_folder(folder), {}, {"traffic": 2})
    before = versions.load(versions.stored(records(first))[1])
    used = {f"z{index}": before.partition("weather", f"z{index}", 3) for index in range(4)}
    without_first_zone(folder)
    known = versions.stored(records(first))
    second = versions.next_version(read_folder(folder), known, {"traffic": 2, "weather": 3}, now_ms=0)
    after = versions.load(versions.stored(records([*first, *second]))[2])
    assert {zone: after.partition("weather", zone, 3) for zone in used} == used == {"z0": 0, "z1": 1, "z2": 2, "z3": 0}
    assert "z0" in after.city.zones_awaited["weather"]


def test_a_zone_that_left_before_there_were_topics_has_a_partition_all_the_same(tmp_path: Path):
    folder = write_small_city(tmp_path)
    first = versions.next_version(read_folder(folder), {}, {"traffic": 2})
    without_first_zone(folder)
    second = versions.next_version(read_folder(folder), versions.stored(records(first)), {"traffic": 2}, now_ms=0)
    after = versions.load(versions.stored(records([*first, *second]))[2])
    assert "z0" in after.city.zones_awaited["weather"]
    assert after.partition("weather", "z0", 3) == 0


def without_first_zone(folder: Path) -> None:
    """Take z0 away; what lay in it lies in z1."""
    for name in ("zones", "segments"):
        path = folder / f"{name}.geojson"
        found = json.loads(path.read_text(encoding="utf-8"))
        found["features"] = [one for one in found["features"] if one["properties"]["id"] != "z0"]
        for one in found["features"]:
            one["properties"] |= {"zone": "z1"} if one["properties"].get("zone") == "z0" else {}
        path.write_text(json.dumps(found), encoding="utf-8")
    path = folder / "sensors.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",z0,", ",z1,"), encoding="utf-8")
