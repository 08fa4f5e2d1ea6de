"""What the alarm engine does for an input does not grow with the alarms that are open; a long journal starts quickly.

Work is counted in calls: no neighbour on the machine makes them more.
"""

import asyncio
import gc
import json
import sys

import pytest

from alerts.commands import Acknowledge
from alerts.engine import Engine
from alerts.judge import alarm_id
from alerts.load import IN_MS
from alerts.state import State
from streams.alarms.checkpoints import EVERY_BYTES, EVERY_RECORDS, Checkpoints, begun
from streams.alarms.order import Input
from streams.broker.topics import ALARMS, COMMANDS, JOURNAL
from streams.contract.stage import Message
from tests.alerts.writing import KEY, encoded
from tests.bench import flood
from tests.bench.system.alarm_engine import as_a_part
from tests.fakes import FakeBus

BEGIN_MS = 1_000
EVENTS = 200_000


def calls(work) -> int:
    """Count the calls of functions, and the steps of generators, that some work takes."""
    seen = 0

    def count(frame, what, arg):
        nonlocal seen
        seen += what in ("call", "c_call")

    gc.disable()  # what it finds is cleaned up by calls, too
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return seen


def engine_with(open_count: int) -> Engine:
    """An engine with so many alarms, each acknowledged for a time: of each something is due."""
    engine, found = Engine(KEY), flood.findings(open_count, BEGIN_MS)
    for offset in range(0, open_count, flood.RUN):
        engine.fold(engine.judge(flood.inputs(found, offset, min(flood.RUN, open_count - offset)), whole=True))
    taken = [acknowledged(number, 2_000_000 + number) for number in range(open_count)]
    for first in range(0, open_count, flood.RUN):
        engine.fold(engine.judge(taken[first : first + flood.RUN], whole=True))
    assert engine.counts()["done"] == open_count
    return engine


def standing(engine: Engine) -> dict:
    return {row: engine.projection(row) for row in engine.rows()}


def acknowledged(number: int, at_ms: int) -> Input:
    alarm = alarm_id(flood.finding(number, BEGIN_MS + number, 2))
    command = Acknowledge(
        id=f"k{at_ms}", city=flood.CITY, who="李敏", desk="2 号台", role="operator", alarm=alarm, for_ms=600_000
    )
    return Input(COMMANDS, at_ms, encoded(command), at_ms)


def news(level: int, at_ms: int, number: int = 7) -> Input:
    return flood.inputs(iter([flood.finding(number, at_ms, level)]), 10**6, 1)[0]


@pytest.fixture(scope="module")
def engines() -> tuple[Engine, Engine]:
    return engine_with(100), engine_with(4_000)


@pytest.mark.parametrize(
    "one",
    [news(3, BEGIN_MS + 7), news(3, 2_100_000), news(2, 2_200_000), acknowledged(7, 2_300_000)],
    ids=["a repeat", "the same again", "a rise", "a second acknowledgement"],
)
def test_an_input_costs_as_much_with_few_alarms_as_with_many(engines, one):
    def judge_and_fold(engine):
        record = engine.judge([one], whole=False)
        if record is not None:
            engine.fold(record)

    few, many = (calls(lambda engine=engine: judge_and_fold(engine)) for engine in engines)
    assert 0 < many < few * 1.5


def test_what_is_due_of_an_alarm_is_noted_once_however_often_it_changes():
    def end_after(changes: int) -> int:
        engine = engine_with(1)
        found = [news(3, 2_100_000 + place, 0) for place in range(changes)]
        engine.fold(engine.judge(found, whole=True))
        return calls(lambda: engine.judge([news(0, 2_700_000, 0)], whole=True))  # it lapses and ends meanwhile

    assert 0 < end_after(300) < end_after(3) * 1.5


def test_a_change_that_was_taken_back_is_due_when_it_was_before():
    """With what is due next looked for in between, which passes over what is not so at the moment."""
    engine = engine_with(1)
    due_ms = engine.next_due_ms
    state: State = engine._state
    (alarm,) = state.open.values()
    state.begin()
    state.close(alarm)
    assert state.next_due() is None
    state.take_back()
    assert due_ms is not None
    assert engine.next_due_ms == due_ms


def test_the_journal_of_a_flood_has_its_incidents_and_whoever_folds_it_stands_where_its_writer_does():
    writer, reader = Engine(), Engine()
    for value in flood.journal(writer, 2_000, 5_000, BEGIN_MS):
        assert reader.take(value) is not None
    late = flood.inputs(iter([flood.finding(0, BEGIN_MS + 2 * IN_MS, 3)]), 5_000, 1)
    assert reader.take(writer.judge(late, whole=True)) is not None
    assert writer.take(writer._ahead.value) is not None
    assert (reader.head, reader.covers, reader.counts()) == (writer.head, writer.covers, writer.counts())
    assert standing(reader) == standing(writer)
    assert (reader.counts()["raised"], reader.counts()["presented"]) == (2_000, 1)  # the others were shown at once
    folded = [json.loads(row)["under"] for of, row in standing(reader).items() if of.topic == ALARMS]
    assert {one["because"] for one in folded if one is not None} == {"place", "burst"}


@pytest.mark.timeout(600)
def test_a_start_with_a_long_journal_folds_its_end_and_is_as_before():
    async def scene():
        bus, before = FakeBus(), Engine()
        checkpoints = Checkpoints()
        for value in flood.journal(before, flood.OPEN, EVENTS, BEGIN_MS):
            bus.put(Message(JOURNAL, b"journal", value, partition=0))
            checkpoints.folded(bus.log(JOURNAL)[-1:], before)
            await checkpoints.tick(bus)
        found, tail = await begun(Engine, bus)
        assert sum(of.topic == ALARMS for of in found.rows()) == flood.OPEN
        assert (found.head, found.covers, found.counts()) == (before.head, before.covers, before.counts())
        assert standing(found) == standing(before)
        assert tail.end == len(bus.log(JOURNAL)) == EVENTS // flood.RUN
        assert tail.records < EVERY_RECORDS
        assert tail.size_bytes < 2 * EVERY_BYTES

    with as_a_part():
        asyncio.run(scene())
