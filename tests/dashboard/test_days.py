"""Days of any length: instants worked out by hand from the zones' rules of 2026.

Copenhagen: +02:00 until 2026-10-25 01:00Z, then +01:00; +01:00 until 2026-03-29 01:00Z, then +02:00.
Lord Howe: +11:00 until 2026-04-04 15:00Z, then +10:30; +10:30 until 2026-10-03 15:30Z, then +11:00.
"""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from dashboard.days import LONGEST, SLOT_MS, by_face, faces
from dashboard.history_seed import _seed_trend
from dashboard.hub import Hub
from dashboard.vitals import trends
from streams.city.local_days import midnight_ms
from streams.contract.records import ROW_TYPES, Rows

MINUTE_MS = 60_000


def utc_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "noon", "start", "slots"),
    [
        ("Europe/Copenhagen", "2026-10-24T10:00", "2026-10-23T22:00", 288),
        ("Europe/Copenhagen", "2026-10-25T11:00", "2026-10-24T22:00", 300),  # 25 h
        ("Europe/Copenhagen", "2026-10-25T22:59", "2026-10-24T22:00", 300),
        ("Europe/Copenhagen", "2026-10-25T23:00", "2026-10-25T23:00", 288),
        ("Europe/Copenhagen", "2026-03-29T10:00", "2026-03-28T23:00", 276),  # 23 h
        ("Asia/Kolkata", "2026-10-25T06:30", "2026-10-24T18:30", 288),
        ("Asia/Kathmandu", "2026-10-25T06:15", "2026-10-24T18:15", 288),
        ("Australia/Lord_Howe", "2026-04-05T01:30", "2026-04-04T13:00", 294),  # 24.5 h
        ("Australia/Lord_Howe", "2026-10-04T01:00", "2026-10-03T13:30", 282),  # 23.5 h
        ("Antarctica/Troll", "2026-10-25T12:00", "2026-10-24T22:00", LONGEST),  # 26 h: put back by two hours
    ],
)
def test_a_local_day_begins_at_its_midnight_and_has_its_own_length(zone, noon, start, slots):
    assert midnight_ms(zone, utc_ms(noon)) == utc_ms(start)
    assert len(faces(zone, utc_ms(start))) == slots


@pytest.mark.parametrize(
    ("zone", "start", "at", "clock"),
    [
        ("Europe/Copenhagen", "2026-10-24T22:00", "2026-10-25T00:30", (2, 30)),
        ("Europe/Copenhagen", "2026-10-24T22:00", "2026-10-25T01:30", (2, 30)),  # once more
        ("Europe/Copenhagen", "2026-10-24T22:00", "2026-10-25T22:30", (23, 30)),
        ("Europe/Copenhagen", "2026-03-28T23:00", "2026-03-29T00:55", (1, 55)),
        ("Europe/Copenhagen", "2026-03-28T23:00", "2026-03-29T01:00", (3, 0)),
        ("Europe/Copenhagen", "2026-03-28T23:00", "2026-03-29T06:00", (8, 0)),
        ("Asia/Kolkata", "2026-10-24T18:30", "2026-10-25T02:35", (8, 5)),
        ("Asia/Kathmandu", "2026-10-24T18:15", "2026-10-25T02:20", (8, 5)),
        ("Australia/Lord_Howe", "2026-04-04T13:00", "2026-04-04T14:45", (1, 45)),
        ("Australia/Lord_Howe", "2026-04-04T13:00", "2026-04-04T15:15", (1, 45)),
        ("Australia/Lord_Howe", "2026-10-03T13:30", "2026-10-03T15:30", (2, 30)),
    ],
)
def test_a_slot_knows_where_the_clock_stands(zone, start, at, clock):
    slot = (utc_ms(at) - utc_ms(start)) // SLOT_MS
    assert faces(zone, utc_ms(start))[slot] == (clock[0] * 60 + clock[1]) // 5


def test_an_hour_that_came_twice_counts_by_its_second_and_a_missing_one_stays_unknown():
    long = faces("Europe/Copenhagen", utc_ms("2026-10-24T22:00"))
    found = by_face([float(slot) for slot in range(300)], long)
    assert found[2 * 12] == 36.0  # the second 02:00 is three hours after midnight
    assert found[23 * 12 + 11] == 299.0
    short = faces("Europe/Copenhagen", utc_ms("2026-03-28T23:00"))
    assert by_face([1.0] * 276, short)[2 * 12 : 3 * 12] == [None] * 12


class ByTheClock:
    """A history whose value is the hour that the city's clock showed."""

    def __init__(self, offset) -> None:
        self.offset = offset

    def read(self, metric, entity, from_ms, until_ms, window_s) -> Rows:
        times = list(range(from_ms, until_ms, MINUTE_MS))
        hours = [datetime.fromtimestamp(at / 1000, UTC).astimezone(self.offset(at)).hour for at in times]
        columns = {"entity": [entity] * len(times), "metric": [metric] * len(times), "at_ms": times, "value": hours}
        return Rows(**{name: np.array(columns.get(name, [0] * len(times)), kind) for name, kind in ROW_TYPES.items()})


def copenhagen(at_ms: int) -> timezone:
    """The rule of 2026, without a table of zones."""
    summer = utc_ms("2026-03-29T01:00") <= at_ms < utc_ms("2026-10-25T01:00")
    return timezone(timedelta(hours=2 if summer else 1))


@pytest.mark.parametrize("day", ["2026-03-29", "2026-03-30", "2026-10-25", "2026-10-26", "2026-11-01"])
def test_a_day_is_compared_with_the_same_local_time_of_the_days_before(config, day):
    hub = Hub(
        dataclasses.replace(
            config,
            city=dataclasses.replace(config.city, time_zone="Europe/Copenhagen"),
            history=ByTheClock(copenhagen),
        )
    )
    row = {"at_ms": 0, "window_s": 60, "value": 1.0, "coverage_ratio": 1.0, "state": 1, "domain": "traffic"}
    vital = next(one for one in trends() if one.domain == "traffic" and one.of == "city" and one.scale == 1.0)
    hub.mirror.load("e", 1, {f"m:{vital.field}:city:duo": row})
    now_ms = utc_ms(f"{day}T12:00")
    asyncio.run(_seed_trend(hub, vital, now_ms))
    start_ms, band = hub.screen.bands[vital.id]
    clocks = [
        datetime.fromtimestamp((start_ms + slot * SLOT_MS) / 1000, copenhagen(start_ms + slot * SLOT_MS))
        for slot in range(len(band))
    ]
    middle = [(clock.hour, pair) for clock, pair in zip(clocks, band, strict=True) if clock.minute == 30]
    assert {(hour, *pair) for hour, pair in middle} == {(hour, hour, hour) for hour, _ in middle}
    assert clocks[0].hour == 0
    assert clocks[-1].strftime("%H:%M") == "23:55"


@pytest.mark.parametrize(
    ("zone", "at", "slot", "slots"),
    [
        ("Europe/Copenhagen", "2026-10-25T22:30", 294, 300),
        ("Europe/Copenhagen", "2026-03-29T06:00", 84, 276),
        ("Asia/Kolkata", "2026-10-25T18:25", 287, 288),
        ("Australia/Lord_Howe", "2026-04-05T13:25", 293, 294),
    ],
)
def test_a_trend_shows_the_whole_day(config, zone, at, slot, slots):
    now_ms = utc_ms(at)
    hub = Hub(dataclasses.replace(config, city=dataclasses.replace(config.city, time_zone=zone)), lambda: now_ms)
    vital = next(one for one in trends() if one.domain == "traffic")
    hub.screen.seen.add(vital.id)
    hub.screen.days[vital.id].put(hub.screen.day_start_ms(now_ms), 1.0)
    hub.screen.days[vital.id].put(now_ms, 7.0)
    (trend,) = [one for one in hub.screen.update(set(), now_ms)["trends"] if one["id"] == vital.id]
    known = {index: value for index, value in enumerate(trend["values"]) if value is not None}
    assert (known, len(trend["values"])) == ({0: 1.0, slot: 7.0}, slots)
