"""design.md 6.2 a: "Each row carries its source: inbox partition, offset, place in the record. A frame holds rows of
one inbox partition and one zone … if a chunk's rows for one zone need several frames, each header ends at its own last
row … Intake also judges each row's lateness, against its own source's running maximum at that row, so that no other cut
of the chunks changes it."

So intake may be killed between any two frames of a chunk and cut the rest otherwise. Without the guard: headers that
end at the chunk's end lose the rows of the frames not sent yet; lateness against the chunk's newest row depends on the
cut.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from streams.contract import frames
from streams.contract.frames import ALL_ZONES, LAST_PLACE, FrameHeader, decode_header, decode_rows, encode_frame
from streams.contract.stage import Message
from tests.fakes import FakeBus
from tests.streams.stack import READINGS, START_MS, CrashError, Fed, Stack, fed, feed, reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.intake.cut.FRAME_ROWS", 2)


def run(
    folder: Path, records: list[Fed], seed: int | None, broken: Callable[[FakeBus], Callable[[Message], None]] | None
) -> dict[str, Any]:
    """Let intake run in random cuts with crashes (or in one go), then the others → the outcome."""

    async def story() -> dict[str, Any]:
        stack = Stack(folder, records)
        if broken is not None:
            stack.bus.put = broken(stack.bus)  # type: ignore[method-assign]  # the broken writer of this test
        await stack.start()
        chance = random.Random(seed)
        (intake,) = stack.intake.hosts
        while seed is not None and intake.behind():
            stack.crash_now_and_then(chance, 0.05)
            try:
                await intake.deliver(*chance.choice(intake.behind()), at_most=chance.choice([2, 7, 40]))
            except CrashError:
                stack.bus.before_send = None
                await stack.intake.start()
                (intake,) = stack.intake.hosts
        stack.bus.before_send = None
        await stack.drain()
        return stack.outcome()

    return asyncio.run(story())


def rewritten(change: Callable[[FrameHeader, frames.FrameRows], tuple[FrameHeader, frames.FrameRows]]) -> Any:
    """Make a bus whose frames are changed on their way."""

    def broken(bus: FakeBus) -> Callable[[Message], None]:
        put = bus.put

        def changed(message: Message) -> None:
            if message.topic == READINGS and message.value:
                header = decode_header(message)  # type: ignore[arg-type]  # has the headers of a record
                header, rows = change(header, decode_rows(header, message.value))
                message = encode_frame(READINGS, message.partition or 0, header, rows)
            put(message)

        return changed

    return broken


def ends_with_the_record(header: FrameHeader, rows: frames.FrameRows) -> tuple[FrameHeader, frames.FrameRows]:
    return msgspec.structs.replace(header, last=(header.last[0] + 3, LAST_PLACE)), rows


def late_by_the_frames_newest(header: FrameHeader, rows: frames.FrameRows) -> tuple[FrameHeader, frames.FrameRows]:
    np.subtract(rows.at_ms.max() - 5_000, rows.at_ms, out=(lag := rows.lag_ms.copy()))
    changed = {name: getattr(rows, name) for name in ("offset", "place", "sensor", "at_ms", "columns")}
    return header, frames.FrameRows(lag_ms=lag, **changed)


def records_of(seed: int) -> list[Fed]:
    return feed(random.Random(seed), with_marks=bool(seed % 2))


@pytest.mark.parametrize("seed", range(4))
def test_no_cut_of_the_chunks_and_no_crash_between_frames_changes_anything(city_folder: Path, seed: int) -> None:
    records = records_of(seed)
    expected = run(city_folder, records, None, None)
    assert expected["export"]
    assert run(city_folder, records, seed + 50, None) == expected


@pytest.mark.parametrize("broken", [ends_with_the_record, late_by_the_frames_newest])
def test_without_the_guard_the_outcome_depends_on_the_cut(city_folder: Path, broken: Any) -> None:
    records = records_of(0)
    outcomes = [run(city_folder, records, seed, rewritten(broken)) for seed in (None, 51, 52)]
    assert any(other != outcomes[0] for other in outcomes[1:])


def test_a_frame_says_where_its_own_rows_begin_and_end(city_folder: Path) -> None:
    rows = [reading(0, START_MS + second * 1000) for second in range(5)]

    async def story() -> list[FrameHeader]:
        stack = Stack(city_folder, [fed(0, *rows[:3]), fed(0, *rows[3:]), fed(1, reading(4, START_MS))])
        await stack.start()
        for host in stack.intake.hosts:
            await host.drain()
        sent = [decode_header(one) for partition in range(2) for one in stack.bus.log(READINGS, partition)]
        return [header for header in sent if header.zone != ALL_ZONES]

    sent = asyncio.run(story())
    # two frames of two rows and one of one row; the other partition's row travels alone, though it is of the same zone
    assert [(one.source, one.zone, one.first, one.last) for one in sent] == [
        (0, "z0", (0, 0), (0, 1)),
        (0, "z0", (0, 2), (1, 0)),
        (0, "z0", (1, 1), (1, 1)),
        (1, "z0", (0, 0), (0, 0)),
    ]
    # marks: newest time so far less 5 s of disorder, each up to its own last row
    assert [one.mark_ms - START_MS for one in sent] == [-4_000, -2_000, -1_000, -5_000]


@pytest.mark.parametrize("cuts", [[5], [1, 1, 1, 1, 1], [2, 3], [4, 1]])
def test_lateness_is_against_the_newest_row_before_it(city_folder: Path, cuts: list[int]) -> None:
    """By hand: marks are newest − 5 s; times 0, 20, 10, 30, 14 s have the marks −5, 15, 15, 25, 25 s."""
    seconds = [0, 20, 10, 30, 14]

    async def story() -> list[int]:
        stack = Stack(city_folder, [fed(0, reading(0, START_MS + one * 1000)) for one in seconds])
        await stack.start()
        (intake,) = stack.intake.hosts
        for count in cuts:
            await intake.deliver("city.inbox.v1.traffic", 0, at_most=count)
        lags: list[int] = []
        for record in stack.bus.log(READINGS, 0):
            if record.value:
                lags += decode_rows(decode_header(record), record.value).lag_ms.tolist()
        return lags

    assert asyncio.run(story()) == [-5_000, -5_000, 5_000, -5_000, 11_000]
