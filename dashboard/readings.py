"""A value and its limit as a person says them: 27 cm, limit 25; 100%, limit 50%; 12 min 5 s, limit 10 min. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from dashboard.labels import text, unit_name
from streams.contract.durations import MINUTE_S
from streams.contract.name import Name

SECONDS, PERCENT, POINTS = "s", "%", "points"
SPANS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
"""Units of a duration, each with its seconds; two of them are said."""
ABSENCE, DEVIATION, CHANGE, COUNT = "absence", "deviation", "change", "count"
"""Kinds of rules of which the value is how long there was none, how far it is from what is usual, how far it has moved,
and in how many minutes it was beyond a bound."""
SIGNED = (DEVIATION, CHANGE)
"""Those of which the words say the sign."""
ANY = 1.0
"""A limit of one second or of one piece says "any at all", which the name of the kind says already."""
PIECES, COUNTED = "", "_count"
"""Of a count, the name of its column: `unit.<column>` says what is counted."""
WHOLE_FROM, TENTHS_FROM, MOST_DECIMALS = 20.0, 2.0, 2
UNKNOWN = Name("—", "—")
NOTHING = Name("", "")


class Judged(NamedTuple):
    """What a rule has judged: its kind, "" = the value itself, and over how long."""

    of: str = ""
    over_s: float = 0.0


ITSELF = Judged()


def reading(value: float | None, limit: float | None, unit: str, judged: Judged = ITSELF) -> Name:
    """Return what was read, and its limit where that tells more; a unit is said once.

    >>> [reading(*one).en for one in ((27.0, 25.0, "cm"), (1.5, 1.0, "s"), (0.09, 0.1, "MPa"), (130.0, 120.0, "s"))]
    ['27 cm, limit 25', '2 s', '0.09 MPa, limit 0.10', '2 min 10 s, limit 2 min']
    """
    if value is None:
        return NOTHING
    if limit is None or not math.isfinite(limit) or (limit == ANY and _counts(unit)):
        return amount(value, unit, judged)
    bound_unit = unit if unit == SECONDS or (unit == PERCENT and judged.of not in SIGNED) else PIECES
    bound = quantity(abs(limit) if judged.of in SIGNED else limit, bound_unit)
    return filled("reading.limit", amount(value, unit, judged), _minutes(limit) if judged.of == COUNT else bound)


def amount(value: float, unit: str, judged: Judged = ITSELF) -> Name:
    """Return what a rule judged, in its unit.

    >>> [amount(*one).en for one in ((720.0, "s", Judged("absence")), (-0.06, "MPa", Judged("change", 300.0)))]
    ['no reading for 12 min', 'fell by 0.06 MPa in 5 min']
    """
    of, over_s = judged
    if of == ABSENCE:
        return filled("reading.absence", quantity(value, unit))
    if of == COUNT and over_s:
        return filled("reading.count", _minutes(value), _duration(over_s))
    if of in SIGNED:
        size = quantity(abs(value), POINTS if unit == PERCENT else unit)
        way = "below" if value < 0 else "above"
        return filled(f"reading.{of}.{way}", size, *([_duration(over_s)] if of == CHANGE else []))
    return quantity(value, unit)


def _minutes(count: float) -> Name:
    return quantity(count * MINUTE_S, SECONDS)


def _counts(unit: str) -> bool:
    return unit in (SECONDS, PIECES) or unit.endswith(COUNTED)


def quantity(value: float | None, unit: str) -> Name:
    """Return a number with its unit, a duration in the units of a clock.

    >>> [quantity(value, unit).en for value, unit in ((1.2, "m"), (101.2, "%"), (5400.0, "s"), (None, "m"))]
    ['1.20 m', '101%', '1 h 30 min', '—']
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if unit == SECONDS:
        return _duration(value)
    shown = f"{value:,.{_decimals(value)}f}".replace("-", "−")
    name, space = unit_name(unit), "" if unit == PERCENT else " "
    return Name(f"{shown}{space}{name.zh}".strip(), f"{shown}{space}{name.en}".strip())


def _decimals(value: float) -> int:
    size = abs(value)
    if size >= WHOLE_FROM or float(value).is_integer():
        return 0
    return 1 if size >= TENTHS_FROM else MOST_DECIMALS


def _duration(value_s: float) -> Name:
    rest, said = math.floor(abs(value_s) + 0.5), list[Name]()
    for unit, seconds in SPANS:
        count, rest = divmod(rest, seconds)
        if said and not count:
            break
        if count or unit == SPANS[-1][0]:
            said.append(filled(f"age.{unit}", Name(str(count), str(count))))
        if len(said) == len(SPANS) // 2:
            break
    return Name(" ".join(one.zh for one in said), " ".join(one.en for one in said))


def filled(key: str, *values: Name) -> Name:
    """Return a text with its places filled, in the order in which the English one names them."""
    found = text(key) or UNKNOWN
    return Name(_fill(found.zh, [one.zh for one in values]), _fill(found.en, [one.en for one in values]))


def _fill(words: str, values: list[str]) -> str:
    return words.format(*values, n=values[0], at=values[0])
