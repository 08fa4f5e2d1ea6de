"""The time of a reading: epoch milliseconds, or ISO 8601 with its zone as departments write it."""
# mypy: disable-error-code="assignment, return-value, no-any-return"
# Compiled, int and np.int64 are one.

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.kernel.characters import (
    COLON,
    COMMA,
    DOT,
    LOWER_E,
    LOWER_T,
    LOWER_Z,
    MINUS,
    NINE,
    PLUS,
    QUOTE,
    SPACE,
    TO_LOWER,
    ZERO,
)
from streams.kernel.compiling import compiled
from streams.kernel.epoch import LEAST_AT_MS, MOST_AT_MS
from streams.kernel.numbers import MOST_DIGITS, digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAYS_BEFORE_MONTH = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
FIRST_YEAR, LAST_YEAR = 1970, 2200
THOUSANDTHS = np.array([0, 100, 10, 1])
"""Milliseconds in a fraction of so many digits."""
LEAST_TEXT = len('2026-01-01T00:00Z"')


@compiled
def _pair(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Return the two-digit number that stands here, -1 = none."""
    if end - at < 2 or not (ZERO <= data[at] <= NINE and ZERO <= data[at + 1] <= NINE):
        return -1
    return (data[at] - ZERO) * 10 + data[at + 1] - ZERO


@compiled
def _instant(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Read an ISO 8601 time behind its opening quote → (epoch ms, position behind it), position -1 = none of ours."""
    if end - at < LEAST_TEXT or data[at + 4] != MINUS or data[at + 7] != MINUS or data[at + 13] != COLON:
        return 0, -1
    if data[at + 10] | TO_LOWER != LOWER_T and data[at + 10] != SPACE:
        return 0, -1
    century, year = _pair(data, at, end), _pair(data, at + 2, end)
    month, day = _pair(data, at + 5, end), _pair(data, at + 8, end)
    hour, minute, second = _pair(data, at + 11, end), _pair(data, at + 14, end), 0
    at += 16
    if data[at] == COLON:
        second = _pair(data, at + 1, end)
        at += 3
    if min(min(century, year), min(month, day)) < 0 or min(min(hour, minute), second) < 0:
        return 0, -1
    year += century * 100
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60):
        return 0, -1
    length = DAYS_BEFORE_MONTH[month + 1] - DAYS_BEFORE_MONTH[month] if month < 12 else 31
    if not 1 <= day <= length + (leap and month == 2):
        return 0, -1
    before = year - 1
    days = year * 365 + before // 4 - before // 100 + before // 400 - 719_527
    days += DAYS_BEFORE_MONTH[month] + day - 1 + (leap and month > 2)
    at_ms = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000
    return _fraction_and_zone(data, at, end, at_ms)


@compiled
def _fraction_and_zone(data: NDArray[np.uint8], at: int, end: int, at_ms: int) -> tuple[int, int]:
    """Read on behind the seconds; a fraction is cut at the millisecond."""
    if at < end and (data[at] == DOT or data[at] == COMMA):
        if data[at - 3] != COLON or data[at - 6] != COLON:  # decimals of a minute, which nobody writes
            return 0, -1
        fraction, behind = digits(data, at + 1, end, np.uint64(0), 3)
        if behind == at + 1:
            return 0, -1
        at_ms += np.int64(fraction) * THOUSANDTHS[behind - at - 1]
        at = behind
        while at < end and ZERO <= data[at] <= NINE:
            at += 1
    if at < end and data[at] | TO_LOWER == LOWER_Z:
        at += 1
    elif at < end and (data[at] == PLUS or data[at] == MINUS):
        sign = -1 if data[at] == MINUS else 1
        hours, minutes = _pair(data, at + 1, end), 0
        at += 3
        if at < end and data[at] != QUOTE:
            at += data[at] == COLON
            minutes = _pair(data, at, end)
            at += 2
        if hours < 0 or hours > 14 or minutes < 0 or minutes > 59:
            return 0, -1
        at_ms -= sign * (hours * 60 + minutes) * 60_000
    else:
        return 0, -1
    return (at_ms, at + 1) if at < end and data[at] == QUOTE else (0, -1)


@compiled
def time(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Read `at` → (epoch ms, position behind it), position -1 where it is none of ours."""
    if at < end and data[at] == QUOTE:
        return _instant(data, at + 1, end)
    number, behind = digits(data, at, end, np.uint64(0), MOST_DIGITS)
    if number < np.uint64(LEAST_AT_MS) or number > np.uint64(MOST_AT_MS) or data[at] == ZERO or behind >= end:
        return 0, -1
    if data[behind] == DOT or (data[behind] | TO_LOWER) == LOWER_E or ZERO <= data[behind] <= NINE:
        return 0, -1
    return np.int64(number), behind
