"""The fast decoder, the slow one and the kernel agree, on every domain and on what JSON leaves open.

`tests.fuzz.targets.decode` is the judge: it raises where one takes what another says otherwise of.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SCHEMAS, SENSORS, decode

DOMAINS = [schema.domain for schema in SCHEMAS]
ROADS = bytes([DOMAINS.index("traffic")])

TIMES = [
    "1",
    "-1",
    "-0",
    "0.0",
    "1.0",
    "1e3",
    "1.5",
    "1E+2",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "9" * 30,
    "1" + "0" * 309,
    "-1" + "0" * 398,
    "1" + "0" * 5000,
    "01",
    "+1",
    "1.",
    "true",
    "null",
    "{}",
    '""',
    '"1"',
    *(
        f'"{at}"'
        for at in (
            "2024-02-29T23:59:59Z",
            "2024-02-29T23:59:59z",
            "2024-02-29t23:59:59Z",
            "2024-02-29 23:59:59Z",
            "2023-02-29T00:00:00Z",
            "2024-02-29T23:59:60Z",
            "2024-02-29T24:00:00Z",
            "2024-02-29T23:59:59",
            "2024-02-29T23:59Z",
            "2024-02-29T23:59:59+0530",
            "2024-02-29T23:59:59+05:30",
            "2024-02-29T23:59:59-00:00",
            "2024-02-29T23:59:59+14:00",
            "2024-02-29T23:59:59-14:59",
            "2024-02-29T23:59:59+23:59",
            "2024-02-29T23:59:59+24:00",
            "2024-02-29T23:59:59+05",
            "2024-02-29T23:59:59.1Z",
            "2024-02-29T23:59:59.123456Z",
            "2024-02-29T23:59:59.1234567Z",
            "2024-02-29T23:59:59.999999999Z",
            "2024-02-29T23:59:59.0009999+01:00",
            "2024-02-29T23:59:59,5Z",
            "2024-02-29T23:59:59.Z",
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59.999999Z",
            "9999-12-31T23:59:59.999999-14:00",
            "1969-12-31T23:59:59.9999Z",
            "1970-01-01T00:00:00.0001+00:01",
            "2024-02-29T23:59:59Z ",
            " 2024-02-29T23:59:59Z",
            "2024\\u002d02-29T23:59:59Z",
            "2024-02-29T23:59:59Z\\u0000",
            "\\ud800",
            "路",
        )
    ),
]
NUMBERS = [
    "0",
    "-0",
    "-0.0",
    "0e0",
    "-0e-5",
    "1",
    "71.5",
    "1e22",
    "1e23",
    "1e-22",
    "1e-23",
    "123456789012345678",
    "9007199254740993",
    "9007199254740993.0",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "0.1234567890123456789",
    "0.30000000000000004",
    "2.2250738585072011e-308",
    "4.9406564584124654e-324",
    "2.4703282292062327e-324",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "1e400",
    "-1e400",
    "1e-400",
    "1e99999999999999999999",
    "1" + "0" * 400,
    "0." + "0" * 400 + "1",
    "8.988465674311580536566680e307",
    "NaN",
    "-Infinity",
    "null",
    "true",
    '"1"',
    "[]",
    "00",
    ".5",
    "5.",
    "1e",
    "1e+",
    "0x1",
]
SENSOR_IDS = [
    *(json.dumps(sensor) for sensor in SENSORS),
    '"路口-7"',
    '"d\\u0031"',
    '"d1\\u0000"',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"d1 "',
    '""',
    '"\x7f"',
    '"d1\t"',
    '"\\/"',
    '"\\x41"',
    '"\udcfc"',  # as bytes: one that is no UTF-8
    '"\ufeffd1"',
    "null",
    "1",
    "d1",
]
BLANKS = ["", " ", "\n", "\r\n", "\t", "\r", "\x0b", "\x00", "\ufeff", "\u2028", "\xa0"]
BETWEEN = ["\n", "\n", "\r\n", "\n\n", "\n \n", " \n", "\n\t", "\n\ufeff", "\r", " ", "", ",", ",\ufeff"]


@st.composite
def objects(draw: st.DrawFn, domain: int) -> str:
    names = SCHEMAS[domain].names
    members = [f'"sensor":{draw(st.sampled_from(SENSOR_IDS))}', f'"at":{draw(st.sampled_from(TIMES))}']
    columns = st.sampled_from([*names, names[0].upper(), names[0][:-1], "", "sensor\\u0020", "mood"])
    for name in draw(st.lists(columns, max_size=3)):
        members.append(f'"{name}":{draw(st.sampled_from(NUMBERS))}')
    if draw(st.integers(0, 9)) == 0:  # msgspec and Python: the last of two counts
        members.append(draw(st.sampled_from(members)))
        members.append(f'"at":{draw(st.sampled_from(TIMES))}')
    members = draw(st.permutations(members))
    gap = draw(st.sampled_from(["", "", "", " ", "\n", "\r\n ", "\t"]))
    return "{" + gap + f"{gap},{gap}".join(members) + gap + draw(st.sampled_from(["}"] * 9 + ["", "}}", ",}", "}x"]))


@st.composite
def records(draw: st.DrawFn) -> bytes:
    domain = draw(st.integers(0, len(SCHEMAS) - 1))
    items = draw(st.lists(objects(domain), min_size=1, max_size=4))
    before, after = draw(st.sampled_from(BLANKS[:3] * 6 + BLANKS)), draw(st.sampled_from(BLANKS[:3] * 6 + BLANKS))
    between = draw(st.sampled_from(BETWEEN))
    text = draw(st.sampled_from(["[" + ",".join(items) + "]", between.join(items), "[" + between.join(items) + "]"]))
    return bytes([domain]) + (before + text + after).encode(errors="surrogateescape")


@given(records())
@settings(max_examples=1500)
def test_all_three_agree_whatever_is_written(record: bytes) -> None:
    decode(record)


@pytest.mark.parametrize("domain", range(len(SCHEMAS)), ids=DOMAINS)
def test_all_three_agree_on_every_time_and_number(domain: int) -> None:
    name = SCHEMAS[domain].names[-1]
    for at in TIMES:
        decode(bytes([domain]) + f'{{"sensor":"d1","at":{at}}}'.encode())
    for number in NUMBERS:
        decode(bytes([domain]) + f'{{"sensor":"d1","at":1700000000001,"{name}":{number}}}'.encode())


@pytest.mark.parametrize("sensor", SENSOR_IDS)
def test_all_three_agree_on_every_sensor(sensor: str) -> None:
    decode(ROADS + f'{{"sensor":{sensor},"at":1700000000001}}'.encode(errors="surrogateescape"))
    two = f'[{{"sensor":{sensor},"at":1700000000001}},{{"at":1700000000001,"sensor":{sensor}}}]'
    decode(ROADS + two.encode(errors="surrogateescape"))


@pytest.mark.parametrize("depth", [10, 200, 900, 2_000, 100_000])
def test_all_three_agree_on_depth(depth: int) -> None:
    decode(ROADS + b"[" * depth + b"]" * depth)
    decode(ROADS + b'{"sensor":"d1","at":1700000000001,"x":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}")
    decode(ROADS + b'[{"sensor":"d1","at":1700000000001},' + b"[" * depth + b"]" * depth + b"]")


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 25))
@settings(max_examples=1000)
def test_all_three_agree_on_every_double_however_many_digits(number: float, digits: int) -> None:
    decode(ROADS + b'{"sensor":"d1","at":1700000000001,"speed_km_h":' + f"{number:.{digits}e}".encode() + b"}")
    decode(ROADS + b'{"sensor":"d1","at":1700000000001,"speed_km_h":' + repr(number).encode() + b"}")
