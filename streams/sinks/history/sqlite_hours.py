"""What the audit asks of the SQLite history: rows' counts, and the books of settled hours."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_COUNTS = """SELECT metric, entity, total FROM (
    SELECT series, sum(count) AS total FROM final WHERE window_s = ? AND at_ms >= ? AND at_ms < ? GROUP BY series)
JOIN series ON id = series"""
_BOOKS = {  # books of settled hours, `hour:<start>:…` (see `streams.accounts.ledger`), and all others
    True: "SELECT key, body FROM books WHERE key >= 'hour:' AND key < 'hour;' ORDER BY key",
    False: "SELECT key, body FROM books WHERE key < 'hour:' OR key >= 'hour;' ORDER BY key",
}
_PRUNE = "DELETE FROM books WHERE key >= 'hour:' AND key < 'hour;' AND CAST(substr(key, 6) AS INTEGER) < ?"


def counts(db: sqlite3.Connection, windows_s: Iterable[int], from_ms: int, until_ms: int) -> Counter[tuple[str, str]]:
    """Sum up the counts of rows of these windows that start in [from, until) → (metric, entity) → sum."""
    found = Counter[tuple[str, str]]()
    for window_s in windows_s:
        for metric, entity, total in db.execute(_COUNTS, (window_s, from_ms, until_ms)):
            found[metric, entity] += total
    return found


def books(db: sqlite3.Connection, *, hours: bool) -> dict[str, dict[str, Any]]:
    """Return the books of settled hours, or all others."""
    return {key: json.loads(body) for key, body in db.execute(_BOOKS[hours])}


def prune(db: sqlite3.Connection, before_ms: int) -> None:
    """Delete the books of hours that began before."""
    db.execute(_PRUNE, (before_ms,))
