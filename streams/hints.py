"""Ends of sentences that name what a person may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_COMPARED = 5_000
"""Among more names only one that differs by case or spaces is looked for."""
LEAST_BEGIN = 3
"""So many letters say what a longer name begins with."""


def nearest(text: str, choices: Iterable[str]) -> str:
    """Return the end of a sentence that names the nearest choice, "" where none is near.

    >>> nearest("Weather", ["weather", "water"]), nearest("tti", ["flow", "tti_ratio"]), nearest("x", ["weather"])
    ("; the nearest is 'weather'", "; the nearest is 'tti_ratio'", '')
    """
    lower = {one.casefold(): one for one in choices}
    wanted = text.strip().casefold()
    if wanted in lower:
        found = [wanted]
    else:
        few = lower if len(lower) <= MOST_COMPARED else ()
        found = difflib.get_close_matches(wanted, few, n=1) or [
            one for one in few if len(wanted) >= LEAST_BEGIN and one.startswith(wanted)
        ]
    return f"; the nearest is {lower[found[0]]!r}" if found else ""


def nearest_or_all(text: str, choices: Iterable[str]) -> str:
    """Return the same, or name all choices where none is near.

    >>> nearest_or_all("x", ["rain", "fog"])
    '; there are rain, fog'
    """
    known = tuple(choices)
    return nearest(text, known) or f"; there are {', '.join(known)}"
