"""Reads files of inbox records, a line each, in the order in which they arrived.

A record arrives at the highest time that the readings of its file have had so far, its own included: what is on time
arrives when it was measured, and what is late arrives late.
"""

from __future__ import annotations

import gzip
import heapq
import zlib
from typing import TYPE_CHECKING

from streams.domains.schema import load_schemas
from streams.errors import CityFileError
from streams.feeds.replay.plan import Row
from streams.intake.decode import decode_fast, decode_slow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from streams.domains.schema import Schema

ENDINGS = (".ndjson", ".ndjson.gz")
NEVER_MS = 0
"""When the records of a file arrive of which none can be read: no reading is as old."""


def line_files(folder: Path, domains: Iterable[str]) -> dict[str, Path]:
    """Return domain → its file of inbox records in the folder."""
    places = {domain: [folder / f"{domain}{ending}" for ending in ENDINGS] for domain in domains}
    found = {domain: next((path for path in paths if path.is_file()), None) for domain, paths in places.items()}
    return {domain: path for domain, path in found.items() if path is not None}


def arrivals(files: Mapping[str, Path]) -> Iterator[Row]:
    """Yield the records of all domains' files as they arrive; those of one moment by domain, then as they stand.

    Records before the first that can be read arrive with it. Raises CityFileError where a file cannot be read.
    """
    schemas = load_schemas()
    parts = [_rows(path, schemas[domain]) for domain, path in files.items()]
    yield from heapq.merge(*parts, key=lambda row: row.at_ms)


def _rows(path: Path, schema: Schema) -> Iterator[Row]:
    waiting: list[Row] = []
    now_ms: int | None = None
    for value in _values(path):
        readings = decode_fast(value, schema)
        alone = readings is None or value[:1] != b"{"
        if readings is None:
            readings = decode_slow(value, schema).readings
        times = [one.at for one in readings]
        now_ms = max(times if now_ms is None else (now_ms, *times), default=now_ms)
        sensor = readings[0].sensor if readings else ""
        row = Row(NEVER_MS if now_ms is None else now_ms, schema.domain, sensor, value, alone)
        if now_ms is None:
            waiting.append(row)
            continue
        yield from (early._replace(at_ms=now_ms) for early in waiting)
        waiting.clear()
        yield row
    yield from waiting


def _values(path: Path) -> Iterator[bytes]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            yield from (line.rstrip(b"\r\n") for line in file if line.strip())
    except (OSError, EOFError, zlib.error) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}") from exc
