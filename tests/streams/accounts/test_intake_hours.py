"""Intake's books by the hour."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from processors import congestion
from streams.accounts import intake_hours, ledger
from streams.accounts.intake_hours import IntakeHour
from streams.broker import topics
from streams.city.clock import ClockSetting
from streams.contract.metric_frames import decode_metrics
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake.decode import Refused
from streams.intake.intake_stage import IntakeStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HOUR_MS = 3_600_000
START_MS = 472_222 * HOUR_MS


def rows_of(*rows: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Event times and lags of (event time, lag) rows."""
    at_ms, lag_ms = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return at_ms, lag_ms


def test_rows_count_at_their_event_time_and_too_late_ones_at_the_oldest_time_allowed():
    late = (5, 3 * HOUR_MS + 10)  # its source is at 3 h + 15 ms: the oldest allowed is 2 h + 15 ms
    rows = rows_of((HOUR_MS - 1, 0), (HOUR_MS, HOUR_MS), late)
    found = intake_hours.add({}, *rows, [(7, "future"), (8, "empty")], HOUR_MS)
    assert found == {
        0: IntakeHour(readings_in=3, sent=1, dead_lettered={"future": 1, "empty": 1}),
        HOUR_MS: IntakeHour(readings_in=1, sent=1),
        2 * HOUR_MS: IntakeHour(readings_in=1, sent=1),
    }


def test_adding_leaves_what_was_there_alone():
    before = {0: IntakeHour(readings_in=1, dead_lettered={"empty": 1})}
    after = intake_hours.add(before, *rows_of((0, 0)), [(1, "empty")], HOUR_MS)
    assert before == {0: IntakeHour(readings_in=1, dead_lettered={"empty": 1})}
    assert after == {0: IntakeHour(readings_in=3, sent=1, dead_lettered={"empty": 2})}


def test_what_has_no_time_counts_when_it_was_sent_by_the_city_clock():
    refused = [(0, Refused(0, "future", b"")), (1, Refused(0, "out_of_range", b"", 33))]
    assert intake_hours.book_times(refused, np.array([1_020, 1_022])) == [(1_020, "future"), (33, "out_of_range")]


def test_an_hour_is_settled_two_hours_after_its_end():
    assert ledger.settled([0, HOUR_MS], 3 * HOUR_MS - 1, HOUR_MS) == []
    assert ledger.settled([HOUR_MS, 0], 3 * HOUR_MS, HOUR_MS) == [0]
    assert ledger.settled([0], 13 * HOUR_MS - 1, 6 * HOUR_MS) == []


def test_what_a_quiet_time_has_passed_by_an_hour_is_too_late_also_after_a_crash(
    city_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its windows are forgotten: as a correction it would replace a minute's sums by its own."""
    monkeypatch.setattr("streams.intake.quiet.IDLE_S", 0.0)
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
    inbox = topics.inbox("traffic")
    bus = FakeBus()
    standing = ClockSetting(at_ms=START_MS + 2 * HOUR_MS, wall_ms=0, speed=0.0)

    def put(minute: int) -> None:
        reading = {"sensor": "d0", "at": START_MS + minute * 60_000, "speed_km_h": 50, "flow_veh_h": 60}
        bus.put(Message(inbox, b"", json.dumps(reading).encode(), 0))

    async def run() -> None:
        intake = FakeHost(IntakeStage(city_folder), bus)
        zone = FakeHost(ZoneStage(city_folder, [Hosted("congestion", congestion.SPEC, congestion.SPEC.config())]), bus)
        await intake.start()
        await zone.start()
        put(0)
        put(1)
        await intake.drain()
        bus.put(Message(topics.CLOCK, b"small", msgspec.json.encode(standing), 0))  # set after intake has begun
        await intake.tick()
        await zone.drain()
        intake = FakeHost(IntakeStage(city_folder), bus)
        await intake.start()
        for minute in (2, 90):  # an hour and 58 minutes behind the mark, and 30 minutes
            put(minute)
        await intake.drain()
        await zone.drain()
        (book,) = [one for key, one in zone.stage.books().items() if key == "zone:traffic:0"]
        assert (book["counts"]["in_frames"], book["counts"]["too_late"]) == (3, 1)

    asyncio.run(run())
    assert minutes_of_s0(bus) == {0: (0, 1), 1: (0, 1), 90: (1, 1)}


def minutes_of_s0(bus: FakeBus) -> dict[int, tuple[int, int]]:
    """Minute → (revision, count) of the segment's newest row."""
    found = [decode_metrics(record.value or b"").rows for record in bus.log(topics.METRICS)]
    names = ("entity", "metric", "at_ms", "revision", "count")
    return {
        (int(at_ms) - START_MS) // 60_000: (int(revision), int(count))
        for rows in found
        for entity, metric, at_ms, revision, count in zip(*(getattr(rows, name) for name in names), strict=True)
        if (metric, entity) == ("tti_ratio", "s0")
    }
