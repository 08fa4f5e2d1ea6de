"""Whatever stands in the files: a check ends with sentences, and a city that it finds good can be drawn."""

import json
import random

import pytest

from dashboard.places import picture
from streams.city.check import check
from streams.city.folder import Folder, read_folder
from streams.city.registry import city_of
from tests.city_edits import far_city, whole

MUTANTS = 60
ODD = (
    *(None, True, 0, -1, 1e308, 10**400, float("nan"), float("inf"), -0.0),
    *("", " ", "x", "z0", "s0", "zone:z0", "\ud800", "\n", "\\", "\0", "1e999", "٣", "8" * 5000, "2026-13-01"),
    *([], {}, [[]], [None], [[None]], [0], [0, 0], [[0, 0]], [True, False], {"id": 1}),
    *({"type": "Point"}, {"type": ["Polygon"], "coordinates": 3}, {"type": "GeometryCollection", "geometries": []}),
)
"""What replaces a part of a GeoJSON file."""

SPLINTERS = (b",", b'"', b"\n", b";", b"\\", b"-", b"e9", b".", b"\0", b"\xef\xbb\xbf", b"\xff", b"[", b"nan")
"""What is put into the bytes of any file."""


@pytest.fixture
def files(city_folder):
    """The small city with all that it may have."""
    far_city(city_folder)
    ring = [[10.1, 56.1], [10.2, 56.1], [10.2, 56.2], [10.1, 56.1]]
    shapes = {"MultiPolygon": [[ring]], "Polygon": [ring], "Point": ring[0], "LineString": ring}
    places = [
        {
            "properties": {"kind": kind, "name_zh": "河", "name_en": "River"},
            "geometry": {"type": one, "coordinates": at},
        }
        for kind, (one, at) in zip(("water", "district", "label", "water"), shapes.items(), strict=True)
    ]
    whole("places.geojson", json.dumps({"type": "FeatureCollection", "features": places}))(city_folder)
    whole("corridors.csv", "corridor,order,segment\nring,1,s1\nring,2,s2\n")(city_folder)
    whole("calendar.csv", "date,kind\n2026-10-01,holiday\n")(city_folder)
    whole("relations.csv", "from,relation,to\nd0,feeds,s0\n")(city_folder)
    return read_folder(city_folder).files


def with_an_odd_part(text, chance):
    """Replace a part of JSON, at any depth, or take it out."""
    whole = node = json.loads(text)
    at = None
    while isinstance(node, dict | list) and node and (at is None or chance.random() < 0.85):
        at = node, chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
        node = node[at[1]]
    if chance.random() < 0.15:
        del at[0][at[1]]
    else:
        at[0][at[1]] = chance.choice(ODD)
    return json.dumps(whole).encode()


def with_splinters(data, chance):
    """Change, insert or cut bytes."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(found) + 1)
        kind = chance.random()
        if kind < 0.8:
            found[place : place + chance.choice((0, 1, 1, 20))] = chance.choice(SPLINTERS)
        else:
            del found[place:]
    return bytes(found)


@pytest.mark.parametrize("seed", range(8))
def test_a_mutant_is_refused_with_sentences_or_can_be_drawn(files, seed):
    chance = random.Random(seed)
    outcomes = set()
    for _ in range(MUTANTS):
        name = chance.choice(list(files))
        mutate = with_an_odd_part if name.endswith("geojson") and chance.random() < 0.8 else with_splinters
        found = check(Folder("city", dict(files) | {name: mutate(files[name], chance)}))
        for one in found.findings:
            assert "\n" not in str(one)
            str(one).encode()
        if not found.problems:
            json.dumps(picture(city_of(found, "city"))).encode()
        outcomes.add(bool(found.problems))
    assert outcomes == {True, False}  # the mutations are neither all harmless nor all fatal
