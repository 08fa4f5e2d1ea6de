"""What went wrong in other alarm engines' histories, by its number in the list of public reports."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from alerts import course
from alerts.commands import End, Shelve
from alerts.moving import UNDO_MS
from deploy.terminal import cli
from streams.contract.alarm_events import EventsWanted
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.sinks.history.sqlite import SqliteHistory
from tests.alerts.staging import go_on, journal, lived
from tests.alerts.writing import commanded, detection, events, opened_at
from tests.fakes import FakeBus, FakeHost
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.streams.alarms.test_events_in_history import STORY

if TYPE_CHECKING:
    from pathlib import Path

AT_10 = opened_at(10)


async def taken_in(bus: FakeBus, folder: Path) -> None:
    """Let the history take what stands on the bus."""
    spill = Spill(folder / "spill", 2**20)
    host = FakeHost(HistorySink(lambda: SqliteHistory(folder / "history.sqlite"), spill, unsealed=course.link), bus)
    await host.start()
    await host.drain()
    await host.tick()
    spill.close()


def kept(folder: Path, alarm: str) -> tuple[list[str], list[str]]:
    """Return the bytes of an alarm's entry, and of its events, as the store has them."""
    with closing(sqlite3.connect(folder / "history.sqlite")) as db:
        entry = db.execute("SELECT closed || ' ' || body FROM alarms WHERE id = ?", (alarm,)).fetchall()
        events = db.execute("SELECT row FROM alarm_events WHERE alarm = ? ORDER BY seq, place", (alarm,)).fetchall()
    return [one for (one,) in entry], [one for (one,) in events]


def test_a12_the_entry_of_an_alarm_that_ended_stays_byte_for_byte_when_its_condition_comes_again(tmp_path: Path):
    bus = FakeBus()

    async def story() -> tuple[list[str], list[str]]:
        host = await lived(bus, detection(3, 10), commanded(End, AT_10, "k1", why="查过"), UNDO_MS)
        await taken_in(bus, tmp_path)
        before = kept(tmp_path, AT_10)
        await go_on(host, commanded(Shelve, AT_10, "k2", for_ms=60_000))
        await go_on(host, detection(0, 20))
        await go_on(host, detection(2, 30))
        await taken_in(bus, tmp_path)
        return before

    entry, before = asyncio.run(story())
    assert len(entry) == 1
    assert [json.loads(one)["what"] for one in before] == ["raised", "end", "closed"]
    entry_now, events_now = kept(tmp_path, AT_10)
    assert entry_now == entry
    assert events_now[: len(before)] == before
    (refused,) = events_now[len(before) :]
    told = json.loads(refused)
    assert (told["what"], told["outcome"], told["reason"]) == ("shelve", "refused", "closed")
    (new,) = kept(tmp_path, opened_at(30))[0]
    assert new.startswith("0 ")
    assert '"raised_at_ms":30' in new


def test_a26_every_kind_of_event_is_exported_once_the_newest_first_as_the_pages_have_it(tmp_path: Path):
    """Shelved, out of service and back, suppressed once and weekly: one field never is two things."""
    bus = FakeBus()

    async def story() -> None:
        await lived(bus, *STORY)
        await taken_in(bus, tmp_path)

    asyncio.run(story())
    write_small_city(tmp_path)
    folder, file = str(tmp_path), tmp_path / "history.sqlite"
    run_of(tmp_path, city=tmp_path, history=file).write()
    assert cli.main(["export", "alarms", "--data", folder, "--out", str(tmp_path / "alarms.csv")]) == 0
    with (tmp_path / "alarms.csv").open(encoding="utf-8", newline="") as text:
        exported = [(row["what"], row["command"], int(row["seq"])) for row in csv.DictReader(text)]
    history, paged, after = SqliteHistory(file), [], None
    while page := history.alarm_events(EventsWanted(), 3, after):
        paged += [(one.what, one.command, one.seq) for one in page]
        after = page[-1].moment
    history.close()
    assert exported == paged
    assert len(exported) == len(set(exported)) == len(events(journal(bus)))
    assert {"shelve", "uncovered", "suppress", "take_out", "restore"} <= {what for what, _, _ in exported}
