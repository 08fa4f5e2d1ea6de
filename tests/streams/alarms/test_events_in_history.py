"""From the journal to the history: every event of the valid chain once, whatever happens to the sink and its store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from alerts import course
from alerts.commands import Note, Restore, Shelve, Unacknowledge
from alerts.journal import GENESIS, Record, seal
from alerts.moving import UNDO_MS
from streams.broker.topics import JOURNAL
from streams.city.windows import Weekly, Window
from streams.contract.alarm_events import EventsWanted
from streams.contract.stage import Message
from streams.errors import NewerError, UnreachableError
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.sinks.history.sqlite import SqliteHistory
from tests.alerts.staging import journal, lived
from tests.alerts.writing import (
    acknowledge,
    chain,
    commanded,
    detection,
    names,
    of_command,
    opened_at,
    suppress,
    take_out,
    undo,
)
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.contract.alarm_events import AlarmEvent
    from streams.sinks.history.store import History

AT_10 = opened_at(10)
STORY = (
    detection(3, 10),
    acknowledge(AT_10, "k1", revision=1),
    acknowledge(AT_10, "k2", revision=1, who="王强"),
    commanded(Note, AT_10, "k3"),
    undo("k1", "k4"),
    detection(1, 20),
    commanded(Unacknowledge, AT_10, "k5", revision=9),
    acknowledge("no_such", "k6"),
    commanded(Shelve, AT_10, "k8", for_ms=60_000),
    60_000,
    suppress("k9", Window(until_ms=2**50), zone="z1"),
    suppress("k10", Window(weekly=Weekly(since="fri 18:00", until="sun 18:00")), kind="slow_traffic"),
    take_out("k11", entity="s1"),
    of_command(Restore, "k11", "k12"),
    detection(0, 30),
    acknowledge(AT_10, "k7", revision=None, seen_level=1),
    UNDO_MS,
)
NAMES = ["raised", "acknowledge", "already_acknowledged", "note", "undo", "risen", "not_acknowledged", "unknown_alarm"]
NAMES += ["shelve", "uncovered", "suppress", "suppress", "take_out", "restore", "cleared", "acknowledge", "closed"]


class Sinks:
    """A history in a file and its sinks, one after another."""

    def __init__(self, folder: Path, bus: FakeBus) -> None:
        self.file, self.spill = folder / "history.sqlite", Spill(folder / "spill", 2**20)
        self.clock, self.away = FakeClock(), False
        self._host = FakeHost(self._sink(), bus)

    def _sink(self) -> HistorySink:
        return HistorySink(self._open, self.spill, self.clock.seconds, unsealed=course.link)

    def _open(self) -> History:
        if self.away:
            raise UnreachableError("the history is away")
        return SqliteHistory(self.file)

    async def starts(self) -> None:
        """Begin a new process; what was committed stays."""
        self._host = FakeHost(self._sink(), self._host.bus, self._host.committed)
        await self._host.start()

    async def goes_on(self) -> None:
        """Take what there is."""
        await self._host.drain()
        self.clock.advance(60)
        await self._host.tick()

    def forgets(self) -> None:
        """Have committed nothing of it."""
        self._host.committed.clear()

    def events(self) -> list[AlarmEvent]:
        """What is stored, the oldest first."""
        history = SqliteHistory(self.file)
        found = history.alarm_events(EventsWanted(), 10_000)
        history.close()
        return found[::-1]


@pytest.fixture
def bus() -> FakeBus:
    bus = FakeBus()
    asyncio.run(lived(bus, *STORY))
    assert names(journal(bus)) == NAMES
    return bus


@pytest.fixture
def sinks(tmp_path: Path, bus: FakeBus) -> Iterator[Sinks]:
    made = Sinks(tmp_path, bus)
    yield made
    made.spill.close()


def told(events: list[AlarmEvent]) -> list[tuple[object, ...]]:
    return [(one.reason or one.what, one.seq, one.place, one.at_ms) for one in events]


def expected(bus: FakeBus) -> list[tuple[object, ...]]:
    """The same by a plain reading of the journal."""
    places = [
        (record["seq"], place, at_ms)
        for record in chain(journal(bus))
        for place, at_ms in enumerate(record["times_ms"])
    ]
    return [(name, *place) for name, place in zip(names(journal(bus)), places, strict=True)]


async def run_once(sinks: Sinks) -> None:
    await sinks.starts()
    await sinks.goes_on()


def test_every_event_is_stored_with_who_did_what_and_of_what_it_is(bus: FakeBus, sinks: Sinks):
    asyncio.run(run_once(sinks))
    events = sinks.events()
    assert told(events) == expected(bus)
    assert {(one.kind, one.entity, one.zone) for one in events if one.alarm == AT_10} == {("slow_traffic", "s1", "z1")}
    taken, late = events[1], events[2]
    once, weekly, out = (one for one in events if one.what in {"suppress", "take_out"})
    assert [(one.alarm, one.zone, one.kind, one.entity) for one in (once, weekly, out)] == [
        ("", "z1", "", ""), ("", "", "slow_traffic", ""), ("", "", "", "s1"),
    ]  # fmt: skip
    assert (taken.who, taken.desk, taken.why, taken.outcome, taken.command) == (
        "李敏",
        "2 号台",
        "已派警",
        "done",
        "k1",
    )
    assert (late.who, late.what, late.outcome, late.event["by"]) == ("王强", "acknowledge", "refused", "李敏")
    assert [one.level for one in events if one.level is not None] == [3, 1, 0]
    assert [one.event_at_ms for one in events if one.level is not None] == [10, 20, 30]


def test_restarts_between_all_records_and_reading_again_change_nothing(bus: FakeBus, sinks: Sinks):
    log, whole = bus.log(JOURNAL), list(bus.log(JOURNAL))
    log.clear()

    async def story() -> None:
        for record in whole:
            log.append(record)
            await run_once(sinks)
        sinks.forgets()
        await run_once(sinks)

    asyncio.run(story())
    assert told(sinks.events()) == expected(bus)
    assert all(one.entity == "s1" for one in sinks.events() if one.alarm == AT_10)


def test_only_the_valid_chain_is_stored(bus: FakeBus, sinks: Sinks):
    log, right = bus.log(JOURNAL), expected(bus)
    whole = [record.value or b"" for record in log]
    second = seal(Record(seq=3, previous="ab" * 32, events=(), causes=(), covers={}, version=4))
    log.clear()
    for place, value in enumerate(whole):
        bus.put(Message(JOURNAL, b"journal", value))
        bus.put(Message(JOURNAL, b"journal", whole[0]))
        bus.put(Message(JOURNAL, b"journal", whole[place // 2].replace("李敏".encode(), "李某".encode())))
        bus.put(Message(JOURNAL, b"journal", second))
        bus.put(Message(JOURNAL, b"journal", None))
    asyncio.run(run_once(sinks))
    assert told(sinks.events()) == right
    assert {one.who for one in sinks.events()} == {"", "李敏", "王强", "赵工"}


def test_a_new_store_is_filled_from_the_beginning_of_the_journal(bus: FakeBus, sinks: Sinks):
    async def story() -> None:
        await run_once(sinks)
        for path in sinks.file.parent.glob("history.sqlite*"):
            path.unlink()
        await run_once(sinks)

    asyncio.run(story())
    assert told(sinks.events()) == expected(bus)


def test_what_comes_while_the_store_is_away_waits_on_the_disk(bus: FakeBus, sinks: Sinks):
    log, whole = bus.log(JOURNAL), list(bus.log(JOURNAL))
    del log[2:]

    async def story() -> None:
        await run_once(sinks)
        sinks.away = True
        await sinks.starts()
        for record in whole[2:]:
            log.append(record)
            await sinks.goes_on()
        assert sinks.spill
        sinks.away = False
        await sinks.starts()
        await sinks.goes_on()

    asyncio.run(story())
    assert not sinks.spill
    assert told(sinks.events()) == expected(bus)


def test_a_journal_that_began_anew_is_stored_beside_the_older_one(bus: FakeBus, sinks: Sinks, tmp_path: Path):
    asyncio.run(run_once(sinks))
    before = len(sinks.events())
    bus.log(JOURNAL).clear()
    anew = FakeBus()
    asyncio.run(lived(anew, detection(2, 50), acknowledge(opened_at(50), "k9", 2)))
    bus.log(JOURNAL).extend(anew.log(JOURNAL))
    sinks.forgets()
    asyncio.run(run_once(sinks))
    assert len(sinks.events()) == before + 2


def test_a_record_of_a_newer_version_ends_the_sink_in_a_sentence(bus: FakeBus, sinks: Sinks):
    newer = Record(seq=1, previous=GENESIS, events=(), causes=(), covers={}, version=99)
    bus.put(Message(JOURNAL, b"journal", seal(newer)))
    with pytest.raises(NewerError, match="newer CityWall"):
        asyncio.run(run_once(sinks))
