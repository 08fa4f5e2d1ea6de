"""The history in one SQLite file (WAL): the default, for a small town, for trying and for tests.

Rows lie in the order (window, time, series): a minute's rows are written side by side at the end, the oldest leave from
the front and their pages are used again, so the file stops growing once the retention is reached. A series over time is
read by one seek a window. Sizes: `docs/history.md`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.contract.alarm_events import ALARMS
from streams.contract.durations import HOUR_S
from streams.contract.records import ROW_TYPES, Rows
from streams.errors import RefusedError, RowsRefusedError, UnreachableError
from streams.sinks.history import sqlite_alarms, sqlite_hours
from streams.sinks.history import sqlite_statements as sql
from streams.sinks.history.sqlite_file import connect, mapped, prepare
from streams.sinks.history.store import (
    HOURS_KEPT_MS,
    PROVISIONAL_KEPT_MS,
    hours_kept_from_ms,
    newest_revisions,
    retention_ms,
    unknown_where_not_finite,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from streams.contract.alarm_events import AlarmEvent, AlarmsWanted, EventsWanted, Kept, Moment, Raised, Where

PRUNE_ROWS = 20_000
"""About how many rows one `prune` deletes, so that it takes some 50 ms."""
FETCH_ROWS = 50_000
ROW_ERRORS = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeEncodeError)
"""They come from the values of a row, not from the file."""


class SqliteHistory:
    """One file; any number of readers in other processes beside one writer."""

    kind = "sqlite"

    def __init__(self, path: Path, *, read_only: bool = False, keep_all: bool = False) -> None:
        self._path = path
        self._keep_all = keep_all
        self._lock = threading.Lock()
        self._series: dict[tuple[str, str], int] = {}
        self._opened: list[tuple[int, int]] = []
        if read_only and not path.exists():
            raise UnreachableError(f"{path}: there is no history here; start the city once with 'citywall up'")
        with mapped(path):
            if read_only:
                self._db = connect(f"{path.resolve().as_uri()}?mode=ro")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._db = connect(path.resolve().as_uri())
                prepare(self._db)
                self._opened = self._identity()
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found != sql.VERSION:
            self._db.close()
            raise RefusedError(f"{path}: a history of version {found}; this reads version {sql.VERSION}")

    def write(self, rows: Rows) -> int:
        """Store rows in one transaction; none is too old until it is pruned."""
        with self._changing():
            values = self._values(rows)
            final = [row for row in values if row[-1] >= 0]
            self._db.executemany(sql.UPSERT, final)
            self._db.executemany(sql.UPSERT_PROVISIONAL, [row for row in values if row[-1] < 0])
            if final and self._db.execute("SELECT 1 FROM provisional LIMIT 1").fetchone():
                self._db.executemany(sql.FINISHED, [row[:3] for row in final])
        return 0

    def write_books(self, books: Mapping[str, str]) -> None:
        """Store books; the last one of a key stays."""
        with self._changing():
            self._db.executemany("INSERT OR REPLACE INTO books VALUES (?, ?)", list(books.items()))

    def write_alarms(self, alarms: Sequence[tuple[str, str | None]], of: Kept = ALARMS) -> None:
        """Store alarms or incidents; None marks one as closed."""
        with self._changing():
            sqlite_alarms.write(self._db, alarms, of)

    def write_alarm_events(self, events: Sequence[AlarmEvent]) -> None:
        """Store events of alarms."""
        with self._changing():
            sqlite_alarms.write_events(self._db, events)

    def read(
        self,
        metric: str,
        entity: str | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
        window_s: int = 60,
        provisional: bool = False,
    ) -> Rows:
        """Return the latest revision of each row in [from, until), sorted by entity, then time."""
        wanted = {
            "metric": metric,
            "from_ms": -(2**62) if from_ms is None else from_ms,
            "until_ms": 2**62 if until_ms is None else until_ms,
            "window_s": window_s,
        }
        parts: list[Rows] = []
        with self._reading(), self._db:
            self._db.execute("BEGIN")  # one moment for all that follows
            entities = dict(self._db.execute("SELECT id, entity FROM series WHERE metric = ?", (metric,)))
            if entity is not None:
                entities = {code: name for code, name in entities.items() if name == entity}
                wanted["series"] = next(iter(entities), None)
            query = sql.ALL_SERIES if entity is None else sql.ONE_SERIES
            for table in ("final", "provisional") if provisional else ("final",):
                cursor = self._db.execute(query.format(table=table, columns=", ".join(sql.COLUMNS)), wanted)
                while some := cursor.fetchmany(FETCH_ROWS):
                    parts.append(_rows(some, metric, window_s, entities))
        return newest_revisions(Rows.concat(parts))

    def metrics(self) -> list[str]:
        """List the metrics that have rows, sorted."""
        with self._reading():
            return [name for (name,) in self._db.execute("SELECT DISTINCT metric FROM series ORDER BY metric")]

    def entities(self, metric: str) -> list[str]:
        """List the entities that a metric has rows of, sorted."""
        query = "SELECT entity FROM series WHERE metric = ?"
        with self._reading():
            return sorted(name for (name,) in self._db.execute(query, (metric,)))

    def windows(self, metric: str) -> list[int]:
        """List the lengths of the windows that a metric has rows of, rising."""
        with self._reading():
            return [
                window_s
                for window_s in self._windows("final")
                if self._db.execute(sql.HAS_WINDOW, {"window_s": window_s, "metric": metric}).fetchone()[0]
            ]

    def counts(self, from_ms: int, until_ms: int) -> Counter[tuple[str, str]]:
        """Sum up the counts of rows → (metric, entity) → sum."""
        with self._reading():
            windows_s = [window_s for window_s in self._windows("final") if window_s < HOUR_S]
            return sqlite_hours.counts(self._db, windows_s, from_ms, until_ms)

    def books(self) -> dict[str, dict[str, Any]]:
        """Return all books but those of settled hours."""
        with self._reading():
            return sqlite_hours.books(self._db, hours=False)

    def hours(self) -> dict[str, dict[str, Any]]:
        """Return the books of settled hours."""
        with self._reading():
            return sqlite_hours.books(self._db, hours=True)

    def alarms(self, wanted: AlarmsWanted, limit: int, after: Raised | None = None) -> list[dict[str, Any]]:
        """Return the alarms that are wanted, the newest raise first."""
        with self._reading():
            return sqlite_alarms.alarms(self._db, wanted, limit, after)

    def alarm_events(self, wanted: EventsWanted, limit: int, after: Moment | None = None) -> list[AlarmEvent]:
        """Return the events that are wanted, the newest first."""
        with self._reading():
            return sqlite_alarms.events(self._db, wanted, limit, after)

    def alarms_where(self, alarms: Sequence[str]) -> dict[str, Where]:
        """Return of what these alarms are."""
        with self._reading():
            return sqlite_alarms.where(self._db, alarms)

    def prune(self) -> int:
        """Delete about PRUNE_ROWS rows past their retention → how many; whole windows, the oldest first.

        Where all is kept, those are the provisional rows that no final one has replaced.
        """
        with self._changing():
            newest_ms = max((self._edge("max", "final", window_s) for window_s in self._windows("final")), default=0)
            deleted = 0
            for table in ("provisional",) if self._keep_all else ("provisional", "final"):
                for window_s in self._windows(table):
                    kept_ms = PROVISIONAL_KEPT_MS if table == "provisional" else retention_ms(window_s)
                    deleted += self._prune_window(table, window_s, newest_ms - kept_ms, PRUNE_ROWS - deleted)
            if not self._keep_all:
                sqlite_hours.prune(self._db, hours_kept_from_ms(newest_ms))
                sqlite_alarms.prune(self._db, newest_ms - HOURS_KEPT_MS)
            return deleted

    def sizes(self) -> dict[str, Any]:
        """Return the file's size, its write-ahead log included."""
        files = [self._path, self._path.with_name(self._path.name + "-wal")]
        return {
            "kind": self.kind,
            "where": str(self._path),
            "bytes": sum(file.stat().st_size for file in files if file.exists()),
        }

    def clear(self) -> None:
        """Forget everything."""
        with self._changing():
            for table in ("final", "provisional", "series", "books", "alarms", "incidents", "alarm_events"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above
            self._series.clear()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _values(self, rows: Rows) -> list[tuple[Any, ...]]:
        columns = unknown_where_not_finite(rows)
        series = self._codes(columns["metric"], columns["entity"])
        cells = [columns[name] for name in sql.CELLS]
        return list(zip(columns["window_s"], columns["at_ms"], series, *cells, strict=True))

    def _codes(self, metrics: list[str], entities: list[str]) -> list[int]:
        keys = list(zip(metrics, entities, strict=True))
        for key in set(keys) - self._series.keys():
            self._db.execute("INSERT OR IGNORE INTO series (metric, entity) VALUES (?, ?)", key)
            found = self._db.execute("SELECT id FROM series WHERE (metric, entity) = (?, ?)", key).fetchone()
            self._series[key] = found[0]
        return [self._series[key] for key in keys]

    def _windows(self, table: str) -> list[int]:
        found: list[int] = []
        while True:
            query = f"SELECT min(window_s) FROM {table} WHERE window_s > ?"  # noqa: S608 - one of two names
            (window_s,) = self._db.execute(query, (found[-1] if found else 0,)).fetchone()
            if window_s is None:
                return found
            found.append(window_s)

    def _edge(self, which: str, table: str, window_s: int) -> int:
        query = f"SELECT {which}(at_ms) FROM {table} WHERE window_s = ?"  # noqa: S608 - min or max of one of two names
        edge: int = self._db.execute(query, (window_s,)).fetchone()[0]
        return edge

    def _prune_window(self, table: str, window_s: int, before_ms: int, at_most: int) -> int:
        query = f"DELETE FROM {table} WHERE window_s = ? AND at_ms = ?"  # noqa: S608 - one of two names
        deleted = 0
        while deleted < at_most and window_s in self._windows(table):
            oldest_ms = self._edge("min", table, window_s)
            if oldest_ms >= before_ms:
                break
            deleted += self._db.execute(query, (window_s, oldest_ms)).rowcount
        return deleted

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, mapped(self._path):
            yield

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction; a failed one leaves no trace, in the cache of series neither."""
        with self._reading():
            try:
                with self._db:
                    yield
            except ROW_ERRORS as exc:
                self._series.clear()
                raise RowsRefusedError(f"{self._path}: the history refuses rows: {exc}") from exc
            except BaseException:
                self._series.clear()
                raise
            if self._identity() != self._opened:
                raise UnreachableError(f"{self._path}: the file was replaced by another; opening that one")

    def _identity(self) -> list[tuple[int, int]]:
        """Return what tells whether the names still lead to the open files: else SQLite writes on into removed ones."""
        found = [os.stat(path) for path in (self._path, f"{self._path}-wal")]
        return [(one.st_dev, one.st_ino) for one in found]


def _rows(found: list[tuple[Any, ...]], metric: str, window_s: int, entities: Mapping[int, str]) -> Rows:
    columns: dict[str, Any] = dict(zip(sql.COLUMNS, zip(*found, strict=True), strict=True))
    columns["entity"] = [entities[code] for code in columns["series"]]
    columns["metric"] = np.full(len(found), metric, object)
    columns["window_s"] = np.full(len(found), window_s)
    return Rows(**{name: np.array(columns[name], dtype=kind) for name, kind in ROW_TYPES.items()})
