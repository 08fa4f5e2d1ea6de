"""A city that is edited while the wall runs: names, places and rows follow their ids; who left is shown no more."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json

import pytest

from dashboard.drawers import find
from dashboard.hub import Hub
from dashboard.mirror import Delta
from dashboard.view import View
from streams.city.registry import Sensor
from tests.dashboard.conftest import an_alarm

NOW = 1_700_000_000_000
ROW = {"at_ms": NOW - 60_000, "window_s": 60, "value": 12.0, "coverage_ratio": 1.0, "state": 1, "domain": "weather"}
FEED = {"at_ms": NOW - 1000, "received_ms": NOW - 1000, "silent_ratio": 0.0, "interval_s": 60.0}
FIELDS = {
    "clock": {"at_ms": NOW, "wall_ms": NOW, "speed": 1.0},
    "s:A": [NOW, 1.5, 40.0, 1],
    "s:A2": [NOW, 3.0, 10.0, 1],
    "m:depth_cm:underpass-1": ROW,
    "a:a1": an_alarm(domain="weather", kind="underpass_flooding", entity="underpass-1", zone="west"),
    "f:weather": FEED,
    "f:traffic": FEED,
}


@pytest.fixture
def hub(config):
    hub = Hub(config, lambda: NOW)
    hub.mirror.load("e", 1, FIELDS)
    hub.tick()
    return hub


def after(hub, **changed) -> dict:
    """The snapshot once the city was edited so."""
    hub.move_to(View(dataclasses.replace(hub.config.city, **changed), hub.config.build))
    return json.loads(hub.snapshot())


def depth_of(snapshot: dict) -> list:
    return [(tile["value"], tile["entity"]) for tile in snapshot["vitals"] if tile["id"] == "depth"]


def test_rows_follow_their_segment_to_its_new_place(hub, city):
    first, second = city.segments
    third = dataclasses.replace(first, id="A0")
    assert json.loads(hub.snapshot())["segments"] == [[0, NOW, 1.5, 40.0, 1], [1, NOW, 3.0, 10.0, 1]]
    found = after(hub, segments=(third, second, first), sensors=city.sensors[1:])
    assert found["version"] == json.loads(hub.screen.view.once)["version"]
    assert sorted(found["segments"]) == [[1, NOW, 3.0, 10.0, 1], [2, NOW, 1.5, 40.0, 1]]
    assert (found["roads"]["total"], found["roads"]["unknown"]) == (3, 1)


def test_a_segment_that_left_is_shown_no_more(hub, city):
    found = after(hub, segments=city.segments[1:], sensors=city.sensors[1:])
    assert found["segments"] == [[0, NOW, 3.0, 10.0, 1]]
    assert (found["roads"]["total"], sum(found["roads"]["grades"])) == (1, 1)
    assert find(hub, "segment", "A") is None
    hub.mirror._set_segment("A", [NOW + 1, 9.0, 1.0, 1])  # its last minute, computed late
    hub.tick()
    assert json.loads(hub.snapshot())["segments"] == [[0, NOW, 3.0, 10.0, 1]]


def test_a_sensor_renamed_or_moved_is_shown_as_it_now_is(hub, city):
    before = hub.screen.blocks["alarms"]["rows"][0]
    assert (before["place"]["en"], before["zone"]) == ("Underpass, West District", "west")
    moved = dataclasses.replace(city.sensors[1], name_en="Deep Underpass", zone=0, lng=120.009)
    zones = (dataclasses.replace(city.zones[0], name_en="Orient"), city.zones[1])
    found = after(hub, sensors=(city.sensors[0], moved), zones=zones)["alarms"]["rows"][0]
    assert found["place"]["en"] == "Deep Underpass, West District"  # the alarm was raised there
    assert found["x"] > before["x"]
    assert json.loads(hub.screen.view.once)["zones"][0]["en"] == "Orient"
    (facts, *_) = find(hub, "vital", "depth").sections
    assert dict(facts.facts)["fact.sensor"].en == "Deep Underpass"


def test_the_tile_of_a_sensor_that_left_is_not_kept(hub, city):
    assert depth_of(json.loads(hub.snapshot())) == [(12.0, "underpass-1")]
    other = Sensor("met-1", "weather", 1, -1, 120.0, 30.0, 60, "", "Met")
    found = after(hub, sensors=(city.sensors[0], other))
    assert depth_of(found) in ([], [(None, None)])
    assert "depth" not in hub.screen.seen
    hub.screen._settled_at_ms = NOW  # tiles that never had a figure are waited for no longer
    hub.screen._slow_at_ms = 0
    hub.tick()
    assert depth_of(json.loads(hub.snapshot())) == []


def test_a_figure_that_nobody_gives_any_more_is_stale_while_its_domain_goes_on(hub):
    """The only station with that column left: the domain's feed is told for each minute, the figure is of 11 before."""
    minute_ms = 60_000
    hub.mirror._set("m:silent_ratio:feed:weather", {**ROW, "at_ms": ROW["at_ms"] + 10 * minute_ms, "value": 0.0})
    hub.screen._slow_at_ms = 0
    hub.tick()
    assert [tile["state"] for tile in hub.screen.blocks["vitals"] if tile["id"] == "depth"] == ["warn"]
    hub.mirror._set("m:silent_ratio:feed:weather", {**ROW, "at_ms": ROW["at_ms"] + 11 * minute_ms, "value": 0.0})
    hub.tick()
    [tile] = [tile for tile in hub.screen.blocks["vitals"] if tile["id"] == "depth"]
    assert (tile["state"], tile["value"], tile["at_ms"]) == ("stale", 12.0, ROW["at_ms"])


def test_a_segment_that_nobody_watches_any_more_is_sent_without_values(hub):
    async def heard() -> str:
        messages = hub.listen()
        await anext(messages)
        hub.mirror.apply(Delta("e", 2, {}, ["s:A"]), NOW)
        hub.tick()
        return await anext(messages)

    assert json.loads(asyncio.run(heard()))["segments"] == [[0, 0, None, None, 0]]
    assert json.loads(hub.snapshot())["segments"] == [[1, NOW, 3.0, 10.0, 1]]


def test_a_domain_that_left_and_one_that_came(hub, city):
    air = Sensor("air-1", "environment", 0, -1, 120.0, 30.0, 60, "空气", "Air")
    found = after(hub, sensors=(city.sensors[0], air))
    assert [source["domain"] for source in found["sources"]] == ["traffic", "environment"]
    assert [one["id"] for one in json.loads(hub.screen.view.once)["domains"]] == ["traffic", "environment"]


def test_an_edit_that_draws_nothing_new_interrupts_nobody(hub, city):
    epoch, version = hub.epoch, hub.screen.view.version
    slower = tuple(dataclasses.replace(sensor, interval_s=300.0) for sensor in city.sensors)
    hub.move_to(View(dataclasses.replace(city, sensors=slower), hub.config.build))
    assert (hub.epoch, hub.screen.view.version) == (epoch, version)
    assert hub.screen.view.intervals_s == {"traffic": 300.0, "weather": 300.0}


def test_each_version_is_shown_as_it_comes_and_a_browser_gets_it_unasked(config, city):
    async def run() -> None:
        versions: asyncio.Queue = asyncio.Queue()
        hub = Hub(dataclasses.replace(config, next_city=versions.get), lambda: NOW)
        following = asyncio.create_task(hub._follow_city())
        messages = hub.listen()
        first = json.loads(await anext(messages))
        await versions.put(dataclasses.replace(city, name_en="Duo Town"))
        async with asyncio.timeout(10):
            second = json.loads(await anext(messages))
        assert (second["type"], second["version"]) == ("snapshot", hub.screen.view.version)
        assert second["version"] != first["version"]
        assert json.loads(hub.screen.view.once)["city"]["en"] == "Duo Town"
        await messages.aclose()
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following

    asyncio.run(run())
