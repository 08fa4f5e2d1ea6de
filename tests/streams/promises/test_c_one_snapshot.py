"""design.md 6.2 c: "The zone stage keeps, per source, the last (offset, place) absorbed, skips rows at or below it,
and saves it in the *same* snapshot as everything else it knows … Chunks are acked after the snapshot. At start a stage
takes the snapshot with the highest offset (an older one behind it is a zombie's) and reads on from *that* offset,
seeking back where the group has committed further; intake does the same with its state."

So a frame sent twice, a crash at any send and two live zone workers change nothing. Without the guard: rows that are
not cut count again in the books, a state and an offset of two snapshots lose or repeat rows, and reading on from the
committed offset leaves a gap. How a snapshot is stored is tested in tests/streams/saving/test_chains.py.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from streams.contract.stage import Message
from streams.saving import chains
from streams.zone import zone_stage
from tests.streams.stack import READINGS, Fed, Stack, feed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from streams.contract.stage import Bus

STATE = topics.state("zone", "traffic")


@pytest.fixture(autouse=True)
def _save_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


def records_of(seed: int) -> list[Fed]:
    return feed(random.Random(seed), with_marks=True)


def outcome(
    folder: Path, records: list[Fed], trouble: Callable[[Stack, random.Random], Coroutine[Any, Any, None]] | None = None
) -> dict[str, Any]:
    """Let intake run, then trouble, then the rest → the outcome."""

    async def story() -> dict[str, Any]:
        stack = Stack(folder, records)
        await stack.start()
        (intake,) = stack.intake.hosts
        while behind := intake.behind():
            for source in behind:
                await intake.deliver(*source, at_most=6)
        if trouble is not None:
            await trouble(stack, random.Random(7))
            stack.bus.before_send = None
        await stack.drain()
        return stack.outcome()

    return asyncio.run(story())


async def frames_sent_twice(stack: Stack, chance: random.Random) -> None:
    """Each partition's frames come again, from some offset on, as a zombie intake sends them."""
    for partition in range(2):
        log = list(stack.bus.log(READINGS, partition))
        for record in log[chance.randrange(5) :]:
            stack.bus.put(Message(READINGS, record.key or b"", record.value, partition, record.headers))


async def crashes(stack: Stack, chance: random.Random) -> None:
    """Zone workers end before sends of rows and of snapshots."""
    stack.crash_now_and_then(chance, 0.03)
    await stack.wander(chance, at_most=9)


async def two_live_workers(stack: Stack, chance: random.Random) -> None:
    """A zombie and the living one absorb the same partitions, each at its pace; both write rows and snapshots."""
    (zombie,) = stack.zone.hosts
    await zombie.deliver(READINGS, 0, at_most=10)
    await stack.zone.start()
    (living,) = stack.zone.hosts
    while behind := [host for host in (zombie, living) if host.behind()]:
        host = chance.choice(behind)
        await host.deliver(*chance.choice(host.behind()), at_most=chance.randint(1, 12))
        stack.bus.compact(STATE, None, chance.randrange(2))
        if chance.random() < 0.1:
            await living.start()


async def an_older_snapshot_behind(stack: Stack, chance: random.Random) -> None:
    """A zombie saves once more what it knew long ago, after all others; then everything starts again."""
    (zombie,) = stack.zone.hosts
    for partition in range(2):
        await zombie.deliver(READINGS, partition, at_most=10)
    old = {source: held.offset for source, held in zone_of(zombie)._partitions.items()}
    await stack.zone.start()
    (living,) = stack.zone.hosts
    await living.drain()
    reached = dict(living.positions)
    for held in zone_of(zombie)._partitions.values():
        await zone_of(zombie)._save(held, stack.bus)
    await stack.zone.start()
    positions = stack.zone.hosts[0].positions
    assert all(positions[source] == reached[source] > offset for source, offset in old.items() if offset)


async def the_group_has_committed_further(stack: Stack, _: random.Random) -> None:
    """The newest snapshots are lost, the commits are not: the stage seeks back to what its state contains."""
    (host,) = stack.zone.hosts
    for partition in range(2):
        await host.deliver(READINGS, partition, at_most=15)
    kept = [list(stack.bus.log(STATE, partition)) for partition in range(2)]
    await host.drain()
    for partition in range(2):
        stack.bus.log(STATE, partition)[:] = kept[partition]
    assert all(stack.zone.committed[source] > 15 for source in host.positions if source.topic == READINGS)
    await stack.zone.start()
    assert all(position == 15 for source, position in stack.zone.hosts[0].positions.items() if source.topic == READINGS)


TROUBLES = [
    frames_sent_twice,
    crashes,
    two_live_workers,
    an_older_snapshot_behind,
    the_group_has_committed_further,
]


def zone_of(host: Any) -> zone_stage.ZoneStage:
    stage = host.stage
    assert isinstance(stage, zone_stage.ZoneStage)
    return stage


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("seed", [1, 4])
def test_it_changes_nothing(city_folder: Path, seed: int, trouble: Any) -> None:
    records = records_of(seed)
    assert outcome(city_folder, records, trouble) == outcome(city_folder, records)


def test_without_the_cut_a_frame_sent_twice_counts_again(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = outcome(city_folder, records_of(1))
    absorb = zone_stage.absorb

    def forgetful(zone: Any, state: Any, *rest: Any) -> Any:
        state.absorbed.clear()
        return absorb(zone, state, *rest)

    monkeypatch.setattr(zone_stage, "absorb", forgetful)
    assert outcome(city_folder, records_of(1), frames_sent_twice)["books"] != expected["books"]


def test_without_one_snapshot_for_state_and_offset_rows_are_lost(
    city_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = outcome(city_folder, records_of(1))
    load = chains.load

    async def torn(bus: Bus, topic: str, partition: int) -> chains.Found:
        newest = await load(bus, topic, partition)
        return newest if newest.tree is None else newest._replace(tree={})  # the offset of one, the state of another

    async def restarted_half_way(stack: Stack, _: random.Random) -> None:
        for partition in range(2):
            await stack.zone.hosts[0].deliver(READINGS, partition, at_most=20)
        await stack.zone.start()

    assert outcome(city_folder, records_of(1), restarted_half_way) == expected
    monkeypatch.setattr(chains, "load", torn)
    assert outcome(city_folder, records_of(1), restarted_half_way)["export"] != expected["export"]


def test_without_seeking_back_to_the_snapshot_there_is_a_gap(
    city_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = outcome(city_folder, records_of(1))
    assigned = zone_stage.ZoneStage.assigned

    async def from_the_committed_offset(self: Any, *rest: Any) -> dict[Any, int]:
        await assigned(self, *rest)
        return {}

    async def lost_and_restarted(stack: Stack, _: random.Random) -> None:
        (host,) = stack.zone.hosts
        for partition in range(2):
            await host.deliver(READINGS, partition, at_most=15)
        kept = [list(stack.bus.log(STATE, partition)) for partition in range(2)]
        await host.drain()
        stack.bus.log(topics.METRICS).clear()
        for partition in range(2):
            stack.bus.log(STATE, partition)[:] = kept[partition]
        await stack.zone.start()

    assert outcome(city_folder, records_of(1), lost_and_restarted)["books"] == expected["books"]
    monkeypatch.setattr(zone_stage.ZoneStage, "assigned", from_the_committed_offset)
    assert outcome(city_folder, records_of(1), lost_and_restarted)["books"] != expected["books"]
