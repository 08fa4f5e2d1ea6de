"""The file of the SQLite history: how it is opened, and its errors as ours."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.errors import UnreachableError
from streams.sinks.history import sqlite_statements as sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAL_LIMIT_BYTES = 64 * 2**20
WAIT_S = 10.0


def connect(uri: str) -> sqlite3.Connection:
    """Open it."""
    return sqlite3.connect(uri, uri=True, timeout=WAIT_S, check_same_thread=False)


def prepare(db: sqlite3.Connection) -> None:
    """Make of it what the history writes to."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # what is committed to Kafka must not be lost here with the power
    db.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    if db.execute("PRAGMA user_version").fetchone()[0] == 0:
        db.executescript(sql.SCHEMA)
    db.executescript(sql.ALARM_EVENTS)


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Say SQLite's and the file system's errors as ours."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise UnreachableError(f"{path}: the history cannot be used: {exc}") from exc
