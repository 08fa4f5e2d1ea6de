"""The topics of rows are as the journal says, whoever wrote to them, and whatever a crash left out."""

import asyncio

import pytest

from streams.alarms.alarm_stage import LOOK_TICKS
from streams.broker.topics import ALARMS
from streams.contract.stage import Message, Record
from tests.alerts.staging import Crash, crash_at, given_to, lived, projected, started
from tests.alerts.writing import acknowledge, detection, opened_at
from tests.fakes import FakeBus

AT_10 = opened_at(10)


def test_a_tombstone_that_was_not_sent_is_sent_by_the_next_start():
    bus = FakeBus()

    async def scene() -> None:
        host = await lived(bus, detection(3, 10), acknowledge(AT_10))
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
        given_to(bus, acknowledge(AT_10), detection(0, 20))
        await host.drain()
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
