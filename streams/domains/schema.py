"""The one schema of each domain: `streams/domains/<domain>.toml`, the only place that lists a domain's columns."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from streams.contract.name import Name
from streams.errors import SchemaError
from streams.kernel.epoch import LEAST_AT_MS, MOST_AT_MS
from streams.toml_files import parse_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOMAINS_FOLDER = Path(__file__).parent
LATE_LIMIT_S = 3600.0
MOST_LATE_LIMIT_S = 21_600.0
"""As long as Kafka keeps frames: a processor that begins anew is rebuilt from them."""
STAMPS = ("moment", "begin", "end")
"""What a reading's time is: that of the measurement, or the begin or end of the interval that it sums up."""
DATA_CLASSES = ("public", "internal", "sensitive", "core")
COLUMN_KEYS = ("zh", "en", "unit", "range", "data_class")
OPTIONAL_KEYS = ("not_measured",)
LAST = 1_000
"""Place on a wall of a domain whose file names none: after all others."""

RESERVED = ("sensor", "at")
"""Fields of every reading."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")

Instant = Annotated[int, msgspec.Meta(ge=LEAST_AT_MS, le=MOST_AT_MS)] | str
"""`at` of a reading: epoch ms, or text that `streams.intake.instants` reads."""


@dataclass(frozen=True, slots=True)
class Column:
    """A measurement of a domain. `low` and `high` bound what is plausible, both included."""

    name: str
    unit: str
    zh: str
    en: str
    low: float
    high: float
    data_class: str
    not_measured: tuple[float, ...] = ()
    """Values that stand for "nothing was measured": left out, and no fault."""

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.zh, self.en)


@dataclass(frozen=True, eq=False)
class Schema:
    """A domain and its columns, in the order of the file."""

    domain: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    order: int = LAST
    """Its place on a wall, from 1: the same thing always in the same place."""
    partitions: int = 1
    """Of its inbox and of its readings, where nobody says otherwise when they are made."""
    retained_mib: int = 64
    """Of each of their partitions that Kafka keeps."""
    disorder_s: float = 5.0
    """Readings of a source without marks come up to this much out of order and are still on time."""
    mark_silence_s: float = 300.0
    """So long a feed's marks may stand still before they are given up."""

    late_limit_s: float = LATE_LIMIT_S
    """A reading further behind its own source is too late; event times, windows and hours are kept so long."""

    stamps: str = STAMPS[0]
    """What `at` of its sensors' readings is where a sensor does not say: one of `STAMPS`."""

    @property
    def late_limit_ms(self) -> int:
        """The same in milliseconds."""
        return round(self.late_limit_s * 1000)

    @property
    def disorder_ms(self) -> int:
        """The same in milliseconds."""
        return round(self.disorder_s * 1000)

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.zh, self.en)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def reading(self) -> type[Any]:
        """The msgspec struct of one reading: exactly these fields, anything else goes the slow way."""
        fields = [(column.name, float | None, math.nan) for column in self.columns]
        return msgspec.defstruct(
            f"{self.domain.title()}Reading",
            [("sensor", str), ("at", Instant), *fields],
            forbid_unknown_fields=True,
            gc=False,
            kw_only=True,
        )

    @cached_property
    def decode_one(self) -> Callable[[bytes], Any]:
        """Decode a JSON object → one reading."""
        return msgspec.json.Decoder(self.reading).decode

    @cached_property
    def decode_many(self) -> Callable[[bytes], list[Any]]:
        """Decode a JSON array → readings."""
        return msgspec.json.Decoder(list[self.reading]).decode  # type: ignore[name-defined]  # made from the file

    @cached_property
    def decode_lines(self) -> Callable[[bytes], list[Any]]:
        """Decode NDJSON → readings."""
        return msgspec.json.Decoder(self.reading).decode_lines

    @cached_property
    def low(self) -> dict[str, float]:
        """Column → lowest plausible value."""
        return {column.name: column.low for column in self.columns}

    @cached_property
    def high(self) -> dict[str, float]:
        """Column → highest plausible value."""
        return {column.name: column.high for column in self.columns}


@cache
def load_schemas(folder: Path = DOMAINS_FOLDER) -> dict[str, Schema]:
    """Read every domain's schema; domain → schema, in the order in which a wall shows them.

    Raises SchemaError, naming file, column and key.
    """
    found = [_load(path) for path in sorted(folder.glob("*.toml"))]
    if folder == DOMAINS_FOLDER:
        found += _own.values()
    return {schema.domain: schema for schema in sorted(found, key=lambda schema: (schema.order, schema.domain))}


def shipped() -> dict[str, Schema]:
    """Return the schemas that come along: no city's own."""
    return {domain: schema for domain, schema in load_schemas().items() if domain not in _own}


_own: dict[str, Schema] = {}
"""Domains of this process's city, beside those that come along."""


def take_in(own: Mapping[str, Schema]) -> None:
    """Have a city's own domains count in this process, in the place of those of a city before."""
    if _own or own:
        _own.clear()
        _own.update(own)
        load_schemas.cache_clear()


def all_domains() -> tuple[str, ...]:
    """List the domains, in the order in which a wall shows them."""
    return tuple(load_schemas())


def _load(path: Path) -> Schema:
    try:
        return parse(str(path), path.stem, path.read_bytes())
    except OSError as exc:
        raise SchemaError(f"{path}: cannot be read: {exc}") from exc


def parse(path: str, name: str, data: bytes) -> Schema:
    """Read the schema of the domain `name` from a file's bytes.

    Raises SchemaError, naming file, column and key.
    """
    try:
        found = parse_toml(data)
    except ValueError as exc:
        raise SchemaError(f"{path}: cannot be read: {exc}") from exc
    if found.get("domain") != name:
        raise SchemaError(f"{path}: domain: it must be the file's name, {name!r}, not {found.get('domain')!r}")
    if not _NAME.fullmatch(name):
        raise SchemaError(f"{path}: a domain's name has small letters, digits and underscores, not {name!r}")
    tables = found.get("columns")
    if not isinstance(tables, dict) or not tables:
        raise SchemaError(f"{path}: columns: at least one [columns.NAME] is needed")
    columns = tuple(_column(path, column, table) for column, table in tables.items())
    return Schema(
        name,
        str(found.get("zh", "")),
        str(found.get("en", "")),
        columns,
        _whole(path, found, "order", LAST),
        _whole(path, found, "partitions", 1),
        _whole(path, found, "retained_mib", 64),
        _seconds(path, found, "disorder_s", 5.0),
        _seconds(path, found, "mark_silence_s", 300.0),
        _late_limit_s(path, found),
        _stamps(path, found),
    )


def late_limit_ms(domain: str) -> int:
    """Return how far behind its source a reading of a domain may be; of one that is no more, the usual."""
    schema = load_schemas().get(domain)
    return round(LATE_LIMIT_S * 1000) if schema is None else schema.late_limit_ms


def _late_limit_s(path: str, found: dict[str, Any]) -> float:
    value = _seconds(path, found, "late_limit_s", LATE_LIMIT_S)
    if not 0 < value <= MOST_LATE_LIMIT_S:
        raise SchemaError(
            f"{path}: late_limit_s: seconds from above 0 to {MOST_LATE_LIMIT_S:.0f} are needed, not {value!r}"
        )
    return value


def _stamps(path: str, found: dict[str, Any]) -> str:
    value = found.get("stamps", STAMPS[0])
    if value not in STAMPS:
        raise SchemaError(f"{path}: stamps: {value!r} is not one of {', '.join(STAMPS)}")
    return str(value)


def _whole(path: str, found: dict[str, Any], key: str, default: int) -> int:
    value = found.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SchemaError(f"{path}: {key}: a whole number from 1 is needed, not {value!r}")
    return value


def _seconds(path: str, found: dict[str, Any], key: str, default: float) -> float:
    value = found.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SchemaError(f"{path}: {key}: seconds from 0 are needed, not {value!r}")
    return float(value)


def _column(path: str, name: str, table: Any) -> Column:  # noqa: ANN401 - whatever stands in the file
    where = f"{path}: column {name}"
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise SchemaError(f"{where}: small letters, digits and underscores are needed, and none of {RESERVED}")
    if not isinstance(table, dict):
        raise SchemaError(f"{where}: a table is needed, not {table!r}")
    for key in table:
        if key not in (*COLUMN_KEYS, *OPTIONAL_KEYS):
            near = difflib.get_close_matches(key, (*COLUMN_KEYS, *OPTIONAL_KEYS), n=1)
            raise SchemaError(
                f"{where}: the key {key!r} is not known" + (f"; the nearest is {near[0]!r}" if near else "")
            )
    for key in COLUMN_KEYS:
        if key not in table:
            raise SchemaError(f"{where}: the key {key!r} is missing")
    for key in ("zh", "en", "unit"):
        if not isinstance(table[key], str):
            raise SchemaError(f"{where}: {key}: a text is needed, not {table[key]!r}")
    bounds = table["range"]
    if not (_are_numbers(bounds) and len(bounds) == 2 and bounds[0] < bounds[1]):  # noqa: PLR2004 - [low, high]
        raise SchemaError(f"{where}: range: [low, high] is needed, not {bounds!r}")
    if table["data_class"] not in DATA_CLASSES:
        raise SchemaError(f"{where}: data_class: {table['data_class']!r} is not one of {', '.join(DATA_CLASSES)}")
    not_measured = table.get("not_measured", [])
    if not _are_numbers(not_measured):
        raise SchemaError(f"{where}: not_measured: a list of numbers is needed, not {not_measured!r}")
    return Column(
        name,
        table["unit"],
        table["zh"],
        table["en"],
        float(bounds[0]),
        float(bounds[1]),
        table["data_class"],
        tuple(map(float, not_measured)),
    )


def _are_numbers(found: object) -> bool:
    return isinstance(found, list) and all(type(one) in (int, float) and math.isfinite(one) for one in found)
