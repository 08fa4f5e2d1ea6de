"""A million readings, one in twenty bad in every way there is: what is admitted and what is refused, row by row.

The generator writes down what it makes of each row; nothing of ours tells it what to expect. A million with the kernel,
through every codec; a hundred thousand without it, which takes as long.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
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
from streams.contract.stage import Chunk, Message, Record
from streams.domains.schema import REASONS, load_schemas
from streams.intake.intake_stage import IntakeStage
from streams.intake.reader import Reader
from streams.intake.take import Clocks, IntakeState, take
from streams.kernel.texts import sensor_table
from streams.transport.wire import WireFetch, framed
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW_MS = 1_700_000_000_000
TRAFFIC = load_schemas()["traffic"]
INBOX = topics.inbox("traffic")
DETECTORS = 8
BAD_RATIO, BAD_VALUE_RATIO = 0.05, 0.3
FUTURE = b"1700000300001"  # one millisecond beyond the five minutes that are believed

BAD = {
    "not_an_object": [b"7", b"null", b'"d1"', b"true"],
    "no_sensor": [b'{"at":%(at)d}', b'{"sensor":null,"at":%(at)d,"speed_km_h":1}'],
    "no_time": [b'{"sensor":"%(sensor)s"}', b'{"sensor":"%(sensor)s","at":null,"speed_km_h":1}'],
    "bad_time": [
        b'{"sensor":"%(sensor)s","at":true}',
        b'{"sensor":"%(sensor)s","at":"2023-11-14T22:13:20"}',
        b'{"sensor":"%(sensor)s","at":"yesterday","speed_km_h":1}',
        b'{"sensor":"%(sensor)s","at":1e300}',
        b'{"sensor":"%(sensor)s","at":9007199254740993}',
        b'{"sensor":"%(sensor)s","at":1700000000,"speed_km_h":1}',  # seconds
        b'{"sensor":"%(sensor)s","at":1700000000000000,"speed_km_h":1}',  # microseconds
        b'{"sensor":"%(sensor)s","at":"\\ud800"}',
    ],
    "wrong_type": [b'{"sensor":7,"at":%(at)d}'],
    "unknown_sensor": [
        b'{"sensor":"nobody","at":%(at)d}',
        b'{"sensor":"w1","at":%(at)d,"speed_km_h":1}',  # of another domain
        b'{"sensor":"\\ud800","at":%(at)d}',
    ],
    "future": [b'{"sensor":"%(sensor)s","at":' + FUTURE + b',"speed_km_h":1}'],
    "undecodable": [b'{"sensor":"%(sensor)s","at":', b"\xff\xfe", b"rubbish", b'{"sensor":"\x01"}', b"{'at':1}"],
}
_SPEED, _FLOW = b'{"sensor":"%(sensor)s","at":%(at)d,"speed_km_h":', b'{"sensor":"%(sensor)s","at":%(at)d,"flow_veh_h":'
BAD_VALUES = [
    ("speed_km_h", "wrong_type", _SPEED + b'"fast"}'),
    ("flow_veh_h", "wrong_type", _FLOW + b"true}"),
    ("speed_km_h", "wrong_type", _SPEED + b'{"a":1},"flow_veh_h":7}'),
    ("speed_km_h", "not_finite", _SPEED + b"NaN}"),
    ("speed_km_h", "not_finite", _SPEED + b'-Infinity,"flow_veh_h":7}'),
    ("flow_veh_h", "not_finite", _FLOW + b"1e999}"),
    ("flow_veh_h", "not_finite", _FLOW + b"1" + b"0" * 5000 + b"}"),
    ("speed_km_h", "out_of_range", _SPEED + b"-2}"),
    ("speed_km_h", "out_of_range", _SPEED + b'250.5,"flow_veh_h":7}'),
    ("speed_km_h", "out_of_range", _SPEED + b'"-999","flow_veh_h":"7"}'),
]
"""Column, reason and reading: the value is refused, what else it says is taken."""
EMPTY = [None, b"", b"[]", b" \r\n\t", b"[ ]", b" [\n]\n"]
LAYOUTS = ("object", "object", "indented", "array", "array", "spaced", "lines", "lines", "windows", "gaps")


@dataclass
class Made:
    """The records, and what is to become of each row."""

    values: list[bytes | None] = field(default_factory=list)
    rows: list[tuple[int, int, int, int, float, float]] = field(default_factory=list)
    """(offset, place, detector, at_ms, speed, flow) of those to admit."""
    dead: list[tuple[int, int, str, bytes, str, int]] = field(default_factory=list)
    """(offset, place, reason, payload, column or "" for the whole reading, detector), of every refused value one."""

    @property
    def letters(self) -> list[tuple[int, int, str, bytes, str]]:
        """Those that are written: of the values of one detector and column the first ten, all of one minute."""
        had: Counter[tuple[str, int]] = Counter()
        found = []
        for *letter, column, detector in self.dead:
            had[column, detector] += 1
            if not column or had[column, detector] <= 10:
                found.append((*letter, column))
        return found

    @property
    def reasons(self) -> Counter[str]:
        """Refused readings by reason."""
        return Counter(reason for _, _, reason, _, column, _ in self.dead if not column)

    @property
    def values_refused(self) -> dict[str, dict[str, int]]:
        """Column → reason → refused values."""
        found: dict[str, dict[str, int]] = {}
        for (column, reason), count in Counter((one[4], one[2]) for one in self.dead if one[4]).items():
            found.setdefault(column, {})[reason] = count
        return found


def make(count: int, chance: random.Random) -> Made:
    """Make so many rows in records of every layout."""
    made, number = Made(), 0
    while number < count:
        if chance.random() < 0.002:
            value = chance.choice(EMPTY)
            made.dead.append((len(made.values), 0, "empty", value or b"", "", 0))
            made.values.append(value)
            number += 1
            continue
        layout = chance.choice(LAYOUTS)
        size = 1 if layout in ("object", "indented") else min(chance.randint(2, 24), count - number + 1)
        add(made, layout, [row(number + ahead, chance) for ahead in range(size)], chance)
        number += size
    return made


@dataclass
class Row:
    text: bytes
    reason: str = ""
    detector: int = 0
    at_ms: int = 0
    speed: float = np.nan
    flow: float = np.nan
    column: str = ""
    """Only its value is refused."""


def row(number: int, chance: random.Random) -> Row:
    """A row; no two good ones have both detector and time in common."""
    detector, at_ms = number % DETECTORS, NOW_MS - 200_000 + number // DETECTORS
    if number and chance.random() < BAD_RATIO:
        filled = {b"at": at_ms, b"sensor": b"d%d" % detector}
        if chance.random() < BAD_VALUE_RATIO:
            column, reason, text = chance.choice(BAD_VALUES)
            return Row(text % filled, reason, detector, at_ms, flow=7.0 if b"7" in text[-4:] else np.nan, column=column)
        reason = chance.choice(list(BAD))
        return Row(chance.choice(BAD[reason]) % filled, reason)
    speed, flow = number * 7919 % 2500 / 10, number % 20_000
    if number % 3:
        text = b'{"sensor":"d%d","at":%d,"speed_km_h":%.1f,"flow_veh_h":%d}' % (detector, at_ms, speed, flow)
        return Row(text, "", detector, at_ms, speed, flow)
    if number % 7:
        return Row(b'{"sensor":"d%d","at":%d,"speed_km_h":%.1f}' % (detector, at_ms, speed), "", detector, at_ms, speed)
    text = b'{"mood":"fine","at":%d,"flow_veh_h":null,"sensor":"d%d"}' % (at_ms, detector)
    return Row(text, "", detector, at_ms)


def add(made: Made, layout: str, rows: list[Row], chance: random.Random) -> None:
    """Put rows into one record."""
    if layout in ("array", "spaced"):  # what is no JSON would take the array with it
        rows = [Row(b"7", "not_an_object") if one.reason == "undecodable" else one for one in rows]
    elif len(rows) > 1 and rows[0].reason == "undecodable":  # lines of nothing but rubbish are one piece of rubbish
        rows = [Row(b"7", "not_an_object"), *rows[1:]]
    offset, texts = len(made.values), [one.text for one in rows]
    if layout == "windows":
        texts = [text + b"\r" for text in texts]
    elif layout == "indented" and rows[0].reason != "undecodable":
        texts = [b" " + texts[0].replace(b",", b",\n  ").replace(b"}", b"\n}") + b"\n"]
    made.values.append(joined(layout, texts))
    for place, (one, text) in enumerate(zip(rows, texts, strict=True)):
        if one.reason:
            made.dead.append((offset, place, one.reason, text, one.column, one.detector))
        if one.column or not one.reason:
            made.rows.append((offset, place, one.detector, one.at_ms, one.speed, one.flow))


def joined(layout: str, texts: list[bytes]) -> bytes:
    if layout == "array":
        return b"[" + b",".join(texts) + b"]"
    if layout == "spaced":
        return b" \n[ " + b" ,\r\n\t".join(texts) + b"\n] "
    return (b"\n\n \n" if layout == "gaps" else b"\n").join(texts)


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
        taken = take(Chunk(INBOX, 0, records, len(made.values)), state, city, TRAFFIC, Clocks(CityClock(), 0), reader)
        state = taken.state
        frames += taken.frames
        dead += [(one.offset, one.place, one.reason, one.payload, one.column) for one in taken.dead]
    assert {one[2] for one in made.dead} == REASONS.keys() - {"too_late", "bad_frame", "refused_by_history"}
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
