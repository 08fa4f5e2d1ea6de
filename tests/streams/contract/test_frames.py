"""Frames of readings come back as they were sent; any other bytes are a FrameError, which costs one dead letter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from streams.contract.frames import FIXED, FrameHeader, FrameRows, decode_header, decode_rows, encode_frame
from streams.contract.metric_frames import decode_metrics
from streams.contract.stage import Message, Record
from streams.errors import FrameError, NewerError

HEADER = FrameHeader(
    city="c",
    zone="z",
    version="1",
    source=0,
    first=(7, 0),
    last=(8, 1),
    mark_ms=5,
    sensors=("d1", "d2"),
    columns=("speed_km_h",),
)
ROWS = FrameRows(
    np.array([7, 8, 8]),
    np.array([0, 0, 1], np.int32),
    np.array([1, 0, 1], np.int32),
    np.array([3, 4, 5]),
    np.array([0, 1, 2]),
    {"speed_km_h": np.array([1.5, np.nan, 3.0])},
)
SENT = encode_frame("t", 0, HEADER, ROWS)


def record(message: Message, **headers: bytes | None) -> Record:
    found: dict[str, Any] = dict(message.headers) | headers
    return Record(0, message.key, message.value, 0, tuple(found.items()))


def stream(columns: dict[str, Any]) -> bytes:
    """An Arrow stream as some other program may write it."""
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def columns(**changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = {name: pa.array([1], kind) for name, kind in FIXED}
    return found | {"speed_km_h": pa.array([1.0])} | changed


def test_a_frame_comes_back_as_it_was_sent() -> None:
    assert decode_header(record(SENT)) == HEADER
    found = decode_rows(HEADER, SENT.value or b"")
    for name, _ in FIXED:
        assert getattr(found, name).tolist() == getattr(ROWS, name).tolist()
    np.testing.assert_array_equal(found.columns["speed_km_h"], ROWS.columns["speed_km_h"])


def test_an_arrow_stream_of_the_same_columns_is_read() -> None:
    assert decode_rows(HEADER, stream(columns())).at_ms.tolist() == [1]


def test_a_frame_of_a_newer_format_is_not_passed_over() -> None:
    with pytest.raises(NewerError, match="offset 0: a newer CityWall"):
        decode_header(Record(0, b"z0", b"", 0, (("frame.2", b"{}"),)))


@pytest.mark.parametrize("header", [None, b"", b"{}", b"\x80", b'"\xff"', b"[" * 100_000, b"null"])
def test_a_header_that_is_none_is_a_frame_error(header: bytes | None) -> None:
    with pytest.raises(FrameError):
        decode_header(record(SENT, frame=header))
    with pytest.raises(FrameError):
        decode_header(record(SENT, sensors=header if header != b"" else b"7"))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff" * 100,
        (SENT.value or b"")[:-8],
        (SENT.value or b"")[:-40],
        stream(columns())[:-60],
        stream(columns(sensor=pa.array([2], pa.int32()))),
        stream(columns(sensor=pa.array([-1], pa.int32()))),
        stream(columns(at_ms=pa.array([None], pa.int64()))),
        stream(columns(at_ms=pa.array([1.0]))),
        stream(columns(speed_km_h=pa.array(["1"]))),
        stream(columns(more=pa.array([1.0]))),
        stream({name: pa.array([1], kind) for name, kind in FIXED}),
    ],
)
def test_rows_that_are_not_those_announced_are_a_frame_error(value: bytes) -> None:
    with pytest.raises(FrameError):
        decode_rows(HEADER, value)


@pytest.mark.parametrize("name", ["speed_km_h", "at_ms"])
def test_a_column_that_comes_twice_is_a_frame_error(name: str) -> None:
    header = FrameHeader(
        city="c", zone="z", version="1", source=0, first=(7, 0), last=(8, 1), mark_ms=5, columns=("speed_km_h", name)
    )
    with pytest.raises(FrameError):
        decode_rows(header, stream(columns()))


def test_a_stream_of_metrics_that_ends_early_is_a_frame_error() -> None:
    with pytest.raises(FrameError):
        decode_metrics(b"\xff\xff\xff\xff\x00\x00\x00\x00")
