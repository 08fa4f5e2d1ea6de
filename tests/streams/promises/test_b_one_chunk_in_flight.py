"""design.md 6.2 b: "For one inbox partition intake works in offset order, one chunk in flight: the next is sent only
when all frames and dead letters of this one are acknowledged; then it writes its own small state …, then acks. A failed
send ends the process. So every writer, a zombie too, sends a gap-free rising sequence that begins at or before the last
committed offset."

So a crash or a refusal at any send loses nothing, and a second live intake that sends the same rows again, cut
otherwise, adds nothing. Without the guard: an intake that goes on after a failed send leaves a gap; one whose state is
ahead of its frames skips rows for good.
"""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from streams.contract.frames import ALL_ZONES, decode_header
from streams.errors import ExactnessError
from tests.fakes import FakeBus
from tests.streams.stack import INBOX, READINGS, CrashError, Fed, Stack, feed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from streams.contract.stage import Message

STATE = topics.state("intake", "traffic")


def records_of(seed: int) -> list[Fed]:
    return feed(random.Random(seed), with_marks=True)[:120] + feed(random.Random(seed), with_marks=True)[-2:]


def outcome(folder: Path, records: list[Fed]) -> dict[str, Any]:
    async def story() -> dict[str, Any]:
        stack = Stack(folder, records)
        await stack.start()
        await stack.drain()
        return stack.outcome()

    return asyncio.run(story())


def fail_at(bus: FakeBus, number: int, error: Exception) -> None:
    """Let the send of the bus's n-th message fail, that one only."""
    left = number

    def before(_: Message) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise error

    bus.before_send = before


@pytest.mark.parametrize("part", range(3))
def test_a_crash_at_any_send_loses_and_repeats_nothing(city_folder: Path, part: int) -> None:
    """One crash a run, at another send each time; restarts cut the rest in chunks of another size."""
    records = records_of(1)
    expected = outcome(city_folder, records)

    async def story(number: int) -> tuple[dict[str, Any], bool]:
        stack = Stack(city_folder, records)
        await stack.start()
        (intake,) = stack.intake.hosts
        fail_at(stack.bus, number, CrashError())
        try:
            while intake.behind():
                await intake.deliver(*intake.behind()[0], at_most=9)
            ended = False
        except CrashError:
            ended = True
        stack.bus.before_send = None
        await stack.intake.start()
        while stack.intake.hosts[0].behind():
            await stack.intake.hosts[0].deliver(*stack.intake.hosts[0].behind()[0], at_most=4)
        await stack.drain()
        return stack.outcome(), ended

    crashes = 0
    for number in range(1 + part, 200, 32):
        found, ended = asyncio.run(story(number))
        assert found == expected, number
        crashes += ended
    assert crashes > 2


def test_a_failed_send_ends_the_process_and_nothing_after_it_is_written(city_folder: Path) -> None:
    async def story() -> None:
        stack = Stack(city_folder, records_of(2))
        await stack.start()
        (intake,) = stack.intake.hosts
        await intake.deliver(INBOX, 0, at_most=10)
        states, sent = len(stack.bus.log(STATE, 0)), frames_sent(stack.bus)
        fail_at(stack.bus, 2, ExactnessError("refused"))
        with pytest.raises(ExactnessError):  # `run_stage` ends the process on it: tests/streams/engine/test_run.py
            await intake.deliver(INBOX, 0, at_most=10)
        assert len(stack.bus.log(STATE, 0)) == states == 1
        assert frames_sent(stack.bus) == sent + 1
        assert intake.committed[intake.behind()[0]] == 10

    asyncio.run(story())


def frames_sent(bus: FakeBus) -> int:
    return sum(len(bus.log(READINGS, partition)) for partition in range(2))


def test_every_writer_sends_a_rising_sequence_without_gaps_from_the_committed_offset(city_folder: Path) -> None:
    """In a zone's rows of a source no (offset, place) is left out, and between two writers each rises by itself."""

    async def story() -> None:
        stack = Stack(city_folder, records_of(3))
        await stack.start()
        (intake,) = stack.intake.hosts
        chance = random.Random(3)
        while intake.behind():
            await intake.deliver(*chance.choice(intake.behind()), at_most=chance.randint(1, 9))
        for partition in range(2):
            last: dict[tuple[str, int], tuple[int, int]] = {}
            for record in stack.bus.log(READINGS, partition):
                header = decode_header(record)
                key = (header.zone, header.source)
                assert last.get(key, (-1, -1)) < header.first <= header.last
                last[key] = header.last
        for partition in range(2):
            marks = [
                header.last[0]
                for header in map(decode_header, stack.bus.log(READINGS, partition))
                if header.zone == ALL_ZONES and header.source == 0
            ]
            assert all(before < after for before, after in pairwise(marks))

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(3))
def test_two_live_intakes_interleaved_with_cuts_of_their_own(city_folder: Path, seed: int) -> None:
    """A zombie that nobody told goes on sending, from an older offset and in other cuts, and writes its state too."""
    records = records_of(seed)
    expected = outcome(city_folder, records)

    async def story() -> dict[str, Any]:
        chance = random.Random(seed)
        stack = Stack(city_folder, records)
        await stack.start()
        (zombie,) = stack.intake.hosts
        await zombie.deliver(INBOX, 0, at_most=chance.randint(1, 40))
        await stack.intake.start()
        (living,) = stack.intake.hosts
        writers = [zombie, living]
        while behind := [host for host in writers if host.behind()]:
            host = chance.choice(behind)
            await host.deliver(*chance.choice(host.behind()), at_most=chance.randint(1, 9))
            if chance.random() < 0.05:
                await living.start()  # takes the state with the highest offset, whoever wrote it
        sent = sum(len(stack.bus.log(READINGS, partition)) for partition in range(2))
        assert sent > 2 * len(records) / 20
        await stack.zone.hosts[0].drain()
        await stack.second.hosts[0].drain()
        return stack.outcome()

    assert asyncio.run(story()) == expected


class Careless(FakeBus):
    """A bus that says nothing of what failed: the guard taken away."""

    async def send(self, messages: Iterable[Message]) -> None:
        try:
            await super().send(messages)
        except ExactnessError:
            return


def test_without_the_guard_a_failed_send_is_a_loss(city_folder: Path) -> None:
    records = records_of(1)

    async def story() -> dict[str, Any]:
        stack = Stack(city_folder, records)
        stack.bus.__class__ = Careless
        await stack.start()
        (intake,) = stack.intake.hosts
        fail_at(stack.bus, 1, ExactnessError("refused"))
        await intake.deliver(INBOX, 0, at_most=20)
        stack.bus.before_send = None
        await stack.drain()
        return stack.outcome()

    assert asyncio.run(story())["export"] != outcome(city_folder, records)["export"]


def test_without_the_guard_a_state_ahead_of_its_frames_is_a_loss(city_folder: Path) -> None:
    """The state is written first, the process ends before the frames: what 6.2 b forbids."""
    records = records_of(1)

    async def story() -> dict[str, Any]:
        stack = Stack(city_folder, records)
        await stack.start()
        ahead = Stack(city_folder, records)
        await ahead.start()
        await ahead.intake.hosts[0].deliver(INBOX, 0, at_most=20)
        newest = ahead.bus.log(STATE, 0)[-1]
        stack.bus.log(STATE, 0).append(newest)
        await stack.intake.start()
        await stack.drain()
        return stack.outcome()

    assert asyncio.run(story())["export"] != outcome(city_folder, records)["export"]
