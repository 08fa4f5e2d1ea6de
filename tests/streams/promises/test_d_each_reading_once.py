"""design.md 6.2 d: "De-duplication (sensor, event time, column) happens there, once for all processors … A row with at
least one new column is admitted without the repeated ones (`repeated_values`), a row with none is a duplicate (one
without any usable value is admitted when its event time is not remembered yet); with other values than the first it
counts as `conflict` within duplicates (the first in the zone's log wins; copies with other values over two inbox
partitions are the one case that arrival decides) … Event times are remembered for the domain's `late_limit_s` as runs …
Older than what is held = `too_late`, said as forgotten. Order of checks: decode, fields, sensor known, clock, then
duplicate."

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
from streams.domains.schema import load_schemas
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


def test_a_second_part_of_a_reading_is_one_more_reading(city_folder: Path) -> None:
    """One measurement a record, and the flow once more beside it: three readings, of which two are used."""
    speed, flow = {"speed_km_h": 20}, {"flow_veh_h": 360}
    base = {"sensor": "d0", "at": START_MS}
    stack = asyncio.run(run(city_folder, [fed(0, base | speed), fed(0, base | flow), fed(0, base | flow), *END]))
    books = stack.books()
    assert (books["readings_in"], books["in_frames"], books["duplicates"]) == (3, 2, 1)
    assert books.get("repeated_values", 0) == 0


def test_an_admitted_row_leaves_out_what_it_repeats(city_folder: Path) -> None:
    """Speed 80 comes again, with a flow: the flow is new, of the speeds the first counts."""
    base = {"sensor": "d0", "at": START_MS}
    both = base | {"speed_km_h": 80, "flow_veh_h": 360}
    other = {"sensor": "d4", "at": START_MS, "speed_km_h": 30, "flow_veh_h": 360}
    stack = asyncio.run(
        run(city_folder, [fed(0, base | {"occupancy_ratio": 0.1, "speed_km_h": 20}), fed(0, both, other)])
    )
    stack.put(END)
    asyncio.run(stack.drain())
    books = stack.books()
    assert (books["in_frames"], books["repeated_values"]) == (3, 1)
    assert "conflicts" not in books
    assert speeds(stack) == {"s0": "20.0", "s4": "30.0"}


def test_what_is_not_held_any_more_is_too_late_and_said_so(city_folder: Path) -> None:
    """200 times without any order fill 64 runs of two: the newest of them is a duplicate, the oldest is forgotten."""
    chance = random.Random(4)
    times = [START_MS + number * 1000 + chance.randrange(900) for number in range(200)]
    stack = asyncio.run(run(city_folder, [fed(0, *(reading(0, at_ms) for at_ms in times))]))
    stack.put([fed(0, reading(0, times[-1])), fed(0, reading(0, times[0]))])
    asyncio.run(stack.drain())
    books = stack.books()
    assert (books["in_frames"], books["duplicates"], books["too_late"]) == (200, 1, 1)
    (letter,) = (dict(one.headers) for one in stack.bus.log(topics.DEAD_LETTERS))
    assert letter["reason"] == b"too_late"
    assert letter["detail"].startswith(b"nothing is remembered")


@pytest.mark.parametrize("kernel", [False, True])
@pytest.mark.parametrize(
    ("times", "admitted"),
    [
        pytest.param([START_MS + minute * MINUTE_MS for minute in range(50)][::-1], 50, id="50 minutes, newest first"),
        pytest.param([START_MS + second * 1000 for second in range(3600)], 3600, id="an hour"),
    ],
)
def test_a_resend_is_all_duplicates(city_folder: Path, times: list[int], admitted: int, kernel: bool) -> None:
    async def story() -> None:
        stack = Stack(city_folder, [], kernel=kernel)
        stack.bus.clock.now_ms = max(times)
        for _ in range(2):
            stack.put([fed(0, *(reading(0, at_ms) for at_ms in times))])
        await stack.start()
        await stack.drain()
        books = stack.books()
        assert (books["in_frames"], books["duplicates"], books.get("too_late", 0)) == (admitted, admitted, 0)

    asyncio.run(story())


@pytest.mark.parametrize(("behind_ms", "too_late"), [(HOUR_MS, 0), (HOUR_MS + 1, 1)])
def test_what_is_an_hour_behind_its_own_source_is_too_late(city_folder: Path, behind_ms: int, too_late: int) -> None:
    stack = asyncio.run(run(city_folder, [*mark(START_MS, 0), fed(0, reading(0, START_MS - behind_ms))]))
    assert stack.books().get("too_late", 0) == too_late
    assert reasons(stack) == ["too_late"] * too_late


@pytest.mark.parametrize(("behind_ms", "too_late"), [(2 * HOUR_MS, 0), (2 * HOUR_MS + 1, 1)])
def test_the_late_limit_is_the_domains(
    city_folder: Path, behind_ms: int, too_late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two hours the minute 120 min back is corrected: 40 and 60 km/h at 360 veh/h each are 48 (harmonic)."""
    monkeypatch.setitem(vars(load_schemas()["traffic"]), "late_limit_s", 7200.0)
    late_ms = START_MS + 5 * HOUR_MS - behind_ms
    base = late_ms - late_ms % MINUTE_MS

    async def story() -> None:
        stack = Stack(city_folder, [])
        stack.bus.clock.now_ms = base + 1
        stack.put([fed(0, reading(0, base + 1, speed_km_h=40)), *mark(START_MS + 5 * HOUR_MS)])
        stack.put([fed(0, reading(0, late_ms, speed_km_h=60)), *mark(START_MS + 5 * HOUR_MS + MINUTE_MS)])
        await stack.start()
        await stack.drain()
        assert stack.books().get("too_late", 0) == too_late
        lines = stack.outcome()["export"]["speed_km_h 60"].splitlines()[1:]
        assert [line.split(",")[3] for line in lines if line.startswith("s0,")][:1] == ["40.0" if too_late else "48.0"]

    asyncio.run(story())


def test_the_other_sources_mark_makes_nothing_too_late(city_folder: Path) -> None:
    records = [*mark(START_MS, 0), *mark(START_MS + 5 * HOUR_MS, 1), fed(0, reading(0, START_MS))]
    stack = asyncio.run(run(city_folder, records))
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
        stack.bus.clock.now_ms = FUTURE_MS
        stack.put([fed(0, reading(0, FUTURE_MS))])
        await stack.drain()
        assert stack.books()["future"] == stack.books()["in_frames"] == 1

    asyncio.run(story())


def test_without_the_guard_a_copy_counts_twice(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(seen: Any, rows: Any, columns: Any, keep_ms: int) -> Any:
        return np.full(len(rows[0]), verdicts.NEW, np.int8), np.zeros(len(rows[0]), np.int64)

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
