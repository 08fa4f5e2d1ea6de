"""Alarms of equipment that come to hide something grave are shown to the operators, whichever was first."""

import pytest

from tests.alerts.grouping import Room

DEVICES = {
    "a sensor at its place": (("sensor_silent", "u2", "parking"), ("underpass_flooding", "d2")),
    "a sensor of the same segment": (("sensor_stuck", "d2", "traffic"), ("underpass_flooding", "s2")),
    "what it depends on": (("sensor_silent", "pump", "parking"), ("underpass_flooding", "underpass")),
    "over two relations": (("sensor_late", "feeder", "parking"), ("underpass_flooding", "underpass")),
    "the feed that brings it": (("feed_silent", "feed:parking:z1", "parking"), ("parking_fire", "p9")),
    "the feed of its whole domain": (("feed_silent", "feed:parking", "parking"), ("parking_fire", "p9")),
}


def room_with(device: tuple[str, str, str], grave: tuple[str, str], level: int) -> tuple[Room, str, str]:
    room = Room()
    blind = room.find(4, *device)
    assert blind not in room.on_the_list()
    domain = "parking" if grave[0] == "parking_fire" else "weather"
    return room, blind, room.find(level, *grave, domain)


@pytest.mark.parametrize(("level", "shown"), [(1, True), (2, True), (3, False)])
@pytest.mark.parametrize(("device", "grave"), DEVICES.values(), ids=DEVICES)
def test_what_was_silent_before_something_grave_came_up_is_shown_with_it(device, grave, level, shown):
    room, blind, _ = room_with(device, grave, level)
    assert (blind in room.on_the_list()) is shown
    assert room.state.groups.places.get("equipment", 0) == (not shown)
    if shown:
        assert room.state.open[blind].waiting_since_ms == room.now_ms


def test_it_is_shown_when_what_it_hides_rises_to_grave_and_stays_shown():
    device, grave = DEVICES["what it depends on"]
    room, blind, _ = room_with(device, grave, 3)
    room.find(2, *grave, "weather")
    since_ms = room.on_the_list()[blind]
    assert since_ms == room.now_ms
    room.find(4, *grave, "weather")
    room.find(1, *grave, "weather")
    assert room.on_the_list()[blind] == since_ms


def test_one_that_comes_back_grave_shows_it_too():
    device, grave = DEVICES["a sensor at its place"]
    room = Room()
    room.find(2, *grave, "weather")
    room.find(0, *grave, "weather")
    blind = room.find(4, *device)
    assert blind not in room.on_the_list()
    room.find(2, *grave, "weather")
    assert blind in room.on_the_list()


def test_a_device_elsewhere_is_not_shown():
    room = Room()
    far = room.find(4, "sensor_silent", "w4", zone="z2")
    room.find(1, "underpass_flooding", "underpass", "weather")
    assert far not in room.on_the_list()


def test_the_silence_of_a_roads_feed_hides_jams_of_level_ii():
    room = Room()
    assert room.find(4, "feed_silent", "feed:traffic:z1", "traffic") in room.on_the_list()
