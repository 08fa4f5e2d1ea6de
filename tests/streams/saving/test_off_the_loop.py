"""A state is packed beside the event loop and sent piece by piece, and a save that was cut off leaves a right one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from streams.contract.stage import Message
from streams.saving import chains
from streams.saving import state as state_codec
from streams.saving.chains import Chain, load
from streams.saving.pieces import joined
from tests.fakes import FakeBus

if TYPE_CHECKING:
    from collections.abc import Iterable

TOPIC = "city.state.v1.toy"


@dataclass
class Sums:
    cells: NDArray[np.int64] = field(default_factory=lambda: np.zeros(300, np.int64))


async def saved(bus: FakeBus) -> list[int]:
    found = await load(bus, TOPIC, 0)
    return [] if found.tree is None else state_codec.decode(Sums, joined(found.tree)).cells.tolist()


@pytest.mark.parametrize("saved_before_count", [0, 5])
def test_what_a_save_that_was_cut_off_had_packed_is_packed_again(saved_before_count: int) -> None:
    async def story() -> None:
        bus, chain, state = FakeBus(), Chain(TOPIC, 0), Sums()
        for number in range(saved_before_count):
            state.cells[number] = 1
            await chain.save(bus, number, state)

        def cancel(_: Message) -> None:
            raise asyncio.CancelledError

        bus.before_send = cancel
        state.cells[100] = 7
        with pytest.raises(asyncio.CancelledError):
            await chain.save(bus, 8, state)
        bus.before_send = None
        state.cells[200] = 8
        await chain.save(bus, 9, state)
        assert await saved(bus) == state.cells.tolist()

    asyncio.run(story())


@dataclass
class Slow:
    """A state that can be looked at only while the event loop goes on."""

    cells: int
    looked: ClassVar[asyncio.AbstractEventLoop]

    def __getattribute__(self, name: str) -> object:
        if name == "cells":
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), Slow.looked).result(timeout=20)
        return super().__getattribute__(name)


def test_the_event_loop_goes_on_while_a_state_is_packed() -> None:
    async def story() -> None:
        Slow.looked = asyncio.get_running_loop()
        bus = FakeBus()
        await Chain(TOPIC, 0).save(bus, 7, Slow(5))
        assert (await load(bus, TOPIC, 0)).offset == 7

    asyncio.run(story())


def test_a_large_step_is_sent_record_by_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A send makes all that it is given into batches before it waits for anything."""
    monkeypatch.setattr(chains, "PART_BYTES", 100)

    class Counting(FakeBus):
        most_count = 0

        async def send(self, messages: Iterable[Message]) -> None:
            listed = list(messages)
            self.most_count = max(self.most_count, len(listed))
            await super().send(listed)

    async def story() -> None:
        bus = Counting()
        state = Sums(np.random.default_rng(1).integers(0, 2**60, 300))
        await Chain(TOPIC, 0).save(bus, 1, state)
        assert len(bus.log(TOPIC)) > 20  # 2,400 bytes that no compression makes less
        assert bus.most_count == 1
        assert await saved(bus) == state.cells.tolist()

    asyncio.run(story())
