"""Local days as they are: of 23, 24 or 25 hours, in any time zone; what is the same time of another day. Pure."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from streams.city.local_days import midnight_ms
from streams.contract.durations import MINUTE_MS

SLOT_MS = 5 * MINUTE_MS
"""A trend's values and its band are for five minutes each: every zone's hours and changes are multiples of them."""
SLOTS = 288
"""Slots of a clock's face: a longer day passes some of them twice, a shorter one misses some."""
LONGEST = SLOTS + 24
"""Slots of the longest day: clocks are put back by two hours at most."""


@lru_cache(maxsize=32)
def faces(time_zone: str, start_ms: int) -> tuple[int, ...]:
    """Return of each slot of the day that begins then where the clock stands: 0 for 00:00 … 287 for 23:55.

    >>> len(faces("Europe/Copenhagen", 1_792_879_200_000)), len(faces("Europe/Copenhagen", 1_774_738_800_000))
    (300, 276)
    """
    zone = ZoneInfo(time_zone)
    found = []
    for at_ms in range(start_ms, midnight_ms(time_zone, start_ms, -1), SLOT_MS):
        local = datetime.fromtimestamp(at_ms / 1000, tz=zone)
        found.append((local.hour * 60 + local.minute) * MINUTE_MS // SLOT_MS)
    return tuple(found)


def by_face(values: list[float | None], faces_: tuple[int, ...]) -> list[float | None]:
    """Sort a day's values by where the clock stood, (SLOTS,); of an hour that came twice, the later ones count."""
    found: list[float | None] = [None] * SLOTS
    for value, face in zip(values, faces_, strict=True):
        if value is not None:
            found[face] = value
    return found
