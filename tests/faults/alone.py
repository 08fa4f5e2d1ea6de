"""What the alarm engine promises under faults: its journal tells what an undisturbed one tells of the same logs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from alerts.engine import Engine
from streams.alarms.alarm_stage import INPUTS, AlarmStage
from streams.broker import topics
from streams.contract.stage import Record
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.topic import records_of

if TYPE_CHECKING:
    from deploy.config.run import Run


def told_alone(run: Run, key: bytes) -> FakeBus:
    """Have a fresh engine judge all inputs of a city in one go → its topics."""
    bus = FakeBus(clock=FakeClock(int(time.time() * 1000)))
    for one in records_of(run.kafka, *INPUTS):
        bus.log(one.topic).append(Record(one.offset, one.key, one.value, one.timestamp, tuple(one.headers)))
    asyncio.run(_judged(bus, key))
    return bus


async def _judged(bus: FakeBus, key: bytes) -> None:
    host = FakeHost(AlarmStage(lambda: Engine(key), clock=bus.clock), bus)
    await host.start()
    await host.drain()


def journal(bus: FakeBus) -> list[bytes]:
    return [one.value or b"" for one in bus.log(topics.JOURNAL)]


def rows(bus: FakeBus) -> dict[str, bytes]:
    """Return the alarms that are open."""
    return {key.decode(): value for key, value in bus.newest(topics.ALARMS).items()}
