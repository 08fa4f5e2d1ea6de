"""What cannot be in the optional files is refused with file, place, field, value and cure."""

import pytest

from tests.city_edits import LINE, assert_refused, place, whole

PROBLEMS = {
    "place without a kind": (
        place(properties={}, geometry=LINE),
        ["places.geojson: feature 0: kind: a text is needed"],
    ),
    "place without a geometry": (
        place(properties={"kind": "water"}, geometry=None),
        ["places.geojson: feature 0: geometry"],
    ),
    "place of points": (
        place(properties={"kind": "water"}, geometry={"type": "MultiPoint", "coordinates": [[0, 0]]}),
        ["geometry: a Point or LineString", "not 'MultiPoint'"],
    ),
    "places without features": (
        whole("places.geojson", "{}"),
        ["places.geojson: features: a GeoJSON FeatureCollection is needed"],
    ),
    "corridor of a lost segment": (
        whole("corridors.csv", "corridor,order,segment\nring,1,s99\n"),
        ["corridors.csv: line 2, corridor ring: segment: no segment is called 's99'"],
    ),
    "corridor's order twice": (
        whole("corridors.csv", "corridor,order,segment\nring,1,s0\nring,1,s1\n"),
        ["line 3, corridor ring: order: 1 stands there twice"],
    ),
    "corridor's segment twice": (
        whole("corridors.csv", "corridor,order,segment\nring,1,s0\nring,2,s0\n"),
        ["line 3, corridor ring: segment: 's0' stands there twice"],
    ),
    "day of the month first": (
        whole("calendar.csv", "date,kind\n01.10.2026,holiday\n"),
        ["calendar.csv: line 2, date 01.10.2026: date: a day as 2026-10-01 is needed"],
    ),
    "day that is none": (whole("calendar.csv", "date,kind\n2026-02-30,holiday\n"), ["date: a day as", "'2026-02-30'"]),
    "kind of day": (
        whole("calendar.csv", "date,kind\n2026-10-01,holliday\n"),
        ["kind: 'holliday' is not one of workday, holiday; the nearest is 'holiday'"],
    ),
    "day twice": (
        whole("calendar.csv", "date,kind\n2026-10-01,holiday\n2026-10-01,workday\n"),
        ["line 3, date 2026-10-01: date: 2026-10-01 stands there twice, first as holiday"],
    ),
    "relation of a stranger": (
        whole("relations.csv", "from,relation,to\nd99,feeds,s0\n"),
        ["relations.csv: line 2: from: no sensor, segment, zone:<id> or corridor:<id> is called 'd99'"],
    ),
    "relation unknown": (
        whole("relations.csv", "from,relation,to\nd0,feed,s0\n"),
        ["relation: 'feed' is not one of feeds, drains, powers, carries; the nearest is 'feeds'"],
    ),
    "relation with itself": (
        whole("relations.csv", "from,relation,to\nd0,feeds,d0\n"),
        ["to: 'd0' cannot stand on both sides"],
    ),
}


@pytest.mark.parametrize(("change", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_is_refused(city_folder, change, words):
    change(city_folder)
    assert_refused(city_folder, words)
