"""What all zones of a domain have passed, by hand: whoever is awaited holds it, also after it has left."""

import pytest

from processors.maths.watermarks import Marks
from streams.city.moves import KEPT_MS
from streams.city.registry import City, Sensor, Zone
from streams.contract.records import NO_TIME_MS, MetricFrame, Rows

ZONES = tuple(Zone(name, "", "") for name in "abc")


def city(sensors_in: str) -> City:
    sensors = tuple(Sensor(f"d{zone}", "traffic", "abc".index(zone), -1, 0.0, 0.0, 60.0, "", "") for zone in sensors_in)
    return City("c", "", "", "UTC", "", ZONES, (), sensors)


def passed(marks: Marks, now: City, zone: str, watermark_ms: int) -> int:
    marks.advance(MetricFrame("traffic", "abc".index(zone), Rows.empty(), watermark_ms), now)
    return marks.watermark_ms


@pytest.mark.parametrize("left", ["c", "bc", "abc"])
def test_a_zone_that_has_left_holds_it_with_what_it_has_not_passed(left: str):
    marks, after = Marks(), city("abc".translate(dict.fromkeys(map(ord, left))))
    assert [passed(marks, city("abc"), zone, 60) for zone in "abc"] == [NO_TIME_MS, NO_TIME_MS, 60]
    assert [passed(marks, after, zone, 120) for zone in "abc"] == [60, 60, 120]
    assert [passed(marks, after, zone, 180) for zone in "cab"] == [120, 120, 180]


def test_one_that_has_left_and_goes_no_further_is_given_up():
    marks = Marks()
    for zone in "ab":
        passed(marks, city("ab"), zone, 60)
    assert passed(marks, city("a"), "a", KEPT_MS + 59) == 60
    assert passed(marks, city("a"), "a", KEPT_MS + 60) == KEPT_MS + 60
    assert passed(marks, city("ab"), "a", KEPT_MS + 120) == KEPT_MS + 60  # it is back, and waited for again
    assert passed(marks, city("ab"), "b", KEPT_MS + 90) == KEPT_MS + 90


def test_one_that_has_sensors_is_never_given_up():
    marks = Marks()
    for zone in "ab":
        passed(marks, city("ab"), zone, 60)
    assert passed(marks, city("ab"), "a", 2 * KEPT_MS) == 60


def test_a_zone_that_nobody_has_heard_of_is_waited_for_only_while_it_has_sensors():
    marks = Marks()
    assert passed(marks, city("ab"), "a", 60) == NO_TIME_MS
    assert passed(marks, city("a"), "a", 61) == 61
