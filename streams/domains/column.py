"""A column of a domain: what it is, and its table in the domain's TOML, judged key by key."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.contract.name import Name
from streams.contract.sums import LEAST_LEVEL, MOST_LEVEL, MOST_SUMMED
from streams.hints import nearest_or_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DATA_CLASSES = ("public", "internal", "sensitive", "core")
KEYS = ("zh", "en", "unit", "range", "data_class")
OPTIONAL_KEYS = ("not_measured", "mean")
ENERGY = "energy"
RESERVED = ("sensor", "at", "at_ms", "offset", "place", "lag_ms")
"""Fields of every reading and of every row of a frame."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Of a column, and of a domain."""


class Fault(NamedTuple):
    """What is wrong in a domain's file, with the cure."""

    place: str
    """Which column; "" = none."""
    key: str
    value: object
    text: str

    def __str__(self) -> str:
        """Return the sentence."""
        return ": ".join(part for part in (self.place, self.key, self.text) if part)


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
    is_level: bool = False
    """Whether it is a level in dB, whose mean is that of the energies."""

    @property
    def called(self) -> Name:
        """What people call it."""
        return Name(self.zh, self.en)


def faults(name: str, table: Any) -> Iterator[Fault]:  # noqa: ANN401 - whatever stands in the file
    """Say all that is wrong with a column."""
    place = f"column {name}"
    if not NAME.fullmatch(name) or name in RESERVED:
        yield Fault(place, "", name, f"small letters, digits and underscores are needed, and none of {RESERVED}")
    if not isinstance(table, dict):
        yield Fault(place, "", table, f"a table is needed, not {table!r}")
        return
    yield from unknown(table, (*KEYS, *OPTIONAL_KEYS), place)
    for key in KEYS:
        if key not in table:
            yield Fault(place, key, None, f"the key {key!r} is missing")
    for key in ("zh", "en", "unit"):
        if key in table and not isinstance(table[key], str):
            yield Fault(place, key, table[key], f"a text is needed, not {table[key]!r}")
    if "range" in table:
        yield from _range(place, table["range"])
    if "data_class" in table and table["data_class"] not in DATA_CLASSES:
        text = f"{table['data_class']!r} is not one of {', '.join(DATA_CLASSES)}"
        yield Fault(place, "data_class", table["data_class"], text)
    if not are_numbers(table.get("not_measured", [])):
        text = f"a list of numbers is needed, not {table['not_measured']!r}"
        yield Fault(place, "not_measured", table["not_measured"], text)
    if "mean" in table:
        yield from _mean(place, table)


def read(name: str, table: Mapping[str, Any]) -> Column:
    """Return the column of a table without faults."""
    low, high = map(float, table["range"])
    texts = table["unit"], table["zh"], table["en"]
    not_measured = tuple(map(float, table.get("not_measured", [])))
    return Column(name, *texts, low, high, table["data_class"], not_measured, table.get("mean") == ENERGY)


def unknown(table: Mapping[str, Any], known: Iterable[str], place: str = "") -> Iterator[Fault]:
    """Name the keys that nobody reads, each with the nearest that is read."""
    known = tuple(known)
    for key in table:
        if key not in known:
            yield Fault(place, "", key, f"the key {key!r} is not known{nearest_or_all(key, known)}")


def are_numbers(found: object) -> bool:
    """Return whether something is a list of finite numbers."""
    return isinstance(found, list) and all(is_number(one) for one in found)


def is_number(found: object) -> bool:
    """Return whether something is a number that a float holds.

    >>> [is_number(one) for one in (3, 2.5, True, float("nan"), 10**400, "3")]
    [True, True, False, False, False, False]
    """
    if type(found) is int:
        return abs(found) < 10**300
    return type(found) is float and math.isfinite(found)


def _mean(place: str, table: Mapping[str, Any]) -> Iterator[Fault]:
    if table["mean"] != ENERGY:
        text = f"{table['mean']!r} is no way to take a mean; write {ENERGY!r} for levels in dB, or leave it out"
        yield Fault(place, "mean", table["mean"], text)
        return
    bounds: Any = table.get("range")
    if not (are_numbers(bounds) and len(bounds) == 2):  # noqa: PLR2004 - [low, high]; `_range` says what else
        return
    if not LEAST_LEVEL <= bounds[0] < bounds[1] <= MOST_LEVEL:
        text = f"a level needs a range within [{LEAST_LEVEL:g}, {MOST_LEVEL:g}], not {bounds!r}"
        yield Fault(place, "range", bounds, f"{text}, because sums of energies hold no others")


def _range(place: str, bounds: Any) -> Iterator[Fault]:  # noqa: ANN401 - whatever stands in the file
    if not (are_numbers(bounds) and len(bounds) == 2):  # noqa: PLR2004 - [low, high]
        yield Fault(place, "range", bounds, f"[low, high] is needed, two numbers, not {bounds!r}")
        return
    low, high = bounds
    if low > high:
        yield Fault(place, "range", bounds, f"[low, high] is needed, not {bounds!r}; write [{high}, {low}]")
    elif low == high:
        yield Fault(place, "range", bounds, f"[low, high] is needed, and {low} is both; no other value would be taken")
    for bound in dict.fromkeys(bounds):
        if abs(bound) > MOST_SUMMED:
            text = f"{bound:.12g} is too large for an exact sum; {MOST_SUMMED:,} on either side of 0 works"
            yield Fault(place, "range", bound, f"{text}, so give the column a larger unit, such as Mm³ for m³")
