"""Rows of history, and events of alarms, as the table of `citywall export`: same rows, same bytes."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from deploy.terminal.places import Place, place_of
from streams.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.city.registry import City
    from streams.contract.alarm_events import AlarmEvent
    from streams.contract.records import Rows
    from streams.contract.spec import Metric

COLUMNS: tuple[str, ...] = ("entity", "at", "window_s", "value", "coverage_ratio", "imputed_ratio", "state", "method")
COLUMNS += ("zone", "name_zh", "name_en", "unit")
ALARM_COLUMNS: tuple[str, ...] = (
    "at",
    "alarm",
    "what",
    "outcome",
    "level",
    "domain",
    "kind",
    "entity",
    "zone",
    "name_zh",
    "name_en",
)
ALARM_COLUMNS += ("event_at", "who", "desk", "why", "reason", "command", "seq", "place", "event")
ALARM_TEXTS = (
    "alarm",
    "what",
    "outcome",
    "domain",
    "kind",
    "entity",
    "zone",
    "who",
    "desk",
    "why",
    "reason",
    "command",
)
SUFFIXES = {"csv": ".csv", "parquet": ".parquet"}
UNKNOWN_MS = -(2**63)
STATES = np.array(["provisional", "final", "corrected"], object)


def listing(catalogue: Mapping[tuple[str, str], Metric]) -> str:
    """Return one line a metric: name, unit, method, standard, meaning."""
    head = ("metric", "unit", "method", "standard", "meaning")
    metrics = [catalogue[key] for key in sorted(catalogue)]
    rows = [head, *((one.name, one.unit or "1", one.method, one.standard, f"{one.en} · {one.zh}") for one in metrics)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    )


def form_of(form: str | None, out: Path | None) -> str:
    """Return the format that is asked for, or that the file's name ends in; CSV where neither says one.

    Raises SettingError when they contradict each other.
    """
    suffix = "" if out is None else out.suffix
    named = next((name for name, ending in SUFFIXES.items() if ending == suffix), None)
    if form is not None and named is not None and form != named:
        right = "" if out is None else out.with_suffix(SUFFIXES[form])
        raise SettingError(f"--out {out}: the name says {named}, --format {form}; name it {right}, or drop --format")
    if form is None and named is None and suffix:
        raise SettingError(f"--out {out}: {suffix} is no format of ours; name it .csv or .parquet, or give --format")
    if "parquet" in (form, named) and out is None:
        raise SettingError("Parquet is no text: name a file with --out FILE")
    return form or named or "csv"


def table_of(rows: Rows, metric: Metric | None, city: City | None) -> pa.Table:
    """Return the columns of an export; numbers that are not known are null."""
    entities, which = np.unique(rows.entity.astype(str), return_inverse=True)
    places = [place_of(entity, city) for entity in entities.tolist()]
    unit = "" if metric is None else metric.unit or "1"
    columns: dict[str, Any] = {
        "entity": pa.array(rows.entity, pa.string()),
        "at": pa.array(rows.at_ms, pa.timestamp("ms", tz="UTC")),
        "window_s": pa.array(rows.window_s),
        **{name: pa.array(getattr(rows, name), from_pandas=True) for name in ("value", "coverage_ratio")},
        "imputed_ratio": pa.array(np.zeros(len(rows))),  # nothing is imputed
        "state": pa.array(STATES[np.minimum(rows.revision, 1) + 1], pa.string()),
        "method": pa.array(["" if metric is None else metric.method] * len(rows), pa.string()),
        **{
            name: pa.array(np.array([getattr(place, name) or None for place in places], object)[which], pa.string())
            for name in Place._fields
        },
        "unit": pa.array([unit] * len(rows), pa.string()),
    }
    return pa.table({name: columns[name] for name in COLUMNS})


def alarms_table_of(events: Sequence[AlarmEvent], city: City | None) -> pa.Table:
    """Return the columns of an export of alarms; what was not said is null."""
    places = {entity: place_of(entity, city) for entity in {one.entity for one in events}}
    at = pa.timestamp("ms", tz="UTC")
    columns: dict[str, Any] = {
        "at": pa.array([one.at_ms for one in events], at),
        "event_at": pa.array([one.event_at_ms for one in events], at),
        "level": pa.array([one.level for one in events], pa.int64()),
        "seq": pa.array([one.seq for one in events], pa.int64()),
        "place": pa.array([one.place for one in events], pa.int64()),
        "event": _texts(json.dumps(one.event, ensure_ascii=False) if one.event else "" for one in events),
        **{name: _texts(getattr(one, name) for one in events) for name in ALARM_TEXTS},
        **{name: _texts(getattr(places[one.entity], name) for one in events) for name in ("name_zh", "name_en")},
    }
    return pa.table({name: columns[name] for name in ALARM_COLUMNS})


def write(table: pa.Table, form: str, out: Path | None) -> None:
    """Write a table: into a file whole or not at all, into a device or a pipe as it comes; a link stays one.

    Raises SettingError when the file cannot be written.
    """
    if out is None:
        write_csv(table, sys.stdout)
        return
    whole = os.path.isfile(out) or not os.path.exists(out)
    if form == "parquet" and not whole:
        raise SettingError(f"{out}: Parquet needs a plain file, which this is not; name one with --out FILE")
    place = Path(os.path.realpath(out)) if whole else out
    draft = place.with_name(f"{place.name}.tmp") if whole else place
    try:
        if form == "parquet":
            pa.parquet.write_table(table, draft, compression="zstd")
        else:
            with draft.open("w", encoding="utf-8", newline="") as file:
                write_csv(table, file)
        if whole:
            draft.replace(place)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise SettingError(f"{out}: cannot be written: {exc.strerror or exc}; choose another place with --out") from exc


def write_csv(table: pa.Table, file: TextIO) -> None:
    """Write a table as CSV; numbers as Python does: the shortest text that gives the same float64 again."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.column_names)
    for batch in table.to_batches(max_chunksize=50_000):
        lists = [_iso(column) if pa.types.is_timestamp(column.type) else column.to_pylist() for column in batch.columns]
        writer.writerows(zip(*lists, strict=True))


def _iso(column: pa.Array) -> list[str]:
    """Write each distinct time once: seconds, milliseconds only where there are any; one that is not known is empty."""
    stamps = column.cast(pa.int64()).fill_null(UNKNOWN_MS).to_numpy()
    distinct, which = np.unique(stamps, return_inverse=True)
    texts = [
        f"{np.datetime_as_string(np.datetime64(stamp, 'ms'), unit='ms' if stamp % 1000 else 's')}Z"
        if stamp != UNKNOWN_MS
        else ""
        for stamp in distinct.tolist()
    ]
    return np.array(texts, object)[which].tolist()  # type: ignore[no-any-return]  # numpy knows no list of str


def _texts(texts: Iterable[str]) -> pa.Array:
    return pa.array([text or None for text in texts], pa.string())
