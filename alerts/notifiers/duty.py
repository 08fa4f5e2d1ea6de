"""When somebody is on duty at a route: local times of the city, each week or each day. Pure.

Both ends of a shift are read off the city's wall clocks, so that shifts that follow one another do so without a gap or
an overlap where summer time begins and ends too: the shift of that night is an hour shorter, or longer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from streams.city.windows import Weekly, Window, holds

if TYPE_CHECKING:
    from collections.abc import Sequence


@lru_cache
def weekly(hours: str) -> Weekly | None:
    """Read `mon 08:00-fri 17:00`, or `22:00-06:00` for each day; None = it is neither.

    >>> weekly("22:00 - 06:00")
    Weekly(since='22:00', until='06:00')
    >>> weekly("mon 08:00-17:00") is None
    True
    """
    since, _, until = (part.strip() for part in hours.partition("-"))
    try:
        found = msgspec.convert({"from": since, "until": until}, Weekly)
    except msgspec.ValidationError:
        return None
    return None if found.is_odd else found


def on_duty(hours: Sequence[str], time_zone: str, at_ms: int) -> bool:
    """Tell whether a time lies in one of these shifts; without any somebody always is there."""
    shifts = [Window(weekly=weekly(one), time_zone=time_zone) for one in hours]
    return not shifts or any(holds(one, at_ms) for one in shifts)
