from __future__ import annotations

import pytest

from dashboard.alarm_list import Places, Sending, row
from tests.dashboard.conftest import an_alarm


def test_a_row_names_road_and_zone_in_both_languages(city):
    place = Places(city).find("A", "east")
    found = row(an_alarm(), place, None)
    assert found["place"] == {"zh": "东区 A路", "en": "A Road, East District"}
    assert found["kind"] == {"zh": "拥堵加剧", "en": "Congestion"}
    assert (found["segment"], found["sending"], found["respond_s"]) == (0, None, 180)


def test_a_sensors_zone_is_not_said_twice(city):
    assert Places(city).find("underpass-1", "west").name.zh == "西区下穿"


def test_a_ratio_is_read_as_a_percentage(city):
    alarm = an_alarm(value=1.012, limit=1.0, unit="", evidence={"column": "load_ratio"})
    found = row(alarm, Places(city).find("A", "east"), Sending("Li", "2", 0))
    assert (found["value"], found["limit"], found["unit"], found["sending"]) == (101.2, 100.0, "%", "Li")


@pytest.mark.parametrize(
    ("entity", "zone", "zh", "en"),
    [
        ("feed:fire", "", "消防应急", "Fire and emergency"),
        ("feed:fire:west", "west", "西区 消防应急", "Fire and emergency, West District"),
        ("feed:fire:gone", "gone", "gone 消防应急", "Fire and emergency, gone"),
        ("feed:noise", "", "noise", "noise"),
        ("zone:west", "west", "西区", "West District"),
        ("zone:gone", "gone", "gone", "gone"),
        ("city:duo", "", "双城", "Duo"),
        ("panel-a", "west", "西区 panel-a", "panel-a, West District"),  # a sensor that left the city
        ("panel-a", "gone", "gone panel-a", "panel-a, gone"),
        ("panel-a", "", "panel-a", "panel-a"),
    ],
)
def test_an_alarm_names_what_it_is_about(city, entity, zone, zh, en):
    place = Places(city).find(entity, zone)
    assert (place.name, place.x) == ((zh, en), None)


def test_a_silent_feed_is_read_as_a_share_of_its_sensors(city):
    alarm = an_alarm(
        domain="fire", kind="feed_silent", entity="feed:fire", zone="", value=1.0, limit=0.5, unit="",
        evidence={"silent_count": 3.0, "sensor_count": 3.0},
    )  # fmt: skip
    found = row(alarm, Places(city).find("feed:fire", ""), None)
    assert (found["value"], found["limit"], found["unit"]) == (100.0, 50.0, "%")
    assert found["kind"]["en"] == "Feed silent"
