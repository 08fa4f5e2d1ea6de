"""The run loop: a void chunk is passed over, a gap or a bug ends the process, what is safe may be committed."""

import asyncio
import json
import os
import sys
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.contract.stage import Chunk, Follows, Record, TopicPartition
from streams.engine.fallen import Fallen
from streams.engine.missing import Missing
from streams.engine.run import EXIT_BROKEN, Host
from streams.errors import ExactnessError
from streams.health.pulse import Pulse
from streams.transport.chunked import Chunked

SOURCE = TopicPartition("t", 0)


class Taking:
    """A stage that notes the offsets it was given."""

    name, topics, tick_s, linger_s = "taking", ("t",), 1.0, 0.0

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
    made.missing = Missing(stage, "127.0.0.1:1", made.pulse.counters.lost_records)
    made.app = SimpleNamespace(consumer=SimpleNamespace(epoch=2, settled={}))
    made._fallen = Fallen(stage)
    made.delivery = Chunked(made)
    made._next = {SOURCE: 5}
    made._loading = False
    made._follow_s, made._following = getattr(stage, "follow_s", None), None
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


def test_what_is_taken_is_told_in_the_pulse(tmp_path):
    loop = host(Taking(), tmp_path)
    asyncio.run(loop._absorb(chunk(5, 3, begin=5)))
    told = loop.pulse.beat({})
    assert (told["counters"]["chunk_records"]["sum"], told["counters"]["snapshots"]) == (3, 1)
    assert told["partitions"][0]["unsaved_s"] == 0.0


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


class Full(Taking):
    """A stage without room until its second tick."""

    ticks = 0

    async def absorb(self, chunk, bus):
        return None if self.ticks < 2 else await super().absorb(chunk, bus)

    async def tick(self, bus):
        self.ticks += 1
        return []


@pytest.mark.parametrize("reassigned", [False, True])
def test_a_chunk_without_room_is_offered_again_and_holds_up_nothing_else(tmp_path, reassigned):
    stage = Full()
    stage.tick_s = 0.0
    loop = host(stage, tmp_path)
    loop.bus = SimpleNamespace(running=True)
    loop._turn = asyncio.Lock()

    async def stream():
        yield chunk(5, 3, begin=5)

    async def story():
        taking = asyncio.create_task(loop._chunks(stream()))
        await asyncio.sleep(0)
        await loop._tick()  # the turn is free
        assert stage.taken == []
        assert loop.app.consumer.settled == {}
        if reassigned:
            loop.app.consumer.epoch += 1  # the chunk is void now: it comes again from where the state stands
        else:
            await loop._tick()
        await asyncio.wait_for(taking, 10)

    asyncio.run(story())
    assert stage.taken == ([] if reassigned else [5, 6, 7])
    assert loop.app.consumer.settled == ({} if reassigned else {TP("t", 0): 8})


class Following(Taking):
    """A stage whose tick follows its chunks."""

    follow_s = 0.01

    async def tick(self, bus):
        self.taken.append("tick")
        return []


def test_one_tick_follows_the_chunks_that_come_together(tmp_path):
    stage = Following()
    assert isinstance(stage, Follows)
    assert not isinstance(Taking(), Follows)
    loop = host(stage, tmp_path)
    loop.bus = SimpleNamespace(running=True)
    loop._turn = asyncio.Lock()

    async def story():
        await loop.take(chunk(5, 1, begin=5))
        await loop.take(chunk(6, 1, begin=6))
        await asyncio.sleep(10 * stage.follow_s)
        await loop.take(chunk(7, 1, begin=7))
        await asyncio.sleep(10 * stage.follow_s)

    asyncio.run(story())
    assert stage.taken == [5, 6, "tick", 7, "tick"]


@pytest.mark.parametrize(("end", "lag"), [(9, 0), (30, 21)])
def test_the_lag_is_known_from_the_start_and_counts_from_what_the_group_has_committed(tmp_path, end, lag):
    class Stateless(Taking):
        async def assigned(self, partitions, bus):
            return {}

    async def story():
        loop = host(Stateless(), tmp_path)
        loop._turn, loop.bus = asyncio.Lock(), SimpleNamespace(running=True)
        await loop.positions([SOURCE])
        loop.begun({SOURCE: 9}, {SOURCE: end})

    asyncio.run(story())
    (partition,) = json.loads((tmp_path / "pulses" / "taking.json").read_bytes())["partitions"]
    assert (partition["absorbed"], partition["end"], partition["lag_records"]) == (9, end, lag)


class Half(Taking):
    """A stage that has half of its state while it loads."""

    def __init__(self):
        super().__init__()
        self.whole = True

    async def assigned(self, partitions, bus):
        self.whole = False
        await asyncio.sleep(0.05)
        self.whole = True
        return {}

    async def tick(self, bus):
        assert self.whole
        self.taken.append("tick")
        return []

    def books(self):
        assert self.whole
        return {"book": {}}


@pytest.mark.parametrize("broken_off", [False, True])
def test_a_stage_with_half_of_its_state_is_asked_for_nothing_also_when_its_loading_was_broken_off(tmp_path, broken_off):
    stage = Half()
    loop = host(stage, tmp_path)
    told = []

    async def story():
        loop._turn, loop.bus = asyncio.Lock(), SimpleNamespace(running=True)
        loop.app.rebalancing = False
        loop.watchdog = SimpleNamespace(judge=lambda *_, **__: None)
        loop._reporting = SimpleNamespace(away=False, answer_s=0.0, beat=lambda books: told.append(set(books())))
        loop.delivery.ends = dict
        loading = asyncio.create_task(loop.positions([SOURCE]))
        await asyncio.sleep(0.01)
        await loop._report()
        if broken_off:
            loading.cancel()
        await asyncio.wait([loading])
        await loop._tick()
        await loop._report()

    asyncio.run(story())
    assert stage.taken == ([] if broken_off else ["tick"])
    assert told == [{"pulse:taking"}, {"pulse:taking"} if broken_off else {"pulse:taking", "book"}]


class FullDisk:
    """An output that takes nothing."""

    def write(self, _):
        raise OSError("No space left on device")

    flush = write


@pytest.mark.parametrize("error", [ExactnessError("refused"), KeyError("a bug")], ids=["promise", "bug"])
def test_a_process_that_cannot_say_why_it_ends_still_ends(tmp_path, ended, monkeypatch, error):
    loop = host(Taking(error), tmp_path)
    monkeypatch.setattr(sys, "stderr", FullDisk())
    with pytest.raises(SystemExit) as left:
        asyncio.run(loop._absorb(chunk(5, 1, begin=5)))
    assert left.value.code == EXIT_BROKEN
