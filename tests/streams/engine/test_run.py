"""The run loop: a void chunk is passed over, a gap or a bug ends the process, what is safe may be committed."""

import asyncio
import os
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.engine.pulse import Pulse
from streams.engine.run import EXIT_BROKEN, Host
from streams.engine.stage import Chunk, Record, TopicPartition
from streams.errors import ExactnessError

SOURCE = TopicPartition("t", 0)


class Taking:
    """A stage that notes the offsets it was given."""

    name, topics, tick_s = "taking", ("t",), 1.0

    def __init__(self, error=None):
        self.taken = []
        self.error = error

    async def absorb(self, chunk, bus):
        if self.error is not None:
            raise self.error
        self.taken += [record.offset for record in chunk.records]
        return True


@pytest.fixture
def ended(monkeypatch):
    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leave)


def host(stage, folder):
    """A host after its partition was assigned at offset 5, without Kafka behind it."""
    made = Host.__new__(Host)
    made.stage, made.bus, made.pulse = stage, None, Pulse("taking", "taking", folder)
    made.app = SimpleNamespace(consumer=SimpleNamespace(epoch=2, settled={}))
    made._next = {SOURCE: 5}
    made.pulse.assigned([SOURCE], made._next)
    return made


def chunk(first, count, begin, epoch=2):
    records = [Record(offset, None, b"", 0, ()) for offset in range(first, first + count)]
    return Chunk("t", 0, records, first + count, begin, epoch)


def test_what_is_taken_may_be_committed(tmp_path):
    stage = Taking()
    loop = host(stage, tmp_path)
    asyncio.run(loop._absorb(chunk(5, 3, begin=5)))
    assert stage.taken == [5, 6, 7]
    assert loop.app.consumer.settled == {TP("t", 0): 8}


def test_a_chunk_fetched_before_the_last_assignment_is_passed_over(tmp_path):
    stage = Taking()
    loop = host(stage, tmp_path)
    asyncio.run(loop._absorb(chunk(9, 2, begin=9, epoch=1)))
    assert stage.taken == []
    assert loop.app.consumer.settled == {}


@pytest.mark.parametrize("error", [None, ExactnessError("refused"), KeyError("a bug")], ids=["gap", "promise", "bug"])
def test_a_gap_a_broken_promise_and_a_bug_end_the_process(tmp_path, ended, capsys, error):
    loop = host(Taking(error), tmp_path)
    begin = 7 if error is None else 5
    with pytest.raises(SystemExit) as left:
        asyncio.run(loop._absorb(chunk(begin, 1, begin=begin)))
    assert left.value.code == EXIT_BROKEN
    said = capsys.readouterr().err
    assert {None: "records 5 to 6 were not delivered"}.get(error, str(error)) in said
