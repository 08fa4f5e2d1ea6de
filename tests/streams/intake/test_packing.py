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
        (BOM + BOM + UNKNOWN, ["d1"]),
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
        (BOM * 2 + b"\n" + BOM, "empty", ""),
        (BOM + b"[" + BOM + b"]", "empty", ""),
        (gzip.compress(b"", mtime=0), "empty", ""),
        (FULL, "empty", ""),
        (BOMB, "undecodable", "more than 8388608 bytes"),
        (gzip.compress(ONE, mtime=0)[:-1], "undecodable", "too early"),
        (gzip.compress(ONE, mtime=0) + b"x", "undecodable", "behind it"),
        (gzip.compress(ONE, mtime=0) * 3, "undecodable", "behind it"),
        (b"\x1f\x8b" + ONE, "undecodable", "inflated"),
        (b"\x1f\x8b", "undecodable", "too early"),
        *(
            (zlib.compress(ONE, level), "undecodable", "zlib; a record is plain JSON, or gzip")
            for level in (1, 3, 6, 9)
        ),
        (b"\x28\xb5\x2f\xfd\x04\x00\x81\x00\x00", "undecodable", "Zstandard"),
        (gzip.compress(gzip.compress(ONE, mtime=0), mtime=0), "undecodable", "gzip within gzip"),
        (ONE.replace(b"d1", b"M\xfcnchen"), "undecodable", "byte 12 is not UTF-8"),
        (ONE.decode().encode("utf-16"), "undecodable", "UTF-16"),
        (ONE.decode().encode("utf-16-le"), "undecodable", "UTF-16"),
        (ONE.decode().encode("utf-16-be"), "undecodable", "UTF-16"),
        (f"\n{ONE.decode()}".encode("utf-16-le"), "undecodable", "UTF-16"),
        (f" [{ONE.decode()}]".encode("utf-16-be"), "undecodable", "UTF-16"),
        (gzip.compress(ONE.decode().encode("utf-16"), mtime=0), "undecodable", "UTF-16"),
    ],
)
def test_what_cannot_be_unpacked_says_why_and_comes_back_as_it_came(value: bytes, reason: str, word: str) -> None:
    assert decode_fast(value, TRAFFIC) is None
    (refused,) = decode_slow(value, TRAFFIC).refused
    assert (refused.reason, refused.payload) == (reason, value)
    assert word in refused.detail
    assert bool(word) == bool(refused.detail)


@pytest.mark.parametrize(
    "value",
    [
        BOM + ONE + b"\n" + BOM + TWO + b"\n" + BOM,
        BOM + ONE + b"\r\n" + BOM + TWO + b"\r\n",
        ONE + b"\n \n" + BOM + b"\n " + BOM + TWO,
        b" " + BOM + b"[" + BOM + ONE + b",\n" + BOM + TWO + BOM + b"]" + BOM,
    ],
)
def test_a_byte_order_mark_of_a_file_behind_another_costs_nothing(value: bytes) -> None:
    for record in (value, gzip.compress(value, mtime=0)):
        assert decode_fast(record, TRAFFIC) is None
        decoded = decode_slow(record, TRAFFIC)
        assert not decoded.refused
        assert [(one.sensor, one.speed_km_h) for one in decoded.readings] == [("d1", 50.0), ("d2", 50.0)]
        assert decoded.places == [0, 1]


NO_TEXTS = [
    b"M\xfcnchen",
    "北京".encode("gbk"),
    b"\xed\xa0\x80",  # half of a pair
    b"\xc0\x80",  # NUL, too long
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"\xe8\xb7",  # cut short
    b"a\0",
    b"a\tb",
    b"C:\\data",
    b"\\u12",
    b'\xff\\"]},{[',
]


@pytest.mark.parametrize("text", NO_TEXTS)
@pytest.mark.parametrize("field", [b'"note":"%b"', b'"%b":1', b'"flow_veh_h":"%b"', b'"speed_km_h":nan,"note":"%b"'])
def test_a_text_that_is_none_costs_its_reading_and_no_other(text: bytes, field: bytes) -> None:
    bad = ONE[:-1] + b"," + field % text + b"}"
    worded = ONE.replace(b"50", b"-inf")
    array = b"[" + b" , ".join([ONE, bad, BOM + TWO, worded, bad]) + b"]\n"
    lines = b"\n".join([ONE, bad, BOM + TWO, worded, bad])
    for value in (array, lines, gzip.compress(array, mtime=0), gzip.compress(lines, mtime=0)):
        assert decode_fast(value, TRAFFIC) is None
        decoded = decode_slow(value, TRAFFIC)
        found = [(one.sensor, one.speed_km_h) for one in decoded.readings]
        assert found == [("d1", 50.0), ("d2", 50.0), ("d1", NOT_FINITE)]
        assert decoded.places == [0, 2, 3]
        refused = [(one.place, one.reason, one.payload) for one in decoded.refused]
        assert refused == [(1, "undecodable", bad), (4, "undecodable", bad)]
        assert [originals(value)[place] for place in (0, 1, 3, 4)] == [ONE, bad, worded, bad]


@pytest.mark.parametrize(
    "word", [b"01", b"1.", b".5", b"+5", b"0x1f", b"1e", b"-", b"True", b"None", b"1.#IND", b"'7'", b"\xff"]
)
def test_a_number_or_word_that_is_none_costs_its_reading_and_not_the_array(word: bytes) -> None:
    bad = ONE.replace(b"50", word)
    array = b"[" + b" ,\n".join([ONE, bad, word + b"x", TWO]) + b" ]"
    for value in (array, gzip.compress(array, mtime=0)):
        assert decode_fast(value, TRAFFIC) is None
        decoded = decode_slow(value, TRAFFIC)
        assert [(one.sensor, one.speed_km_h) for one in decoded.readings] == [("d1", 50.0), ("d2", 50.0)]
        assert decoded.places == [0, 3]
        refused = [(one.place, one.reason, one.payload) for one in decoded.refused]
        assert refused == [(1, "undecodable", bad), (2, "undecodable", word + b"x")]
        assert originals(value) == [ONE, bad, word + b"x", TWO]


@pytest.mark.parametrize("word", [b"-inf", b"Infinity", b"-nan"])
def test_a_bare_word_that_is_an_element_comes_back_whole(word: bytes) -> None:
    value = b"[" + word + b" , " + ONE + b"]"
    assert [one.payload for one in decode_slow(value, TRAFFIC).refused] == [word]
    assert originals(value) == [word, ONE]


def test_a_dead_letter_says_which_of_its_bytes_is_no_text() -> None:
    bad = ONE.replace(b"d1", b"M\xfcnchen")
    refused = decode_slow(b"[" + ONE + b"," + bad + b"," + ONE.replace(b"d1", b"\0") + b"]", TRAFFIC).refused
    assert [one.detail for one in refused] == ["byte 12 is not UTF-8; JSON between systems is UTF-8", ""]
    assert bad[12] == 0xFC


@pytest.mark.parametrize(
    "value",
    [b"[" + ONE + b"\xff]", b"[" + ONE + b",\xff" + TWO + b"]", b'["\xff', b'["\xff\\"', b'["\xff"]]', b'["\xff",]'],
)
def test_bytes_that_are_no_text_make_nothing_an_array_that_is_none(value: bytes) -> None:
    assert [(one.reason, one.payload) for one in decode_slow(value, TRAFFIC).refused] == [("undecodable", value)]


def test_an_order_mark_within_an_object_costs_that_object() -> None:
    bad = b"{" + BOM + ONE[1:]
    decoded = decode_slow(b"[" + bad + b"," + TWO + b"]", TRAFFIC)
    assert [(one.place, one.payload) for one in decoded.refused] == [(0, bad)]
    assert [one.sensor for one in decoded.readings] == ["d2"]


@pytest.mark.timeout(20)
def test_a_record_full_of_texts_that_are_none_costs_no_hour() -> None:
    bad = b'{"sensor":"\xff"}'
    value = b"[" + b",".join([bad] * 100_000) + b"," + ONE + b"]"
    decoded = decode_slow(value, TRAFFIC)
    assert decoded.places == [100_000]
    assert [one.payload for one in decoded.refused[:1]] == [bad]


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
