"""The one schema of each domain: `streams/domains/<domain>.toml`, the only place that lists a domain's columns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from streams.contract.name import Name
from streams.domains import column, definition
from streams.domains.column import Column, Fault
from streams.domains.definition import DISORDER_S, LAST, LATE_LIMIT_S, MARK_SILENCE_S, SIZES, STAMPS, TIMING
from streams.errors import SchemaError
from streams.kernel.epoch import LEAST_AT_MS, MOST_AT_MS
from streams.toml_files import parse_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOMAINS_FOLDER = Path(__file__).parent

ROADS = "traffic"
"""The domain of what is found about segments, whether a sensor watches them or not."""

Instant = Annotated[int, msgspec.Meta(ge=LEAST_AT_MS, le=MOST_AT_MS)] | str
"""`at` of a reading: epoch ms, or text that `streams.intake.instants` reads."""


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
    disorder_s: float = DISORDER_S
    """Readings of a source without marks come up to this much out of order and are still on time."""
    mark_silence_s: float = MARK_SILENCE_S
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
    found = shipped() | _own if folder == DOMAINS_FOLDER else {path.stem: _load(path) for path in folder.glob("*.toml")}
    return _in_order(found)


@cache
def shipped() -> dict[str, Schema]:
    """Return the schemas that come along, as they come: without what a city says of them."""
    return _in_order({path.stem: _load(path) for path in DOMAINS_FOLDER.glob("*.toml")})


def _in_order(found: Mapping[str, Schema]) -> dict[str, Schema]:
    return {schema.domain: schema for schema in sorted(found.values(), key=lambda one: (one.order, one.domain))}


_own: dict[str, Schema] = {}
"""What this process's city says: domains of its own beside those that come along, and some of those with its timing."""


def take_in(own: Mapping[str, Schema]) -> None:
    """Have a city's own domains and timing count in this process, in the place of those of a city before."""
    if _own or own:
        _own.clear()
        _own.update(own)
        load_schemas.cache_clear()


def all_domains() -> tuple[str, ...]:
    """List the domains, in the order in which a wall shows them."""
    return tuple(load_schemas())


def _load(path: Path) -> Schema:
    try:
        schema, faults = parse(path.stem, path.read_bytes())
    except OSError as exc:
        raise SchemaError(f"{path}: cannot be read: {exc}") from exc
    if schema is None:
        raise SchemaError("\n".join(f"{path}: {one}" for one in faults))
    return schema


def parse(name: str, data: bytes) -> tuple[Schema | None, tuple[Fault, ...]]:
    """Read the schema of the domain `name` from a file's bytes → the schema, None = it is none; all that is wrong."""
    try:
        found = parse_toml(data)
    except ValueError as exc:
        return None, (Fault("", "", None, f"cannot be read: {exc}"),)
    faults = tuple(definition.faults(name, found))
    if faults:
        return None, faults
    numbers: dict[str, Any] = {key: found.get(key, default) for key, (default, _) in SIZES.items()}
    numbers |= definition.timing(found)
    schema = Schema(
        name,
        found["zh"],
        found["en"],
        tuple(column.read(*one) for one in found["columns"].items()),
        **numbers,
        stamps=found.get("stamps", STAMPS[0]),
    )
    return schema, ()


def retimed(schema: Schema, data: bytes) -> tuple[Schema | None, tuple[Fault, ...]]:
    """Lay the timing in a city's file over a domain that comes along → what `parse` returns."""
    try:
        found = parse_toml(data)
    except ValueError as exc:
        return None, (Fault("", "", None, f"cannot be read: {exc}"),)
    usual = {key: float(getattr(schema, key)) for key in TIMING}
    faults = tuple(definition.faults_of_timing(schema.domain, found, usual))
    if faults:
        return None, faults
    seconds: dict[str, Any] = {**definition.timing(found, usual)}
    return replace(schema, **seconds), ()


def late_limit_ms(domain: str) -> int:
    """Return how far behind its source a reading of a domain may be; of one that is no more, the usual."""
    schema = load_schemas().get(domain)
    return round(LATE_LIMIT_S * 1000) if schema is None else schema.late_limit_ms
