"""Decoding inbox records: what is salvaged, what is refused and why; the fast and the slow decoder agree."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.broker.topics import INBOX_MAX_BYTES
from streams.domains.schema import load_schemas
from streams.intake.decode import MOST_REFUSED, NOT_FINITE, WRONG_TYPE, decode_fast, decode_slow

TRAFFIC = load_schemas()["traffic"]

REFUSED = [
    (b"\xff\xfe", ["undecodable"]),
    (b"", ["empty"]),
    (b"[]", ["empty"]),
    (b"  \n", ["empty"]),
    (b"x" * 5_000_000, ["undecodable"]),
    (b"[" * 100_000, ["undecodable"]),
    (b'{"sensor":"d1\x00","at":1700000000001}', ["undecodable"]),
    (b"5", ["not_an_object"]),
    (b'[5,"a"]', ["not_an_object", "not_an_object"]),
    (b'{"at":1700000000001}', ["no_sensor"]),
    (b'{"sensor":7,"at":1700000000001}', ["wrong_type"]),
    (b'{"sensor":"d1"}', ["no_time"]),
    (b'{"sensor":"d1","at":null}', ["no_time"]),
    (b'{"sensor":"d1","at":true}', ["bad_time"]),
    (b'{"sensor":"d1","at":"2026-01-01T00:00:00"}', ["bad_time"]),
    (b'{"sensor":"d1","at":"yesterday"}', ["bad_time"]),
    (b'{"sensor":"d1","at":1e300}', ["bad_time"]),
    (b'{"sensor":"d1","at":"\\ud800"}', ["bad_time"]),
    (b'{"sensor":"d1","at":1700000000}', ["bad_time"]),
    (b'{"sensor":"d1","at":1700000000000000}', ["bad_time"]),
]


@pytest.mark.parametrize(("value", "reasons"), REFUSED, ids=[repr(value[:30]) for value, _ in REFUSED])
def test_what_cannot_be_used_is_refused_with_its_reason(value: bytes, reasons: list[str]) -> None:
    assert decode_fast(value, TRAFFIC) is None
    decoded = decode_slow(value, TRAFFIC)
    assert [one.reason for one in decoded.refused] == reasons
    assert decoded.readings == []


ODD_VALUES = [
    (b'"fast"', WRONG_TYPE),
    (b'""', WRONG_TYPE),
    (b'"7 "', WRONG_TYPE),
    (b'"0x7"', WRONG_TYPE),
    (b'"null"', WRONG_TYPE),
    (b'"nan"', WRONG_TYPE),
    (b'{"a":1}', WRONG_TYPE),
    (b"[7]", WRONG_TYPE),
    (b"true", WRONG_TYPE),
    (b"NaN", NOT_FINITE),
    (b"nan", NOT_FINITE),
    (b"-nan", NOT_FINITE),
    (b"-Infinity", NOT_FINITE),
    (b"inf", NOT_FINITE),
    (b"1e400", NOT_FINITE),
    (b'"-1e400"', NOT_FINITE),
    (b"1" + b"0" * 400, NOT_FINITE),
    (b"1" + b"0" * 5000, NOT_FINITE),
    (b'"21.5"', 21.5),
    (b'"-1e1"', -10.0),
]


@pytest.mark.parametrize(("text", "number"), ODD_VALUES, ids=[repr(text[:12]) for text, _ in ODD_VALUES])
def test_an_odd_value_costs_itself_and_not_its_reading(text: bytes, number: float) -> None:
    one = b'{"sensor":"d1","at":1700000000001,"speed_km_h":' + text + b',"flow_veh_h":7}'
    for value in (one, b"[" + one + b"," + one + b"]", one + b"\n" + one):
        assert decode_fast(value, TRAFFIC) is None
        decoded = decode_slow(value, TRAFFIC)
        assert not decoded.refused
        assert [(reading.speed_km_h, reading.flow_veh_h) for reading in decoded.readings] in [
            [(number, 7.0)] * n for n in (1, 2)
        ]


def test_no_good_row_is_lost_beside_a_bad_one() -> None:
    value = b'[{"sensor":"a","at":1700000000001,"speed_km_h":NaN},{"sensor":"b","at":1700000000002,"speed_km_h":3},7]'
    value = value.replace(b"7]", b'{"sensor":"c"},7]')
    decoded = decode_slow(value, TRAFFIC)
    found = [(one.sensor, one.at, one.speed_km_h) for one in decoded.readings]
    assert found == [("a", 1700000000001, NOT_FINITE), ("b", 1700000000002, 3.0)]
    assert decoded.places == [0, 1]
    assert [(one.place, one.reason) for one in decoded.refused] == [(2, "no_time"), (3, "not_an_object")]


def test_lines_are_judged_one_by_one() -> None:
    value = b'{"sensor":"a","at":1700000000001}\nrubbish\n\n{"sensor":"b","at":1700000000002}\n'
    decoded = decode_slow(value, TRAFFIC)
    assert [one.sensor for one in decoded.readings] == ["a", "b"]
    assert [(one.place, one.reason, one.payload) for one in decoded.refused] == [(1, "undecodable", b"rubbish")]


def test_an_object_of_several_lines_among_lines_is_none() -> None:
    value = b'{"sensor":"a",\n"at":1700000000001}\n{"sensor":"b","at":1700000000002}'
    assert decode_fast(value, TRAFFIC) is None
    decoded = decode_slow(value, TRAFFIC)
    assert [one.sensor for one in decoded.readings] == ["b"]
    assert [(one.place, one.reason, one.payload) for one in decoded.refused] == [
        (0, "undecodable", b'{"sensor":"a",'),
        (1, "undecodable", b'"at":1700000000001}'),
    ]


@pytest.mark.parametrize(
    "value",
    [
        b'{"sensor":"a","at":1700000000001} {"sensor":"b","at":1700000000002}\n',
        b'{"sensor":"a","at":1700000000001}\r{"sensor":"b","at":1700000000002}\n{"sensor":"c","at":1700000000003}',
        b'{"sensor":"a","at":1700000000001} {\n"sensor":"b","at":1700000000002}',
    ],
)
def test_two_objects_on_one_line_are_not_taken(value: bytes) -> None:
    assert decode_fast(value, TRAFFIC) is None


def test_every_bad_element_of_an_array_keeps_its_own_bytes() -> None:
    parts = [
        b'{"sensor" : "a"}',
        b" 7.0",
        b'{"sensor":"a","at":1700000000001}',
        b'{"at":1700000000001 ,"x":[1, "],["]}',
        b'"\\u0041\xc3\xa9"',
    ]
    decoded = decode_slow(b" [" + b" ,\n".join(parts) + b" ]\n", TRAFFIC)
    assert [one.payload for one in decoded.refused] == [parts[0], b"7.0", parts[3], parts[4]]
    assert decoded.places == [2]


@pytest.mark.parametrize("value", [b"[1,]", b"[,1]", b"[1 2]", b"[1]]", b"[1", b"[", b"[1,2", b"[] []"])
def test_what_is_almost_an_array_is_undecodable(value: bytes) -> None:
    assert [(one.reason, one.payload) for one in decode_slow(value, TRAFFIC).refused] == [("undecodable", value)]


def test_bad_readings_beyond_the_most_share_one_dead_letter() -> None:
    value = b"[" + b"1," * (MOST_REFUSED + 7) + b'{"sensor":"a","at":1700000000001}]'
    decoded = decode_slow(value, TRAFFIC)
    assert len(decoded.refused) == MOST_REFUSED
    assert [one.payload for one in decoded.refused[-2:]] == [b"1", value]
    assert decoded.places == [MOST_REFUSED + 7]


def test_a_record_that_only_compression_lets_through_is_not_salvaged() -> None:
    value = b'[{"sensor":"a","at":1700000000001},7' + b" " * INBOX_MAX_BYTES + b"]"
    assert [one.reason for one in decode_slow(value, TRAFFIC).refused] == ["undecodable"]


def test_unknown_fields_are_kept_out_and_counted() -> None:
    value = b'{"sensor":"a","at":1700000000001,"colour":"red","speed_km_h":3,"mood":9}'
    assert decode_fast(value, TRAFFIC) is None
    decoded = decode_slow(value, TRAFFIC)
    assert decoded.unknown_fields == 2
    assert decoded.readings[0].speed_km_h == 3.0


def test_an_iso_time_with_zone_is_the_same_instant_as_its_epoch() -> None:
    # 2014-08-20T02:00:00+02:00 is 2014-08-20T00:00:00Z; 16,302 days of 86,400 s.
    reading = decode_slow(b'{"sensor":"a","at":"2014-08-20T02:00:00+02:00","x":1}', TRAFFIC).readings[0]
    assert reading.at == 16_302 * 86_400_000


numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none())
values = st.recursive(
    st.one_of(numbers, st.booleans(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
readings = st.fixed_dictionaries(
    {},
    optional={
        "sensor": st.one_of(st.text(max_size=4), values),
        "at": st.one_of(
            st.integers(0, 2**60), st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00+08:00", "x"]), values
        ),
        "speed_km_h": values,
        "flow_veh_h": numbers,
        "other": values,
    },
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=60),
        readings.map(lambda one: json.dumps(one).encode()),
        st.lists(readings, max_size=3).map(lambda many: json.dumps(many).encode()),
    )
)
def test_the_slow_decoder_takes_whatever_the_fast_one_takes_and_never_raises(value: bytes) -> None:
    slow = decode_slow(value, TRAFFIC)
    fast = decode_fast(value, TRAFFIC)
    assert slow.readings or slow.refused
    if fast is not None:
        assert not slow.refused
        for a, b in zip(fast, slow.readings, strict=True):
            assert (a.sensor, a.at) == (b.sensor, b.at)
            same = [(getattr(a, name), getattr(b, name)) for name in TRAFFIC.names]
            assert all(x == y or (x is None and math.isnan(y)) or (math.isnan(x) and math.isnan(y)) for x, y in same)
