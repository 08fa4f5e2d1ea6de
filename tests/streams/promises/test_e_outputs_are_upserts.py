"""design.md 6.2 e: "Outputs are upserts: identity (city, entity, metric, window) with a revision that is the number of
late readings in the value (0 = final), so that no cut of the input changes it; no sink replaces a row by a lower one;
provisional never follows final. Detections have such an identity too, so the alarm engine knows a repeat."

So the rows of metrics may come to a sink in any order and any number of times. Without the guard (the last one written
stays) what a sink holds depends on that order. The live sink's own rule: tests/streams/sinks/test_live_state.py; a
detection's repeat writes nothing: `test_repeats_write_nothing` in tests/streams/alarms/test_alarm_stage.py.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from streams.broker import topics
from streams.contract.metric_frames import decode_metrics, encode_metrics
from streams.contract.records import Detection
from streams.sinks.history.provisional import OpenWindows
from streams.sinks.live_city import Residents
from streams.sinks.live_state import LiveState
from tests.streams.stack import MINUTE_MS, START_MS, Stack, exported, fed, feed, found, mark, reading

if TYPE_CHECKING:
    from pathlib import Path


async def run(folder: Path, records: Any, at_most: int = 10**6) -> Stack:
    stack = Stack(folder, records)
    await stack.start()
    await stack.wander(random.Random(1), at_most=at_most)
    return stack


def frames(stack: Stack) -> list[bytes]:
    return [record.value or b"" for record in stack.bus.log(topics.METRICS)]


def test_the_rows_may_come_in_any_order_and_often(city_folder: Path) -> None:
    sent = frames(asyncio.run(run(city_folder, feed(random.Random(2), with_marks=True), at_most=9)))
    assert any(row > 0 for value in sent for row in decode_metrics(value).rows.revision.tolist())
    expected = exported(sent, city_folder)
    for seed in range(3):
        shuffled = [*sent, *sent[::3]]
        random.Random(seed).shuffle(shuffled)
        assert exported(shuffled, city_folder) == expected


def test_without_the_guard_the_last_one_written_decides(city_folder: Path) -> None:
    """Held by a plain dict instead of a sink, the same shuffle gives other rows."""
    sent = frames(asyncio.run(run(city_folder, feed(random.Random(2), with_marks=True), at_most=9)))

    def careless(values: list[bytes]) -> dict[Any, Any]:
        held = {}
        for value in values:
            rows = decode_metrics(value).rows
            keys = zip(rows.entity, rows.metric, rows.at_ms.tolist(), rows.window_s.tolist(), strict=True)
            held.update(zip(keys, zip(map(str, rows.value), rows.revision.tolist(), strict=True), strict=True))
        return held

    assert careless(sent[::-1]) != careless(sent)


@pytest.mark.parametrize("late_first", [True, False], ids=["before the close", "after the close"])
def test_a_revision_is_the_number_of_late_readings(city_folder: Path, late_first: bool) -> None:
    """By hand: speeds 60 on time, then late ones 30 and 20 of equal flow: 60; 3 / (1/60 + 1/30 + 1/20) = 30."""
    on_time = fed(0, reading(0, START_MS + 1000, speed_km_h=60))
    late = [fed(0, reading(0, START_MS + second * 1000, speed_km_h=60 // second)) for second in (2, 3)]
    overdue = mark(START_MS + 30_000)
    close = mark(START_MS + 2 * MINUTE_MS)
    records = [on_time, *overdue, *((*late, *close) if late_first else (*close, *late))]
    stack = asyncio.run(run(city_folder, records, at_most=1))
    told = []
    for value in frames(stack):
        rows = decode_metrics(value).rows
        keep = (rows.entity == "s0") & (rows.metric == "speed_km_h") & (rows.window_s == 60)
        told += zip(rows.revision[keep].tolist(), rows.value[keep].round(9).tolist(), strict=True)
    assert told[0] == (0, 60.0)  # the final never holds a late reading
    assert told[-1] == (2, 30.0)
    assert [revision for revision, _ in told] == ([0, 2] if late_first else [0, 1, 2])


def as_history_takes_it(value: bytes) -> bytes:
    """Return a live frame whose rows have their window's start as time, not their newest reading's."""
    frame, windows = decode_metrics(value), OpenWindows()
    windows.put(frame.rows)
    return encode_metrics("small", replace(frame, rows=windows.take()))


def test_a_provisional_row_never_follows_a_final_one(city_folder: Path) -> None:
    """Everything live that was ever sent comes again after the finals; history and wall show the finals."""

    async def story() -> Stack:
        stack = Stack(city_folder, [fed(0, reading(0, START_MS + 1000, speed_km_h=60))])
        await stack.start()
        await stack.drain()
        await stack.zone.hosts[0].tick()
        stack.put(mark(START_MS + 2 * MINUTE_MS))
        await stack.drain()
        return stack

    stack = asyncio.run(story())
    live = [record.value or b"" for record in stack.bus.log(topics.LIVE)]
    assert [set(decode_metrics(value).rows.revision.tolist()) for value in live] == [{-1}]
    starts = [as_history_takes_it(value) for value in live]
    assert exported([*frames(stack), *starts], city_folder) == exported(frames(stack), city_folder)
    assert exported(starts, city_folder)
    wall = LiveState(Residents({"s0"}), {})
    states = []
    for value in [*live, *frames(stack), *live]:
        frame = decode_metrics(value)
        wall.fold_rows(frame.domain, frame.rows)
        states.append(wall.fields["s:s0"][3] if "s:s0" in wall.fields else None)
    assert [states[0], states[-1]] == [0, 1]  # provisional, then final for good


def test_a_detection_found_again_is_the_same_text(city_folder: Path) -> None:
    """A crash before the snapshot finds it twice; identity and content are equal, so the set has no second."""
    rows = [reading(0, START_MS + second * 1000, speed_km_h=60) for second in range(0, 600, 10)]
    records = [*[fed(0, one) for one in rows], *mark(START_MS + 3_600_000)]

    async def story() -> Stack:
        stack = Stack(city_folder, records)
        await stack.start()
        await stack.intake.hosts[0].drain()
        for _ in range(2):
            await stack.zone.hosts[0].drain()
            for partition in range(2):
                stack.bus.log(topics.state("zone", "traffic"), partition).clear()
            stack.zone.committed.clear()
            await stack.zone.start()
        await stack.drain()
        return stack

    stack = asyncio.run(story())
    sent = [msgspec.json.decode(one.value or b"", type=Detection) for one in stack.bus.log(topics.DETECTIONS)]
    assert len(sent) > len({one.identity for one in sent}) > 0
    assert len(found(stack.bus)) == len({one.identity for one in sent})
