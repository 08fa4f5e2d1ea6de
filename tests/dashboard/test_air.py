"""The air quality index on the wall: it comes by the hour, from the worst station, with its level and what makes it."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from dashboard import screen as screens
from dashboard.drawers import find, last_day
from dashboard.hub import Hub
from dashboard.vitals import vitals
from streams.city.registry import Sensor

if TYPE_CHECKING:
    from dashboard.config import WallConfig

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
BEGAN_MS = 1_800_000 * MINUTE_MS // HOUR_MS * HOUR_MS
"""The start of the hour that the newest index is of."""
[VITAL] = [one for one in vitals() if one.id == "aqi"]


def row(value: float | None, at_ms: int = BEGAN_MS) -> dict[str, Any]:
    about = {"window_s": 3600, "coverage_ratio": 1.0, "state": 1, "method": "aqi", "domain": "environment"}
    return {"at_ms": at_ms, "value": value, **about}


@pytest.fixture
def hub(config: WallConfig) -> Hub:
    stations = tuple(
        Sensor(f"air-{one}", "environment", 0, -1, 120.0, 30.0, 60, "", f"Station {one}") for one in (1, 2)
    )
    return Hub(dataclasses.replace(config, city=dataclasses.replace(config.city, sensors=stations)))


def told(hub: Hub, one: Any, other: Any, **primary: Any) -> dict[str, str]:
    """The drawer's facts, where the stations have these indices, and these primary pollutants."""
    for station, value in (("air-1", one), ("air-2", other)):
        hub.mirror._set(f"m:aqi:{station}", row(value))
    for station, value in primary.items():
        given = value if isinstance(value, dict) else row(value)
        hub.mirror._set(f"m:primary_pollutants_code:{station.replace('_', '-')}", given)
    return {str(label): said.en for label, said in find(hub, "vital", "aqi").sections[0].facts}


def test_the_worst_station_speaks_with_its_level_and_primary_pollutants(hub):
    facts = told(hub, 83.0, 152.0, air_1=32.0, air_2=48.0)
    assert (facts["fact.value"], facts["fact.sensor"]) == ("152", "Station 2")
    assert facts["fact.air_level"] == "Moderately polluted"
    assert facts["fact.primary_pollutants"] == "PM10, PM2.5"


def test_clean_air_has_no_primary_pollutant_and_an_unknown_one_is_no_none(hub):
    assert told(hub, 50.0, 20.0, air_1=0.0)["fact.primary_pollutants"] == "none"
    assert told(hub, 50.0, 20.0, air_1=None)["fact.primary_pollutants"] == "—"
    of_before = row(8.0, BEGAN_MS - HOUR_MS)
    assert told(hub, 120.0, 20.0, air_1=of_before)["fact.primary_pollutants"] == "—"


def test_no_station_with_an_index_is_unknown(hub):
    facts = told(hub, None, None)
    assert (facts["fact.value"], facts["fact.air_level"]) == ("—", "—")


@pytest.mark.parametrize(("minutes", "state"), [(60, "warn"), (120, "warn"), (121, "stale")])
def test_an_index_of_an_hour_holds_until_the_next_is_due(hub, minutes, state):
    told(hub, 101.0, 20.0)
    silent = row(0.0, BEGAN_MS + minutes * MINUTE_MS) | {"window_s": 60}
    hub.mirror._set("m:silent_ratio:feed:environment", silent)
    hub.screen.seen.add("aqi")
    tile = hub.screen._tile(VITAL, late=False)
    assert (tile["state"], tile["value"]) == (state, 101.0)


def test_its_sparkline_is_of_a_day_and_its_curve_stands_for_each_hour(hub):
    track = screens.spark(VITAL)
    assert (track.bucket_ms, track.length) == (HOUR_MS, 24)
    told(hub, 101.0, 20.0)
    series = asyncio.run(last_day(hub, find(hub, "vital", "aqi")))
    values = series["values"]
    first = -series["from_ms"] % HOUR_MS // (5 * MINUTE_MS)
    hours = [set(values[begin : begin + 12]) for begin in range(first, 276, 12)]
    assert [len(of_hour) for of_hour in hours] == [1] * len(hours)
    assert None not in set().union(*hours)
