"""Edits of a city folder for tests, and what a check says of it then."""

import json

import pytest

from streams.city.check import check
from streams.city.folder import read_folder
from streams.city.registry import load_city
from streams.errors import CityFileError

HEAD = "sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en"
DEEP = "[" * 100_000
OPTIONAL = "stamps,delay_s,late_limit_s,not_measured,lane,position_m"


def sensor(line):
    """Append a line to sensors.csv: it is the 14th."""

    def change(folder):
        path = folder / "sensors.csv"
        path.write_text(path.read_text() + line + "\n")

    return change


def option(cells):
    """Give a detector of segment s0 (2 lanes, 500 m) optional columns; it is the only sensor, line 2."""
    return whole("sensors.csv", f"{HEAD},{OPTIONAL}\nd9,traffic,z0,s0,0,0,1,,,{cells}\n")


def whole(name, text):
    def change(folder):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return change


def feature(name, index, alter):
    def change(folder):
        path = folder / f"{name}.geojson"
        found = json.loads(path.read_text())
        alter(found["features"][index])
        path.write_text(json.dumps(found))

    return change


def insert(name, index, one):
    def change(folder):
        path = folder / f"{name}.geojson"
        found = json.loads(path.read_text())
        found["features"].insert(index, one)
        path.write_text(json.dumps(found))

    return change


def properties(name, index, **values):
    return feature(name, index, lambda one: one["properties"].update(values))


def geometry(name, index, shape, coordinates):
    return feature(name, index, lambda one: one.update(geometry={"type": shape, "coordinates": coordinates}))


def head(old, new):
    def change(folder):
        path = folder / "city.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def place(**one):
    return whole("places.geojson", json.dumps({"type": "FeatureCollection", "features": [one]}))


LINE = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}


def far_city(folder, sensor="10.1,56.1", zone="z0", segment=None, *, empty_zone=False, **changed):
    """Move the small city to Denmark: nothing about it is odd then but what is asked for."""
    road = [[10.1, 56.1], [10.11, 56.103]]  # 0.62 km east, 0.33 km north: 0.7 km
    for index in range(8):
        geometry("segments", index, "LineString", road)(folder)
        properties("segments", index, length_m=700)(folder)
    for index in range(4):
        geometry("zones", index, "Polygon", [[*road, [10.1, 56.2], road[0]]])(folder)
    path = folder / "sensors.csv"
    path.write_text(path.read_text().replace(",0,0,", ",10.1,56.1,") + f"d9,traffic,{zone},s0,{sensor},1,,\n")
    if segment:
        geometry("segments", 3, "LineString", segment)(folder)
    properties("segments", 3, **changed)(folder)
    if empty_zone:
        zones = json.loads((folder / "zones.geojson").read_text())
        more = zones["features"][0]
        zones["features"].append(more | {"properties": {"id": "z4", "name_zh": "四", "name_en": "Four"}})
        (folder / "zones.geojson").write_text(json.dumps(zones))


def sentences(found):
    return [str(one) for one in found]


def assert_refused(folder, words):
    """The folder's problems hold the words, and blame nothing else but what names the faulty thing."""
    problems = sentences(check(read_folder(folder)).problems)
    assert [word for word in words if not any(word in one for one in problems)] == [], problems
    others = [one for one in problems if not any(word in one for word in words)]
    assert [one for one in others if " is called " not in one] == []
    assert all("\n" not in one and one.startswith(str(folder)) for one in problems)
    with pytest.raises(CityFileError):
        load_city(folder)
