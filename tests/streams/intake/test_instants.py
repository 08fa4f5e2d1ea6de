"""`at` as departments write it: what is one instant is taken, by every decoder alike, and all else says why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from streams.domains.schema import load_schemas
from streams.intake.decode import decode_fast, decode_slow
from streams.intake.reader import Reader
from streams.kernel.texts import sensor_table
from tests.streams.intake.test_values import wire

TRAFFIC = load_schemas()["traffic"]
READER = Reader(TRAFFIC.names, sensor_table(["d1"]))
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
DAY_S = int(MARCH.timestamp())

TAKEN = [
    # what is written, milliseconds behind 2026-03-01T00:00:00Z
    ("2026-03-01T00:00:59.9999999Z", 59_999),
    ("2026-03-01T23:59:59.9999999Z", 86_399_999),
    ("2026-03-01T00:00:00.0009Z", 0),
    ("2026-03-01T00:00:00.001999999999999999999999999Z", 1),
    ("2026-03-01T00:00:00,5Z", 500),
    ("2026-03-01 03:45:23.423627+00", 13_523_423),  # (3 x 60 + 45) x 60,000 + 23,423
    ("2026-03-01T03:45+01:00", 9_900_000),  # 2:45 UTC
    ("2026-03-01T10:00Z", 36_000_000),
    ("2026-03-01t10:00z", 36_000_000),
    ("2026-03-01T05:30+0530", 0),
    ("2026-03-01T05:00:00.25+05", 250),
    ("2026-02-28T19:00-05", 0),
    ("2026-03-01T00:00:00-00:00", 0),
    ("2026-03-01T14:00:00+14:00", 0),
    (DAY_S * 1000 + 7, 7),
    (float(DAY_S * 1000 + 7), 7),
    (DAY_S * 1000 + 7.75, 7),
    (str(DAY_S * 1000 + 7), 7),
    (f"{DAY_S}.0075e3", 7),
    ("2026-03-01T01:00:00 +01:00", 0),
]
BAD = [
    (DAY_S, "seconds"),
    (str(DAY_S), "seconds"),
    (DAY_S + 0.5, "seconds"),
    (99_999_999_999, "seconds"),
    (0, "seconds"),
    (-1, "seconds"),
    (DAY_S * 10**6, "microseconds"),
    (-(10**12), "a time before 1970"),
    ("-1000000000000", "a time before 1970"),
    (DAY_S * 10**9, "nanoseconds"),
    (1e300, "nanoseconds"),
    (10**309, "nanoseconds"),  # more than any float
    (-(10**398), "nanoseconds"),
    ("2026-03-01T00:00:00", "zone"),
    ("2026-03-01 00:00", "zone"),
    ("2026-03-01", "ISO 8601"),
    ("2026-03-01T24:00:00Z", "ISO 8601"),
    ("2026-03-01T00:00:60Z", "ISO 8601"),
    ("2026-02-29T00:00:00Z", "ISO 8601"),
    ("2026-03-01T00:00.5Z", "ISO 8601"),
    ("20260301T000000Z", "ISO 8601"),
    ("2026-W09-7T00:00:00Z", "ISO 8601"),
    ("2026-03-01T00:00:00+24", "ISO 8601"),
    ("2026-03-01T00:00:00[Asia/Shanghai]", "ISO 8601"),
    ("2026-03-01T00:00:00Z\n", "ISO 8601"),
    (" 2026-03-01T00:00:00Z", "ISO 8601"),
    ("٢026-03-01T00:00:00Z", "ISO 8601"),  # a digit, but none of ASCII
    ("1" * 5000, "ISO 8601"),
    ("yesterday", "ISO 8601"),
    ("", "ISO 8601"),
    (True, "ISO 8601"),
    ([], "ISO 8601"),
]
LEFT_TO_THE_SLOW = {"2026-03-01T01:00:00 +01:00"}
"""Taken, but not by the kernel."""


def record(at: object) -> bytes:
    return json.dumps({"sensor": "d1", "at": at}).encode()


@pytest.mark.parametrize(("at", "after_ms"), TAKEN)
def test_what_means_one_instant_is_taken_rounded_down(at: object, after_ms: int) -> None:
    at_ms = DAY_S * 1000 + after_ms
    assert [one.at for one in decode_slow(record(at), TRAFFIC).readings] == [at_ms]
    fast = decode_fast(record(at), TRAFFIC)
    if isinstance(at, float):
        assert fast is None
    else:
        assert fast is not None
        assert [one.at for one in fast] == [at_ms]
    if at not in LEFT_TO_THE_SLOW and not isinstance(at, float) and not str(at).startswith("17"):
        columns, _ = READER.read(wire([record(at)], [0]))
        assert columns.at_ms.tolist() == [at_ms]


@pytest.mark.parametrize(("at", "word"), BAD)
def test_what_means_none_is_refused_and_says_what_it_was_taken_for(at: object, word: str) -> None:
    assert decode_fast(record(at), TRAFFIC) is None
    decoded = decode_slow(record(at), TRAFFIC)
    assert [one.reason for one in decoded.refused] == ["bad_time"]
    assert word in decoded.refused[0].detail.replace("epoch milliseconds", "")
    columns, verdict = READER.read(wire([record(at)], [0]))
    assert (len(columns.at_ms), verdict[0] != 0) == (0, True)
