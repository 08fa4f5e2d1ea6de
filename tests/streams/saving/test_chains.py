"""Chains of steps: whoever writes, whenever a process ends, whatever compaction took, a whole state is found."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from streams.contract.stage import Message
from streams.errors import ExactnessError, FrameError
from streams.saving import chains
from streams.saving import state as state_codec
from streams.saving.chains import RECORD_BYTES, Chain, load
from streams.saving.pieces import joined
from tests.fakes import FakeBus

TOPIC = "city.state.v1.toy"


class CrashError(Exception):
    """Stands for the end of a process."""


@dataclass
class Log:
    """A state that is a function of how far its input was read: numbers, and windows that come and go."""

    read: int = 0
    cells: NDArray[np.int64] = field(default_factory=lambda: np.zeros(500, np.int64))
    windows: dict[int, bytes] = field(default_factory=dict)

    def take(self, offset: int) -> None:
        assert offset == self.read
        chance = random.Random(offset)
        self.read = offset + 1
        self.cells[chance.randrange(500)] += chance.randrange(2**40)
        self.windows[offset // 10] = chance.randbytes(200)
        self.windows.pop(offset // 10 - 5, None)


def log_of(offset: int) -> Log:
    state = Log()
    for one in range(offset):
        state.take(one)
    return state


async def loaded(bus: FakeBus) -> tuple[int, Log, tuple[bytes, ...]]:
    found = await load(bus, TOPIC, 0)
    state = Log() if found.tree is None else state_codec.decode(Log, joined(found.tree))
    return found.offset, state, found.keys


class Writer:
    """One process that reads the input and saves; `start` forgets all that was in memory."""

    def __init__(self, bus: FakeBus) -> None:
        self.bus = bus

    async def start(self) -> None:
        self.offset, self.state, keys = await loaded(self.bus)
        self.chain = Chain(TOPIC, 0, keys)

    async def go_on(self, count: int) -> None:
        for _ in range(count):
            self.state.take(self.offset)
            self.offset += 1
        await self.chain.save(self.bus, self.offset, self.state)


async def right(bus: FakeBus, least: int) -> int:
    """Check that what is read is the state of its offset → that offset."""
    offset, state, _ = await loaded(bus)
    assert offset >= least
    assert state_codec.encode(state) == state_codec.encode(log_of(offset))
    return offset


@pytest.mark.parametrize("part_bytes", [300, 10**6], ids=["in parts", "whole"])
@pytest.mark.parametrize("seed", range(12))
def test_any_mix_of_writers_crashes_and_compaction_leaves_a_right_state(
    seed: int, part_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains, "PART_BYTES", part_bytes)
    monkeypatch.setattr(chains, "BLOCK_BYTES", part_bytes)
    chance = random.Random(seed)

    def maybe_crash(_: Message) -> None:
        if chance.random() < 0.02:
            raise CrashError

    async def story() -> None:
        bus = FakeBus()
        writers = [Writer(bus) for _ in range(2 + seed % 2)]
        for writer in writers:
            await writer.start()
        saved = False
        for _ in range(150):
            writer = chance.choice([writers[0], *writers])
            bus.before_send = maybe_crash
            try:
                await writer.go_on(chance.randrange(4))
                saved = True
            except CrashError:
                bus.before_send = None
                await writer.start()
            bus.before_send = None
            if chance.random() < 0.2:
                bus.compact(TOPIC, chance.randrange(len(bus.log(TOPIC)) + 1))
            await right(bus, 0)
            assert not saved or (await load(bus, TOPIC, 0)).tree is not None

    asyncio.run(story())


def test_one_writer_never_falls_back_behind_what_it_saved() -> None:
    async def story() -> None:
        bus = FakeBus()
        writer = Writer(bus)
        await writer.start()
        for number in range(200):
            await writer.go_on(1)
            bus.compact(TOPIC)
            assert await right(bus, writer.offset) == writer.offset
            if number % 17 == 0:
                await writer.start()

    asyncio.run(story())


def test_a_zombie_writes_on_and_takes_nothing_from_the_living() -> None:
    async def story() -> None:
        bus = FakeBus()
        zombie, living = Writer(bus), Writer(bus)
        await zombie.start()
        await zombie.go_on(5)
        await living.start()
        await living.go_on(20)
        for _ in range(60):
            await zombie.go_on(0)  # stands at 5 and saves that again and again, new chains too
            bus.compact(TOPIC)
            assert await right(bus, 25) == 25

    asyncio.run(story())


def test_a_step_that_was_cut_off_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "PART_BYTES", 100)

    async def story() -> None:
        bus = FakeBus()
        writer = Writer(bus)
        await writer.start()
        await writer.go_on(30)
        await writer.go_on(3)
        last = bus.log(TOPIC).pop()
        assert await right(bus, 30) == 30  # the step to 33 lacks its last part
        bus.log(TOPIC).append(last)
        assert await right(bus, 33) == 33

    asyncio.run(story())


def test_the_chain_before_stays_until_the_new_one_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "PART_BYTES", 100)

    async def story() -> None:
        bus = FakeBus()
        writer = Writer(bus)
        await writer.start()
        await writer.go_on(30)
        await writer.start()
        sent = 0

        def crash_in_the_middle(_: Message) -> None:
            nonlocal sent
            sent += 1
            if sent > 2:
                raise CrashError

        bus.before_send = crash_in_the_middle
        with pytest.raises(CrashError):
            await writer.go_on(10)
        bus.before_send = None
        bus.compact(TOPIC)
        assert await right(bus, 30) == 30
        await writer.start()
        await writer.go_on(1)
        bus.compact(TOPIC)
        headers = {dict(one.headers)[chains.HEADER] for one in bus.log(TOPIC)}
        assert len({header[:30] for header in headers}) == 1  # what the crash left behind is deleted, too

    asyncio.run(story())


def test_what_is_read_at_a_start_and_what_is_written_are_bounded_by_state_and_change() -> None:
    """Read: at most twice the full step and one step. Written: at most twice the changes and one full step."""

    async def story() -> None:
        bus = FakeBus()
        writer = Writer(bus)
        await writer.start()
        first = await full_bytes(writer.state)
        changes = 0
        for _ in range(400):
            await writer.go_on(1)
            bus.compact(TOPIC)
            kept = sum(len(one.value or b"") + RECORD_BYTES for one in bus.log(TOPIC))
            full = await full_bytes(writer.state)
            changes += 300 + RECORD_BYTES  # a window of 200 random bytes, its XOR or path, a cell
            assert kept <= 2 * (full + 1000) + RECORD_BYTES
        assert written(bus) <= 2 * changes + first + full

    asyncio.run(story())


async def full_bytes(state: Log) -> int:
    return await Chain(TOPIC, 0).save(FakeBus(), 0, state)


def written(bus: FakeBus) -> int:
    return bus.bytes_put[TOPIC]


def test_a_state_whose_beginning_is_lost_is_no_empty_state() -> None:
    async def story() -> None:
        bus = FakeBus()
        writer = Writer(bus)
        await writer.start()
        await writer.go_on(9)
        await writer.go_on(1)
        del bus.log(TOPIC)[0]
        with pytest.raises(ExactnessError, match=r"city.state.v1.toy\[0\] has lost its state's beginning"):
            await load(bus, TOPIC, 0)

    asyncio.run(story())


def test_the_very_first_step_may_be_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "PART_BYTES", 100)

    async def story() -> None:
        bus = FakeBus()
        writer = Writer(bus)
        await writer.start()
        await writer.go_on(9)
        del bus.log(TOPIC)[2:]
        assert await right(bus, 0) == 0

    asyncio.run(story())


def test_a_newer_versions_state_is_named() -> None:
    bus = FakeBus()
    bus.put(Message(TOPIC, b"a/0/0", b"new", 0, (("step.3", b"{}"),)))
    with pytest.raises(FrameError, match="newer CityWall"):
        asyncio.run(load(bus, TOPIC, 0))
