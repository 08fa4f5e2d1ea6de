"""How large the terms of an exact sum may be: int64 fixed point (2^62 over the most readings of a window)."""

SUM_LIMIT = 2**62
"""A sum stays below it, so that one more run of terms, which together stay below it too, still fits int64."""
MOST_READINGS = 1000
"""Of one sensor in one window; so many terms below TERM_LIMIT fit a sum."""
TERM_LIMIT = SUM_LIMIT // MOST_READINGS

COLUMN_SCALE = 1e6
"""Units of the numerator in 1 of a column's unit, for the means of every column; their denominator is a count."""
MOST_SUMMED = TERM_LIMIT // round(COLUMN_SCALE)
"""In a column's unit, whole; a value further from 0 is dropped as `too_large`."""
