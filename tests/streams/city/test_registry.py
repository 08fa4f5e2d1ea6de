"""A city folder is read whole, or refused with file, feature and field."""

import json

import pytest

from streams.city.registry import load_city
from streams.errors import CityFileError
from tests.small_city import SEGMENTS, ZONES


def test_a_city_knows_where_its_sensors_are(city):
    assert len(city.zones) == ZONES
    assert len(city.segments) == SEGMENTS
    assert city.sensor_zone[city.sensor_code["d5"]] == 5 % ZONES
    assert city.sensor_segment[city.sensor_code["d5"]] == city.segment_code["s5"]
    assert city.sensor_segment[city.sensor_code["w0"]] == -1
    assert city.sensors_of_zone["traffic", 1].tolist() == [city.sensor_code["d1"], city.sensor_code["d5"]]
    assert not city.sensors_of_domain["traffic"][-1]


def test_the_version_changes_with_the_sensors_only(city, city_folder):
    (city_folder / "city.toml").write_text((city_folder / "city.toml").read_text().replace("小城", "大城"))
    assert load_city(city_folder).version == city.version
    with (city_folder / "sensors.csv").open("a") as file:
        file.write("d8,traffic,z0,s0,0,0,1,,\n")
    assert load_city(city_folder).version != city.version


def with_segment(folder, change):
    path = folder / "segments.geojson"
    found = json.loads(path.read_text())
    change(found["features"][3])
    path.write_text(json.dumps(found))


BROKEN_SEGMENTS = [
    (lambda one: one["properties"].pop("id"), ["segments.geojson", "feature 3", "id"]),
    (lambda one: one["properties"].update(zone="z11"), ["segment s3", "zone", "'z11'", "nearest is 'z1'"]),
    (lambda one: one["properties"].update(lanes=-1), ["segment s3", "lanes", "above 0", "-1"]),
    (lambda one: one["properties"].update(length_m="long"), ["segment s3", "length_m", "'long'"]),
    (lambda one: one["properties"].update(road_class="lane"), ["segment s3", "road_class", "expressway"]),
    (lambda one: one["properties"].update(upstream=["s99"]), ["segment s3", "upstream", "'s99'"]),
    (lambda one: one["properties"].update(id="s4"), ["segment s4", "twice"]),
    (lambda one: one.update(geometry={"coordinates": [[0, 0]]}), ["segment s3", "geometry"]),
    (lambda one: one.pop("properties"), ["feature 3", "properties"]),
]


@pytest.mark.parametrize(("change", "words"), BROKEN_SEGMENTS, ids=[words[-1] for _, words in BROKEN_SEGMENTS])
def test_a_broken_segment_is_named_with_file_and_field(city_folder, change, words):
    with_segment(city_folder, change)
    with pytest.raises(CityFileError) as refused:
        load_city(city_folder)
    assert all(word in str(refused.value) for word in ["segments.geojson", *words])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("d9,traffic,z9,s0,0,0,1,,", ["line 14", "sensor d9", "zone"]),
        ("d9,traffic,z0,s0,0,0,never,,", ["line 14", "interval_s", "'never'"]),
        ("d0,traffic,z0,s0,0,0,1,,", ["sensor d0", "twice"]),
    ],
)
def test_a_broken_sensor_is_named_with_its_line(city_folder, line, words):
    with (city_folder / "sensors.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(CityFileError) as refused:
        load_city(city_folder)
    assert all(word in str(refused.value) for word in ["sensors.csv", *words])


@pytest.mark.parametrize("name", ["city.toml", "zones.geojson", "segments.geojson", "sensors.csv"])
@pytest.mark.parametrize(
    "content", [None, b"\xff\xfe\x00", b"{", b"[]", b""], ids=["absent", "bytes", "cut", "list", "empty"]
)
def test_rubbish_in_place_of_a_file_is_one_clear_error(city_folder, name, content):
    if content is None:
        (city_folder / name).unlink()
    else:
        (city_folder / name).write_bytes(content)
    with pytest.raises(CityFileError) as refused:
        load_city(city_folder)
    assert name in str(refused.value)


def test_a_city_says_whether_it_is_simulated(city, city_folder):
    assert not city.simulated
    head = city_folder / "city.toml"
    head.write_text(head.read_text() + "simulated = true\n")
    assert load_city(city_folder).simulated
    head.write_text(head.read_text().replace("true", '"yes"'))
    with pytest.raises(CityFileError, match=r"city\.toml: city: simulated: true or false is needed, not 'yes'"):
        load_city(city_folder)
