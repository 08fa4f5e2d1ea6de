"""Frames of metrics survive the wire; anything else is refused with FrameError."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contract import metric_frames
from streams.contract.metric_frames import PART_BYTES, decode_metrics, encode_metrics, encode_parts
from streams.contract.records import NO_TIME_MS, ROW_TYPES, LevelChange, MetricFrame, Rows
from streams.contract.sums import Sums
from streams.errors import FrameError, NewerError


def rows_of(*rows: tuple[object, ...]) -> Rows:
    """Build Rows from tuples in the order of ROW_TYPES."""
    columns = list(zip(*rows, strict=True))
    return Rows(**{name: np.array(columns[i], kind) for i, (name, kind) in enumerate(ROW_TYPES.items())})


THREE = rows_of(
    ("S1", "tti_ratio", 60_000, 60, 1.5, 15, 10, 4, 1.0, 0),
    ("区:2", "tti_ratio", 60_000, 60, np.nan, 0, 0, 0, 0.0, 3),
    ("S1", "speed_km_h", 120_000, 3600, -0.0, -(2**62), 2**62, 2**40, 0.25, -1),
)


def assert_same(found: Rows, expected: Rows) -> None:
    for name, kind in ROW_TYPES.items():
        column = getattr(found, name)
        assert column.dtype == kind, name
        np.testing.assert_array_equal(column, getattr(expected, name), err_msg=name)


def test_every_column_and_the_header_come_back() -> None:
    sent = MetricFrame("traffic", 7, THREE, 180_000)
    got = decode_metrics(encode_metrics("riverton", sent, "Z7"))
    assert (got.domain, got.zone, got.watermark_ms) == ("traffic", 7, 180_000)
    assert_same(got.rows, THREE)


def test_release_0_1_0_finds_the_columns_without_which_it_reads_no_frame() -> None:
    table = pa.ipc.open_stream(encode_metrics("riverton", MetricFrame("traffic", 7, THREE, 0))).read_all()
    text = "dictionary<values=string, indices=int32, ordered=0>"
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("entity", text),
        ("metric", text),
        ("at_ms", "int64"),
        ("window_s", "int32"),
        ("value", "double"),
        ("numerator", "int64"),
        ("denominator", "int64"),
        ("count", "int64"),
        ("coverage_ratio", "double"),
        ("imputed_ratio", "double"),
        ("revision", "int64"),
    ]
    assert table["imputed_ratio"].to_pylist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("sent", [THREE, Rows.empty()], ids=["rows", "no rows"])
def test_a_frame_without_the_column_that_nobody_reads_is_read(sent: Rows) -> None:
    table = pa.ipc.open_stream(encode_metrics("riverton", MetricFrame("traffic", 7, sent, 180_000), "Z7")).read_all()
    sink = pa.BufferOutputStream()
    table = table.drop_columns("imputed_ratio")
    with pa.ipc.new_stream(sink, table.schema) as writer:
        if len(sent):
            writer.write_table(table)
    got = decode_metrics(bytes(sink.getvalue()))
    assert (got.domain, got.zone, got.watermark_ms, got.zone_id) == ("traffic", 7, 180_000, "Z7")
    assert_same(got.rows, sent)


def test_a_frame_without_rows_carries_only_the_watermark() -> None:
    data = encode_metrics("riverton", MetricFrame("weather", -1, Rows.empty(), NO_TIME_MS))
    got = decode_metrics(data)
    assert (got.domain, got.zone, got.watermark_ms, len(got.rows)) == ("weather", -1, NO_TIME_MS, 0)
    assert_same(got.rows, Rows.empty())


def test_how_the_metrics_of_its_rows_add_up_comes_with_a_frame() -> None:
    queue = Sums(1e9, 1e3, 0.0, 500.0, "numerator", "never", "traffic_queue_m")
    frame = MetricFrame("traffic", 7, THREE, 0, sums={"tti_ratio": queue, "delay_s": Sums()})
    assert decode_metrics(encode_metrics("riverton", frame)).sums == {"tti_ratio": queue}
    assert decode_metrics(encode_metrics("riverton", MetricFrame("traffic", 7, THREE, 0))).sums == {}


def test_what_a_newer_build_says_besides_is_passed_over() -> None:
    assert msgspec.msgpack.decode(
        msgspec.msgpack.encode([1e9, 1.0, 0.0, 9.0, "quotient", "sums", "", True, "new"]), type=Sums
    )


@pytest.mark.parametrize("sums", [b"", b"\xc1", b"\x81\xa1a\x01"])
def test_how_metrics_add_up_must_be_understood(sums: bytes) -> None:
    table = pa.ipc.open_stream(encode_metrics("riverton", MetricFrame("traffic", 7, THREE, 0))).read_all()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.with_metadata({**table.schema.metadata, b"sums": sums})) as writer:
        writer.write_table(table)
    with pytest.raises(FrameError):
        decode_metrics(bytes(sink.getvalue()))


def test_header_is_in_the_metadata_and_unknown_numbers_are_null() -> None:
    data = encode_metrics("riverton", MetricFrame("traffic", 7, THREE, 180_000), "Z7")
    table = pa.ipc.open_stream(data).read_all()
    assert table.schema.metadata == {
        b"version": b"1",
        b"city": b"riverton",
        b"domain": b"traffic",
        b"zone": b"7",
        b"zone_id": b"Z7",
        b"city_version": b"",
        b"watermark_ms": b"180000",
    }
    assert table["value"].to_pylist() == [1.5, None, -0.0]
    assert table["metric"].chunk(0).dictionary.to_pylist() == ["tti_ratio", "speed_km_h"]


def test_same_frame_gives_the_same_bytes() -> None:
    frame = MetricFrame("traffic", 7, THREE, 180_000)
    assert encode_metrics("riverton", frame) == encode_metrics("riverton", frame)


def test_another_version_is_refused() -> None:
    data = encode_metrics("riverton", MetricFrame("traffic", 7, THREE, 180_000))
    with pytest.raises(FrameError, match="version"):
        decode_metrics(data.replace(b"\x07\x00\x00\x00version", b"\x07\x00\x00\x00versioX"))


def test_a_newer_version_is_not_passed_over() -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.int64())], metadata={"version": "2"})):
        pass
    with pytest.raises(NewerError, match="version 2"):
        decode_metrics(bytes(sink.getvalue()))


def test_another_schema_is_refused() -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.int64())], metadata={"version": "1"})):
        pass
    with pytest.raises(FrameError, match="columns"):
        decode_metrics(sink.getvalue().to_pybytes())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        decode_metrics(data)


@given(cut=st.integers(min_value=0))
def test_a_cut_frame_is_refused(cut: int) -> None:
    data = encode_metrics("riverton", MetricFrame("traffic", 7, THREE, 180_000))
    with pytest.raises(FrameError):
        decode_metrics(data[: cut % (len(data) - 16)])


def test_a_frame_that_is_too_large_for_a_record_goes_out_in_parts() -> None:
    count = 120_000
    rows = Rows(
        entity=np.array([f"segment-{one % 30_000:05d}" for one in range(count)], object),
        metric=np.array([f"metric_{one // 30_000}" for one in range(count)], object),
        at_ms=np.where(np.arange(count) < count // 2, 120_000, 60_000),
        window_s=np.full(count, 60, np.int32),
        value=np.arange(count, dtype=np.float64),
        numerator=np.arange(count),
        denominator=np.ones(count, np.int64),
        count=np.ones(count, np.int64),
        coverage_ratio=np.ones(count),
        revision=np.zeros(count, np.int64),
    )
    parts = encode_parts("riverton", MetricFrame("traffic", 7, rows, 180_000), "Z7", "v3")
    found = [decode_metrics(part) for part in parts]
    assert len(parts) > 1
    assert all(len(part) <= PART_BYTES for part in parts)
    assert_same(Rows.concat([one.rows for one in found]), rows)
    assert [one.watermark_ms for one in found[:-1]] == [60_000] * (len(parts) - 1)
    assert (found[-1].watermark_ms, found[-1].zone_id, found[-1].city_version) == (180_000, "Z7", "v3")


def test_a_frame_that_fits_is_one_part() -> None:
    frame = MetricFrame("traffic", 7, THREE, 180_000)
    assert encode_parts("riverton", frame, "Z7") == [encode_metrics("riverton", frame, "Z7")]


def test_what_the_zone_found_comes_with_its_last_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (LevelChange("rain_heavy", "gauge-1", 60_000, 3), LevelChange("rain_heavy", "gauge-2", 60_000, 0))
    alone = MetricFrame("weather", 7, Rows.empty(), 0, levels=found)
    assert decode_metrics(encode_metrics("riverton", alone)).levels == found
    monkeypatch.setattr(metric_frames, "PART_BYTES", 1)  # a part a row
    parts = encode_parts("riverton", replace(alone, rows=THREE))
    assert [decode_metrics(part).levels for part in parts] == [(), (), found]
