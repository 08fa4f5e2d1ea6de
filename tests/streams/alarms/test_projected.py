"""The topics of rows are as the journal says, whoever wrote to them, and whatever a crash left out."""

import asyncio

import pytest

from alerts.judge import alarm_id
from alerts.moving import UNDO_MS
from streams.alarms.alarm_stage import LOOK_TICKS
from streams.broker.topics import ALARMS, CHECKPOINTS, INCIDENTS, OUTCOMES
from streams.contract.stage import Message, Record
from tests.alerts.staging import Crash, city_version, crash_at, given_to, go_on, journal, lived, projected, started
from tests.alerts.writing import acknowledge, detection, faults, opened_at
from tests.fakes import FakeBus

AT_10 = opened_at(10)


def test_a_tombstone_that_was_not_sent_is_sent_by_the_next_start():
    bus = FakeBus()

    async def scene() -> None:
        host = await lived(bus, detection(3, 10), acknowledge(AT_10), UNDO_MS)
        given_to(bus, detection(0, 20))
        crash_at(bus, ALARMS, stored=False)
        with pytest.raises(Crash):
            await host.drain()
        assert list(projected(bus)) == [AT_10]
        await started(bus)

    asyncio.run(scene())
    assert projected(bus) == {}


def test_a_second_writers_late_row_does_not_stay():
    bus = FakeBus()

    async def scene() -> None:
        host = await lived(bus, detection(3, 10))
        late = bus.log(ALARMS)[-1].value
        for one in (acknowledge(AT_10), UNDO_MS, detection(0, 20)):
            await go_on(host, one)
        bus.put(Message(ALARMS, AT_10.encode(), late))
        bus.put(Message(ALARMS, b"\xff", b"nonsense"))
        for _ in range(LOOK_TICKS):
            await host.tick()

    asyncio.run(scene())
    assert bus.newest(ALARMS) == {}


class CountingBus(FakeBus):
    """A bus that counts what is read of the rows."""

    rows_read = 0

    async def read_all(self, topic: str, partition: int, offset: int = 0) -> list[Record]:
        found = await super().read_all(topic, partition, offset)
        self.rows_read += len(found) if topic == ALARMS else 0
        return found


def test_only_where_others_have_written_rows_are_read_again():
    bus = CountingBus()

    async def scene() -> list[int]:
        read = []
        host = await lived(bus, detection(3, 10))
        for strangers in (0, 1):
            given_to(bus, detection(2 - strangers, 20 + strangers))
            await host.drain()
            bus.rows_read = 0
            for _ in range(strangers):
                bus.put(Message(ALARMS, b"\xff", b"nonsense"))
            for _ in range(LOOK_TICKS):
                await host.tick()
            read.append(bus.rows_read)
        return read

    own = 1  # the row of the rise
    assert asyncio.run(scene()) == [0, own + 1]


@pytest.mark.parametrize("checkpoint", [True, False], ids=["from a checkpoint", "from the journal alone"])
def test_after_compaction_another_engine_has_exactly_the_same_alarms_and_no_ghost(checkpoint):
    bus = FakeBus()
    sensors = [f"s{number}" for number in range(1, 11)]
    raised = [detection(3, 10, entity=one) for one in sensors]
    taken = [acknowledge(alarm_id(one), f"k{number}") for number, one in enumerate(raised[:5])]
    ended = [detection(0, 100, entity=one) for one in sensors[:5]]
    without = city_version(2, [one for one in sensors if one not in {"s6", "s7"}])

    async def scene() -> None:
        host = await lived(bus, city_version(1, sensors), *raised, *taken, UNDO_MS, *ended, without)
        for _ in range(20):
            await host.tick()
        before = projected(bus)
        assert sorted(one["entity"] for one in before.values()) == ["s10", "s8", "s9"]
        for topic in (ALARMS, INCIDENTS, OUTCOMES, CHECKPOINTS):
            bus.compact(topic)
        if not checkpoint:
            bus.log(CHECKPOINTS).clear()
        written = len(bus.log(ALARMS))
        await (await started(bus)).drain()
        assert projected(bus) == before
        assert len(bus.log(ALARMS)) == written

    asyncio.run(scene())
    assert faults(journal(bus)) == []
