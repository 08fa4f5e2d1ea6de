"""Where a signal holds."""

import pytest

from streams.city.registry import load_city
from streams.feeds.signals.document import Area
from streams.feeds.signals.placing import covered, ground_of
from streams.feeds.signals.settings import Source
from tests.small_city import write_small_city

ALL = frozenset({"z0", "z1", "z2", "z3"})


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Roads run from (0, i) to (1, i) in zone z<i mod 4>, i from 0 to 3; the sensors are at (0, 0)."""
    return ground_of(load_city(write_small_city(tmp_path_factory.mktemp("city"), segments=4, stations=())))


def square(west, south, side=0.5):
    return ((west, south), (west + side, south), (west + side, south + side), (west, south + side))


@pytest.mark.parametrize(
    ("area", "zones"),
    [
        (Area(polygons=(square(0.8, 1.9),)), {"z2"}),  # (1, 2) alone; open rings are taken as closed
        (Area(polygons=(square(0.8, 1.9, 1.2),)), {"z2", "z3"}),
        (Area(polygons=(square(0.8, 1.9), square(0.8, 0.9))), {"z1", "z2"}),
        (Area(polygons=(square(1.001, 2.001, 0.001),)), {"z2"}),  # within 2 km of the road's end, no point inside
        (Area(polygons=(square(40, 40),)), set()),
        (Area(circles=(((1.0, 2.0), 0.0),)), {"z2"}),
        (Area(circles=(((1.0, 2.0), 120.0),)), {"z1", "z2", "z3"}),  # a degree of latitude is 111 km
        (Area(description="Zone 3 and the hills"), {"z3"}),
        (Area(description="合肥市"), ALL),
    ],
)
def test_by_polygons_circles_and_names(ground, area, zones):
    assert covered([area], ground, Source(name="a", url="http://a")) == zones


@pytest.mark.parametrize(
    ("codes", "zones"), [(("340100",), ALL), (("340104",), {"z1"}), (("340104", "999"), {"z1"}), (("999",), set())]
)
def test_by_codes_that_the_settings_know(ground, codes, zones):
    source = Source(name="a", url="http://a", geocodes=("340100", "340104=z1"))
    assert covered([Area(description="x", geocodes=codes)], ground, source) == zones


@pytest.mark.parametrize(("unplaced", "zones"), [("city", ALL), ("nowhere", set())])
def test_what_cannot_be_placed_is_as_the_settings_say(ground, unplaced, zones):
    assert covered([], ground, Source(name="a", url="http://a", unplaced=unplaced)) == zones


@pytest.mark.parametrize(
    ("polygon", "zones"),
    [
        (((179.0, -1.0), (-179.0, -1.0), (-179.0, 4.0), (179.0, 4.0)), set()),  # two degrees about 180°, not 358
        (((-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0)), ALL),  # the whole earth
        (((100.0, 1.9), (-100.0, 1.9), (-100.0, 2.1), (100.0, 2.1)), set()),
        (((-170.0, 1.9), (0.0, 1.9), (170.0, 1.9), (170.0, 2.1), (0.0, 2.1), (-170.0, 2.1)), {"z2"}),
    ],
)
def test_a_polygon_goes_the_shorter_way_round_the_earth(ground, polygon, zones):
    source = Source(name="a", url="http://a")
    assert covered([Area(polygons=(polygon,))], ground, source) == frozenset(zones)
