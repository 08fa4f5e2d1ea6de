"""Reads columns of a CSV file, plain or .gz: as a whole by Arrow, line by line where lines are not alike."""

from __future__ import annotations

import csv
import gzip
import zlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".csv", ".csv.gz", ".stream", ".stream.gz")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
NO_STAMP = np.iinfo(np.int64).min


class Cells(NamedTuple):
    """Lines of a file, by column: (n,) stamps, NO_STAMP where one cannot be read, and (n,) texts of each column."""

    at_ms: NDArray[np.int64]
    texts: tuple[pa.Array, ...]

    def where(self, mask: NDArray[np.bool_]) -> Cells:
        """Return the lines for which it is true."""
        return Cells(self.at_ms[mask], tuple(column.filter(pa.array(mask)) for column in self.texts))

    def coded(self, column: int) -> tuple[list[str], NDArray[np.int64]]:
        """Return the distinct texts of a column, and for each line which of them it has."""
        return _coded(self.texts[column])


def read(path: Path, stamp: str, names: Sequence[str]) -> Cells:
    """Read the columns of these names; a line that is too short has empty cells, an empty line is none.

    Raises CityFileError where the file cannot be read.
    """
    columns = _whole(path, (stamp, *names)) or _by_line(path, (stamp, *names))
    return Cells(_times(columns[0]), tuple(columns[1:]))


def header(path: Path) -> list[str]:
    """Return the first line of a file that may be one of ours, else nothing.

    Raises CityFileError where it cannot be read.
    """
    if not path.name.lower().endswith(SUFFIXES) or not path.is_file():
        return []
    return next(_lines(path), [])


def records(path: Path) -> list[dict[str, str]]:
    """Return each line by the header's names.

    Raises CityFileError where the file cannot be read.
    """
    lines = _lines(path)
    names = next(lines)
    return [dict(zip(names, line + [""] * (len(names) - len(line)), strict=False)) for line in lines]


@lru_cache(maxsize=2**17)
def epoch_ms(text: str) -> int | None:
    """Read a stamp of the files, UTC where it names no zone; None where it is none.

    >>> epoch_ms("1970-01-01T00:00:01"), epoch_ms("1970-01-01 00:00:01.25"), epoch_ms("noon")
    (1000, 1250, None)
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND


def _times(column: pa.Array) -> NDArray[np.int64]:
    """Read stamps, all at once where Arrow knows each one's form; NO_STAMP where one is none."""
    try:
        at_ms: NDArray[np.int64] = column.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return np.array([NO_STAMP if (at := epoch_ms(text)) is None else at for text in column.to_pylist()], np.int64)
    return at_ms


def _coded(column: pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    encoded = column.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _whole(path: Path, names: tuple[str, ...]) -> list[pa.Array] | None:
    """Read it in one go; None where its lines have not all as many cells as the header, or are no UTF-8."""
    types = dict.fromkeys(names, pa.string())
    as_text = pa.csv.ConvertOptions(include_columns=list(types), column_types=types)
    try:
        table = pa.csv.read_csv(path, convert_options=as_text)
        return [table[name].combine_chunks() for name in names]
    except (pa.ArrowInvalid, KeyError, OSError):
        return None  # line by line it says why, or reads what there is


def _by_line(path: Path, names: tuple[str, ...]) -> list[pa.Array]:
    lines = _lines(path)
    head = next(lines)
    places = [head.index(name) for name in names]
    width = max(places) + 1
    columns: list[list[pa.Array]] = [[] for _ in names]
    while part := list(islice(lines, 50_000)):
        padded = [line if len(line) >= width else line + [""] * (width - len(line)) for line in part]
        for column, place in zip(columns, places, strict=True):
            column.append(pa.array([line[place] for line in padded], pa.string()))
    return [pa.concat_arrays(parts) if parts else pa.array([], pa.string()) for parts in columns]


def _lines(path: Path) -> Iterator[list[str]]:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            yield from (line for line in csv.reader(file) if line)
    except (OSError, EOFError, zlib.error, csv.Error) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}") from exc
