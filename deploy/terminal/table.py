"""Rows of history as the table of `citywall export`: same rows, same bytes."""

from __future__ import annotations

import csv
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
    from collections.abc import Mapping

    from streams.city.registry import City
    from streams.contract.records import Rows
    from streams.contract.spec import Metric

COLUMNS: tuple[str, ...] = ("entity", "at", "window_s", "value", "coverage_ratio", "imputed_ratio", "state", "method")
COLUMNS += ("zone", "name_zh", "name_en", "unit")
SUFFIXES = {"csv": ".csv", "parquet": ".parquet"}
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
    writer.writerow(COLUMNS)
    for batch in table.to_batches(max_chunksize=50_000):
        columns = {name: batch.column(name) for name in COLUMNS}
        lists = {name: column.to_pylist() for name, column in columns.items() if name != "at"}
        lists["at"] = _iso(columns["at"])
        writer.writerows(zip(*(lists[name] for name in COLUMNS), strict=True))


def _iso(column: pa.Array) -> list[str]:
    """Write each distinct time once: seconds, milliseconds only where there are any."""
    stamps = column.cast(pa.int64()).to_numpy()
    distinct, which = np.unique(stamps, return_inverse=True)
    texts = [
        f"{np.datetime_as_string(np.datetime64(stamp, 'ms'), unit='ms' if stamp % 1000 else 's')}Z"
        for stamp in distinct.tolist()
    ]
    return np.array(texts, object)[which].tolist()  # type: ignore[no-any-return]  # numpy knows no list of str
