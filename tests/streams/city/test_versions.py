"""Versions of a city: what is written, what is read back, and which partition a zone keeps."""

from dataclasses import replace
from pathlib import Path

import pytest

from streams.city import versions
from streams.city.folder import read_folder
from streams.city.parts import Sensor, Zone
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


def test_a_version_in_parts_counts_when_all_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(versions, "PART_BYTES", 400)
    messages = versions.next_version(read_folder(write_small_city(tmp_path)), {}, COUNTS)
    assert len(messages) > 1
    assert versions.stored(records(messages[:-1])) == {}
    assert versions.load(versions.stored(records(messages))[1]).city.id == "small"
