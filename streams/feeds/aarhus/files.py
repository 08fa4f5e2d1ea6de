"""Reads a folder of CityPulse files: which is which by its header line, what each day holds, and the rows of a period.

Cells go out as they are: numbers as numbers, an empty cell as no field, anything else as its text, for intake to judge.
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.errors import CityFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SUFFIXES = (".csv", ".csv.gz", ".stream", ".stream.gz")

Cell = int | float | str


class Field(NamedTuple):
    """Where a column of a file goes in the inbox, and by what it is multiplied or divided on the way."""

    column: str
    name: str
    scale: float = 1.0
    per: str | None = None
    """Column that divides it; no field where that is no number above 0."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the files of one domain look like. `key` "" = the whole file is one sensor."""

    domain: str
    key: str
    stamp: str
    prefix: str
    fields: tuple[Field, ...]

    @property
    def columns(self) -> set[str]:
        """The columns by which such a file is known."""
        return {self.stamp, *(one.column for one in self.fields), *((self.key,) if self.key else ())}


KINDS = (
    Kind(
        "traffic",
        "REPORT_ID",
        "TIMESTAMP",
        "aarhus-link-",
        (
            Field("avgSpeed", "speed_km_h"),
            Field("vehicleCount", "flow_veh_h", 12.0),  # vehicles in the five minutes of a report
            Field("avgMeasuredTime", "travel_time_s"),
        ),
    ),
    Kind(
        "weather",
        "",
        "TIMESTAMP",
        "aarhus-weather",
        (
            Field("tempm", "temperature_c"),
            Field("hum", "humidity_ratio", 0.01),
            Field("wspdm", "wind_m_s", 1 / 3.6),  # km/h: its values are whole knots times 1.852
        ),
    ),
    Kind(
        "parking",
        "garagecode",
        "updatetime",
        "aarhus-garage-",
        (
            Field("vehiclecount", "occupied_count"),
            Field("totalspaces", "capacity_count"),
            Field("vehiclecount", "occupancy_ratio", per="totalspaces"),
        ),
    ),
)
"""In the order in which rows of one stamp go out."""
LINK_COLUMNS = {
    "REPORT_ID",
    "POINT_1_LAT",
    "POINT_1_LNG",
    "POINT_2_LAT",
    "POINT_2_LNG",
    "DISTANCE_IN_METERS",
    "NDT_IN_KMH",
}
GARAGE_COLUMNS = {"garagecode", "latitude", "longitude"}


class FileDays(msgspec.Struct, frozen=True):
    """A file, and which of its days are read (days since 1970-01-01 UTC)."""

    path: str
    days: tuple[int, ...]


@dataclass(slots=True)
class Contents:
    """What one file of readings holds: day → rows, day → sensors seen."""

    path: Path
    kind: Kind
    rows: dict[int, int] = field(default_factory=dict)
    sensors: dict[int, set[str]] = field(default_factory=dict)
    unreadable_stamps: int = 0


@dataclass(slots=True)
class Folder:
    """A folder sorted by what its files are."""

    path: Path
    links: list[dict[str, str]] = field(default_factory=list)
    garages: list[dict[str, str]] = field(default_factory=list)
    readings: list[Contents] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


class Row(NamedTuple):
    """One reading as it goes to the inbox."""

    at_ms: int
    domain: str
    sensor: str
    value: bytes
    """A JSON object."""


def scan(folder: Path) -> Folder:
    """Read every file once, to know what it is and which days it holds.

    Raises CityFileError where there are no links, or they cannot be read.
    """
    found = Folder(folder)
    if not folder.is_dir():
        raise CityFileError(
            f"{folder}: there is no such folder; `replay` takes one laid out like CityPulse's Aarhus files"
        )
    for path in sorted(folder.iterdir()):
        columns = set(_header(path))
        kind = next((one for one in KINDS if columns and one.columns <= columns), None)
        if columns >= LINK_COLUMNS:
            found.links += _table(path)
        elif columns >= GARAGE_COLUMNS:
            found.garages += _table(path)
        elif kind is not None:
            found.readings.append(_contents(path, kind))
        else:
            found.other.append(path.name)
    if not found.links:
        raise CityFileError(
            f"{folder}: no file has the columns of links, as trafficMetaData.csv has: {', '.join(sorted(LINK_COLUMNS))}"
        )
    return found


def read_rows(files: Mapping[str, Sequence[FileDays]], folder: Path, begin_ms: int, until_ms: int) -> list[Row]:
    """Return the rows of a period in order of event time; of one stamp by domain, then as they stand in the files."""
    rows: list[Row] = []
    for kind in KINDS:
        for file in files.get(kind.domain, ()):
            days = set(file.days)
            for at_ms, key, cells in _stamped(folder / file.path, kind):
                if at_ms is not None and begin_ms <= at_ms < until_ms and at_ms // DAY_MS in days:
                    rows.append(_row(at_ms, kind, key, cells))
    rows.sort(key=lambda row: row.at_ms)
    return rows


def day_text(day: int) -> str:
    """Write a day as ISO 8601.

    >>> day_text(16302)
    '2014-08-20'
    """
    return (EPOCH + timedelta(days=day)).date().isoformat()


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


def _row(at_ms: int, kind: Kind, key: str, cells: Sequence[str]) -> Row:
    sensor = kind.prefix + key
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


def _contents(path: Path, kind: Kind) -> Contents:
    found = Contents(path, kind)
    for at_ms, key, _ in _stamped(path, kind):
        if at_ms is None:
            found.unreadable_stamps += 1
            continue
        day = at_ms // DAY_MS
        found.rows[day] = found.rows.get(day, 0) + 1
        found.sensors.setdefault(day, set()).add(key)
    return found


def _stamped(path: Path, kind: Kind) -> Iterator[tuple[int | None, str, list[str]]]:
    """Yield each line as its stamp, its key and the cells of the kind's fields."""
    names = [kind.stamp, *((kind.key,) if kind.key else ()), *(one.column for one in kind.fields)]
    fields_from = len(names) - len(kind.fields)
    lines = _lines(path)
    header = next(lines)
    places = [header.index(name) for name in names]
    width = max(places) + 1
    for line in lines:
        padded = line if len(line) >= width else line + [""] * (width - len(line))
        cells = [padded[place] for place in places]
        yield epoch_ms(cells[0]), cells[1] if kind.key else "", cells[fields_from:]


def _table(path: Path) -> list[dict[str, str]]:
    lines = _lines(path)
    header = next(lines)
    return [dict(zip(header, line + [""] * (len(header) - len(line)), strict=False)) for line in lines]


def _lines(path: Path) -> Iterator[list[str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            yield from (line for line in csv.reader(file) if line)
    except (OSError, EOFError, zlib.error, csv.Error) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}") from exc


def _header(path: Path) -> list[str]:
    if not path.is_file() or not path.name.endswith(SUFFIXES):
        return []
    return next(_lines(path), [])
