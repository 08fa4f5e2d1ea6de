"""What cannot be in `segments.geojson` is refused with file, place, field, value and cure."""

import pytest

from tests.city_edits import assert_refused, far_city, feature, geometry, properties

PROBLEMS = {
    "geometry null": (
        feature("segments", 3, lambda one: one.update(geometry=None)),
        ["segments.geojson: feature 3, segment s3: geometry: a LineString is needed; nothing stands there"],
    ),
    "geometry text": (
        feature("segments", 3, lambda one: one.update(geometry="LINESTRING(0 0, 1 1)")),
        ["segment s3: geometry: a LineString is needed, not 'LINESTRING"],
    ),
    "MultiLineString": (
        geometry("segments", 3, "MultiLineString", [[[0, 0], [1, 1]]]),
        ["segment s3: geometry: a LineString is needed, not 'MultiLineString'"],
    ),
    "null point": (
        geometry("segments", 3, "LineString", [[0, 0], None]),
        ["segment s3: geometry: point 1: [longitude, latitude] is needed; nothing"],
    ),
    "short point": (geometry("segments", 3, "LineString", [[0, 0], [1]]), ["segment s3: geometry: point 1", "[1]"]),
    "text coordinates": (
        geometry("segments", 3, "LineString", [["0", "0"], ["1", "1"]]),
        ["segment s3: geometry: point 0", "two numbers", "['0', '0']"],
    ),
    "no coordinates": (
        feature("segments", 3, lambda one: one.update(geometry={"type": "LineString"})),
        ["segment s3: geometry: a list of points is needed"],
    ),
    "NaN point": (
        geometry("segments", 3, "LineString", [[0, 0], [float("nan"), 1]]),
        ["segment s3: geometry: point 1", "nan"],
    ),
    "huge whole number": (
        geometry("segments", 3, "LineString", [[0, 0], [10**400, 1]]),
        ["segment s3: geometry: point 1"],
    ),
    "latitude beyond the pole": (
        geometry("segments", 3, "LineString", [[0, 0], [1, 95]]),
        ["segment s3: geometry: point 1: latitude 95 cannot be"],
    ),
    "segment's line swapped": (
        geometry("segments", 3, "LineString", [[30.1, 118.4], [30.2, 118.5]]),
        ["segment s3: geometry: point 0: latitude 118.4", "swapped"],
    ),
    "upstream null": (
        properties("segments", 3, upstream=None),
        ["segment s3: upstream: a list of segment ids is needed; nothing stands there; [] where"],
    ),
    "upstream text": (
        properties("segments", 3, upstream="s1"),
        ["segment s3: upstream: a list of segment ids is needed, not 's1'"],
    ),
    "upstream of objects": (
        properties("segments", 3, upstream=[{"id": "s1"}]),
        ["segment s3: upstream: a segment's id is needed, not {'id': 's1'}"],
    ),
    "upstream unknown": (
        properties("segments", 3, upstream=["S1"]),
        ["segment s3: upstream: no segment is called 'S1'; the nearest is 's1'"],
    ),
    "length with a comma": (
        properties("segments", 3, length_m="10,5"),
        ["segment s3: length_m: a number is needed, not '10,5'; write 10.5"],
    ),
    "length in metres of a country": (
        properties("segments", 3, length_m=6e5),
        ["length_m: 600000 cannot be: 0.1 to 500,000 m is possible"],
    ),
    "half a lane": (properties("segments", 3, lanes=2.5), ["lanes: a whole number is needed, not 2.5"]),
    "lanes true": (properties("segments", 3, lanes=True), ["lanes: a number is needed, not true"]),
    "a thousand lanes": (properties("segments", 3, lanes=1000), ["lanes: 1000 cannot be: 1 to 50 is possible"]),
    "free flow of light": (
        properties("segments", 3, free_flow_km_h=1e9),
        ["free_flow_km_h: 1000000000 cannot be: 1 to 250 km/h"],
    ),
    "free flow infinite": (
        properties("segments", 3, free_flow_km_h=float("inf")),
        ["free_flow_km_h: a number is needed, not inf"],
    ),
    "name null": (
        properties("segments", 3, name_zh=None),
        ["segment s3: name_zh: a text is needed; nothing stands there"],
    ),
    "segment called like an entity": (
        properties("segments", 7, id="zone:z0"),
        ["segment zone:z0: id: 'zone:z0' begins with 'zone:'"],
    ),
    "segment at 0, 0": (
        lambda folder: far_city(folder, segment=[[0, 0], [0, 0.1]]),
        ["segment s3: geometry: 0, 0 is", "km from the middle of the roads"],
    ),
}


@pytest.mark.parametrize(("change", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_is_refused(city_folder, change, words):
    change(city_folder)
    assert_refused(city_folder, words)
