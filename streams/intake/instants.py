"""The time of a reading, `at`: epoch milliseconds, or ISO 8601 with its zone, as departments write it. Pure.

Taken is what means one instant: `T`, `t` or a space between date and time, seconds left out, a point or comma before
any number of decimals (rounded down to the millisecond, never into the next minute), `Z`, `+08:00`, `+0800` or `+08`.
Text that is wholly a JSON number is that number. Refused is what means none: a time without its zone, or a number of
another unit than milliseconds.
"""

from __future__ import annotations

import math
import re
from datetime import date
from functools import lru_cache
from typing import Any

from streams.contract.durations import MINUTE_MS
from streams.kernel.epoch import LEAST_AT_MS, MOST_AT_MS

EPOCH_DAY = date(1970, 1, 1).toordinal()
MOST_TEXT = 64
"""Characters of the longest text that is looked at as a time."""
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A JSON number."""
_LOCAL = r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
_ISO = re.compile(_LOCAL + r" ?(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)")
_ZONELESS = re.compile(_LOCAL)


def instant(at: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return the instant as epoch milliseconds, rounded down; None = it is none.

    >>> instant("2014-08-20T02:00:59.9999999+02"), instant("1408492859999"), instant(1408492859), instant("noon")
    (1408492859999, 1408492859999, None, None)
    """
    if isinstance(at, str):
        return of_text(at)
    if not _is_number(at):
        return None
    at_ms = math.floor(at)
    return at_ms if LEAST_AT_MS <= at_ms <= MOST_AT_MS else None


@lru_cache(maxsize=4096)  # many sensors speak of the same second
def of_text(text: str) -> int | None:
    """Read an instant from text → epoch milliseconds, None = it is none."""
    if len(text) > MOST_TEXT:
        return None
    if NUMBER.fullmatch(text):
        return instant(_number(text))
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, sign, zone_h, zone_min = found.groups(default="0")
    if not (int(hour) < 24 and max(int(minute), int(second), int(zone_min)) < 60 and int(zone_h) < 24):  # noqa: PLR2004 - a clock's
        return None
    try:
        days = date.fromisoformat(day).toordinal() - EPOCH_DAY
    except ValueError:
        return None
    ahead_min = (int(zone_h) * 60 + int(zone_min)) * (-1 if sign == "-" else 1)
    minutes = (days * 24 + int(hour)) * 60 + int(minute) - ahead_min
    return minutes * MINUTE_MS + int(second) * 1000 + int(fraction[:3].ljust(3, "0"))


def _is_number(at: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell whether it is a finite number, also a whole one that no float holds."""
    return isinstance(at, int | float) and not isinstance(at, bool) and abs(at) < math.inf


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def why_not(at: Any) -> str:  # noqa: ANN401 - any JSON value
    """Say what is wrong with an `at` that is no instant."""
    if isinstance(at, str) and len(at) <= MOST_TEXT:
        if _ZONELESS.fullmatch(at):
            return "a time without its zone: add Z, or an offset like +08:00"
        at = _number(at) if NUMBER.fullmatch(at) else at
    if not _is_number(at):
        return "neither epoch milliseconds nor ISO 8601 with its zone"
    if -MOST_AT_MS <= at <= -LEAST_AT_MS:
        return "a time before 1970: is the clock set?"
    return f"epoch {_unit(abs(at))}; `at` takes epoch milliseconds"


def _unit(number: float) -> str:
    """Name the unit in which a number would be a time before the year 10000.

    >>> [_unit(number) for number in (1_767_225_600, 1.767e15, 1.767e18)]
    ['seconds', 'microseconds', 'nanoseconds']
    """
    if number < LEAST_AT_MS:
        return "seconds"
    return "microseconds" if number <= MOST_AT_MS * 1000 else "nanoseconds"
