"""Rows as InfluxDB's line protocol, and its answers in CSV as rows: pure."""

from __future__ import annotations

import io
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
from influxdb_client.domain.dialect import Dialect

from streams.contract.metric_frames import IMPUTED
from streams.contract.records import ROW_TYPES, Rows
from streams.errors import RefusedError
from streams.sinks.history.store import unknown_where_not_finite

if TYPE_CHECKING:
    from collections.abc import Mapping

NS_PER_MS = 1_000_000
HIGHEST_REVISION = NS_PER_MS - 1
"""Later ones overwrite each other: the last written stays."""
SLOTS = 8
"""Windows of a series that may be open at once."""
LAST_MS = 2**63 // NS_PER_MS - 1
"""InfluxDB's times are int64 nanoseconds."""
SUMS = ("numerator", "denominator", "count")
"""Every final row has them."""
END = f"time(v: {LAST_MS * NS_PER_MS})"

_SCHEMA = 'import "influxdata/influxdb/schema"\n'
_FIELD_TYPES = {
    "value": pa.float64(),
    "numerator": pa.int64(),
    "denominator": pa.int64(),
    "count": pa.int64(),
    "coverage_ratio": pa.float64(),
    "entity": pa.string(),
    "key": pa.string(),
    "body": pa.string(),
    "closed": pa.string(),
    "row": pa.string(),
    "_value": pa.string(),
    "_time": pa.timestamp("ns", tz="UTC"),
}


def final_lines(rows: Rows) -> list[str]:
    """Return a line a row: measurement = metric, tags entity and window, time = window start + revision in ns."""
    columns = unknown_where_not_finite(rows)
    stamps = (rows.at_ms * NS_PER_MS + np.minimum(rows.revision, HIGHEST_REVISION)).tolist()
    series = zip(columns["metric"], columns["entity"], columns["window_s"], strict=True)
    sums = zip(columns["numerator"], columns["denominator"], columns["count"], strict=True)
    ratios = zip(columns["value"], columns["coverage_ratio"], strict=True)
    return [
        f"{_series(*name)} numerator={top}i,denominator={bottom}i,count={count}i{_known(*numbers)} {stamp}"
        for name, (top, bottom, count), numbers, stamp in zip(series, sums, ratios, stamps, strict=True)
    ]


def provisional_lines(rows: Rows) -> list[str]:
    """Return a line a row, the row as JSON in one field, so that a newer one replaces it whole; time = its slot.

    0.1.0 reads no such row without IMPUTED.
    """
    columns = unknown_where_not_finite(rows)
    lines = []
    for cells in zip(*(columns[name] for name in ROW_TYPES), strict=True):
        row = {**dict(zip(ROW_TYPES, cells, strict=True)), IMPUTED: 0.0}
        slot = row["at_ms"] // (row["window_s"] * 1000) % SLOTS
        tags = f"metric={_tag(row['metric'])},entity={_tag(row['entity'])},window={row['window_s']}"
        lines.append(f"provisional,{tags} row={_string(msgspec.json.encode(row).decode())} {slot}")
    return lines


def text_line(measurement: str, key: str, fields: Mapping[str, str], stamp_ns: int) -> str:
    """Return a line of text fields under a key."""
    return tagged_line(measurement, {"key": key}, fields, stamp_ns)


def tagged_line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, str], stamp_ns: int) -> str:
    """Return a line of text fields under tags; there is no empty tag."""
    series = "".join(f",{name}={_tag(text)}" for name, text in tags.items() if text)
    cells = ",".join(f"{name}={_string(text)}" for name, text in fields.items())
    return f"{measurement}{series} {cells} {stamp_ns}"


def quoted(text: str) -> str:
    """Return a Flux string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def dialect() -> Dialect:
    """Ask for plain CSV with one header."""
    return Dialect(  # type: ignore[no-untyped-call]  # influxdb-client leaves it untyped
        header=True, delimiter=",", annotations=[], date_time_format="RFC3339Nano"
    )


def measurements(bucket: str) -> str:
    """Return the query for the metrics that have points in a bucket."""
    return _SCHEMA + f"schema.measurements(bucket: {quoted(bucket)}, start: time(v: 0), stop: {END})"


def tag_values(bucket: str, metric: str, tag: str) -> str:
    """Return the query for the distinct values that a tag of a metric's points has in a bucket."""
    where = f"predicate: (r) => r._measurement == {quoted(metric)}, start: time(v: 0), stop: {END}"
    return _SCHEMA + f"schema.tagValues(bucket: {quoted(bucket)}, tag: {quoted(tag)}, {where})"


def table(answer: bytes) -> Any:  # noqa: ANN401 - pyarrow is untyped
    """Return a query's one table; an empty answer is a table without rows.

    Raises RefusedError when the server answered with an error half-way.
    """
    if not answer.strip():
        return pa.table({name: pa.array([], kind) for name, kind in _FIELD_TYPES.items()})
    options = pa.csv.ConvertOptions(column_types=_FIELD_TYPES, strings_can_be_null=False)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    try:
        found = pa.csv.read_csv(io.BytesIO(answer), parse_options=parse, convert_options=options)
    except pa.ArrowInvalid as exc:
        raise RefusedError(f"InfluxDB's answer is no table: {exc}; it ends in {answer[-200:]!r}") from exc
    if "error" in found.column_names:
        raise RefusedError(f"InfluxDB refuses the query: {found.column('error').to_pylist()}")
    return found


def final_rows(found: Any, metric: str, window_s: int) -> Rows:  # noqa: ANN401 - pyarrow is untyped
    """Return every revision in a pivoted answer; a point that is only half written yet lacks sums and is left out."""
    if not set(SUMS) <= set(found.column_names):
        return Rows.empty()
    for name in SUMS:
        found = found.filter(pa.compute.is_valid(found.column(name)))
    count = found.num_rows
    if not count:
        return Rows.empty()
    stamps = found.column("_time").cast(pa.int64()).to_numpy()
    columns: dict[str, Any] = {
        "entity": found.column("entity").to_numpy(),
        "metric": np.full(count, metric, object),
        "at_ms": stamps // NS_PER_MS,
        "window_s": np.full(count, window_s),
        "revision": stamps % NS_PER_MS,
    }
    for name in SUMS:
        columns[name] = found.column(name).to_numpy()
    for name in ("value", "coverage_ratio"):
        columns[name] = found.column(name).to_numpy() if name in found.column_names else np.full(count, np.nan)
    return Rows(**{name: np.asarray(columns[name], kind) for name, kind in ROW_TYPES.items()})


def provisional_rows(found: Any) -> Rows:  # noqa: ANN401 - pyarrow is untyped
    """Return the provisional rows in an answer."""
    rows = [msgspec.json.decode(text) for text in found.column("row").to_pylist()]
    if not rows:
        return Rows.empty()
    return Rows(**{name: np.array([row[name] for row in rows], kind) for name, kind in ROW_TYPES.items()})


@lru_cache(maxsize=100_000)
def _series(metric: str, entity: str, window_s: int) -> str:
    return f"{_escaped(metric, ', ')},entity={_tag(entity)},window={window_s}"


def _known(value: float | None, coverage_ratio: float | None) -> str:
    text = "" if value is None else f",value={value!r}"
    if coverage_ratio is not None:
        text += f",coverage_ratio={coverage_ratio!r}"
    return text


def _tag(text: str) -> str:
    return _escaped(text, ", =")


def _escaped(text: str, special: str) -> str:
    for sign in special:
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", "\\n")


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def counts(found: Any) -> Counter[tuple[str, str]]:  # noqa: ANN401 - pyarrow is untyped
    """Sum up an answer's `count`s, of each series and millisecond the last → (metric, entity) → sum."""
    if "_measurement" not in found.column_names:
        return Counter()
    stamps = found.column("_time").cast(pa.int64()).to_pylist()
    columns = [found.column(name).to_pylist() for name in ("_measurement", "entity", "window", "_value")]
    newest: dict[tuple[str, str, str, int], tuple[int, int]] = {}
    for metric, entity, window, count, stamp_ns in zip(*columns, stamps, strict=True):
        key = (metric, entity, window, stamp_ns // NS_PER_MS)
        newest[key] = max(newest.get(key, (0, 0)), (stamp_ns, int(count)))
    sums = Counter[tuple[str, str]]()
    for (metric, entity, *_), (_, count) in newest.items():
        sums[metric, entity] += count
    return sums
