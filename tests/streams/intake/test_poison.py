"""A million readings, one in twenty bad in every way there is: what is admitted and what is refused, row by row.

The generator writes down what it makes of each row; nothing of ours tells it what to expect. A million with the kernel,
through every codec; a hundred thousand without it, which takes as long.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition

from streams.broker import topics
from streams.city.clock import CityClock
from streams.city.registry import City, load_city
from streams.contract.frames import FrameHeader, FrameRows, decode_header, decode_rows
from streams.contract.reasons import REASONS
from streams.contract.stage import Chunk, Message, Record
from streams.domains.schema import load_schemas
from streams.intake.intake_stage import IntakeStage
from streams.intake.reader import Reader
from streams.intake.take import Bounds, IntakeState, take
from streams.kernel.texts import sensor_table
from streams.transport.wire import WireFetch, framed
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.intake.poison import DETECTORS, NOW_MS, Made, make

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TRAFFIC = load_schemas()["traffic"]
INBOX = topics.inbox("traffic")


def by_wire(values: Sequence[bytes | None]) -> Iterator[Sequence[Record]]:
    """The records as columns, out of batches of every codec."""
    for number, first in enumerate(range(0, len(values), 5_000)):
        built = bytearray()
        for base in range(first, min(first + 5_000, len(values)), 1_000):
            builder = DefaultRecordBatchBuilder(
                magic=2,
                compression_type=number % 5,
                is_transactional=0,
                producer_id=-1,
                producer_epoch=-1,
                base_sequence=-1,
                batch_size=2**24,
            )
            for delta, value in enumerate(values[base : min(base + 1_000, first + 5_000)]):
                builder.append(delta, NOW_MS, None, value, [])
            batch = bytearray(builder.build())
            batch[:8] = base.to_bytes(8, "big")  # the broker writes it
            built += batch
        yield framed(list(WireFetch(TopicPartition(INBOX, 0), bytes(built), first, check=True)))


def plain(values: Sequence[bytes | None]) -> Iterator[Sequence[Record]]:
    """The records as objects."""
    for first in range(0, len(values), 5_000):
        yield [
            Record(first + delta, None, value, NOW_MS, ()) for delta, value in enumerate(values[first : first + 5_000])
        ]


def admitted(frames: Sequence[tuple[FrameHeader, FrameRows]], city: City) -> np.ndarray:
    """Rows of frames as the generator writes them down, in source order."""
    parts = []
    for header, rows in frames:
        codes = np.array([city.sensor_code[sensor] for sensor in header.sensors])[rows.sensor]
        nothing = np.full(len(rows.at_ms), np.nan)
        assert set(header.columns) <= {"speed_km_h", "flow_veh_h"}
        values = [rows.columns.get(name, nothing) for name in ("speed_km_h", "flow_veh_h")]
        parts.append(np.stack([rows.offset, rows.place, codes, rows.at_ms, *values], axis=1).astype(np.float64))
    found = np.concatenate(parts)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def expected(made: Made, city: City) -> np.ndarray:
    wanted = np.array(made.rows, np.float64)
    wanted[:, 2] = np.array([city.sensor_code[f"d{number}"] for number in range(DETECTORS)])[wanted[:, 2].astype(int)]
    return wanted


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("count", "kernel"), [(1_000_000, True), (100_000, False)], ids=["kernel", "plain"])
def test_intake_admits_and_refuses_exactly_what_was_made(city_folder: Path, count: int, kernel: bool) -> None:
    made, city = make(count, random.Random(7)), load_city(city_folder)
    reader = Reader(TRAFFIC.names, sensor_table([sensor.id for sensor in city.sensors])) if kernel else None
    state, frames, dead = IntakeState(), [], []
    for records in (by_wire if kernel else plain)(made.values):
        taken = take(Chunk(INBOX, 0, records, len(made.values)), state, city, TRAFFIC, Bounds(CityClock(), 0), reader)
        state = taken.state
        frames += taken.frames
        dead += [(one.offset, one.place, one.reason, one.payload, one.column) for one in taken.dead]
    assert {one[2] for one in made.dead} == REASONS.keys() - {
        "too_late",
        "bad_frame",
        "refused_by_history",
        "bad_signal",
    }
    assert 0.04 * count < len(made.dead) < 0.06 * count
    assert dead == made.letters
    np.testing.assert_array_equal(admitted(frames, city), expected(made, city))
    assert state.readings_in == len(made.rows) + made.reasons.total()
    assert state.dead_lettered == made.reasons
    assert state.refused_values == made.values_refused
    assert state.offset == len(made.values)


REPEATED, LATE = 23, 31
"""Every so many records of the stages' test are the one before it again, or hold one row two hours old."""


def with_repeats_and_late_rows(made: Made) -> tuple[Made, Counter[str]]:
    """Insert them → (the records with what intake is to make of them, the zones' counts)."""
    found, counts = Made(), Counter(in_frames=len(made.rows))
    rows_of = {offset: [] for offset in range(len(made.values))}
    dead_of = {offset: [] for offset in range(len(made.values))}
    for one in made.rows:
        rows_of[one[0]].append(one[1:])
    for one in made.dead:
        dead_of[one[0]].append(one[1:])
    for offset, value in enumerate(made.values):
        for again in range(2 if offset % REPEATED == 1 else 1):
            place(found, value, rows_of[offset], dead_of[offset])
            counts["duplicates"] += again * len(rows_of[offset])
        if offset % LATE == 1:
            at_ms = NOW_MS - 7_400_000 + offset
            text = b'{"sensor":"d3","at":%d,"speed_km_h":3}' % at_ms
            found.dead.append((len(found.values), 0, "too_late", text.replace(b":3}", b":3.0}"), "", 3))
            found.rows.append((len(found.values), 0, 3, at_ms, 3.0, np.nan))
            found.values.append(text)
            counts["too_late"] += 1
    return found, counts


def place(made: Made, value: bytes | None, rows: list[tuple], dead: list[tuple]) -> None:
    offset = len(made.values)
    made.values.append(value)
    made.rows += [(offset, *one) for one in rows]
    made.dead += [(offset, *one) for one in dead]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kernel", [True, False], ids=["kernel", "plain"])
def test_the_stages_admit_and_refuse_exactly_what_was_made(city_folder: Path, kernel: bool) -> None:
    made, wanted = with_repeats_and_late_rows(make(40_000, random.Random(11)))
    bus = FakeBus({}, FakeClock(NOW_MS))
    for value in made.values:
        bus.put(Message(INBOX, b"", value, 0))
    intake = FakeHost(IntakeStage(city_folder, kernel=kernel), bus, framed=kernel)
    zone = FakeHost(ZoneStage(city_folder, (), kernel=kernel), bus)

    async def run() -> None:
        await intake.start()
        await zone.start()
        while await intake.deliver(INBOX, 0, 1_500):
            await zone.drain()

    asyncio.run(run())
    headers = [(dict(one.headers), one.value) for one in bus.log(topics.DEAD_LETTERS)]
    dead = [
        (int(head["offset"]), int(head["place"]), head["reason"].decode(), value, head.get("column", b"").decode())
        for head, value in headers
    ]
    assert {(head["topic"], head["partition"]) for head, _ in headers} == {(INBOX.encode(), b"0")}
    assert sorted(dead) == sorted(made.letters)
    records = [record for record in bus.log(topics.readings("traffic")) if record.value]
    frames = [(header, decode_rows(header, record.value)) for record in records for header in [decode_header(record)]]
    city = load_city(city_folder)
    np.testing.assert_array_equal(admitted(frames, city), expected(made, city))
    for zone_id in {header.zone for header, _ in frames}:
        marks = [header.mark_ms for header, _ in frames if header.zone == zone_id]
        assert all(one <= other for one, other in pairwise(marks))
    counts: Counter[str] = Counter()
    for state in [one for held in zone.stage._partitions.values() for one in held.zones.values()]:
        for one in state.counts.values():
            counts.update(in_frames=one.in_frames, duplicates=one.duplicates, too_late=one.too_late)
    assert counts == wanted
