"""The kernel's JSON against the slow decoder: what it takes is what that one says, whatever the bytes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.contract.stage import Record
from streams.domains.schema import load_schemas, parse
from streams.intake.decode import decode_slow
from streams.intake.decoded import decode_batch
from streams.intake.reader import Reader
from streams.kernel import rows
from streams.kernel.texts import sensor_table
from streams.transport.wire import WireRecords

TRAFFIC = load_schemas()["traffic"]
SENSORS = ["d0", "d1", "路口-7", "a" * 40, "d11"]
CODES = {name: code for code, name in enumerate(SENSORS)}
READER = Reader(TRAFFIC.names, sensor_table(SENSORS))


def wire(values: list[bytes | None]) -> WireRecords:
    """Records with these values, as the transport frames them."""
    sizes = np.array([-1 if value is None else len(value) for value in values], np.int32)
    ends = np.cumsum(np.maximum(sizes, 0))
    data = b"".join(value or b"" for value in values)
    null, no_headers = np.full(len(values), -1), np.full(len(values), len(data))
    spans = np.stack([null, null, ends - np.maximum(sizes, 0), sizes, no_headers]).astype(np.int32)
    return WireRecords(data + b"\0", np.arange(len(values)), np.zeros(len(values), np.int64), spans)


def taken(value: bytes) -> list[tuple[object, ...]] | None:
    """What the kernel makes of one record: (place, sensor, at, column values…) of each reading; None = not taken."""
    columns, verdict = READER.read(wire([value]))
    if verdict[0] != rows.TAKEN:
        assert len(columns.at_ms) == 0, "a record that is not taken leaves nothing"
        return None
    values = zip(*(columns.values[name].tolist() for name in TRAFFIC.names), strict=True)
    heads = zip(columns.place.tolist(), columns.sensor.tolist(), columns.at_ms.tolist(), strict=True)
    return [(*head, *map(repr, row)) for head, row in zip(heads, values, strict=True)]


def judged(value: bytes) -> list[tuple[object, ...]] | None:
    """The same by the slow decoder; None = something was refused or is not known."""
    decoded = decode_slow(value, TRAFFIC)
    if decoded.refused or decoded.unknown_fields or any(one.sensor not in CODES for one in decoded.readings):
        return None
    return [
        (place, CODES[one.sensor], one.at, *(repr(getattr(one, name) + 0.0) for name in TRAFFIC.names))
        for place, one in zip(decoded.places, decoded.readings, strict=True)
    ]


EVERY_DAY = [
    b'{"sensor":"d1","at":1767225600000,"speed_km_h":71.5,"flow_veh_h":465,"occupancy_ratio":0.33}',
    b'{"sensor":"d0","at":"2014-08-20T07:35:00Z","speed_km_h":61,"travel_time_s":60}',
    b'{"sensor":"d0","at":"2014-08-20T07:35:00.123+02:00"}',
    b'{"sensor":"d0","at":"2024-02-29T23:59:59.999999-05:30","flow_veh_h":null}',
    b'{"sensor":"d0","at":"2024-02-29T23:59:59.9999999999Z","flow_veh_h":"12.5"}',
    b'{"sensor":"d0","at":"2026-11-29 03:45:23.423627+00","flow_veh_h":"-1e1"}',
    b'{"sensor":"d0","at":"2026-11-29t03:45:23,4z"}',
    b'{"sensor":"d0","at":"2026-11-29T03:45+0530"}',
    b'{"sensor":"d0","at":"2026-11-29T03:45Z"}',
    b'{"sensor":"d0","at":100000000000}',
    '{"sensor":"路口-7","at":1700000000001,"speed_km_h":1e1,"flow_veh_h":1.5E-3,"occupancy_ratio":-0}'.encode(),
    b'{ "at" : 1700000000001 , "sensor" : "d11" }',
    b'{\n "at": 1700000000001,\n "sensor": "d11"\n}',
    b'[{"sensor":"d1","at":1700000000001},{"sensor":"d1","at":1700000000002}]',
    b'[ {"sensor":"d1","at":1700000000001} , {"sensor":"d1","at":1700000000002} ] ',
    b'{"sensor":"d1","at":1700000000001}\n{"sensor":"d1","at":1700000000002}\n\n{"sensor":"d0","at":1700000000003}\n',
    b'{"sensor":"d1","at":1700000000000,"speed_km_h":9007199254740992,"flow_veh_h":0.0000001}',
]


@pytest.mark.parametrize("value", EVERY_DAY)
def test_what_departments_send_every_day_is_taken(value: bytes) -> None:
    found = taken(value)
    assert found is not None
    assert found == judged(value)


LEFT = [
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":7,"speed_km_h":8}',
    b'{"sensor":"nobody","at":1700000000001}',
    b'{"sensor":"d\\u0031","at":1700000000001}',
    b'{"sensor":"d1","at":1700000000001,"weather":"fine"}',
    b'{"sensor":"d1","at":1700000000001}}',
    b'{"sensor":"d1","at":1700000000001,}',
    b'{"sensor":"d1","at":01}',
    b'{"sensor":"d1","at":1.0}',
    b'{"sensor":"d1","at":"2023-02-29T00:00:00Z"}',
    b'{"sensor":"d1","at":"2023-02-28T00:00:00"}',
    b'{"sensor":"d1","at":"2023-02-28T00:00:60Z"}',
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":NaN}',
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":0.1234567890123456789012}',
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":1e400}',
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":"fast"}',
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":"null"}',
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":"7}',
    b'{"sensor":"d1","at":1700000000001,"speed_km_h":"7 "}',
    b'{"sensor":"d1","at":99999999999}',
    b'{"sensor":"d1","at":253402300800000}',
    b'{"sensor":"d1","at":"2023-02-28T00:00.5Z"}',
    b'{"sensor":"d1","at":"2023-02-28T00:00:00.Z"}',
    b'{"sensor":"d1","at":"2023-02-28T00:00:00+1"}',
    b'{"sensor":"d1","at":"2023-02-28T00:00:00+15"}',
    b'{"sensor":"d1","at":"2023-02-28T00:00:00+01:"}',
    b'{"sensor":"d1","at":"2023-02-28T00:00Z',
    b'{"sensor":"d1","at":"2023-02-28T00:00',
    b'{"sensor":"d1"}',
    b'{"at":1700000000001}',
    b"[]",
    b"{}",
    b"7",
    b'{"sensor":"d1","at":1700000000001}{"sensor":"d1","at":1700000000002}',
    b'{"sensor":"d1",\n"at":1700000000001}\n{"sensor":"d1","at":1700000000002}',
    b'{"sensor":"d1","at":1700000000001}\n{"sensor":"d1",\n"at":1700000000002}',  # the fuzzer's
    b'{"sensor":"d1","at":1700000000001}\n{"sensor":"d1","at":1700000000002}\n{\r\n"sensor":"d0","at":1700000000003}\n',
    b'[{"sensor":"d1","at":1700000000001},7]',
    b'{"sensor":"d1","at":1',
    b'{"sensor":"d1","at":18446744073709551617}',
]


@pytest.mark.parametrize("value", LEFT)
def test_anything_else_is_left_to_the_slow_decoder(value: bytes) -> None:
    assert taken(value) is None


numbers = st.one_of(st.integers(-(10**18), 10**18), st.floats(allow_nan=False, allow_infinity=False), st.none())
readings = st.fixed_dictionaries(
    {
        "sensor": st.sampled_from([*SENSORS, "nobody", ""]),
        "at": st.one_of(
            st.integers(99_999_999_990, 2**54),
            st.integers(10**12, 2 * 10**12),
            st.datetimes().map(lambda one: one.isoformat() + "Z"),
        ),
    },
    optional={name: numbers for name in (*TRAFFIC.names, "unknown")},
)


def written(reading: dict[str, object], style: int) -> bytes:
    separators = [(",", ":"), (", ", ": "), (" , ", " :")][style % 3]
    return json.dumps(reading, ensure_ascii=bool(style & 4), separators=separators).encode()


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Records in every layout, some of them with a few bytes changed."""
    items = [written(one, draw(st.integers(0, 7))) for one in draw(st.lists(readings, min_size=1, max_size=4))]
    layout = draw(st.sampled_from([b"", b"\n", b"\n\n", b" \n", b","]))
    text = b"[" + b",".join(items) + b"]" if layout == b"," else layout.join(items)
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        junk = draw(
            st.one_of(st.binary(max_size=2), st.sampled_from([b"-", b"0", b".", b"e", b'"', b"\n", b" ", b"{"]))
        )
        text = text[:at] + junk + text[at + draw(st.integers(0, 2)) :]
    return text


@given(texts())
@example(b'{"sensor":"d1","at":1700000000001}\x0b')
@example(b'{"sensor":"d1","at":1700000000001}\r\n{"sensor":"d1","at":1700000000001}')
@settings(max_examples=1500)
def test_what_is_taken_is_what_the_slow_decoder_says(text: bytes) -> None:
    found = taken(text)
    if found is not None:
        assert found == judged(text)


def plain(values: list[bytes | None]) -> list[Record]:
    return [Record(offset, None, value, 0, ()) for offset, value in enumerate(values)]


@given(st.lists(st.one_of(texts(), st.just(b""), st.none()), max_size=8))
@settings(max_examples=300)
def test_a_batch_is_the_same_with_and_without_the_kernel(values: list[bytes | None]) -> None:
    with_it = decode_batch(wire(values), TRAFFIC, CODES, READER)
    without = decode_batch(plain(values), TRAFFIC, CODES, None)
    assert with_it.refused == without.refused
    assert with_it.unknown_fields == without.unknown_fields
    for name in ("record", "place", "sensor", "at_ms"):
        assert getattr(with_it.rows, name).tolist() == getattr(without.rows, name).tolist()
    for name in TRAFFIC.names:
        assert with_it.rows.values[name].tobytes() == without.rows.values[name].tobytes()


def test_a_record_of_many_readings_gets_room() -> None:
    many = [b'{"sensor":"d1","at":%d}' % at for at in range(10**12, 10**12 + 5_000)]
    columns, verdict = READER.read(wire([b"[" + b",".join(many) + b"]", b"\n".join(many), many[7]]))
    assert verdict.tolist() == [rows.TAKEN] * 3
    assert (columns.at_ms - 10**12).tolist() == [*range(5_000), *range(5_000), 7]
    assert columns.record.tolist() == [0] * 5_000 + [1] * 5_000 + [2]
    assert all(math.isnan(value) for value in columns.values["speed_km_h"].tolist())


A_COLUMN = '[columns.c{}]\nzh = "某"\nen = "Some"\nunit = ""\nrange = [0, 1]\ndata_class = "public"\n'
WIDE, _ = parse(
    "wide", ('domain = "wide"\nzh = "宽"\nen = "Wide"\n' + "".join(map(A_COLUMN.format, range(63)))).encode()
)


@pytest.mark.parametrize("last", ["c60", "c61", "c62"])
@pytest.mark.parametrize(
    "text",
    [
        '{"%s":0.5,"at":1700000000001}',
        '{"at":1700000000001,"%s":0.5}',
        '{"sensor":"d1","at":1700000000001,"%s":0.5}',
        '{"%s":0.5,"sensor":"d1","at":1700000000001}',
        '{"sensor":"d1","at":1700000000001,"%s":0.5,"%s":1}',
    ],
)
def test_a_domain_of_as_many_columns_as_there_may_be_is_read_like_any_other(text: str, last: str) -> None:
    """With `sensor` and `at` its names are 65: the last one has no bit of its own among 64."""
    assert WIDE is not None
    value = text.replace("%s", last).encode()
    reader = Reader(WIDE.names, sensor_table(SENSORS))
    with_it = decode_batch(wire([value]), WIDE, CODES, reader)
    without = decode_batch(plain([value]), WIDE, CODES, None)
    assert with_it.refused == without.refused
    for name in ("sensor", "at_ms"):
        assert getattr(with_it.rows, name).tolist() == getattr(without.rows, name).tolist()
    assert with_it.rows.values[last].tolist() == without.rows.values[last].tolist()
