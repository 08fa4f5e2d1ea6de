"""A start from a checkpoint: the same engine as from the journal's beginning, whatever became of the checkpoint."""

import asyncio

import pytest
from msgspec.structs import replace

from alerts.checkpoint import Checkpoint
from alerts.commands import End, Note, Where
from alerts.covers import Cover
from alerts.engine import Engine
from alerts.events import TimeReached
from alerts.journal import Head, seal, unseal
from alerts.moving import UNDO_MS
from alerts.state import State
from streams.alarms.checkpoints import LAST_KEY, SLOTS, begun
from streams.broker.topics import CHECKPOINTS, JOURNAL
from streams.contract.stage import Message
from streams.errors import FrameError
from tests.alerts.staging import go_on, lived, started
from tests.alerts.writing import acknowledge, commanded, detection, opened_at, undo
from tests.fakes import FakeBus

AT_10 = opened_at(10)
LIFE = (
    detection(3, 10),
    *(detection(2, 10, entity=f"e{number}") for number in range(30)),
    acknowledge(AT_10, for_ms=60_000),
    undo("k1", "k2"),
    commanded(Note, AT_10, "k3"),
    acknowledge(AT_10, "k4", for_ms=600_000),
    commanded(End, AT_10, "k5"),
    UNDO_MS,
    detection(0, 20, entity="e3"),
    detection(3, 20),
)


class Counting(Engine):
    """Counts the journal records that it folds."""

    folded = 0

    def take(self, value):
        self.folded += 1
        return super().take(value)


async def written(bus: FakeBus) -> None:
    """Live, with checkpoints every few records, each written whole."""
    host = await started(bus)
    for one in LIFE:
        await go_on(host, one)
        await host.tick()


def everything(engine: Engine) -> tuple:
    rows = {row: engine.projection(row) for row in engine.rows()}
    return engine.head, engine.covers, rows, engine.counts(), engine.next_due_ms


async def read_back(bus: FakeBus) -> tuple[Counting, Counting]:
    """An engine from what the bus has, and one from the journal alone."""
    found, _ = await begun(Counting, bus)
    plain = Counting()
    for record in bus.log(JOURNAL):
        plain.fold(record.value)
    return found, plain


def test_a_start_from_a_checkpoint_is_as_one_from_the_beginning():
    async def scene():
        bus = FakeBus()
        await written(bus)
        found, plain = await read_back(bus)
        assert everything(found) == everything(plain)
        assert found.folded <= 4 < plain.folded
        following = [detection(3, 30, entity="e3"), acknowledge(AT_10, "k9")]
        host = await lived(bus, *following)
        assert host.stage.books()["alarms:journal:0"]["counts"]["raised"] >= 31

    asyncio.run(scene())


def test_an_engine_that_never_lives_long_writes_checkpoints_too():
    """Each life adds one journal record to a tail that is as good as whole when 3 lie behind the newest."""

    async def scene():
        bus = FakeBus()
        for number in range(12):
            host = await lived(bus, detection(2, 10 + number, entity=f"e{number}"))
            for _ in range(3):
                await host.tick()
        found, tail = await begun(Counting, bus)
        assert tail.end == len(bus.log(JOURNAL)) == 12
        assert tail.records == found.folded <= 3
        whole = [record.key[:1] for record in bus.log(CHECKPOINTS) if record.key.endswith(LAST_KEY)]
        assert whole == [b"b", b"a", b"b", b"a"]  # the one before stays whole, whoever dies while it writes

    asyncio.run(scene())


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_pieces_that_are_missing_or_of_another_time_are_no_checkpoint(lost):
    async def scene():
        bus = FakeBus()
        await written(bus)
        keys = sorted(bus.newest(CHECKPOINTS))
        for key in keys[::lost]:
            bus.put(Message(CHECKPOINTS, key, b'nonsense" \xf9'))
        found, plain = await read_back(bus)
        assert everything(found) == everything(plain)

    asyncio.run(scene())


def test_a_state_that_this_version_takes_for_none_is_no_checkpoint_and_that_is_said(caplog):
    async def scene():
        bus = FakeBus()
        await written(bus)
        state = State()
        state.put_cover(Cover(id="k1", what="shelved", city="c", where=Where(entity="e" * 2001), who="a", at_ms=1))
        for slot in SLOTS:
            for key, value in Checkpoint(state, Head(9, "9"), {}, 9).records(slot):
                bus.put(Message(CHECKPOINTS, key, value))
        found, plain = await read_back(bus)
        assert everything(found) == everything(plain)
        assert "no checkpoint of the alarms can be used here" in caplog.text

    asyncio.run(scene())


def test_a_checkpoint_of_another_journal_is_left_alone():
    async def scene():
        bus, other = FakeBus(), FakeBus()
        await written(other)
        for key, value in other.newest(CHECKPOINTS).items():
            bus.put(Message(CHECKPOINTS, key, value))
        await lived(bus, *(detection(3, at_ms) for at_ms in range(100, 300)))
        bus.compact(CHECKPOINTS)
        found, plain = await read_back(bus)
        assert everything(found) == everything(plain)

    asyncio.run(scene())


def test_a_sealed_record_that_cannot_be_is_told_with_its_place_and_changes_nothing():
    async def scene():
        bus = FakeBus()
        await lived(bus, detection(3, 10), detection(2, 20))
        record, digest = unseal(bus.log(JOURNAL)[-1].value)
        impossible = TimeReached(alarm="nobody", what="closed", at_ms=5)
        bad = replace(record, seq=record.seq + 1, previous=digest, events=(impossible,), causes=(None,))
        bus.put(Message(JOURNAL, b"journal", seal(bad)))
        with pytest.raises(FrameError, match=r"record 3 cannot be: alarm nobody is not open.*offset 2"):
            await started(bus)

    asyncio.run(scene())
