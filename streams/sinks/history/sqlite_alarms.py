"""What the SQLite history does with alarms, incidents and their events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from streams.contract.alarm_events import ALARMS, INCIDENTS, PEOPLE, AlarmEvent, Where
from streams.sinks.history import sqlite_statements as sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from streams.contract.alarm_events import AlarmsWanted, EventsWanted, Kept, Moment, Raised

_WHERE = "SELECT alarm, domain, kind, entity, zone FROM alarm_events WHERE alarm = ? AND what = 'raised' LIMIT 1"
_TABLE = "SELECT 1 FROM sqlite_master WHERE name = ?"
_BY = "? IN (" + ", ".join(f"json_extract(body, '$.{name}')" for name in PEOPLE) + ")"

_row = msgspec.json.Decoder(AlarmEvent)


def write(db: sqlite3.Connection, alarms: Sequence[tuple[str, str | None]], of: Kept) -> None:
    """Store alarms or incidents; None marks one as closed."""
    for key, body in alarms:
        if body is None:
            db.execute(f"UPDATE {of.name} SET closed = 1 WHERE id = ?", (key,))  # noqa: S608 - one of two names
        else:
            query = f"INSERT OR REPLACE INTO {of.name} VALUES (?, ?, 0, ?)"  # noqa: S608 - one of two names
            db.execute(query, (key, json.loads(body)[of.at], body))


def write_events(db: sqlite3.Connection, events: Sequence[AlarmEvent]) -> None:
    """Store events."""
    names = ("alarm", "seq", "place", "at_ms", "what", *Where._fields, "who")
    rows = [(*(getattr(one, name) for name in names), msgspec.json.encode(one).decode()) for one in events]
    db.executemany("INSERT OR REPLACE INTO alarm_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def alarms(db: sqlite3.Connection, wanted: AlarmsWanted, limit: int, after: Raised | None) -> list[dict[str, Any]]:
    """Return alarms or incidents, the newest first; a file that only an earlier version wrote to lacks a table."""
    table, at = wanted.of
    if not db.execute(_TABLE, (table,)).fetchone():
        return []
    names = (*Where._fields, "level", "incident")
    tests = {f"json_extract(body, '$.{name}') = ?": getattr(wanted, name) for name in names}
    tests |= {f"{at} >= ?": wanted.from_ms, f"{at} < ?": wanted.until_ms, "closed = ?": wanted.closed, _BY: wanted.who}
    asked, values = _asked(tests, f"({at}, id) < (?, ?)", after)
    query = f"SELECT body, closed FROM {table} WHERE {asked} ORDER BY {at} DESC, id DESC LIMIT ?"  # noqa: S608 - tests from above
    found = db.execute(query, (*values, limit)).fetchall()
    return [json.loads(body) | {"closed": bool(closed)} for body, closed in found]


def events(db: sqlite3.Connection, wanted: EventsWanted, limit: int, after: Moment | None) -> list[AlarmEvent]:
    """Return events, the newest first; a file that only an earlier version has written to has none."""
    if not db.execute(_TABLE, ("alarm_events",)).fetchone():
        return []
    names = ("alarm", "what", *Where._fields, "who")
    tests = {f"{name} = ?": getattr(wanted, name) for name in names}
    tests |= {"at_ms >= ?": wanted.from_ms, "at_ms < ?": wanted.until_ms}
    tests |= {"json_extract(row, '$.outcome') = ?": wanted.outcome, sql.OF_COMMAND: wanted.command}
    asked, values = _asked(tests, "(at_ms, seq, place) < (?, ?, ?)", after)
    query = f"SELECT row FROM alarm_events WHERE {asked} ORDER BY at_ms DESC, seq DESC, place DESC LIMIT ?"  # noqa: S608 - tests from above
    found = (_row.decode(row) for (row,) in db.execute(query, (*values, limit)))
    return [one for one in found if wanted.takes(one)]


def where(db: sqlite3.Connection, alarms: Sequence[str]) -> dict[str, Where]:
    """Return of what alarms are."""
    found = [db.execute(_WHERE, (alarm,)).fetchone() for alarm in alarms]
    return {row[0]: Where(*row[1:]) for row in found if row is not None}


def prune(db: sqlite3.Connection, before_ms: int) -> None:
    """Delete closed alarms and incidents that began before, and events of before."""
    for table, at in (ALARMS, INCIDENTS):
        db.execute(f"DELETE FROM {table} WHERE closed AND {at} < ?", (before_ms,))  # noqa: S608 - one of two names
    db.execute("DELETE FROM alarm_events WHERE at_ms < ?", (before_ms,))


def _asked(tests: dict[str, Any], behind: str, after: tuple[Any, ...] | None) -> tuple[str, list[Any]]:
    """Return the conditions that something is asked of, and their values."""
    given = {test: (value,) * test.count("?") for test, value in tests.items() if value is not None}
    if after is not None:
        given[behind] = after
    return " AND ".join(given) or "1", [value for values in given.values() for value in values]
