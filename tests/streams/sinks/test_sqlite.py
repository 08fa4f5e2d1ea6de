"""What only the SQLite history promises: retention by event time, readers beside the writer, one sentence on errors."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.contract.alarm_events import AlarmsWanted
from streams.errors import RefusedError, RowsRefusedError, UnreachableError
from streams.sinks.history import sqlite
from streams.sinks.history.sqlite import SqliteHistory
from streams.sinks.history.store import MINUTES_KEPT_MS
from tests.streams.sinks.rows import START_MS, row, rows_of, seen

DAY_MINUTES = 24 * 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_age_counts_from_the_newest_event_not_from_today(path: Path):
    history = SqliteHistory(path)
    week = 7 * DAY_MINUTES
    history.write(rows_of(row(minute=-week - 1), row(minute=-week), row(minute=0)))
    history.write(rows_of(row(minute=-week - 60, window_s=3600), row(minute=-731 * DAY_MINUTES, window_s=3600)))
    history.write(rows_of(row(minute=-361, revision=-1), row(minute=-359, revision=-1)))
    assert history.prune() == 3
    assert [one[1] for one in seen(history.read("tti_ratio"))] == [-week, 0]
    assert [one[1] for one in seen(history.read("tti_ratio", window_s=3600))] == [-week - 60]
    assert [one[1] for one in seen(history.read("tti_ratio", provisional=True))] == [-week, -359, 0]
    assert history.prune() == 0
    history.close()


def test_a_replay_keeps_rows_of_any_age_but_no_provisional_ones(path: Path):
    history = SqliteHistory(path, keep_all=True)
    years = 4 * 366 * DAY_MINUTES
    history.write(rows_of(row(minute=-years), row(minute=-years, window_s=3600), row(minute=0)))
    history.write(rows_of(row(minute=-361, revision=-1), row(minute=-359, revision=-1)))
    assert history.prune() == 1  # a quarter of a day after the newest final row, nothing will replace it
    assert [one[1] for one in seen(history.read("tti_ratio", provisional=True))] == [-years, -359, 0]
    assert [one[1] for one in seen(history.read("tti_ratio", window_s=3600))] == [-years]
    history.close()


@pytest.mark.parametrize("table", ["final", "provisional"])
def test_release_0_1_0_reads_and_writes_the_same_file(path: Path, table: str):
    """Its statements: it names `imputed_ratio` where it reads, and counts ten columns where it writes."""
    history = SqliteHistory(path)
    history.write(rows_of(row(revision=0 if table == "final" else -1)))
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        query = f"SELECT value, coverage_ratio, imputed_ratio FROM {table} WHERE window_s = 60"  # noqa: S608 - one of two names
        assert db.execute(query).fetchall() == [(1.5, 1.0, 0.0)]
        later = (60, START_MS + 60_000, 1, 2.5, 5, 2, 7, 1.0, 0.0, 0 if table == "final" else -1)
        db.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", later)  # noqa: S608 - one of two names
    assert [one[2] for one in seen(history.read("tti_ratio", provisional=True))] == [1.5, 2.5]
    history.close()


def test_pruning_takes_bounded_steps(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite, "PRUNE_ROWS", 4)
    history = SqliteHistory(path)
    old = -8 * DAY_MINUTES
    history.write(rows_of(row(), *(row(f"S{i}", old + minute) for minute in range(5) for i in range(2))))
    assert [history.prune() for _ in range(4)] == [4, 4, 2, 0]
    history.close()


def test_an_empty_history_prunes_nothing(path: Path):
    history = SqliteHistory(path)
    assert history.prune() == 0
    history.close()


def test_closed_alarms_past_the_hours_retention_go(path: Path):
    history = SqliteHistory(path)
    old_ms = START_MS - 731 * 86_400_000
    alarms = [{"id": name, "raised_at_ms": old_ms} for name in ("closed", "open")]
    history.write_alarms([(alarm["id"], json.dumps(alarm)) for alarm in alarms] + [("closed", None)])
    history.write(rows_of(row()))
    history.prune()
    assert [alarm["id"] for alarm in history.alarms(AlarmsWanted(), 100)] == ["open"]
    history.close()


def pages(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA page_count").fetchone()[0]


def test_the_file_stops_growing_once_the_retention_is_reached(path: Path):
    history = SqliteHistory(path)
    for day in range(30):
        history.write(rows_of(*(row(f"S{i}", day * DAY_MINUTES + i) for i in range(500))))
        while history.prune():
            pass
        if day == 14:
            before = pages(path)
    history.close()
    assert pages(path) <= before * 1.05
    reader = SqliteHistory(path, read_only=True)
    assert len(reader.read("tti_ratio")) == 7 * 500 + 1  # days 23 to 29, and of day 22 the one at the very edge
    reader.close()


def test_a_reader_sees_what_a_writer_in_another_process_committed(path: Path):
    writer = SqliteHistory(path)
    reader = SqliteHistory(path, read_only=True)
    writer.write(rows_of(row(value=2.0)))
    assert seen(reader.read("tti_ratio")) == [("S1", 0, 2.0, 0)]
    with pytest.raises(UnreachableError, match="readonly"):
        reader.write(rows_of(row()))
    reader.close()
    writer.close()


def test_a_write_that_fails_leaves_nothing_of_itself(path: Path):
    history = SqliteHistory(path)
    good = rows_of(row("new"))
    with pytest.raises(RowsRefusedError, match="count"):
        history.write(replace(good, count=np.array([None])))
    assert history.metrics() == []
    history.write(good)
    assert len(history.read("tti_ratio", "new")) == 1
    history.close()


@pytest.mark.parametrize("removed", [["", "-wal", "-shm"], ["-wal"], [""]], ids=["all of it", "the log", "the file"])
def test_files_that_are_removed_while_they_are_open_are_noticed(path: Path, removed: list[str]):
    history = SqliteHistory(path)
    history.write(rows_of(row("S1")))
    for suffix in removed:
        Path(f"{path}{suffix}").unlink()
    with pytest.raises(UnreachableError, match="history"):
        history.write(rows_of(row("S2")))
    history.close()
    again = SqliteHistory(path)
    again.write(rows_of(row("S2")))
    again.close()
    reader = SqliteHistory(path, read_only=True)
    assert "S2" in reader.read("tti_ratio").entity.tolist()
    reader.close()


def test_a_file_that_was_replaced_by_another_is_noticed(path: Path):
    history = SqliteHistory(path)
    path.unlink()
    other = SqliteHistory(path)
    with pytest.raises(UnreachableError, match="replaced"):
        history.write(rows_of(row()))
    other.close()
    history.close()


def test_a_value_that_it_cannot_hold_is_the_rows_fault(path: Path):
    history = SqliteHistory(path)
    with pytest.raises(RowsRefusedError, match="too large"):
        history.write_alarms([("a", json.dumps({"id": "a", "raised_at_ms": 2**63}))])
    history.close()


def test_a_missing_history_says_what_to_do(path: Path):
    with pytest.raises(UnreachableError, match="citywall up"):
        SqliteHistory(path, read_only=True)


def test_a_history_of_another_version_is_refused(path: Path):
    SqliteHistory(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(RefusedError, match="version 99"):
        SqliteHistory(path)


def test_a_file_that_is_no_database_is_said_in_one_sentence(path: Path):
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(UnreachableError, match="not a database"):
        SqliteHistory(path, read_only=True)


def test_books_of_hours_go_before_the_rows_of_their_minutes(path: Path):
    hour_ms, kept_ms = 3_600_000, MINUTES_KEPT_MS
    keys = [f"hour:{START_MS + hour * hour_ms}:zone:traffic:0" for hour in range(4)]
    with contextlib.closing(SqliteHistory(path)) as history:
        history.write_books({**dict.fromkeys(keys, "{}"), "zone:traffic:0": "{}"})
        history.write(rows_of(row(minute=(kept_ms + hour_ms) // 60_000)))
        history.prune()
        assert sorted(history.hours()) == keys[3:]
        assert list(history.books()) == ["zone:traffic:0"]
