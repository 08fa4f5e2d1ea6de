"""Whose fields the live state keeps, by a city."""

from __future__ import annotations

from dataclasses import replace

from streams.city.registry import City, Segment, Sensor, Zone
from streams.sinks.live_city import Residents, residents
from streams.sinks.live_state import LiveState
from tests.streams.sinks.rows import row, rows_of


def test_of_a_city_those_segments_live_that_a_sensor_watches_and_in_a_zone_the_domains_of_its_sensors() -> None:
    zones = (Zone("a", "", ""), Zone("b", "", ""))
    segments = tuple(Segment(name, 0, "", "", "local", 1, 100.0, 50.0, (), ((0.0, 0.0),)) for name in ("s0", "s1"))
    sensors = (
        Sensor("d0", "traffic", 0, 0, 0.0, 0.0, 60.0, "", ""),
        Sensor("w0", "weather", 1, -1, 0.0, 0.0, 60.0, "", ""),
    )
    here = residents(City("c", "", "", "UTC", "", zones, segments, sensors))
    assert [here.have(field) for field in ("s:s0", "s:s1", "m:tti_ratio:s0", "m:tti_ratio:s1")] == [True, False] * 2
    assert [here.have("m:any:zone:a", domain) for domain in ("traffic", "weather", "")] == [True, False, True]
    assert [here.have("m:any:zone:b", domain) for domain in ("traffic", "weather")] == [False, True]
    assert [here.have("m:any:city:c", domain) for domain in ("traffic", "weather", "water")] == [True, True, False]
    assert here.have("m:any:d0", "weather")  # a sensor's own rows go with the sensor


def test_a_figure_of_zone_or_city_goes_with_the_last_sensor_of_its_domain() -> None:
    """The zone's only station of the air left; one elsewhere in the city, and the traffic of the zone, stay."""
    everyone = Residents((), {"zone:Z1", "city:c"})
    state = LiveState(everyone, {})
    for domain, metric in (("traffic", "tti_ratio"), ("environment", "pm2_5_ug_m3")):
        state.fold_rows(domain, rows_of(*(row(one, 1, metric=metric) for one in ("zone:Z1", "city:c"))))
    state.take()
    wide = {"zone:Z1": {"traffic"}, "city:c": {"traffic", "environment"}}
    state.move_to(replace(everyone, domains=wide))
    state.sweep()
    state.sweep()
    assert state.take() == ({}, ["m:pm2_5_ug_m3:zone:Z1"])
    state.move_to(replace(everyone, domains=wide | {"city:c": {"traffic"}}))
    state.sweep()
    state.sweep()
    assert state.take() == ({}, ["m:pm2_5_ug_m3:city:c"])
