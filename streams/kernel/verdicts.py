"""Verdicts on repeats and how much is remembered: shared by the compiled judge and the one in numpy."""

REMEMBERED = 32
"""Newest event times of a sensor whose values are remembered."""

NEW, DUPLICATE, CONFLICT, FORGOTTEN, PART, TOO_LATE = range(6)
"""Take it; the same again; the same time with other values; older than what is remembered; take what is new of it; too
far behind its own source."""
