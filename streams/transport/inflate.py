"""Inflate the records of a batch, never beyond a bound: a megabyte of them may say that it holds gigabytes."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import cramjam
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 64 * 2**20
"""Of one batch, inflated. Producers fill batches of a megabyte or less, most of them counted before compression."""

_FOLD, _FIRST_ROOM_BYTES = 16, 64 * 1024
"""A frame need not say its size: room for so many times its bytes is tried, then for so many times more."""
_GZIP = 31
"""zlib's word for the gzip format."""
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEAD_BYTES = 16
_SIZE = struct.Struct(">i")


class InflateError(Exception):
    """The bytes are not of this codec, or more than `MOST_BYTES` inflated."""


def inflate(codec: int, data: memoryview, most: int = MOST_BYTES) -> bytes:
    """Inflate what a batch of this codec (Kafka's number) holds.

    Raises InflateError, and KeyError where the codec is not known.
    """
    try:
        return _CODECS[codec](data, most)
    except (cramjam.DecompressionError, zlib.error, struct.error, EOFError, OSError) as exc:
        raise InflateError(str(exc)) from exc


def _gzip(data: memoryview, most: int) -> bytes:
    member = zlib.decompressobj(_GZIP)
    found = member.decompress(data, most + 1)
    if len(found) <= most and (not member.eof or member.unused_data):  # several members, or one cut short
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            found = stream.read(most + 1)
    if len(found) > most:
        raise InflateError(f"more than {most} bytes")
    return found


def _snappy(data: memoryview, most: int) -> bytes:
    if bytes(data[: len(_XERIAL)]) != _XERIAL:
        return _block(data, most)
    found, at = [], _XERIAL_HEAD_BYTES
    while at < len(data):
        (size,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        if not 0 <= size <= len(data) - at:
            raise InflateError(f"a block of {size} bytes is not there")
        found.append(_block(data[at : at + size], most))
        most -= len(found[-1])
        at += size
    return b"".join(found)


def _block(data: memoryview, most: int) -> bytes:
    size = cramjam.snappy.decompress_raw_len(data)
    if size > most:
        raise InflateError(f"more than {most} bytes")
    return bytes(cramjam.snappy.decompress_raw(data))


def _into(decompress_into: Callable[[Any, Any], int]) -> Callable[[memoryview, int], bytes]:
    """Make an inflater of one that writes into a buffer and fails where that is too small."""

    def inflate_into(data: memoryview, most: int) -> bytes:
        room = min(max(len(data) * _FOLD, _FIRST_ROOM_BYTES), most)
        while True:
            out = np.empty(room, np.uint8)
            try:
                return out[: decompress_into(data, out)].tobytes()
            except cramjam.DecompressionError:
                if room == most:
                    raise
            room = min(room * _FOLD, most)

    return inflate_into


_CODECS: dict[int, Callable[[memoryview, int], bytes]] = {
    1: _gzip,
    2: _snappy,
    3: _into(cramjam.lz4.decompress_into),
    4: _into(cramjam.zstd.decompress_into),
}
