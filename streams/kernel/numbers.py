"""JSON numbers whose double is exact by one multiplication or division; any other is left to the slow decoder."""
# mypy: disable-error-code="assignment, return-value, no-any-return"
# Compiled, int and np.int64 are one.

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.kernel.characters import DOT, LOWER_E, MINUS, NINE, PLUS, QUOTE, TO_LOWER, ZERO, L, N, U
from streams.kernel.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_DIGITS = 19
"""So many always fit 64 bits."""
NULL_BYTES = 4
EXACT = 2**53
"""Whole numbers up to it are doubles."""
MOST_POWER = 22
POWERS = np.array([10.0**exponent for exponent in range(MOST_POWER + 1)])
"""Exact as doubles, so one multiplication or division rounds once (Clinger 1990, the fast path)."""


@compiled
def digits(data: NDArray[np.uint8], at: int, end: int, number: np.uint64, room: int) -> tuple[np.uint64, int]:
    """Read on with digits, at most `room` of them → (number, position behind them)."""
    stop = min(end, at + room)
    while at < stop and ZERO <= data[at] <= NINE:
        number = number * np.uint64(10) + np.uint64(data[at] - ZERO)
        at += 1
    return number, at


@compiled
def number_or_null(data: NDArray[np.uint8], at: int, end: int) -> tuple[float, int]:
    """Read a JSON number or null → (value, position behind it), position -1 where it is none or not surely exact."""
    if end - at >= NULL_BYTES and data[at] == N and data[at + 1] == U and data[at + 2] == L and data[at + 3] == L:
        return np.nan, at + 4
    negative = at < end and data[at] == MINUS
    if negative:
        at += 1
    begin = at
    number, at = digits(data, at, end, np.uint64(0), MOST_DIGITS)
    whole = at - begin
    if whole == 0 or (whole > 1 and data[begin] == ZERO):
        return 0.0, -1
    power = 0
    if at < end and data[at] == DOT:
        number, behind = digits(data, at + 1, end, number, MOST_DIGITS - whole)
        power = at + 1 - behind
        if power == 0:
            return 0.0, -1
        at = behind
    if at < end and (data[at] | TO_LOWER) == LOWER_E:
        at += 1
        down = at < end and data[at] == MINUS
        if down or (at < end and data[at] == PLUS):
            at += 1
        exponent, behind = digits(data, at, end, np.uint64(0), 3)
        if behind == at:
            return 0.0, -1
        power += -np.int64(exponent) if down else np.int64(exponent)
        at = behind
    if (
        number > np.uint64(EXACT)
        or power > MOST_POWER
        or power < -MOST_POWER
        or (at < end and ZERO <= data[at] <= NINE)
    ):
        return 0.0, -1
    value = float(number) * POWERS[power] if power >= 0 else float(number) / POWERS[-power]
    return (-value if negative and number > np.uint64(0) else value), at


@compiled
def number_text_or_null(data: NDArray[np.uint8], at: int, end: int) -> tuple[float, int]:
    """Read a JSON number, text that is wholly one, or null → as `number_or_null`."""
    quoted = at < end and data[at] == QUOTE
    value, at = number_or_null(data, at + quoted, end)
    if quoted and at >= 0:
        if at >= end or data[at] != QUOTE or value != value:  # the text "null" is no number
            return 0.0, -1
        at += 1
    return value, at
