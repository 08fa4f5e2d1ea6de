"""Batches are inflated as they were deflated, and never beyond the bound, whatever they say."""

from __future__ import annotations

import tracemalloc
import zlib

import cramjam
import pytest
from aiokafka import codec as kafka_codec

from streams.transport.inflate import InflateError, inflate

DEFLATE = {
    "gzip": (1, kafka_codec.gzip_encode),
    "snappy": (2, kafka_codec.snappy_encode),
    "raw snappy": (2, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "lz4": (3, kafka_codec.lz4_encode),
    "zstd": (4, kafka_codec.zstd_encode),
}
READINGS = b"".join(b'{"sensor":"d%d","at":%d}\n' % (number % 97, number * 7919) for number in range(10_000))


@pytest.mark.parametrize(("number", "deflate"), DEFLATE.values(), ids=DEFLATE)
@pytest.mark.parametrize("data", [READINGS, b"\0" * 1_000_000, b"x"], ids=["readings", "zeros", "byte"])
def test_what_was_deflated_comes_back(number, deflate, data):
    assert inflate(number, memoryview(deflate(data))) == data


@pytest.mark.parametrize(("number", "deflate"), DEFLATE.values(), ids=DEFLATE)
def test_the_bound_is_the_last_that_is_inflated(number, deflate):
    deflated = memoryview(deflate(READINGS))
    assert inflate(number, deflated, most=len(READINGS)) == READINGS
    with pytest.raises(InflateError):
        inflate(number, deflated, most=len(READINGS) - 1)


@pytest.mark.parametrize(("number", "deflate"), DEFLATE.values(), ids=DEFLATE)
def test_a_bomb_costs_no_more_than_the_bound(number, deflate):
    bomb, most = memoryview(deflate(b"\0" * 50_000_000)), 1_000_000
    tracemalloc.start()
    with pytest.raises(InflateError):
        inflate(number, bomb, most)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < len(bomb) + 4 * most  # the stream, and joined


@pytest.mark.parametrize(("number", "deflate"), DEFLATE.values(), ids=DEFLATE)
def test_cut_and_foreign_bytes_are_refused(number, deflate):
    for broken in (deflate(READINGS)[:-9], b"rubbish", b"\xff" * 40):
        with pytest.raises(InflateError):
            inflate(number, memoryview(broken))


def test_a_snappy_block_of_a_negative_size_is_refused():
    head = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
    with pytest.raises(InflateError, match="-4"):
        inflate(2, memoryview(head + (-4).to_bytes(4, "big", signed=True)))


def test_many_small_gzip_members_are_one():
    # A producer may flush its stream so; taking them apart by copying the rest each time would take hours.
    member = kafka_codec.gzip_encode(b"x")
    assert inflate(1, memoryview(member * 20_000)) == b"x" * 20_000
    assert zlib.decompress(member, 31) == b"x"


def test_an_unknown_codec_is_told():
    with pytest.raises(KeyError):
        inflate(5, memoryview(b""))
