"""What a record may be wrapped in: a byte order mark, gzip, bare words; and what is no JSON of ours says so."""

from __future__ import annotations

import gzip
import zlib

import pytest

from streams.broker.topics import INBOX_MAX_BYTES
from streams.domains.schema import load_schemas
from streams.intake import packing
from streams.intake.decode import NOT_FINITE, decode_fast, decode_slow, originals

TRAFFIC = load_schemas()["traffic"]
ONE = b'{"sensor":"d1","at":1700000000001,"speed_km_h":50}'
TWO = ONE.replace(b"d1", b"d2")
BOM = b"\xef\xbb\xbf"
UNKNOWN = ONE.replace(b'"speed', b'"mood":1,"speed')


@pytest.mark.parametrize(
    ("value", "sensors"),
    [
        (BOM + ONE, ["d1"]),
        (BOM + ONE + b"\n" + TWO, ["d1", "d2"]),
        (BOM + b"[" + ONE + b"," + TWO + b"]", ["d1", "d2"]),
        (gzip.compress(ONE, mtime=0), ["d1"]),
        (gzip.compress(BOM + ONE + b"\n" + TWO, mtime=0), ["d1", "d2"]),
        (gzip.compress(UNKNOWN, mtime=0), ["d1"]),
        (BOM + UNKNOWN + b"\n" + TWO, ["d1", "d2"]),
    ],
)
def test_wrapping_is_taken_off(value: bytes, sensors: list[str]) -> None:
    decoded = decode_slow(value, TRAFFIC)
    assert not decoded.refused
    assert [(one.sensor, one.speed_km_h) for one in decoded.readings] == [(sensor, 50.0) for sensor in sensors]
    fast = decode_fast(value, TRAFFIC)
    assert (fast is None) == (decoded.unknown_fields > 0)
    assert fast is None or [one.sensor for one in fast] == sensors


FULL = gzip.compress(b" " * INBOX_MAX_BYTES, mtime=0)
BOMB = gzip.compress(b" " * (INBOX_MAX_BYTES + 1), mtime=0)


@pytest.mark.parametrize(
    ("value", "reason", "word"),
    [
        (BOM, "empty", ""),
        (gzip.compress(b"", mtime=0), "empty", ""),
        (FULL, "empty", ""),
        (BOMB, "undecodable", "more than 8388608 bytes"),
        (gzip.compress(ONE, mtime=0)[:-1], "undecodable", "too early"),
        (gzip.compress(ONE, mtime=0) + b"x", "undecodable", "behind it"),
        (gzip.compress(ONE, mtime=0) * 3, "undecodable", "behind it"),
        (b"\x1f\x8b" + ONE, "undecodable", "inflated"),
        (b"\x1f\x8b", "undecodable", "too early"),
        (zlib.compress(ONE), "undecodable", ""),
        (ONE.decode().encode("utf-16"), "undecodable", "UTF-16"),
        (ONE.decode().encode("utf-16-le"), "undecodable", "UTF-16"),
        (ONE.decode().encode("utf-16-be"), "undecodable", "UTF-16"),
        (gzip.compress(ONE.decode().encode("utf-16"), mtime=0), "undecodable", "UTF-16"),
    ],
)
def test_what_cannot_be_unpacked_says_why_and_comes_back_as_it_came(value: bytes, reason: str, word: str) -> None:
    assert decode_fast(value, TRAFFIC) is None
    (refused,) = decode_slow(value, TRAFFIC).refused
    assert (refused.reason, refused.payload) == (reason, value)
    assert word in refused.detail
    assert bool(word) == bool(refused.detail)


@pytest.mark.parametrize("word", [b"nan", b"NaN", b"-nan", b"Inf", b"-inf", b"+inf", b"Infinity", b"-INFINITY"])
def test_a_bare_word_costs_its_value_and_not_the_array(word: bytes) -> None:
    bad = b'{"sensor":"nan, \\"inf","at":1700000000001,"speed_km_h":' + word + b',"flow_veh_h":7}'
    value = b"[" + bad + b" , " + ONE + b"]"
    decoded = decode_slow(value, TRAFFIC)
    assert not decoded.refused
    found = [(one.sensor, one.speed_km_h) for one in decoded.readings]
    assert found == [('nan, "inf', NOT_FINITE), ("d1", 50.0)]
    assert decoded.readings[0].flow_veh_h == 7.0
    assert originals(value) == [bad, ONE]  # as they came


@pytest.mark.parametrize("value", [b"nan", b"[nan nan]", b'{"sensor":nan', b'["' + b'\\"' * 9, b"nana"])
def test_a_bare_word_makes_nothing_json_that_is_none(value: bytes) -> None:
    reasons = {one.reason for one in decode_slow(value, TRAFFIC).refused}
    assert reasons == ({"not_an_object"} if value == b"nan" else {"undecodable"})


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [b'"', b'\\"', b'"\\', b"nan", b'"nan', b"\\"])
def test_no_bytes_make_the_search_for_words_slow(piece: bytes) -> None:
    value = (b'["' + piece * INBOX_MAX_BYTES)[: INBOX_MAX_BYTES // 4]
    assert [one.reason for one in decode_slow(value, TRAFFIC).refused] == ["undecodable"]


def test_only_plain_records_are_left_as_they_are() -> None:
    assert packing.plain(ONE) == (ONE, "")
