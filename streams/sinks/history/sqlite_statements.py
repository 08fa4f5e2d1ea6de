"""What the SQLite history is made of and asked for, in SQL."""

from __future__ import annotations

VERSION = 1

ROW_TABLE = """CREATE TABLE IF NOT EXISTS {name} (
    window_s INTEGER NOT NULL, at_ms INTEGER NOT NULL, series INTEGER NOT NULL,
    value REAL, numerator INTEGER NOT NULL, denominator INTEGER NOT NULL, count INTEGER NOT NULL,
    coverage_ratio REAL, imputed_ratio REAL, revision INTEGER NOT NULL,
    PRIMARY KEY (window_s, at_ms, series)) WITHOUT ROWID;"""
"""`imputed_ratio` is 0 in each row and read by nobody: 0.1.0, which may open the same file, wants the column."""
_IS_COMMAND = "json_extract(row, '$.outcome') <> ''"
_COMMANDS = ("json_extract(row, '$.command')", "json_extract(row, '$.event.command.command')")
"""Its own id; of the command that it takes something back of."""
OF_COMMAND = "(" + " OR ".join(f"{_IS_COMMAND} AND {one} = ?" for one in _COMMANDS) + ")"
ALARM_EVENTS = f"""
CREATE TABLE IF NOT EXISTS alarm_events (
    alarm TEXT NOT NULL, seq INTEGER NOT NULL, place INTEGER NOT NULL, at_ms INTEGER NOT NULL, what TEXT NOT NULL,
    domain TEXT NOT NULL, kind TEXT NOT NULL, entity TEXT NOT NULL, zone TEXT NOT NULL, who TEXT NOT NULL,
    row TEXT NOT NULL, PRIMARY KEY (alarm, seq, place)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alarm_events_by_time ON alarm_events (at_ms, seq, place);
CREATE INDEX IF NOT EXISTS alarm_events_by_command ON alarm_events ({_COMMANDS[0]}) WHERE {_IS_COMMAND};
CREATE INDEX IF NOT EXISTS alarm_events_about_command ON alarm_events ({_COMMANDS[1]}) WHERE {_IS_COMMAND};
CREATE TABLE IF NOT EXISTS incidents (
    id TEXT PRIMARY KEY, opened_at_ms INTEGER NOT NULL, closed INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS incidents_by_time ON incidents (opened_at_ms);
"""
"""Made in a file of an earlier version too, which does not look at it."""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, metric TEXT NOT NULL, entity TEXT NOT NULL, UNIQUE (metric, entity));
{ROW_TABLE.format(name="final")}
{ROW_TABLE.format(name="provisional")}
CREATE TABLE IF NOT EXISTS books (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarms (
    id TEXT PRIMARY KEY, raised_at_ms INTEGER NOT NULL, closed INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alarms_by_time ON alarms (raised_at_ms);
PRAGMA user_version = {VERSION};
"""
UPSERT = """INSERT INTO final VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
ON CONFLICT DO UPDATE SET value = excluded.value, numerator = excluded.numerator, denominator = excluded.denominator,
    count = excluded.count, coverage_ratio = excluded.coverage_ratio, revision = excluded.revision
WHERE excluded.revision >= revision"""
UPSERT_PROVISIONAL = """INSERT OR REPLACE INTO provisional SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9
WHERE NOT EXISTS (SELECT 1 FROM final WHERE (window_s, at_ms, series) = (?1, ?2, ?3))"""
FINISHED = "DELETE FROM provisional WHERE (window_s, at_ms, series) = (?, ?, ?)"
CELLS = ("value", "numerator", "denominator", "count", "coverage_ratio", "revision")
COLUMNS = ("series", "at_ms", *CELLS)
ONE_SERIES = """WITH RECURSIVE times (at) AS (
    SELECT min(at_ms) FROM {table} WHERE window_s = :window_s AND at_ms >= :from_ms
    UNION ALL
    SELECT (SELECT min(at_ms) FROM {table} WHERE window_s = :window_s AND at_ms > at) FROM times WHERE at < :until_ms)
SELECT {columns} FROM times CROSS JOIN {table} ON window_s = :window_s AND at_ms = at AND series = :series
WHERE at < :until_ms"""
ALL_SERIES = """SELECT {columns} FROM {table}
WHERE window_s = :window_s AND at_ms >= :from_ms AND at_ms < :until_ms
AND series IN (SELECT id FROM series WHERE metric = :metric)"""
HAS_WINDOW = """SELECT EXISTS (SELECT 1 FROM final
WHERE window_s = :window_s AND series IN (SELECT id FROM series WHERE metric = :metric))"""
