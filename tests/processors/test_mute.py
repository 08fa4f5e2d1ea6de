"""Zones whose share of silent sensors nobody tells any more: two zones of a bus stop each, by hand."""

import dataclasses

import pytest

from tests.processors.watcher import MINUTE_MS, Watcher, row, town


def live(city: Watcher, minutes: range, *, other: int | None) -> list[float]:
    """Let minutes pass in which zone a is well, and b tells `other` silent sensors of 1, None = nothing.

    → the silent share of the feed in each.
    """
    for minute in minutes:
        for zone, silent in ((0, 0), (1, other)):
            entity, at_ms = f"feed:transit:{'ab'[zone]}", minute * MINUTE_MS
            counts = () if silent is None else (("silent_ratio", silent), ("reporting_count", 1 - silent))
            rows = [row(entity, metric, at_ms, count, 1) for metric, count in counts]
            city.take(zone, at_ms + MINUTE_MS, *rows, domain="transit")
    held = [city.held["feed:transit", "silent_ratio", minute * MINUTE_MS, 60] for minute in minutes]
    assert {coverage for _, _, coverage in held} == {1.0}
    return [silent for silent, _, _ in held]


def reporting(city: Watcher, minute: int) -> float:
    return city.held["feed:transit", "reporting_count", minute * MINUTE_MS, 60][0]


def test_a_zone_that_was_all_silent_stays_so_when_nobody_tells_it_any_more() -> None:
    city = Watcher()
    assert live(city, range(3), other=1) == [0.5] * 3
    assert live(city, range(3, 150), other=None) == [0.5] * 147
    assert reporting(city, 149) == 1
    assert live(city, range(150, 153), other=0) == [0.0] * 3
    assert reporting(city, 152) == 2


def test_a_zone_that_was_well_when_its_processor_went_is_not_silent_for_an_hour() -> None:
    """A late limit of an hour, less the two minutes in which a cut may have forgotten what another has not."""
    city = Watcher()
    assert live(city, range(2), other=0) == [0.0] * 2
    assert live(city, range(2, 61), other=None) == [0.0] * 57 + [0.5] * 2


def test_a_minute_of_which_nobody_tells_anything_is_none() -> None:
    city = Watcher()
    live(city, range(2), other=1)
    for zone in (0, 1):
        city.take(zone, 5 * MINUTE_MS, domain="transit")
    assert ("feed:transit", "silent_ratio", 3 * MINUTE_MS, 60) not in city.held


@pytest.mark.parametrize("minutes", [range(1, 4), range(1, 100)])
def test_who_left_the_city_is_silent_no_more(minutes: range) -> None:
    city = Watcher()
    live(city, range(1), other=1)
    whole = town()
    city.city = dataclasses.replace(whole, sensors=tuple(one for one in whole.sensors if one.id != "b1"))
    assert set(live(city, minutes, other=None)) == {0.0}
