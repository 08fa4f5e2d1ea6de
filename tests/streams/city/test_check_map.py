"""What cannot be in `city.toml` and `zones.geojson` is refused with file, place, field, value and cure."""

import pytest

from tests.city_edits import DEEP, assert_refused, feature, geometry, head, properties, whole

PROBLEMS = {
    "time zone": (
        head("Asia/Shanghai", "Europe/Kopenhagen"),
        ["city.toml: city: time_zone", "'Europe/Kopenhagen'", "nearest is 'Europe/Copenhagen'"],
    ),
    "time zone of habit": (head("Asia/Shanghai", "Asia/Beijing"), ["time_zone", "'Asia/Shanghai' is meant"]),
    "time zone that is a path": (head("Asia/Shanghai", "../../etc/passwd"), ["time_zone", "'../../etc/passwd'"]),
    "time zone that is a folder": (head("Asia/Shanghai", "Asia"), ["time_zone", "'Asia'"]),
    "time zone that is a number": (head('"Asia/Shanghai"', "8"), ["time_zone: a text is needed, not 8"]),
    "no time zone": (head('time_zone = "Asia/Shanghai"', ""), ["time_zone: a text is needed; nothing stands there"]),
    "city id with a slash": (head('"small"', '"../small"'), ["city: id", "'../small'", "folder"]),
    "half a character in a name": (properties("zones", 0, name_zh="\ud800区"), ["zone z0: name_zh", "U+D800"]),
    "TOML in Latin-1": (
        whole("city.toml", b'id = "x"\nname_zh = "\xe5"\n'),
        ["city.toml: line 2: is not UTF-8", "0xe5"],
    ),
    "UTF-16": (whole("city.toml", 'id = "x"'.encode("utf-16")), ["city.toml: is UTF-16; save it as UTF-8"]),
    "zone without a geometry": (
        feature("zones", 1, lambda one: one.update(geometry=None)),
        ["zones.geojson: feature 1, zone z1: geometry: a Polygon or MultiPolygon is needed; nothing stands there"],
    ),
    "zone of NaN": (
        geometry("zones", 1, "Polygon", [[[0, 0], [float("nan"), 0], [1, 1], [0, 0]]]),
        ["zone z1: geometry: point 1", "nan"],
    ),
    "zone in metres": (
        geometry("zones", 1, "Polygon", [[[500000, 6220000], [500100, 6220000], [500000, 6220100]]]),
        ["zone z1: geometry: point 0: 500000, 6220000 are metres", "EPSG:4326"],
    ),
    "zone of two points": (
        geometry("zones", 1, "Polygon", [[[0, 0], [1, 0]]]),
        ["zone z1: geometry: 3 or more points are needed, not 2"],
    ),
    "second part of a zone broken": (
        geometry("zones", 1, "MultiPolygon", [[[[0, 0], [1, 0], [1, 1]]], [[None, [1, 0], [1, 1]]]]),
        ["zone z1: geometry: part 1: point 0"],
    ),
    "part of a zone null": (
        geometry("zones", 1, "MultiPolygon", [None]),
        ["zone z1: geometry: a list of lists of points"],
    ),
    "zone twice": (
        properties("zones", 1, id="z0"),
        ["feature 1, zone z0: id: 'z0' stands there twice, first in feature 0"],
    ),
    "zone id with a space": (properties("zones", 1, id="z1 "), ["zone 'z1 ': id", "space", "take it away"]),
    "no zones": (
        whole("zones.geojson", '{"type": "FeatureCollection", "features": []}'),
        ["zones.geojson: features: a zone is needed"],
    ),
    "features null": (
        whole("zones.geojson", '{"features": null}'),
        ["zones.geojson: features: a GeoJSON FeatureCollection is needed"],
    ),
    "feature null": (whole("zones.geojson", '{"features": [null]}'), ["feature 0: properties: an object is needed"]),
    "JSON too deep": (whole("zones.geojson", DEEP), ["zones.geojson: is no JSON"]),
    "number too long": (whole("zones.geojson", "1" * 5000), ["zones.geojson: is no JSON"]),
}


@pytest.mark.parametrize(("change", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_is_refused(city_folder, change, words):
    change(city_folder)
    assert_refused(city_folder, words)
