"""design.md 6.2 d: "De-duplication (sensor, event time) happens there, once for all processors … The first in the
zone's log wins (copies with other values over two inbox partitions are the one case that arrival decides); a later one
with other values counts as `conflict` within duplicates. The last 32 event times a sensor are kept; what is older than
all of them, or than `late_limit` (1 h), is dead-lettered `too_late`. Order of checks: decode, fields, sensor known,
clock, then duplicate."

Without the guard (nothing is remembered) a copy counts twice. Any cut of a log: tests/streams/zone/test_dedup.py.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streams.broker import topics
from streams.contract.frames import decode_header
from streams.kernel import verdicts
from streams.zone import dedup
from tests.streams.stack import INBOX, MINUTE_MS, READINGS, START_MS, Fed, Stack, fed, mark, reading

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000
END = mark(START_MS + 2 * MINUTE_MS)


def speeds(stack: Stack) -> dict[str, str]:
    """Return the exported speed of each segment that has one in the first minute."""
    lines = stack.outcome()["export"]["speed_km_h 60"].splitlines()[1:]
    rows = [line.split(",") for line in lines]
    return {row[0]: row[3] for row in rows if row[0].startswith("s") and row[3] and row[1] == "2023-11-14T22:13:00Z"}


async def run(folder: Path, records: list[Fed]) -> Stack:
    stack = Stack(folder, records)
    await stack.start()
    await stack.drain()
    return stack


def reasons(stack: Stack) -> list[str]:
    return [dict(one.headers)["reason"].decode() for one in stack.bus.log(topics.DEAD_LETTERS)]


SLOW, FAST = reading(0, START_MS, speed_km_h=20), reading(0, START_MS, speed_km_h=80)


@pytest.mark.parametrize(
    ("records", "books", "speed"),
    [
        pytest.param([fed(0, SLOW), fed(0, SLOW)], (1, 1, 0), "20.0", id="the same again"),
        pytest.param([fed(0, SLOW, SLOW, SLOW)], (1, 2, 0), "20.0", id="three times in a record"),
        pytest.param([fed(0, SLOW), fed(0, FAST)], (1, 1, 1), "20.0", id="other values: the first wins"),
        pytest.param([fed(0, FAST), fed(0, SLOW)], (1, 1, 1), "80.0", id="and the other way round"),
        pytest.param([fed(0, SLOW), fed(1, SLOW)], (1, 1, 0), "20.0", id="copies over two partitions"),
        pytest.param([fed(0, SLOW), fed(0, {**SLOW, "at": START_MS + 1})], (2, 0, 0), "20.0", id="another time"),
    ],
)
def test_the_first_of_equal_sensor_and_time_counts(
    city_folder: Path, records: list[Fed], books: tuple[int, int, int], speed: str
) -> None:
    stack = asyncio.run(run(city_folder, [*records, *END]))
    found = stack.books()
    assert (found["in_frames"], found.get("duplicates", 0), found.get("conflicts", 0)) == books
    assert speeds(stack) == {"s0": speed}


@pytest.mark.parametrize(("first", "speed"), [(0, "20.0"), (1, "80.0")])
def test_of_copies_with_other_values_over_two_partitions_the_first_in_the_zones_log_wins(
    city_folder: Path, first: int, speed: str
) -> None:
    """Arrival decides it once: then the log does, whatever is restarted or read again."""

    async def story() -> None:
        stack = Stack(city_folder, [fed(0, SLOW), fed(1, FAST), *END])
        await stack.start()
        (intake,) = stack.intake.hosts
        for partition in (first, 1 - first):
            await intake.deliver(INBOX, partition)
        await stack.drain()
        again = Stack(city_folder, [])
        again.bus.log(READINGS, 0)[:] = stack.bus.log(READINGS, 0)
        await again.start()
        await again.wander(random.Random(1), at_most=1)
        for one in (stack, again):
            books = {key: value for key, value in one.books().items() if key in ("in_frames", "conflicts")}
            assert books == {"in_frames": 1, "conflicts": 1}
            assert speeds(one) == {"s0": speed}

    asyncio.run(story())


def test_what_is_older_than_the_last_32_times_of_its_sensor_is_too_late(city_folder: Path) -> None:
    """33 newer ones push the first out; the second oldest is still known and a duplicate."""
    rows = [reading(0, START_MS + number * 1000) for number in range(33)]
    stack = asyncio.run(run(city_folder, [fed(0, *rows), fed(0, rows[1]), fed(0, rows[0])]))
    books = stack.books()
    assert (books["in_frames"], books["duplicates"], books["too_late"]) == (33, 1, 1)
    assert reasons(stack) == ["too_late"]


@pytest.mark.parametrize(("behind_ms", "too_late"), [(HOUR_MS, 0), (HOUR_MS + 1, 1)])
def test_what_is_an_hour_behind_its_own_source_is_too_late(city_folder: Path, behind_ms: int, too_late: int) -> None:
    stack = asyncio.run(run(city_folder, [*mark(START_MS, 0), fed(0, reading(0, START_MS - behind_ms))]))
    assert stack.books().get("too_late", 0) == too_late
    assert reasons(stack) == ["too_late"] * too_late


def test_the_other_sources_mark_makes_nothing_too_late(city_folder: Path) -> None:
    stack = asyncio.run(run(city_folder, [*mark(START_MS + 5 * HOUR_MS, 1), fed(0, reading(0, START_MS))]))
    assert stack.books()["in_frames"] == 1
    assert reasons(stack) == []


FUTURE_MS = START_MS + HOUR_MS


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(b'{"sensor":"nobody","at":', "undecodable", id="decode before sensor"),
        pytest.param(b'{"sensor":"nobody","at":1700000000}', "bad_time", id="fields before sensor"),
        pytest.param(b'{"sensor":"nobody","at":%d}' % FUTURE_MS, "unknown_sensor", id="sensor before clock"),
        pytest.param(b'{"sensor":"d0","at":%d}' % FUTURE_MS, "future", id="clock before duplicate"),
    ],
)
def test_the_order_of_checks(city_folder: Path, value: bytes, reason: str) -> None:
    """Each of them fails two checks, twice over; the first check gives the reason, and none is a duplicate."""
    stack = asyncio.run(run(city_folder, [(0, value, ()), (0, value, ())]))
    assert reasons(stack) == [reason, reason]
    assert stack.books().get("duplicates", 0) == 0


def test_what_is_refused_is_no_duplicate_of_what_comes(city_folder: Path) -> None:
    """A future reading is not remembered: the same sensor and time, sent when it is due, counts."""

    async def story() -> None:
        stack = Stack(city_folder, [fed(0, reading(0, FUTURE_MS))])
        await stack.start()
        await stack.drain()
        stack.bus._clock.now_ms = FUTURE_MS
        stack.put([fed(0, reading(0, FUTURE_MS))])
        await stack.drain()
        assert stack.books()["future"] == stack.books()["in_frames"] == 1

    asyncio.run(story())


def test_without_the_guard_a_copy_counts_twice(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(seen: Any, sensor: Any, at_ms: Any, digest: Any) -> Any:
        return np.full(len(at_ms), verdicts.NEW, np.int8)

    records = [fed(0, SLOW), fed(0, FAST), *END]
    assert speeds(asyncio.run(run(city_folder, records))) == {"s0": "20.0"}
    monkeypatch.setattr(dedup, "judge", forgetful)
    stack = asyncio.run(run(city_folder, records))
    assert stack.books()["in_frames"] == 2
    assert speeds(stack) != {"s0": "20.0"}


def test_a_frame_holds_one_source_and_zone(city_folder: Path) -> None:
    stack = asyncio.run(run(city_folder, [fed(0, *(reading(one, START_MS) for one in range(8)))]))
    for partition in range(2):
        for record in stack.bus.log(READINGS, partition):
            header = decode_header(record)
            assert {f"z{int(one[1:]) % 4}" for one in header.sensors} <= {header.zone}
