"""What was no value of its field, counted by kind and said once."""

from __future__ import annotations

import logging
from collections import Counter

log = logging.getLogger("citywall")


class Odd:
    """Counts what was dropped, by kind of field, and says the first of each kind."""

    def __init__(self, whose: str) -> None:
        self.counts: Counter[str] = Counter()
        self._whose = whose

    def note(self, kind: str, field: str, problem: object, count: int = 1) -> None:
        """Count so many, of which this is one."""
        self.counts[kind] += count
        if self.counts[kind] == count:
            text = "%s, %s: %.80r is dropped: %.300s. More of its kind are counted and not said"
            log.warning(text, self._whose, kind, field, problem)
