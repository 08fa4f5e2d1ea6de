"""How rows add up, and how large terms of exact sums may be: int64 fixed point, 2^62 over a window's most readings."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

SUM_LIMIT = 2**62
"""A sum stays below it, so that one more run of terms, which together stay below it too, still fits int64."""
MOST_READINGS = 1000
"""Of one sensor in one window; so many terms below TERM_LIMIT fit a sum."""
TERM_LIMIT = SUM_LIMIT // MOST_READINGS

COLUMN_SCALE = 1e6
"""Units of the numerator in 1 of a column's unit, for the means of every column; their denominator is a count."""
MOST_SUMMED = TERM_LIMIT // round(COLUMN_SCALE)
"""In a column's unit, whole; a value further from 0 is dropped as `too_large`."""
ENERGY_SCALE = 10.0
"""Units of the numerator in 1 of 10^(L/10), for the means of columns of levels L in dB …"""
LEAST_LEVEL, MOST_LEVEL = 20.0, 140.0
"""… which lie between these: below, the units are too coarse, and above a sum does not hold its readings."""


class Sums(msgspec.Struct, frozen=True, array_like=True):
    """How rows of a metric add up: the part of a `Metric` that travels with its rows. New fields come last."""

    numerator_scale: float = 1.0
    """Units of the numerator in 1 of its quantity, e.g. 1e9: int64 fixed point."""
    denominator_scale: float = 1.0
    least: float = -math.inf
    """A value below it is it; the clamp comes after the division, so that sums are of what was measured."""
    most: float = math.inf
    value: Literal["quotient", "numerator"] = "quotient"
    """What the value of a sum is: numerator over denominator, or the numerator alone."""
    rolls_up: Literal["sums", "feed", "never"] = "sums"
    """`sums`: into hours of each segment and sensor, and into minutes and hours of zones and city; `feed`: rows of
    `feed:<domain>:<zone>` into minutes of `feed:<domain>`, no hours; `never`: rows stand for themselves."""
    wide_name: str = ""
    """Its name for zones and city where another metric has its own there, "" = the same."""
    is_level: bool = False
    """The quotient is an energy, and the value its level, 10 lg of it, to 0.001 dB."""
