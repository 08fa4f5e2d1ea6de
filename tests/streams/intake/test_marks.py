"""Marks: what a source has reached, by hand; no cut of its records changes it."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest

from streams.city.clock import CityClock, ClockSetting
from streams.contract.frames import ALL_ZONES, FrameHeader, decode_header
from streams.contract.records import NO_TIME_MS
from streams.intake.marks import FUTURE_MS, PAST_END_MS, Source, advance, arrivals, crosses, untold
from tests.streams.stack import INBOX, READINGS, START_MS, fed, reading, started

NONE = NO_TIME_MS
UNMARKED = Source(NONE, NONE, False, 5)


def after(before: Source, fed: list[int], record: list[int], reached: list[int]) -> tuple[list[int], Source]:
    found = advance(before, np.array(fed), np.array(record, np.int32), np.array(reached, np.int64))
    return found.mark_ms.tolist(), found.source


@pytest.mark.parametrize(
    ("before", "fed", "record", "reached", "marks", "mark"),
    [
        pytest.param(UNMARKED, [NONE] * 3, [0, 1, 2], [100, 90, 110], [95, 95, 105], 105, id="highest less disorder"),
        pytest.param(UNMARKED, [NONE] * 2, [0, 1], [NONE, 90], [NONE, 85], 85, id="a refused row says nothing"),
        pytest.param(UNMARKED, [NONE, 50, NONE], [0, 2], [100, 200], [95, 50], 50, id="a mark takes over"),
        pytest.param(Source(50, 200, False, 5), [NONE], [0], [300], [50], 50, id="rows move nothing where marks are"),
        pytest.param(Source(50, 200, False, 5), [40, 60], [], [], [], 60, id="a mark never falls"),
        pytest.param(Source(50, 20, True, 5), [NONE], [0], [30], [50], 50, id="given up: never below its mark"),
        pytest.param(Source(50, 20, True, 5), [NONE], [0], [70], [65], 65, id="given up: rows count"),
        pytest.param(Source(50, 70, True, 5), [60, NONE], [1], [80], [75], 75, id="a mark below all is not back"),
        pytest.param(Source(50, 70, True, 5), [66, NONE], [1], [80], [66], 66, id="a mark above all is back"),
        pytest.param(UNMARKED, [], [], [], [], NONE, id="nothing"),
    ],
)
def test_a_source_has_reached(before, fed, record, reached, marks, mark):
    found, source = after(before, fed, record, reached)
    assert found == marks
    assert source.mark_ms == mark


@pytest.mark.parametrize("seed", range(40))
def test_no_cut_changes_a_mark(seed):
    chance = random.Random(seed)
    count = 30
    fed = [chance.choice([NONE] * 6 + [chance.randrange(200)]) for _ in range(count)]
    rows = [(number, chance.choice([NONE, chance.randrange(200)])) for number in range(count) if fed[number] == NONE]
    before = Source(chance.choice([NONE, 40]), chance.choice([NONE, 60]), chance.random() < 0.5, 7)
    before = before._replace(given_up=before.given_up and before.fed_mark_ms != NONE)
    whole, source = after(before, fed, [record for record, _ in rows], [reached for _, reached in rows])
    pieces: list[int] = []
    at, cut = 0, before
    while at < count:
        stop = min(at + chance.randrange(1, 6), count)
        mine = [(record - at, reached) for record, reached in rows if at <= record < stop]
        found, cut = after(cut, fed[at:stop], [record for record, _ in mine], [reached for _, reached in mine])
        pieces += found
        at = stop
    assert pieces == whole
    assert cut == source


def test_a_record_came_by_the_city_clock_at_its_time_of_arrival():
    """Twice the speed from 1,000 on; before that, wall time. Without a stamp: when it was read, 2,000."""
    clock = CityClock((ClockSetting(at_ms=50_000, wall_ms=1_000, speed=2.0),))
    came = arrivals(np.array([500, 1_000, 1_500, -1, -1]), 2_000, clock)
    assert came.at_ms.tolist() == [500, 50_000, 51_000, 52_000, 52_000]
    assert came.believed_ms.tolist() == [at_ms + FUTURE_MS for at_ms in came.at_ms.tolist()]


def test_where_the_clock_has_an_end_marks_may_close_the_windows_behind_it():
    clock = CityClock((ClockSetting(at_ms=10, wall_ms=0, speed=0.0, until_ms=10),))
    assert arrivals(np.array([5]), 0, clock).believed_ms.tolist() == [10 + PAST_END_MS]


def test_only_a_clock_without_an_end_says_what_was_over_when_a_record_came():
    clock = CityClock(
        (
            ClockSetting(at_ms=5_000, wall_ms=100, speed=1.0, until_ms=9_000),
            ClockSetting(at_ms=50_000, wall_ms=1_000, speed=2.0),
        )
    )
    assert arrivals(np.array([99, 100, 1_500]), 0, clock).over_ms.tolist() == [99, NONE, 51_000]


@pytest.mark.parametrize(
    ("before_ms", "after_ms", "does"),
    [(NONE, NONE, False), (NONE, 17, True), (1_000, 1_999, False), (1_999, 2_000, True), (1_000, 61_500, True)],
)
def test_a_mark_goes_out_when_it_crosses_a_whole_second(before_ms, after_ms, does):
    assert crosses(before_ms, after_ms) is does


@pytest.mark.parametrize(
    ("frames", "partitions"),
    [
        pytest.param({}, [0, 1, 2, 3], id="no rows"),
        pytest.param({"a": 5_000}, [1, 2, 3], id="its only zone has it by a frame"),
        pytest.param({"a": 4_999}, [0, 1, 2, 3], id="its frame ends before the second"),
        pytest.param({"b": 5_100}, [0, 1, 2, 3], id="the other zone of its partition has none"),
        pytest.param({"b": 5_100, "c": 5_000}, [0, 2, 3], id="both have"),
        pytest.param({"new": 5_100}, [0, 1, 2, 3], id="a zone of a version that nobody has any more"),
    ],
)
def test_every_partition_gets_a_mark_unless_all_its_zones_have_it_by_their_rows(frames, partitions):
    """Zones a in 0, b and c in 1, of which c has left, d in 2; nobody knows what 3 holds."""
    headers = [
        FrameHeader(city="x", zone=zone, version="1", source=0, first=(0, 0), last=(0, 0), mark_ms=mark_ms)
        for zone, mark_ms in frames.items()
    ]
    assert untold(headers, 5_100, {"a": 0, "b": 1, "c": 1, "d": 2}, 4) == partitions


def test_readings_of_one_second_send_a_mark_once_however_they_are_cut(city_folder):
    """Two partitions of readings; ten readings in 0.9 s, then one a second later: a mark to both in each second."""

    async def story(at_most):
        at_ms = [START_MS + 100 * number for number in range(10)] + [START_MS + 1_000]
        stack = await started(city_folder, [fed(0, reading(0, one)) for one in at_ms])
        (intake,) = stack.intake.hosts
        while intake.behind():
            await intake.deliver(INBOX, at_most=at_most)
        log = [decode_header(record) for number in (0, 1) for record in stack.bus.log(READINGS, number)]
        return sum(one.zone != ALL_ZONES for one in log), [one.mark_ms for one in log if one.zone == ALL_ZONES]

    begin_ms, then_ms = START_MS - 5_000, START_MS - 4_000  # less the domain's disorder
    assert asyncio.run(story(1)) == (11, [begin_ms, then_ms] * 2)
    assert asyncio.run(story(5)) == (3, [begin_ms + 400, then_ms] * 2)
    assert asyncio.run(story(11)) == (1, [then_ms] * 2)
