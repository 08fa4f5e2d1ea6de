"""Reads a folder of CityPulse files: which is which by its header line, what each day holds, and the rows of a period.

Cells go out as they are: numbers as numbers, an empty cell as no field, anything else as its text, for intake to judge.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from streams.contract.durations import DAY_MS
from streams.errors import CityFileError
from streams.feeds.aarhus import table
from streams.feeds.aarhus.kinds import GARAGE_COLUMNS, KINDS, LINK_COLUMNS, Kind
from streams.feeds.aarhus.table import EPOCH, NO_STAMP
from streams.feeds.replay.plan import Row, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from streams.feeds.aarhus.table import Cells


Cell = int | float | str


class FileDays(msgspec.Struct, frozen=True):
    """A file, and which of its days are read (days since 1970-01-01 UTC), of which sensors; () = of all."""

    path: str
    days: tuple[int, ...]
    sensors: tuple[str, ...] = ()


@dataclass(slots=True)
class Contents:
    """What one file of readings holds: day → sensor → rows."""

    path: str
    """Within the folder."""
    kind: Kind
    days: dict[int, dict[str, int]] = field(default_factory=dict)
    unreadable_stamps: int = 0

    @property
    def series(self) -> str:
        """The file's name without that of its one sensor: the same for all files of one whole."""
        folder, _, name = self.path.rpartition("/")
        stem, dot, ending = name.partition(".")
        only = next(iter(self.sensors)) if len(self.sensors) == 1 else ""
        return f"{folder}/{stem.removesuffix(only)}{dot}{ending}"

    @property
    def sensors(self) -> set[str]:
        """All that it has rows of."""
        return set().union(*self.days.values())


class Other(NamedTuple):
    """A file that is none of ours, and its columns where it has any."""

    path: str
    columns: tuple[str, ...]


@dataclass(slots=True)
class Folder:
    """A folder sorted by what its files are."""

    path: Path
    links: list[dict[str, str]] = field(default_factory=list)
    garages: list[dict[str, str]] = field(default_factory=list)
    readings: list[Contents] = field(default_factory=list)
    other: list[Other] = field(default_factory=list)


def scan(folder: Path, *, links_only: bool = False) -> Folder:
    """Read every file at any depth once, to know what it is and which days it holds, or the links alone.

    Raises CityFileError where there are no links, or they cannot be read.
    """
    found = Folder(folder)
    if not folder.is_dir():
        raise CityFileError(
            f"{folder}: there is no such folder; docs/replay.md says where to get one, and how to lay out your own"
        )
    for path in sorted(_files(folder)):
        name = path.relative_to(folder).as_posix()
        if name != (said := written(name)):
            found.other.append(Other(f"{said} (a name that is not UTF-8)", ()))
            continue
        columns = table.header(path)
        kind = _kind(path, set(columns))
        if LINK_COLUMNS <= set(columns):
            found.links += table.records(path)
        elif links_only:
            continue
        elif GARAGE_COLUMNS <= set(columns):
            found.garages += table.records(path)
        elif kind is not None:
            found.readings.append(_contents(folder, name, kind))
        else:
            found.other.append(Other(name, tuple(columns)))
    if not found.links:
        raise CityFileError(
            f"{folder}: there is no <domain>.ndjson with inbox records, and no file has the columns of links, as "
            f"trafficMetaData.csv has: {', '.join(sorted(LINK_COLUMNS))}"
        )
    return found


def read_rows(files: Mapping[str, Sequence[FileDays]], folder: Path, city: str, period: tuple[int, int]) -> list[Row]:
    """Return the rows of a period in order of event time; of one stamp by domain, then as they stand in the files."""
    rows: list[Row] = []
    for kind in KINDS:
        for file in files.get(kind.domain, ()):
            rows += _rows(file, folder, kind, city, period)
    rows.sort(key=lambda row: row.at_ms)
    return rows


def day_text(day: int) -> str:
    """Write a day as ISO 8601.

    >>> day_text(16302)
    '2014-08-20'
    """
    return (EPOCH + timedelta(days=day)).date().isoformat()


def cell(text: str, scale: float) -> Cell | None:
    """Read a cell: a number times scale, None where it is empty, its text where it is no number.

    >>> cell("7", 12.0), cell("7.5", 1.0), cell("", 1.0), cell("n/a", 12.0), cell("nan", 1.0)
    (84, 7.5, None, 'n/a', 'nan')
    """
    if not text or text.isspace():
        return None
    try:
        number = float(text) * scale
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() else round(number, 9)


def _rows(file: FileDays, folder: Path, kind: Kind, city: str, period: tuple[int, int]) -> Iterator[Row]:
    begin_ms, until_ms = period
    keys, cells = _keyed(folder / file.path, kind, [one.column for one in kind.fields])
    names, which = keys
    wanted = (cells.at_ms >= begin_ms) & (cells.at_ms < until_ms) & np.isin(cells.at_ms // DAY_MS, file.days)
    if file.sensors:
        wanted &= np.isin(which, [place for place, name in enumerate(names) if name in set(file.sensors)])
    chosen = cells.where(wanted)
    texts = [column.to_pylist() for column in chosen.texts]
    for at_ms, key, *line in zip(chosen.at_ms.tolist(), which[wanted].tolist(), *texts, strict=True):
        yield _row(at_ms, kind, f"{city}{kind.suffix}{names[key]}", line)


def _row(at_ms: int, kind: Kind, sensor: str, cells: Sequence[str]) -> Row:
    value: dict[str, Cell] = {"sensor": sensor, "at": at_ms}
    text_of = dict(zip((one.column for one in kind.fields), cells, strict=True))
    for one in kind.fields:
        scale = one.scale if one.per is None else _reciprocal(text_of[one.per])
        found = None if scale is None else cell(text_of[one.column], scale)
        if found is not None:
            value[one.name] = found
    return Row(at_ms, kind.domain, sensor, msgspec.json.encode(value))


def _reciprocal(text: str) -> float | None:
    number = cell(text, 1.0)
    return None if number is None or isinstance(number, str) or number <= 0 else 1 / number


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files but hidden ones, of which a clone has many; links lead on, but nowhere twice."""
    seen = {os.path.realpath(folder)}
    for place, folders, files in os.walk(folder, followlinks=True):
        inner = {os.path.realpath(os.path.join(place, name)): name for name in folders if not name.startswith(".")}
        folders[:] = [name for real, name in inner.items() if real not in seen]
        seen.update(inner)
        yield from (Path(place) / name for name in files if not name.startswith("."))


def _kind(path: Path, columns: set[str]) -> Kind | None:
    for kind in KINDS:
        if kind.columns <= columns and (kind.key in columns or kind.named(path) is not None):
            return kind
    return None


def _contents(folder: Path, name: str, kind: Kind) -> Contents:
    found = Contents(name, kind)
    (keys, which), cells = _keyed(folder / name, kind, [])
    known = cells.at_ms != NO_STAMP
    found.unreadable_stamps = int(np.count_nonzero(~known))
    pairs, counts = np.unique(cells.at_ms[known] // DAY_MS * len(keys) + which[known], return_counts=True)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        day, key = divmod(pair, len(keys))
        found.days.setdefault(day, {})[keys[key]] = count
    return found


def _keyed(path: Path, kind: Kind, columns: Sequence[str]) -> tuple[tuple[list[str], NDArray[np.int64]], Cells]:
    """Read a file → (the sensors' names, for each line which of them), and the lines' other cells."""
    if kind.key and kind.key in table.header(path):
        cells = table.read(path, kind.stamp, [kind.key, *columns])
        return cells.coded(0), cells._replace(texts=cells.texts[1:])
    cells = table.read(path, kind.stamp, columns)
    return ([kind.named(path) or ""], np.zeros(len(cells.at_ms), np.int64)), cells
