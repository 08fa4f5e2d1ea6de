"""Verdicts on repeats and how many event times are remembered: shared by the compiled judge and the one in numpy."""

REMEMBERED = 32
"""Event times remembered of a sensor."""

NEW, DUPLICATE, CONFLICT, FORGOTTEN = 0, 1, 2, 3
"""Take it; the same again; the same time with other values; older than all that is remembered."""
