"""Two builds on one Kafka while one replaces the other, in both directions: nothing is misread or counted twice."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from streams.accounts.balance import account
from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import TopicPartition
from streams.errors import FrameError
from streams.intake.intake_stage import IntakeStage
from streams.saving import chains, snapshots
from streams.sinks.history.opening import open_history
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeHost
from tests.streams.accounts.audited_city import SPECS, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from streams.accounts.feeds import Feed
    from streams.contract.spec import Spec

INBOX, READINGS = topics.inbox("traffic"), topics.readings("traffic")
STATES = [topics.state(stage, "traffic") for stage in ("intake", "zone")]
IN_FRAMES = 5 * 96 + 1
"""Of the audited city's traffic."""
HEADERS = ("step.3", "snapshot.3")
"""Of the formats that only the newer build writes."""
NEWER = {**SPECS, "congestion": replace(SPECS["congestion"], state_version=SPECS["congestion"].state_version + 1)}


@contextmanager
def as_newer() -> Iterator[None]:
    """Run as a build that writes formats which the present one does not know."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "FORMAT", 3)
        patch.setattr(chains, "HEADER", HEADERS[0])
        patch.setattr(chains, "_HEADERS", {**chains._HEADERS, HEADERS[0]: 3})
        patch.setattr(snapshots, "HEADER", HEADERS[1])
        patch.setattr(snapshots, "HEADERS", (*snapshots.HEADERS, HEADERS[1]))
        yield


@contextmanager
def as_it_is() -> Iterator[None]:
    """Run as the present build."""
    yield


class Worker:
    """Intake and zone stage of one build, for some of the partitions."""

    def __init__(self, stack: Stack, newer: bool, specs: Mapping[str, Spec]) -> None:
        hosted = [Hosted(name, spec, spec.config()) for name, spec in specs.items() if not spec.second_level]
        self.intake = FakeHost(IntakeStage(stack.city), stack.bus)
        self.zone = FakeHost(ZoneStage(stack.city, hosted), stack.bus)
        self._as = as_newer if newer else as_it_is

    async def start(self, which: Sequence[int] = (0, 1)) -> None:
        with self._as():
            await self.intake.start([TopicPartition(INBOX, one) for one in which])
            await self.zone.start([TopicPartition(READINGS, one) for one in which])

    async def go_on(self, records: int) -> None:
        """Take so many records of each partition, and save."""
        with self._as():
            for host in (self.intake, self.zone):
                for source in host.positions:
                    await host.deliver(*source, at_most=records)
                await host.tick()

    async def drain(self) -> None:
        with self._as():
            for host in (self.intake, self.zone):
                await host.drain()
                await host.tick()


@pytest.fixture
def stack(city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
    return Stack(city_folder, open_history(tmp_path / "history.sqlite"))


def compacted(stack: Stack) -> list[tuple[str, str, int]]:
    """Let Kafka's cleaner run → topic, format and offset of the state of each record that is left."""
    found = []
    for topic in STATES:
        for partition in (0, 1):
            stack.bus.compact(topic, partition=partition)
            for record in stack.bus.log(topic, partition):
                name, value = record.headers[0]
                found.append((f"{topic}[{partition}]", name, int(value.split(b'"offset":')[1].split(b",")[0])))
    return found


def written(stack: Stack) -> int:
    return sum(stack.bus.bytes_put[topic] for topic in STATES)


async def told(stack: Stack, worker: Worker) -> Feed:
    """Let the rest be read, stored and booked → the audit of traffic."""
    await worker.drain()
    await stack.sink.drain()
    await stack.sink.tick()
    for host in (worker.intake, worker.zone, stack.sink):
        stack.report(host)
    await stack.sink.drain()
    await stack.sink.tick()
    feeds = account(stack.ledger())
    assert [problem for feed in feeds if feed.domain == "traffic" for problem in feed.problems] == []
    return next(feed for feed in feeds if feed.domain == "traffic")


def check(feed: Feed) -> None:
    assert (feed.in_frames, feed.duplicates) == (IN_FRAMES, 1)
    for mine in feed.processors.values():
        assert mine.used + sum(mine.dropped.values()) == IN_FRAMES


@pytest.mark.parametrize("specs", [SPECS, NEWER], ids=["formats", "formats and a processor"])
def test_an_older_build_lets_newer_state_be(specs: Mapping[str, Spec], stack: Stack) -> None:
    """Old has both partitions; new takes one, then both while old still writes; old is started again, and refuses."""

    async def story() -> Feed:
        await stack.restart()
        old = Worker(stack, newer=False, specs=SPECS)
        await old.start()
        await old.go_on(60)
        new = Worker(stack, newer=True, specs=specs)
        await new.start([1])
        await new.go_on(40)
        await old.start([0])
        await old.go_on(20)
        await new.start()
        await new.go_on(40)
        kept = {(place, offset) for place, name, offset in compacted(stack) if name in HEADERS}
        assert {place for place, _ in kept} == {f"{topic}[{one}]" for topic in STATES for one in (0, 1)}
        await old.go_on(10)  # it does not know yet that it has nothing any more
        assert kept <= {(place, offset) for place, name, offset in compacted(stack) if name in HEADERS}
        before = written(stack)
        late = Worker(stack, newer=False, specs=SPECS)
        for which in ([0], [1], [0, 1]):
            for host, topic in ((late.intake, INBOX), (late.zone, READINGS)):
                with pytest.raises(FrameError, match="newer CityWall"):
                    await host.start([TopicPartition(topic, one) for one in which])
        assert written(stack) == before
        places = dict(new.intake.positions) | dict(new.zone.positions)
        again = Worker(stack, newer=True, specs=specs)
        await again.start()
        assert all(
            again_at >= places[one]
            for one, again_at in [*again.intake.positions.items(), *again.zone.positions.items()]
        )
        return await told(stack, again)

    check(asyncio.run(story()))


def test_builds_that_differ_in_a_processor_replace_each_other_again_and_again(stack: Stack) -> None:
    """Old, new, old, new: the processor is rebuilt each time, all else goes on; each window is told, and once."""

    async def story() -> Feed:
        await stack.restart()
        for turn in range(4):
            worker = Worker(stack, newer=False, specs=NEWER if turn % 2 else SPECS)
            await worker.start()
            await worker.go_on(70)
        return await told(stack, worker)

    feed = asyncio.run(story())
    check(feed)
    assert feed.processors["congestion"].in_rows == IN_FRAMES
