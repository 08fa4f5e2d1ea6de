"""Rows of metrics as Arrow IPC streams: the values of `city.metrics.v1` and, with revision -1, of `city.live.v1`.

One record is one frame, or a part of one that is too large: the schema's metadata is the header (version, city,
domain, zone index and id, watermark, how each metric adds up, levels that changed), `entity` and `metric` are
dictionary-encoded, an unknown number is null. A frame without rows is the schema alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from streams.contract.records import ROW_TYPES, LevelChange, MetricFrame, Rows
from streams.contract.sums import Sums
from streams.errors import FrameError, NewerError

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = b"1"
"""Raised when a column or its meaning changes. What is newer ends its reader."""

MADE_FROM = "made_from"
"""Record header of the last frame that was made from a frame of readings: its partition, and one above its offset."""

PART_BYTES = 4 * 2**20
"""A frame that is larger goes out in parts: the broker takes records of twice that."""

_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""How an Arrow stream ends; without it a cut one would pass for a shorter one."""
_NONE = msgspec.msgpack.encode({})
_read_levels = msgspec.msgpack.Decoder(tuple[LevelChange, ...]).decode
_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [(name, _TEXT if kind is np.object_ else pa.from_numpy_dtype(np.dtype(kind))) for name, kind in ROW_TYPES.items()]
)
IMPUTED = "imputed_ratio"
"""Column of zeros that nobody reads. 0.1.0 takes no frame without it, and may stand beside this release on one Kafka,
so it is still written. This release reads frames without it: the one after 0.2.0 may write `_SCHEMA`, and this goes."""
_WRITTEN = _SCHEMA.insert(_SCHEMA.get_field_index("revision"), pa.field(IMPUTED, pa.float64()))


def encode_metrics(city_id: str, frame: MetricFrame, zone_id: str = "", city_version: str = "") -> bytes:
    """Return a frame's bytes; `zone_id` names the zone for readers that have another version of the city."""
    header = {
        b"version": VERSION,
        b"city": city_id.encode(),
        b"domain": frame.domain.encode(),
        b"zone": str(frame.zone).encode(),
        b"zone_id": zone_id.encode(),
        b"city_version": city_version.encode(),
        b"watermark_ms": str(frame.watermark_ms).encode(),
    }
    if sums := _sums(frame):
        header[b"sums"] = sums
    if frame.levels:
        header[b"levels"] = msgspec.msgpack.encode(frame.levels)
    if frame.stands:
        header[b"stands"] = msgspec.msgpack.encode(frame.stands)
    schema = _WRITTEN.with_metadata(header)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        if len(frame.rows):
            writer.write_batch(_batch(frame.rows, schema))
    return bytes(sink.getvalue())


def encode_parts(city_id: str, frame: MetricFrame, zone_id: str = "", city_version: str = "") -> list[bytes]:
    """Return the bytes of a frame in parts of at most `PART_BYTES`, each a frame with some of its rows.

    The last alone has the frame's watermark, levels and what stands; those before have a watermark that closes no
    window of any of the rows.
    """
    whole = encode_metrics(city_id, frame, zone_id, city_version)
    rows = frame.rows
    if len(whole) <= PART_BYTES or len(rows) < 2:  # noqa: PLR2004 - one row is not cut
        return [whole]
    half = np.arange(len(rows)) < len(rows) // 2
    earlier_ms = min(frame.watermark_ms, int(rows.at_ms.min()))
    first, last = (replace(frame, rows=rows.where(some)) for some in (half, ~half))
    return [
        *encode_parts(city_id, replace(first, watermark_ms=earlier_ms, levels=(), stands=()), zone_id, city_version),
        *encode_parts(city_id, last, zone_id, city_version),
    ]


def decode_metrics(data: bytes | memoryview) -> MetricFrame:
    """Return the frame that `encode_metrics` wrote; its arrays are views of the bytes, not to be written to.

    Raises FrameError when the bytes are no such frame, NewerError when a newer version wrote them.
    """
    if bytes(data[-len(_END) :]) != _END:
        raise FrameError(f"{len(data)} bytes are no frame of metrics: the end is missing")
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            header = reader.schema.metadata or {}
            version = header.get(b"version")
            if version is not None and version.isdigit() and int(version) > int(VERSION):
                raise NewerError(f"a newer CityWall wrote these metrics (version {int(version)}); start that one again")
            if version != VERSION:
                raise FrameError(f"metrics of version {version!r} cannot be read; this reads {VERSION!r}")
            if not any(map(reader.schema.equals, (_WRITTEN, _SCHEMA))):
                raise FrameError(f"a frame of metrics has the columns {reader.schema.names}, not {_SCHEMA.names}")
            parts = [_rows(batch) for batch in reader]
        return MetricFrame(
            domain=header[b"domain"].decode(),
            zone=int(header[b"zone"]),
            rows=parts[0] if len(parts) == 1 else Rows.concat(parts),
            watermark_ms=int(header[b"watermark_ms"]),
            zone_id=header.get(b"zone_id", b"").decode(),
            city_version=header.get(b"city_version", b"").decode(),
            sums=_decode_sums(header.get(b"sums", _NONE)),
            levels=_read_levels(header[b"levels"]) if b"levels" in header else (),
            stands=_read_levels(header[b"stands"]) if b"stands" in header else (),
        )
    except (pa.ArrowException, OSError, EOFError, ValueError, LookupError, msgspec.DecodeError) as exc:
        raise FrameError(f"{len(data)} bytes are no frame of metrics: {exc}") from exc


def _sums(frame: MetricFrame) -> bytes:
    """Return, packed, how the metrics of these rows add up."""
    if not len(frame.rows) or not frame.sums:
        return b""
    names = sorted(set(frame.rows.metric.tolist()))
    return _packed(tuple((name, frame.sums[name]) for name in names if name in frame.sums))


@lru_cache(maxsize=256)  # a zone's frames have the same metrics again and again
def _packed(sums: tuple[tuple[str, Sums], ...]) -> bytes:
    return msgspec.msgpack.encode(dict(sums))


@lru_cache(maxsize=256)
def _decode_sums(data: bytes) -> dict[str, Sums]:
    return msgspec.msgpack.decode(data, type=dict[str, Sums])


def _batch(rows: Rows, schema: pa.Schema) -> pa.RecordBatch:
    columns = {IMPUTED: pa.array(np.zeros(len(rows)))}
    for name, kind in ROW_TYPES.items():
        values = getattr(rows, name)
        column = pa.array(values, schema.field(name).type, from_pandas=kind is np.float64)
        if kind is np.object_ and column.null_count:
            raise TypeError(f"the column {name} of rows of metrics holds None")
        columns[name] = column
    return pa.record_batch(columns, schema=schema)


def _rows(batch: pa.RecordBatch) -> Rows:
    batch.validate(full=True)
    columns: dict[str, Any] = {}
    for name, kind in ROW_TYPES.items():
        column = batch.column(name)
        if kind is np.object_:
            columns[name] = _text(column)
        elif kind is np.float64:
            columns[name] = column.to_numpy(zero_copy_only=False)
        else:
            columns[name] = column.to_numpy()
    return Rows(**columns)


def _text(column: pa.DictionaryArray) -> NDArray[np.object_]:
    words: NDArray[np.object_] = column.dictionary.to_numpy(zero_copy_only=False)
    found: NDArray[np.object_] = words[column.indices.to_numpy()]
    return found
