"""What a history promises, and what its stores share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from streams.accounts.ledger import hour_of
from streams.contract.alarm_events import ALARMS
from streams.contract.durations import DAY_MS, HOUR_MS, HOUR_S
from streams.contract.records import ROW_TYPES, Rows

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from streams.contract.alarm_events import AlarmEvent, AlarmsWanted, EventsWanted, Kept, Moment, Raised, Where

MINUTES_KEPT_MS = 7 * DAY_MS
"""Rows of windows shorter than an hour."""
HOURS_KEPT_MS = 2 * 365 * DAY_MS
"""Rows of windows of an hour or more, closed alarms and incidents, and the events of alarms."""
PROVISIONAL_KEPT_MS = DAY_MS // 4
"""Provisional rows that no final one has replaced."""


class History(Protocol):
    """A store of rows, books and alarms.

    A row's identity is (metric, entity, window_s, at_ms). Invariants: a row never replaces one of a higher revision; a
    provisional row (revision -1) never stands beside a final one; what a call wrote is durable when it returns, so
    writing the same again changes nothing. Each call raises UnreachableError or RefusedError when the store cannot, and
    a write RowsRefusedError when it would take others, but not these; some of them may be stored then. After either of
    the first two, open it anew.
    """

    kind: str
    """`sqlite` or `influxdb`."""

    def write(self, rows: Rows) -> int:
        """Store rows, in one transaction where the store has such → how many it left out as older than it keeps any."""

    def write_books(self, books: Mapping[str, str]) -> None:
        """Store books, key → JSON object; the last one of a key stays."""

    def write_alarms(self, alarms: Sequence[tuple[str, str | None]], of: Kept = ALARMS) -> None:
        """Store (id, JSON projection) in order, of alarms or incidents; None: it is closed, and is kept as such."""

    def write_alarm_events(self, events: Sequence[AlarmEvent]) -> None:
        """Store events of alarms; one of the same identity takes the place of an earlier."""

    def read(
        self,
        metric: str,
        entity: str | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
        window_s: int = 60,
        provisional: bool = False,
    ) -> Rows:
        """Return the latest revision of each row whose window starts in [from, until), sorted by entity, then time."""

    def metrics(self) -> list[str]:
        """List the metrics that have rows, sorted."""

    def entities(self, metric: str) -> list[str]:
        """List the entities that a metric has rows of, in windows of any length, sorted."""

    def windows(self, metric: str) -> list[int]:
        """List the lengths of the windows that a metric has rows of, in seconds, rising."""

    def counts(self, from_ms: int, until_ms: int) -> Counter[tuple[str, str]]:
        """Sum up `count` of the latest revisions of all rows of windows below an hour that start in [from, until).

        → (metric, entity) → sum.
        """

    def books(self) -> dict[str, dict[str, Any]]:
        """Return all books but those of settled hours, key → value."""

    def hours(self) -> dict[str, dict[str, Any]]:
        """Return the books of settled hours, key (`accounts.ledger`) → value, as long as the minutes are kept."""

    def alarms(self, wanted: AlarmsWanted, limit: int, after: Raised | None = None) -> list[dict[str, Any]]:
        """Return the alarms, or incidents, that are wanted as they were last seen, with `closed`, the newest first.

        At most `limit` of them, those behind `after`.
        """

    def alarm_events(self, wanted: EventsWanted, limit: int, after: Moment | None = None) -> list[AlarmEvent]:
        """Return the events that are wanted, the newest first; at most `limit`, those behind `after`."""

    def alarms_where(self, alarms: Sequence[str]) -> dict[str, Where]:
        """Return of what these alarms are, of each whose raise is stored."""

    def prune(self) -> int:
        """Delete a bounded number of rows past their retention → how many.

        Age counts from the newest event time stored. One that was opened to keep all, a replay's, loses no final row.
        """

    def sizes(self) -> dict[str, Any]:
        """Return `kind`, `where` and `bytes` (None = the store does not tell)."""

    def clear(self) -> None:
        """Forget everything: a replay begins anew."""

    def close(self) -> None:
        """Let go of the store."""


def hours_kept_from_ms(newest_ms: int) -> int:
    """Return the first hour whose book is kept: all of its minutes are there, as long as this is asked often."""
    return hour_of(newest_ms - MINUTES_KEPT_MS) + 2 * HOUR_MS


def retention_ms(window_s: int) -> int:
    """Return how long rows of a window are kept."""
    return HOURS_KEPT_MS if window_s >= HOUR_S else MINUTES_KEPT_MS


def newest_revisions(rows: Rows) -> Rows:
    """Keep the highest revision of each (entity, at_ms), sorted by both; all rows are of one metric and window."""
    order = np.lexsort((rows.revision, rows.at_ms, rows.entity.astype(str)))
    entity, at_ms = rows.entity[order], rows.at_ms[order]
    last = np.ones(len(rows), bool)
    last[:-1] = (entity[1:] != entity[:-1]) | (at_ms[1:] != at_ms[:-1])
    return Rows(**{name: getattr(rows, name)[order[last]] for name in ROW_TYPES})


def unknown_where_not_finite(rows: Rows) -> dict[str, list[Any]]:
    """Return the columns as lists of plain Python values; a number that is not finite becomes None."""
    columns: dict[str, list[Any]] = {}
    for name in ("value", "coverage_ratio"):
        column = getattr(rows, name)
        plain = column.astype(object)
        plain[~np.isfinite(column)] = None
        columns[name] = plain.tolist()
    for name in ("entity", "metric", "at_ms", "window_s", "numerator", "denominator", "count", "revision"):
        columns[name] = getattr(rows, name).tolist()
    return columns
