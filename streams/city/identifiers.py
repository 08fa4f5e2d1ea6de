"""Ids of a city: what cannot be one, because something that carries it would change or break it."""

from __future__ import annotations

import re
import unicodedata

ENTITY_PREFIXES = ("zone:", "city:", "feed:", "corridor:")
"""Entities that CityWall makes itself begin so; a sensor or segment called like one would write into its rows."""

MAX_BYTES = 200
UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Categories of control characters, formatting (zero width), halves of a surrogate pair, line separators."""

_PLAIN = re.compile(r"[A-Za-z0-9_.\-]{1,100}")


def fault_of_id(text: str, *, is_entity: bool = True) -> str | None:
    """Return why a text cannot be an id, with the cure; None = it can.

    >>> fault_of_id("det-1"), fault_of_id("环路 12")
    (None, None)
    >>> fault_of_id("zone:z0")
    "'zone:z0' begins with 'zone:', as entities of CityWall's own do; choose another id"
    """
    if _PLAIN.fullmatch(text):
        return None
    if text != text.strip():
        return f"{text!r} has a space or line break at its begin or end; take it away"
    unseen = unseen_character(text)
    if unseen:
        return f"{text!r} has a character that cannot be seen ({unseen}); take it away"
    if "\\" in text:
        return f"{text!r} has a backslash, which InfluxDB's line protocol cannot carry; choose another sign"
    if len(text.encode()) > MAX_BYTES:
        return f"{text[:20]!r}… is {len(text.encode())} bytes long; at most {MAX_BYTES} are possible"
    prefix = next((one for one in ENTITY_PREFIXES if text.startswith(one)), None) if is_entity else None
    return prefix and f"{text!r} begins with {prefix!r}, as entities of CityWall's own do; choose another id"


def fault_of_city_id(text: str) -> str | None:
    """Return why a text cannot be a city's id, which names its data folder too; None = it can."""
    if "/" in text or text.startswith("."):
        return f"{text!r} is no name of a folder: no / and no dot at its begin"
    return fault_of_id(text)


def unseen_character(text: str) -> str | None:
    """Return the first character that cannot be seen, as `U+000A`; None = there is none.

    >>> unseen_character("a" + chr(0x200B)), unseen_character("环路 12")
    ('U+200B', None)
    """
    if text.isprintable():  # fast: nearly all are
        return None
    found = next((one for one in text if unicodedata.category(one) in UNSEEN), None)
    return found and f"U+{ord(found):04X}"
