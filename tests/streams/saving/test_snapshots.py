"""Snapshots on their way to Kafka and back."""

import asyncio
import random

import pytest

from streams.contract.stage import Message
from streams.errors import FrameError
from streams.saving import snapshots
from streams.saving.versions import Form
from tests.fakes import FakeBus

TOPIC = "city.state.v1.toy"
FORM = Form(3, "its shape")


def stored(*states: tuple[int, bytes]) -> FakeBus:
    bus = FakeBus()
    for offset, state in states:
        bus.put(snapshots.to_message(TOPIC, 0, offset, state, FORM))
    return bus


@pytest.mark.parametrize("state", [b"", b"x", random.Random(1).randbytes(3_000_000)], ids=["empty", "small", "large"])
def test_a_state_comes_back_as_it_was(state: bytes) -> None:
    assert asyncio.run(snapshots.load(stored((7, state)), TOPIC, 0)) == (7, state, FORM)


def test_the_one_that_contains_most_counts() -> None:
    assert asyncio.run(snapshots.load(stored((5, b"new"), (3, b"a zombie's")), TOPIC, 0)) == (5, b"new", FORM)
    assert asyncio.run(snapshots.load(stored(), TOPIC, 0)) is None


def test_a_state_of_numbers_travels_in_a_fraction_of_its_size() -> None:
    state = b"".join(number.to_bytes(8, "little") for number in range(10_000))
    assert len(snapshots.to_message(TOPIC, 0, 1, state, FORM).value or b"") < len(state) / 2


def test_a_snapshot_of_a_newer_format_is_not_read() -> None:
    bus = stored((5, b"known"))
    bus.put(Message(TOPIC, b"state", b"?", 0, (("snapshot.3", b"{}"),)))
    with pytest.raises(FrameError, match="newer CityWall"):
        asyncio.run(snapshots.load(bus, TOPIC, 0))
