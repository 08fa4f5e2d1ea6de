"""Which versions of the city a stage keeps in memory while newer ones come."""

import asyncio
from pathlib import Path

import pytest

from streams.broker import topics
from streams.city.known import KEPT, Cities
from streams.contract.frames import decode_header
from streams.contract.stage import Record
from streams.intake import followed_city
from streams.intake.intake_stage import IntakeStage
from tests.fakes import FakeBus, FakeHost
from tests.streams.moving import Life, fire_city, line, panels

MANY = KEPT + 3


def edited(life: Life, number: int) -> None:
    """Publish another version: f0 speaks at another interval."""
    line("f0", lambda one: ",".join([*one.split(",")[:6], str(10 + number), *one.split(",")[7:]]))(life.folder)
    life.publish()


class Counted(FakeBus):
    """Counts how often the versions are read."""

    reads = 0

    async def read_all(self, topic: str, partition: int, offset: int = 0) -> list[Record]:
        self.reads += topic == topics.CITIES
        return await super().read_all(topic, partition, offset)


def test_a_backlog_that_names_an_old_version_reads_it_once(tmp_path: Path):
    life = Life(fire_city(tmp_path), "fire")
    for number in range(1, MANY):
        edited(life, number)
    bus = Counted()
    for record in life.bus.log(topics.CITIES):
        bus.log(topics.CITIES).append(record)

    async def story() -> None:
        cities = Cities(life.folder, lambda: {3})
        await cities.begin(bus)
        for number in range(MANY, 1, -1):
            assert await cities.of(str(number), bus) is not None
        bus.reads = 0
        for _ in range(5):
            found = await cities.of("1", bus)
            assert found is not None
            assert cities.named(1) is found
        assert bus.reads == 1
        assert cities.named(3).number == 3  # it is in use
        assert cities.named(MANY) is cities.newest
        assert cities.named(4) is cities.newest  # nobody has asked for it of late

    asyncio.run(story())


def test_intake_works_a_backlog_off_by_the_version_that_its_state_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It begins behind its log, and the city is edited many times before it has caught up."""
    monkeypatch.setattr(followed_city, "LOOK_EVERY_S", 0.0)
    life, readings = Life(fire_city(tmp_path), "fire"), panels(10)
    inbox, frames = topics.inbox("fire"), topics.readings("fire")

    async def story() -> None:
        await life.begin()
        life.send(*readings[0])
        await life.hosts[0].drain()
        for came_ms, reading in readings[1:]:
            life.send(came_ms, reading)
        intake = FakeHost(IntakeStage(life.folder), life.bus)
        await intake.start()
        for number in range(1, MANY):
            edited(life, number)
            await intake.tick()
            await intake.deliver(inbox, 0, at_most=2)
        assert {decode_header(one).version for one in life.bus.log(frames)} == {"1"}
        await intake.drain()
        await intake.tick()
        assert decode_header(life.bus.log(frames)[-1]).version == str(MANY)

    asyncio.run(story())
