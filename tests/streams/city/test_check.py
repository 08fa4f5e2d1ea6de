"""Each fault that a city folder can have is named with file, place, field, value and cure; all of them at once."""

from pathlib import Path

import pytest

from streams.city.check import check
from streams.city.folder import FILES, Folder, read_folder
from streams.city.registry import load_city
from streams.errors import CityFileError
from tests.city_edits import (
    DEEP,
    HEAD,
    LINE,
    far_city,
    geometry,
    head,
    insert,
    option,
    place,
    properties,
    sensor,
    sentences,
    whole,
)
from tests.small_city import write_small_city

SAMPLE_CITY = Path(__file__).parents[3] / "streams/feeds/sample_city/folder"

NOTICES = {
    "far away": (
        lambda folder: far_city(folder, sensor="10.1,48.1"),
        ["line 14, sensor d9: lng, lat: 10.1, 48.1 is 8", "km from the middle of the roads; is that so?"],
    ),
    "another zone than its segment": (
        lambda folder: far_city(folder, zone="z1"),
        ["line 14, sensor d9: zone: it watches segment s0, which lies in another zone"],
    ),
    "a zone without anything": (
        lambda folder: far_city(folder, empty_zone=True),
        ["zones.geojson: zone z4: no segment and no sensor lies in it"],
    ),
    "a column that nobody reads": (
        whole("sensors.csv", f"{HEAD},delay\nd9,traffic,z0,s0,0,0,1,,,3\n"),
        ["line 1: the column 'delay' is not read; the nearest is 'delay_s'"],
    ),
    "a kind that the map does not know": (
        place(properties={"kind": "lable"}, geometry=LINE),
        ["kind: 'lable' is not one of", "nearest is 'label'"],
    ),
    "a length in kilometres": (
        lambda folder: far_city(folder, length_m=0.7),
        ["segment s3: length_m: 0.7 m, but its line is 7"],
    ),
    "a slow road": (
        lambda folder: far_city(folder, free_flow_km_h=3),
        ["segment s3: free_flow_km_h: 3 km/h is unusual"],
    ),
    "a line of one point": (
        lambda folder: far_city(folder, segment=[[10.1, 56.1], [10.1, 56.1]]),
        ["segment s3: geometry: its line begins and ends at one point"],
    ),
    "a day before its readings are due": (
        whole("sensors.csv", f"{HEAD},stamps\nw9,weather,z0,,0,0,86400,,,begin\n"),
        [
            "line 2, sensor w9: interval_s: its readings are due 86,400 s after their time",
            "frames are kept 21,600 s",
        ],
    ),
    "its own upstream": (
        lambda folder: far_city(folder, upstream=["s3"]),
        ["segment s3: upstream: it leads into itself"],
    ),
}


def test_the_city_that_is_moved_has_nothing_odd(city_folder):
    far_city(city_folder)
    assert sentences(check(read_folder(city_folder)).findings) == []


@pytest.mark.parametrize(("change", "words"), NOTICES.values(), ids=NOTICES)
def test_what_is_odd_is_said_and_taken(city_folder, change, words):
    change(city_folder)
    notices = sentences(check(read_folder(city_folder)).notices)
    assert any(all(word in one for word in words) for one in notices), notices
    load_city(city_folder)


TAKEN = {
    "byte order marks": lambda folder: [
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
        for name in ("city.toml", "zones.geojson", "segments.geojson", "sensors.csv")
    ],
    "a zone of two parts": geometry(
        "zones", 1, "MultiPolygon", [[[[0, 0], [1, 0], [1, 1]]], [[[2, 2], [3, 2], [3, 3]]]]
    ),
    "height beside a place": geometry("segments", 1, "LineString", [[0, 1, 12.5], [1, 1, 13]]),
    "empty cells behind the last column": sensor("d9,traffic,z0,s0,0,0,1,,,,,"),
    "a line that ends before the names": sensor("d9,traffic,z0,s0,0,0,1"),
    "blank lines": sensor(",,,,,,,,\n\nd9,traffic,z0,s0,0,0,1,,"),
    "Windows' line ends": lambda folder: (folder / "sensors.csv").write_bytes(
        (folder / "sensors.csv").read_bytes().replace(b"\n", b"\r\n")
    ),
    "a number as text": properties("segments", 3, lanes="2", length_m=" 500.0"),
    "upstream as numbers": lambda folder: (
        properties("segments", 0, id="12")(folder),
        properties("segments", 3, upstream=[12])(folder),
        (folder / "sensors.csv").write_text((folder / "sensors.csv").read_text().replace(",s0,", ",12,")),
    ),
    "an id with a comma": sensor('"d9, lane 1",traffic,z0,s0,0,0,1,,'),
    "an id as a URN": sensor("urn:ngsi-ld:Device:9,traffic,z0,s0,0,0,1,,"),
    "a Chinese id": sensor("环路 9,traffic,z0,s0,0,0,1,,"),
}


def test_a_day_between_moments_and_six_hours_are_not_odd(city_folder):
    lines = ["w7,weather,z0,,0,0,86400,,,", "w8,weather,z0,,0,0,86400,,,end", "w9,weather,z0,,0,0,21600,,,begin"]
    whole("sensors.csv", "\n".join([f"{HEAD},stamps", *lines]) + "\n")(city_folder)
    assert [one for one in sentences(check(read_folder(city_folder)).findings) if "are due" in one] == []


@pytest.mark.parametrize("change", TAKEN.values(), ids=TAKEN)
def test_what_is_surely_meant_is_taken(city_folder, change):
    change(city_folder)
    assert sentences(check(read_folder(city_folder)).problems) == []


def test_everything_is_found_at_once(city_folder):
    head("Asia/Shanghai", "Mars/Olympus")(city_folder)
    properties("segments", 3, lanes=0, upstream=None)(city_folder)
    sensor("d9,wether,z9,s99,0,560,1e30,,")(city_folder)
    whole("calendar.csv", "date,kind\nx,y\n")(city_folder)
    found = [(Path(one.file).name, one.field) for one in check(read_folder(city_folder)).problems]
    assert found == [
        ("city.toml", "time_zone"),
        ("segments.geojson", "lanes"),
        ("segments.geojson", "upstream"),
        *(("sensors.csv", field) for field in ("domain", "lat", "zone", "segment", "interval_s")),
        ("calendar.csv", "kind"),
        ("calendar.csv", "date"),
    ]


@pytest.mark.parametrize("broken", [None, {"type": "Feature", "properties": None, "geometry": None}])
def test_a_feature_that_is_none_hides_no_other_problem(city_folder, broken):
    """Among them s3 at 0, 0: 56.69° of the great circle from 10.1, 56.1."""
    far_city(city_folder, segment=[[0, 0], [0.01, 0.003]], upstream=["s9"])
    for line in ("e7,traffic,z0,s0,0,0,1,,", "e8,traffic,z9,s2,10.1,56.1,1,,", "e9,traffic,z0,zzz,10.1,56.1,1,,"):
        sensor(line)(city_folder)
    insert("segments", 0, broken)(city_folder)
    insert("zones", 1, broken)(city_folder)
    found = [str(one).removeprefix(f"{city_folder}/") for one in check(read_folder(city_folder)).problems]
    assert [one.partition("; ")[0].partition(" from the middle")[0] for one in found] == [
        "zones.geojson: feature 1: properties: an object is needed",
        "segments.geojson: feature 0: properties: an object is needed",
        "segments.geojson: feature 4, segment s3: upstream: no segment is called 's9'",
        "sensors.csv: line 16, sensor e8: zone: no zone is called 'z9'",
        "sensors.csv: line 17, sensor e9: segment: no segment is called 'zzz'",
        "segments.geojson: feature 4, segment s3: geometry: 0, 0 is 6,304 km",
        "sensors.csv: line 15, sensor e7: lng, lat: 0, 0 is 6,304 km",
    ]


def test_a_file_that_cannot_be_read_blames_nothing_that_names_its_things(city_folder):
    (city_folder / "zones.geojson").write_text("{")
    (city_folder / "sensors.csv").unlink()
    (city_folder / "corridors.csv").mkdir()
    assert [Path(one.file).name for one in check(read_folder(city_folder)).problems] == [
        "zones.geojson",
        "sensors.csv",
        "corridors.csv",
    ]


def test_the_first_ten_problems_stand_in_the_error_and_the_number_of_the_others(city_folder):
    for index in range(13):
        sensor(f"x{index},traffic,z0,s0,0,0,never,,")(city_folder)
    with pytest.raises(CityFileError) as refused:
        load_city(city_folder)
    lines = str(refused.value).splitlines()
    assert len(lines) == 11
    assert lines[9].startswith(f"{city_folder}/sensors.csv: line 23, sensor x9: interval_s")
    assert lines[10] == f"and 3 more; `citywall city check {city_folder}` names them all"


def test_a_folder_that_is_not_there_is_one_problem(tmp_path):
    (problem,) = check(read_folder(tmp_path / "nowhere")).problems
    assert str(problem) == f"{tmp_path}/nowhere: is no folder; name the one that holds city.toml"


def test_optional_fields_come_with_the_sensor(city_folder):
    option("end,90,3600,speed_km_h=-1; flow_veh_h = -1 ;speed_km_h=255,2,120.5")(city_folder)
    (found,) = load_city(city_folder).sensors
    assert (found.stamps, found.delay_s, found.late_limit_s) == ("end", 90.0, 3600.0)
    assert found.not_measured == (("speed_km_h", -1.0), ("flow_veh_h", -1.0), ("speed_km_h", 255.0))
    assert (found.lane, found.position_m) == (2, 120.5)


def test_without_them_the_domain_decides(city):
    found = city.sensors[0]
    assert (found.stamps, found.delay_s, found.late_limit_s, found.not_measured) == ("", 0.0, None, ())
    assert (found.lane, found.position_m) == (None, None)
    assert (city.corridors, city.calendar, city.relations) == ((), {}, ())


def test_the_optional_files_come_with_the_city(city_folder):
    whole("corridors.csv", "corridor,order,segment\nring,20,s1\nring,3,s5\nspur,0,s1\n")(city_folder)
    whole("calendar.csv", "date,kind\n2026-10-01,holiday\n2026-10-10,workday\n")(city_folder)
    whole("relations.csv", "from,relation,to\nd0,feeds,s0\nzone:z1,drains,corridor:ring\n")(city_folder)
    found = load_city(city_folder)
    assert {one.id: one.segments for one in found.corridors} == {"ring": ("s5", "s1"), "spur": ("s1",)}
    assert {str(day): kind for day, kind in found.calendar.items()} == {
        "2026-10-01": "holiday",
        "2026-10-10": "workday",
    }
    assert [(one.source, one.relation, one.target) for one in found.relations] == [
        ("d0", "feeds", "s0"),
        ("zone:z1", "drains", "corridor:ring"),
    ]


CHANGES_OF_VERSION = {
    "delay": option(",60,,,,"),
    "not measured": option(",,,speed_km_h=-1,,"),
    "lane": option(",,,,1,"),
    "time zone": head("Asia/Shanghai", "UTC"),
    "corridor": whole("corridors.csv", "corridor,order,segment\nring,1,s1\n"),
    "calendar": whole("calendar.csv", "date,kind\n2026-10-01,holiday\n"),
    "relation": whole("relations.csv", "from,relation,to\nd9,feeds,s0\n"),
}


@pytest.mark.parametrize("change", CHANGES_OF_VERSION.values(), ids=CHANGES_OF_VERSION)
def test_the_version_covers_all_that_processing_depends_on(city_folder, change):
    option(",,,,,")(city_folder)
    before = load_city(city_folder).version
    change(city_folder)
    assert load_city(city_folder).version != before


def test_the_sample_city_has_no_problem_and_nothing_odd():
    found = check(read_folder(SAMPLE_CITY))
    assert sentences(found.findings) == []
    assert (found.counts["zones"], found.counts["segments"], found.counts["sensors"]) == (14, 2196, 3154)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"null", b"[]", b"{}", b"\xff", b"a,b\n1,2\n", b"[[1]]", DEEP.encode()]
)
def test_no_content_of_any_file_raises_an_error(tmp_path, name, content):
    folder = read_folder(write_small_city(tmp_path / "city"))
    check(Folder(folder.name, dict(folder.files) | {name: content}))
