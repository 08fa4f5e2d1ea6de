"""A change of the city folder counts when two looks saw it alike and it passes the check; else the old city stays."""

import pytest

from streams.city.folder import read_folder
from streams.city.kept import keep, place_of
from streams.city.registry import load_city
from streams.city.watching import Bad, Good, Watch
from tests.city_edits import HEAD, feature, geometry, head, properties, sensor, whole


@pytest.fixture
def watch(city_folder):
    return Watch(city_folder, read_folder(city_folder), "small")


def ids(good):
    return [one.id for one in good.city.sensors]


def test_an_unchanged_folder_is_read_once_and_nothing_is_said(city_folder):
    reads = []

    def read(folder):
        reads.append(folder)
        return read_folder(folder)

    watch = Watch(city_folder, read_folder(city_folder), "small", read=read)
    assert [watch.look() for _ in range(5)] == [None] * 5
    assert len(reads) == 1
    sensor("d9,traffic,z0,s0,0,0,1,,")(city_folder)
    watch.look()
    watch.look()
    assert [watch.look() for _ in range(5)] == [None] * 5
    assert len(reads) == 3


def test_a_change_that_two_looks_saw_alike_is_taken_once(watch, city_folder):
    assert watch.look() is None
    sensor("d9,traffic,z0,s0,0,0,1,,")(city_folder)
    assert watch.look() is None
    found = watch.look()
    assert isinstance(found, Good)
    assert ids(found)[-1] == "d9"
    assert found.folder == read_folder(city_folder)
    assert watch.look() is None


def test_a_file_that_grows_between_looks_waits_until_it_stands_still(watch, city_folder):
    whole("sensors.csv", HEAD + "\n")(city_folder)
    for index in range(3):
        assert watch.look() is None
        sensor(f"n{index},traffic,z0,s0,0,0,1,,")(city_folder)
    assert watch.look() is None
    assert ids(watch.look()) == ["n0", "n1", "n2"]


def test_a_file_with_its_header_only_is_no_city_and_said_once(watch, city_folder):
    before = (city_folder / "sensors.csv").read_bytes()
    whole("sensors.csv", HEAD + "\n")(city_folder)
    assert watch.look() is None
    bad = watch.look()
    assert isinstance(bad, Bad)
    assert (
        str(bad)
        == f"{city_folder}/sensors.csv: a sensor is needed; nothing stands there under the names of the columns"
    )
    assert [watch.look() for _ in range(3)] == [None] * 3
    whole("sensors.csv", before)(city_folder)
    assert [watch.look() for _ in range(3)] == [None] * 3  # the city in force again: nothing new
    whole("sensors.csv", HEAD + "\n")(city_folder)
    watch.look()
    assert isinstance(watch.look(), Bad)  # said again, because it was good in between


@pytest.mark.parametrize(
    "change",
    [
        head("Asia/Shanghai", "UTC"),
        properties("zones", 0, name_en="Harbour"),
        properties("segments", 0, lanes=3),
        whole("corridors.csv", "corridor,order,segment\nring,1,s1\n"),
        whole("places.geojson", '{"type": "FeatureCollection", "features": []}'),
    ],
    ids=["city.toml", "zones", "segments", "corridors", "places"],
)
def test_every_file_of_the_folder_is_watched(watch, city_folder, change):
    watch.look()
    change(city_folder)
    watch.look()
    assert isinstance(watch.look(), Good)


@pytest.mark.parametrize(
    "change",
    [
        feature("segments", 3, lambda one: one.update(geometry=None)),
        geometry("segments", 3, "MultiLineString", [[[0, 0], [1, 1]]]),
        properties("segments", 3, upstream=None),
        head('"small"', '"large"'),
        lambda folder: (folder / "zones.geojson").unlink(),
        lambda folder: ((folder / "city.toml").unlink(), (folder / "city.toml").mkdir()),
    ],
    ids=["null", "MultiLineString", "upstream", "another city", "gone", "a folder"],
)
def test_no_change_raises_an_error(watch, city_folder, change):
    change(city_folder)
    watch.look()
    assert isinstance(watch.look(), Bad)


def test_a_change_before_the_first_look_is_seen(city_folder):
    known = read_folder(city_folder)
    sensor("d9,traffic,z0,s0,0,0,1,,")(city_folder)
    watch = Watch(city_folder, known, "small")
    watch.look()
    assert isinstance(watch.look(), Good)


def test_the_kept_copy_is_the_city_whatever_becomes_of_the_folder(city_folder, tmp_path, city):
    home = tmp_path / "data" / "city"
    link = keep(read_folder(city_folder), home)
    assert link == place_of(home)
    (city_folder / "segments.geojson").write_text("{")
    assert load_city(link) == city


def test_a_newer_copy_takes_its_place_and_the_one_before_stays_for_who_reads_it(city_folder, tmp_path):
    for index in range(3):
        sensor(f"n{index},traffic,z0,s0,0,0,1,,")(city_folder)
        link = keep(read_folder(city_folder), tmp_path / "kept")
    assert load_city(link).sensors[-1].id == "n2"
    copies = [one for one in (tmp_path / "kept").iterdir() if not one.is_symlink()]
    assert sorted(load_city(one).sensors[-1].id for one in copies) == ["n1", "n2"]


def test_half_a_copy_that_a_crash_left_is_written_anew(city_folder, tmp_path, city):
    link = keep(read_folder(city_folder), tmp_path / "kept")
    (link / "sensors.csv").write_bytes(b"")
    assert load_city(keep(read_folder(city_folder), tmp_path / "kept")) == city
