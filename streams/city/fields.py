"""Fields of a city folder's files, read and judged one by one.

What is wrong goes to the findings, and a stand-in comes back, so that one pass finds everything.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.city.findings import Findings, needed, shown
from streams.city.identifiers import fault_of_id, unseen_character
from streams.hints import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HINTS = 30
"""After so many findings no nearest name is looked for any more: it costs milliseconds each."""

SURE = 1e300
"""Numbers within it are finite floats, and need no further look."""

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_COMMA = re.compile(r"\s*([+-]?\d+),(\d+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, feature or table of a file."""

    findings: Findings
    file: str
    place: str
    values: Mapping[str, Any]

    def problem(self, field: str, text: str) -> None:
        """Note what is wrong with a field."""
        self.findings.problem(self.file, text, self.place, field, self.values.get(field))

    def notice(self, field: str, text: str) -> None:
        """Note what is odd about a field."""
        self.findings.notice(self.file, text, self.place, field, self.values.get(field))

    def text(self, field: str) -> str:
        """Return a text that is not empty; "" = there is none."""
        found = self.values.get(field)
        if not isinstance(found, str) or not found.strip():
            self.problem(field, needed("a text", found))
            return ""
        return found

    def identifier(self, field: str, *, is_entity: bool = True) -> str:
        """Return an id; "" = there is none."""
        found = self.text(field)
        fault = fault_of_id(found, is_entity=is_entity) if found else None
        if fault:
            self.problem(field, fault)
        return found

    def name(self, field: str, otherwise: str = "") -> str:
        """Return a text that people read, `otherwise` where the field is empty; needed where that is empty too."""
        found = self.values.get(field)
        if otherwise and found in (None, ""):
            return otherwise
        found = self.text(field)
        unseen = unseen_character(found)
        if unseen and "D800" <= unseen[2:] <= "DFFF":
            self.problem(field, f"{shown(found)} has half of a surrogate pair ({unseen}), no character; write it anew")
        elif unseen:
            self.notice(field, f"{shown(found)} has a character that cannot be seen ({unseen})")
        return found

    def flag(self, field: str) -> bool:
        """Return true or false; false where nothing stands."""
        found = self.values.get(field, False)
        if not isinstance(found, bool):
            self.problem(field, needed("true or false", found))
            return False
        return found

    def number(self, field: str, low: float, high: float, unit: str = "") -> float:
        """Return a number from `low` to `high`; NaN = there is none."""
        found = self.values.get(field)
        value = as_number(found)
        if math.isnan(value):
            comma = _COMMA.fullmatch(found) if isinstance(found, str) else None
            cure = f"; write {comma[1]}.{comma[2]}" if comma else ""
            self.problem(field, needed("a number", found) + cure)
        elif value <= 0 < low:
            self.problem(field, f"a number above 0 is needed, not {value:.10g}")
            return math.nan
        elif not low <= value <= high:
            self.problem(field, f"{value:.10g} cannot be: {low:g} to {high:,.10g}{unit and ' '}{unit} is possible")
            return math.nan
        return value

    def optional_number(self, field: str, low: float, high: float, unit: str = "") -> float | None:
        """Return a number from `low` to `high`, None where nothing stands or it is wrong."""
        if self.is_empty(field):
            return None
        found = self.number(field, low, high, unit)
        return None if math.isnan(found) else found

    def whole(self, field: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`; 0 = there is none."""
        found = self.number(field, low, high)
        if math.isnan(found):
            return 0
        if found != int(found):
            self.problem(field, f"a whole number is needed, not {found:g}")
        return int(found)

    def choice(self, field: str, choices: Sequence[str]) -> str:
        """Return one of the choices; what is none of them comes back too."""
        found = self.text(field)
        if found and found not in choices:
            self.problem(field, f"{shown(found)} is not one of {', '.join(choices)}{self.nearest(found, choices)}")
        return found

    def reference(self, field: str, kind: str, codes: Mapping[str, int] | None) -> int:
        """Return the index of what the field names, -1 = there is none; without `codes` nobody knows what there is."""
        found = self.text(field)
        if codes is None or not found:
            return -1
        if found not in codes:
            self.problem(field, f"no {kind} is called {shown(found)}{self.nearest(found, codes)}")
        return codes.get(found, -1)

    def nearest(self, text: str, choices: Iterable[str]) -> str:
        """Return the end of a sentence that names the nearest choice, while there are few findings."""
        return nearest(text, choices) if len(self.findings.found) < HINTS else ""

    def is_empty(self, field: str) -> bool:
        """Return whether nothing stands in an optional field."""
        found = self.values.get(field)
        return found is None or (isinstance(found, str) and not found.strip())


def as_number(value: Any) -> float:  # noqa: ANN401 - whatever stands in a file
    """Return a finite number, or text that is one; NaN = it is neither.

    >>> [as_number(one) for one in (3, "3.5", "10,5", "1_0", True, None, "inf")]
    [3.0, 3.5, nan, nan, nan, nan, nan]
    """
    if type(value) in (float, int) and -SURE < value < SURE:
        return float(value)
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def repeated(entries: Iterable[tuple[Entry, str]], field: str) -> None:
    """Note each id that stands there twice."""
    seen: dict[str, str] = {}
    for entry, one in entries:
        if one and one in seen:
            entry.problem(field, f"{shown(one)} stands there twice, first in {seen[one]}; ids are unique within a city")
        seen.setdefault(one, entry.place)
