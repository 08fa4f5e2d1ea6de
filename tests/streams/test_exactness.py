"""Intake and zone stage together: whatever is cut, repeated, killed or sent twice, the city's numbers are the same."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from processors import congestion
from streams import topics
from streams.engine.stage import Message, TopicPartition
from streams.intake_stage import IntakeStage
from streams.metric_codec import decode_metrics
from streams.zone import Hosted
from streams.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE_MS = 60_000
START_MS = 1_699_999_980_000
"""A whole minute."""
INBOX = topics.inbox("traffic")
PARTITIONS = {
    INBOX: 2,
    topics.readings("traffic"): 2,
    topics.state("intake", "traffic"): 2,
    topics.state("zone", "traffic"): 2,
}

Row = dict[str, Any]


class CrashError(Exception):
    """Stands for the end of a process."""


def feed(chance: random.Random, with_marks: bool) -> list[tuple[int, bytes, tuple[tuple[str, bytes], ...]]]:
    """Make (inbox partition, value, headers) of about 250 readings of ten minutes, dirt included."""
    records: list[tuple[int, bytes, tuple[tuple[str, bytes], ...]]] = []
    for second in range(0, 600, 4):
        for _ in range(chance.randint(0, 3)):
            sensor = chance.randrange(8)
            at_ms = START_MS + second * 1000 + chance.randrange(4000)
            if chance.random() < 0.1 and not with_marks:
                at_ms -= chance.choice([3_000, 30_000, 200_000])
            row: Row = {
                "sensor": f"d{sensor}",
                "at": at_ms,
                "speed_km_h": chance.randint(5, 90),
                "flow_veh_h": chance.randint(0, 900),
            }
            value = (
                json.dumps(row).encode()
                if chance.random() < 0.8
                else json.dumps([row, {**row, "at": at_ms + 1}]).encode()
            )
            records += [(sensor % 2, value, ())] * chance.choice([1, 1, 1, 2])
        if chance.random() < 0.05:
            records.append((chance.randrange(2), chance.choice([b"rubbish", b"[]", b'{"sensor":"nobody","at":1}']), ()))
        if with_marks and second % 20 == 0:
            mark = (("mark", str(START_MS + second * 1000 - 10_000).encode()),)
            records += [(0, b"", mark), (1, b"", mark)]
    end = (("mark", str(START_MS + 3_600_000).encode()),)
    return [*records, (0, b"", end), (1, b"", end)] if with_marks else records


def fill(bus: FakeBus, records: list[tuple[int, bytes, tuple[tuple[str, bytes], ...]]]) -> None:
    for partition, value, headers in records:
        bus.put(Message(INBOX, b"", value, partition, headers))


class Stack:
    """Both stages on one bus; `restart` forgets all that was in memory."""

    def __init__(self, folder: Path, records: list[tuple[int, bytes, tuple[tuple[str, bytes], ...]]]) -> None:
        self.folder = folder
        self.bus = FakeBus(PARTITIONS, FakeClock(START_MS + 11 * MINUTE_MS))
        fill(self.bus, records)

    async def restart(self) -> None:
        hosted = [Hosted("congestion", congestion.SPEC, congestion.SPEC.config())]
        self.intake = FakeHost(IntakeStage(self.folder), self.bus)
        self.zone = FakeHost(ZoneStage(self.folder, hosted), self.bus)
        await self.intake.start()
        await self.zone.start()

    def outcome(self) -> dict[str, Any]:
        """Return the newest revision of each row, and the books of both stages."""
        rows: dict[tuple[Any, ...], tuple[int, Any]] = {}
        for record in self.bus.log(topics.METRICS):
            found = decode_metrics(record.value or b"").rows
            for i in range(len(found)):
                identity = (found.entity[i], found.metric[i], int(found.at_ms[i]), int(found.window_s[i]))
                value = (
                    int(found.revision[i]),
                    (str(found.value[i]), int(found.numerator[i]), int(found.denominator[i]), int(found.count[i])),
                )
                rows[identity] = max(rows.get(identity, (-1, None)), value, key=lambda one: one[0])
        intake: Counter[str] = Counter()
        for book in self.intake.stage.books().values():
            intake.update({"readings_in": book["counts"]["readings_in"], **book["counts"]["dead_lettered"]})
        zone: Counter[str] = Counter()
        for state in self._zones():
            for counts in state.counts.values():
                zone.update(in_frames=counts.in_frames, duplicates=counts.duplicates, too_late=counts.too_late)
            zone.update({f"dropped_{reason}": n for reason, n in state.dropped.get("congestion", {}).items()})
        return {"rows": rows, "intake": dict(intake), "zone": dict(zone)}

    def _zones(self) -> Iterator[Any]:
        stage = self.zone.stage
        assert isinstance(stage, ZoneStage)
        for held in stage._partitions.values():
            yield from held.zones.values()


def whole(folder: Path, records: list[tuple[int, bytes, tuple[tuple[str, bytes], ...]]]) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        stack = Stack(folder, records)
        await stack.restart()
        await stack.intake.drain()
        await stack.zone.drain()
        return stack.outcome()

    return asyncio.run(run())


def troubled(
    folder: Path, records: list[tuple[int, bytes, tuple[tuple[str, bytes], ...]]], chance: random.Random
) -> dict[str, Any]:
    """Run in random small chunks, with processes that die before or between sends and come back."""

    def maybe_crash(_: Message) -> None:
        if chance.random() < 0.01:
            raise CrashError

    async def run() -> dict[str, Any]:
        stack = Stack(folder, records)
        await stack.restart()
        stack.bus.before_send = maybe_crash
        quiet = 0
        while quiet < 8:
            try:
                host = chance.choice([stack.intake, stack.zone])
                source = chance.choice(list(host.positions))
                quiet = 0 if await host.deliver(*source, at_most=chance.randint(1, 25)) else quiet + 1
                if chance.random() < 0.1:
                    await host.tick()
            except CrashError:
                await stack.restart()
            quiet = (
                0
                if any(
                    stack.bus.log(*one)[host.positions[one] :]
                    for host in (stack.intake, stack.zone)
                    for one in host.positions
                    if one.topic in PARTITIONS
                )
                else quiet
            )
        return stack.outcome()

    return asyncio.run(run())


@pytest.mark.parametrize("with_marks", [True, False], ids=["with marks", "without marks"])
@pytest.mark.parametrize("seed", range(8))
def test_cuts_crashes_and_repeats_change_nothing(
    city_folder: Path, seed: int, with_marks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.snapshots.pause_s", lambda _: 0.0 if seed % 2 else 0.002)
    records = feed(random.Random(seed), with_marks)
    expected = whole(city_folder, records)
    assert expected["rows"]
    assert troubled(city_folder, records, random.Random(seed + 1000)) == expected


def test_the_books_balance_and_agree_with_a_plain_count(city_folder: Path) -> None:
    records = feed(random.Random(5), with_marks=True)
    outcome = whole(city_folder, records)
    readings = refused = 0
    distinct = set()
    for _, value, headers in records:
        if headers:
            continue
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        rows = found if isinstance(found, list) else [found]
        readings += max(len(rows), 1)
        refused += 1 if not rows else sum(row is None or row["sensor"] == "nobody" for row in rows)
        distinct |= {(row["sensor"], row["at"]) for row in rows if row and row["sensor"] != "nobody"}
    intake, zone = outcome["intake"], outcome["zone"]
    assert intake["readings_in"] == readings
    assert intake["undecodable"] + intake["empty"] + intake["unknown_sensor"] == refused
    assert zone["in_frames"] == len(distinct)
    assert readings == zone["in_frames"] + zone["duplicates"] + zone["too_late"] + refused


def test_a_frame_that_a_zombie_sends_again_is_not_counted_again(city_folder: Path) -> None:
    records = feed(random.Random(7), with_marks=True)

    async def run() -> dict[str, Any]:
        stack = Stack(city_folder, records)
        await stack.restart()
        await stack.intake.drain()
        topic = topics.readings("traffic")
        for partition in (0, 1):
            for record in list(stack.bus.log(topic, partition))[3:]:
                stack.bus.put(Message(topic, record.key or b"", record.value, partition, record.headers))
        await stack.zone.drain()
        return stack.outcome()

    assert asyncio.run(run()) == whole(city_folder, records)


def test_the_snapshot_with_the_highest_offset_counts(city_folder: Path) -> None:
    records = feed(random.Random(9), with_marks=True)

    async def run() -> dict[str, Any]:
        stack = Stack(city_folder, records)
        await stack.restart()
        await stack.intake.drain()
        await stack.zone.drain()
        for source in [
            TopicPartition(topics.state("zone", "traffic"), 0),
            TopicPartition(topics.state("intake", "traffic"), 1),
        ]:
            oldest = stack.bus.log(*source)[0]
            stack.bus.put(Message(source.topic, oldest.key or b"", oldest.value, source.partition, oldest.headers))
        before = stack.zone.positions
        await stack.restart()
        assert stack.zone.positions.keys() == before.keys()
        await stack.intake.drain()
        await stack.zone.drain()
        return stack.outcome()

    assert asyncio.run(run()) == whole(city_folder, records)


def test_rubbish_on_an_internal_topic_becomes_a_dead_letter_and_changes_nothing(city_folder: Path) -> None:
    records = feed(random.Random(11), with_marks=True)
    readings = topics.readings("traffic")
    unknown = (
        ("frame", b'{"city":"small","zone":"z77","version":"1","source":0,"first":[0,0],"last":[9,9],"mark_ms":1}'),
    )

    async def run() -> tuple[dict[str, Any], list[bytes | None]]:
        stack = Stack(city_folder, records)
        await stack.restart()
        stack.bus.put(Message(readings, b"", b"rubbish", 0))
        stack.bus.put(Message(readings, b"", b"rubbish", 1, (("frame", b"{}"),)))
        stack.bus.put(Message(readings, b"", b"", 1, unknown))
        await stack.intake.drain()
        await stack.zone.drain()
        dead = [one for one in stack.bus.log(topics.DEAD_LETTERS) if dict(one.headers)["reason"] == b"bad_frame"]
        return stack.outcome(), [one.value for one in dead]

    outcome, dead = asyncio.run(run())
    assert sorted(value or b"" for value in dead) == [b"", b"rubbish", b"rubbish"]
    assert outcome == whole(city_folder, records)
