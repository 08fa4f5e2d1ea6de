"""What a value costs that its column cannot take: itself. By every decoder, with the books and the dead letters.

Expected frames are written down by hand; the city is the small one: detectors d0 to d7, stations w0 to w3.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from streams.broker import topics
from streams.city.clock import CityClock
from streams.contract.stage import Chunk, Record
from streams.domains.schema import load_schemas
from streams.intake import refusals
from streams.intake.reader import Reader
from streams.intake.take import Bounds, IntakeState, Taken, take
from streams.kernel.texts import sensor_table
from streams.transport.wire import WireRecords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.city.registry import City

SCHEMAS = load_schemas()
NOW_MS = 1_700_000_040_000
"""A whole minute."""
DECODERS = ("kernel", "one by one", "slow")
"""`slow`: an unknown field in each reading keeps the others away from it."""


def wire(values: Sequence[bytes], came_ms: Sequence[int]) -> WireRecords:
    """Records as the transport frames them."""
    sizes = np.array([len(value) for value in values], np.int32)
    ends = np.cumsum(sizes)
    data = b"".join(values)
    null, no_headers = np.full(len(values), -1), np.full(len(values), len(data))
    spans = np.stack([null, null, ends - sizes, sizes, no_headers]).astype(np.int32)
    return WireRecords(data + b"\0", np.arange(len(values)), np.array(came_ms, np.int64), spans)


def read(
    city: City,
    values: Sequence[bytes],
    by: str = "kernel",
    domain: str = "traffic",
    state: IntakeState | None = None,
    came_ms: Sequence[int] = (),
) -> Taken:
    """Take the values in one chunk."""
    schema, came_ms = SCHEMAS[domain], came_ms or [NOW_MS] * len(values)
    if by == "slow":
        values = [value.replace(b'"sensor"', b'"mood":1,"sensor"') for value in values]
    state = IntakeState() if state is None else state
    records: Sequence[Record] = wire(values, came_ms)
    reader: Reader | None = Reader(schema.names, sensor_table([sensor.id for sensor in city.sensors]))
    if by != "kernel":
        offsets = range(state.offset, state.offset + len(values))
        rows = zip(offsets, values, came_ms, strict=True)
        records, reader = [Record(offset, None, value, at, ()) for offset, value, at in rows], None
    return take(Chunk(topics.inbox(domain), 0, records, 1), state, city, schema, Bounds(CityClock(), NOW_MS), reader)


def rows_of(taken: Taken) -> list[tuple[str, dict[str, float]]]:
    """(sensor, what was observed) of every row, in source order."""
    found = []
    for header, rows in taken.frames:
        for row in range(len(rows.at_ms)):
            observed = {name: float(column[row]) for name, column in rows.columns.items()}
            seen = {name: value for name, value in observed.items() if not math.isnan(value)}
            found.append((int(rows.offset[row]), int(rows.place[row]), header.sensors[rows.sensor[row]], seen))
    return [one[2:] for one in sorted(found, key=lambda one: one[:2])]


def reading(sensor: str, text: str, at_ms: int = NOW_MS) -> bytes:
    return f'{{"sensor":"{sensor}","at":{at_ms},{text}}}'.encode()


CASES = [
    # domain, sensor, what it says, what is left, what is refused
    ("environment", '"pm2_5_ug_m3":-999,"pm10_ug_m3":700', {"pm10_ug_m3": 700.0}, {"pm2_5_ug_m3": "out_of_range"}),
    (
        "weather",
        '"temperature_c":38,"humidity_ratio":1.013',
        {"temperature_c": 38.0},
        {"humidity_ratio": "out_of_range"},
    ),
    ("traffic", '"speed_km_h":-1,"flow_veh_h":0', {"flow_veh_h": 0.0}, {}),
    ("traffic", '"speed_km_h":-2,"flow_veh_h":0', {"flow_veh_h": 0.0}, {"speed_km_h": "out_of_range"}),
    ("traffic", '"speed_km_h":255,"flow_veh_h":0', {"flow_veh_h": 0.0}, {}),
    ("traffic", '"travel_time_s":65535,"flow_veh_h":5', {"flow_veh_h": 5.0}, {}),
    ("traffic", '"travel_time_s":65534', {"travel_time_s": 65534.0}, {}),
    ("safety", '"trapped_s":65535', {}, {}),
    ("traffic", '"speed_km_h":250,"flow_veh_h":0', {"speed_km_h": 250.0, "flow_veh_h": 0.0}, {}),
    ("traffic", '"speed_km_h":"250.1","flow_veh_h":"-0"', {"flow_veh_h": 0.0}, {"speed_km_h": "out_of_range"}),
    ("traffic", '"speed_km_h":"fast","flow_veh_h":true', {}, {"speed_km_h": "wrong_type", "flow_veh_h": "wrong_type"}),
    ("traffic", '"speed_km_h":nan,"flow_veh_h":1e999', {}, {"speed_km_h": "not_finite", "flow_veh_h": "not_finite"}),
    ("traffic", '"speed_km_h":null', {}, {}),
]


@pytest.fixture
def wide_city(city: City) -> City:
    """Return the small city with a sensor of its own for each domain that the cases speak of, named by it."""
    extra = [
        dataclasses.replace(city.sensors[0], id=domain, domain=domain, segment=-1)
        for domain in ("environment", "weather", "safety")
    ]
    return dataclasses.replace(city, sensors=(*city.sensors, *extra))


@pytest.mark.parametrize("by", DECODERS)
@pytest.mark.parametrize(("domain", "says", "left", "refused"), CASES, ids=[case[1] for case in CASES])
def test_a_value_that_its_column_cannot_take_costs_itself(wide_city, domain, says, left, refused, by) -> None:
    sensor = "d1" if domain == "traffic" else domain
    taken = read(wide_city, [reading(sensor, says)], by, domain)
    assert rows_of(taken) == [(sensor, left)]
    state = taken.state
    assert (state.readings_in, state.dead_lettered, sum(state.sent.values())) == (1, {}, 1)
    assert state.refused_values == {column: {reason: 1} for column, reason in refused.items()}
    assert {letter.column: letter.reason for letter in taken.dead} == refused
    assert {letter.payload for letter in taken.dead} <= {
        reading(sensor, says).replace(b'"sensor"', b'"mood":1,"sensor"') if by == "slow" else reading(sensor, says)
    }


@pytest.mark.parametrize("by", DECODERS)
def test_a_sensor_has_values_of_its_own_that_stand_for_nothing(city: City, by: str) -> None:
    # d1 says 99 and 98 for "no speed", 0 for "no flow"; d2 means them.
    mine = (("speed_km_h", 99.0), ("speed_km_h", 98.0), ("flow_veh_h", 0.0), ("speed_km_h", -7.0))
    sensors = [dataclasses.replace(one, not_measured=mine) if one.id == "d1" else one for one in city.sensors]
    values = [
        reading(sensor, f'"speed_km_h":{speed},"flow_veh_h":0') for speed in (99, 98, 97, -7) for sensor in ("d1", "d2")
    ]
    taken = read(dataclasses.replace(city, sensors=tuple(sensors)), values, by)
    assert rows_of(taken) == [
        ("d1", {}),
        ("d2", {"speed_km_h": 99.0, "flow_veh_h": 0.0}),
        ("d1", {}),
        ("d2", {"speed_km_h": 98.0, "flow_veh_h": 0.0}),
        ("d1", {"speed_km_h": 97.0}),
        ("d2", {"speed_km_h": 97.0, "flow_veh_h": 0.0}),
        ("d1", {}),
        ("d2", {"flow_veh_h": 0.0}),
    ]
    assert taken.state.refused_values == {"speed_km_h": {"out_of_range": 1}}


@pytest.mark.parametrize("by", DECODERS)
def test_what_is_refused_whole_has_no_refused_values_beside(city: City, by: str) -> None:
    taken = read(city, [reading("nobody", '"speed_km_h":-2'), reading("d1", '"speed_km_h":-2', NOW_MS + 300_001)], by)
    assert [(letter.reason, letter.column) for letter in taken.dead] == [("unknown_sensor", ""), ("future", "")]
    assert (taken.state.readings_in, taken.state.refused_values) == (2, {})


@pytest.mark.parametrize("by", DECODERS)
def test_unknown_fields_only_make_a_row_without_values(city: City, by: str) -> None:
    taken = read(city, [reading("d1", '"temp":20'), reading("d2", '"speed_km_h":20')], by)
    assert rows_of(taken) == [("d1", {}), ("d2", {"speed_km_h": 20.0})]


@pytest.mark.parametrize("cut", [1, 3, 7, 60])
@pytest.mark.parametrize("by", DECODERS)
def test_of_one_sensor_and_column_ten_a_minute_are_kept_however_the_log_is_cut(city: City, by: str, cut: int) -> None:
    # Each second d1 sends a bad speed, d2 a bad speed and flow: twice 30 s, from 10:00:30 on. Kept are the first ten
    # seconds of each minute: 2 minutes x 10 s x 3 values; counted are all 60 x 3.
    values, came_ms = [], []
    for second in range(60):
        values += [reading("d1", '"speed_km_h":-2', NOW_MS + second), reading("d2", '"speed_km_h":-2,"flow_veh_h":-2')]
        came_ms += [NOW_MS + 30_000 + second * 1000] * 2
    state, dead = IntakeState(), []
    for first in range(0, len(values), cut):
        part = slice(first, first + cut)
        records = [Record(first + at, None, value, came_ms[first + at], ()) for at, value in enumerate(values[part])]
        if by == "kernel":
            framed = wire(values[part], came_ms[part])
            framed.offset[:] += first
            taken = read_on(city, framed, state)
        else:
            taken = read_on(city, records, state)
        state, dead = taken.state, dead + taken.dead
    assert state.refused_values == {"speed_km_h": {"out_of_range": 120}, "flow_veh_h": {"out_of_range": 60}}
    found = [(letter.offset, letter.column) for letter in dead]
    wanted = []
    for second in (*range(10), *range(30, 40)):
        wanted += [(2 * second, "speed_km_h"), (2 * second + 1, "speed_km_h"), (2 * second + 1, "flow_veh_h")]
    assert found == wanted
    assert state.readings_in == sum(state.sent.values()) == 120


def read_on(city: City, records: Sequence[Record], state: IntakeState) -> Taken:
    schema = SCHEMAS["traffic"]
    reader = Reader(schema.names, sensor_table([sensor.id for sensor in city.sensors]))
    return take(Chunk(topics.inbox("traffic"), 0, records, 1), state, city, schema, Bounds(CityClock(), NOW_MS), reader)


def test_the_letters_of_a_minute_are_bounded_by_the_number_of_pairs(city: City, monkeypatch) -> None:
    monkeypatch.setattr(refusals, "MOST_PAIRS", 2)
    values = [reading(f"d{number}", '"speed_km_h":-2') for number in (1, 2, 3, 1, 2, 3)]
    taken = read(city, values)
    assert [letter.offset for letter in taken.dead] == [0, 1, 3, 4]
    assert taken.state.refused_values == {"speed_km_h": {"out_of_range": 6}}
