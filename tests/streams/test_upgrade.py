"""An upgrade: states of earlier code go on, a processor whose state does not fit begins anew, a newer one is let be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from deploy.config.components import discover
from streams.broker import topics
from streams.contract.metric_frames import decode_metrics, encode_metrics
from streams.contract.records import ROW_TYPES, MetricFrame, Result, Rows
from streams.contract.spec import Config, Hosted, Spec
from streams.contract.stage import Message, TopicPartition
from streams.errors import FrameError
from streams.intake.intake_stage import IntakeStage
from streams.saving import chains
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams import stack as stacks
from tests.streams.stack import INBOX, MINUTE_MS, READINGS, START_MS, fed, reading, zones_of

FIXTURES = Path(__file__).parent / "saving" / "fixtures"
ENDS = {INBOX: 133, READINGS: 12, topics.METRICS: 15}
"""Records in each partition where the fixtures' state stands: at their ends."""
SENT = 8 * 30
"""Readings of the fixtures: eight sensors, one each 10 s for five minutes; of each tenth a copy."""
COPIES = 8 * 3


@pytest.fixture(autouse=True)
def save_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


def bus_of(name: str) -> FakeBus:
    """Return the topics as that code left them; of the inputs only how long they are."""
    found = msgspec.msgpack.decode((FIXTURES / f"{name}.msgpack").read_bytes())
    bus = FakeBus(stacks.partitions(), FakeClock(START_MS + 5 * MINUTE_MS))
    for place, count in found["ends"].items():
        topic, partition = place.rstrip("]").split("[")
        for _ in range(count):
            bus.put(Message(topic, b"", b"", int(partition)))
    for topic, partition, key, value, headers in found["state"]:
        bus.put(Message(topic, key, value, partition, tuple((name, data) for name, data in headers)))
    return bus


def hosted(*, second_level: bool) -> list[Hosted]:
    found = discover().items()
    return [Hosted(name, spec, spec.config()) for name, spec in found if spec.second_level == second_level]


async def started(bus: FakeBus, folder: Path) -> tuple[FakeHost, FakeHost, FakeHost]:
    stages = (
        IntakeStage(folder),
        ZoneStage(folder, hosted(second_level=False)),
        SecondLevelStage(folder, hosted(second_level=True)),
    )
    hosts = [FakeHost(stage, bus) for stage in stages]
    for host in hosts:
        await host.start()
    return hosts[0], hosts[1], hosts[2]


def total(zone: FakeHost, name: str) -> int:
    return sum(getattr(one, name) for state in zones_of(zone) for one in state.counts.values())


@pytest.mark.parametrize("name", ["single", "chains"])
def test_offsets_marks_and_deduplication_go_on(name: str, city_folder: Path) -> None:
    """Each reading again, then each once more a minute later: none of the first is new, all of the second are."""

    async def story() -> None:
        bus = bus_of(name)
        intake, zone, second = await started(bus, city_folder)
        for host, topic, partitions in ((intake, INBOX, 2), (zone, READINGS, 2), (second, topics.METRICS, 1)):
            places = {TopicPartition(topic, one): ENDS[topic] for one in range(partitions)}
            assert {one: place for one, place in host.positions.items() if one.topic == topic} == places
        books = [book["counts"] for key, book in intake.stage.books().items() if ":traffic:" in key]
        assert sum(one["readings_in"] for one in books) == SENT + COPIES
        assert {state.watermark_ms for state in zones_of(zone)} == {START_MS + 270_000}
        assert (total(zone, "in_frames"), total(zone, "duplicates")) == (SENT, COPIES)
        for counts in [book["counts"] for key, book in zone.stage.books().items() if ":traffic:" in key]:
            told = counts["processors"].values()
            assert [one["used"] + sum(one["dropped"].values()) for one in told] == [counts["in_frames"]] * 3
        for second_s in range(0, 360, 10):
            rows = [reading(sensor, START_MS + second_s * 1000) for sensor in range(8)]
            for row in rows:
                partition, value, headers = fed(int(row["sensor"][1:]) % 2, row)
                bus.put(Message(INBOX, b"", value, partition, headers))
        await intake.drain()
        await zone.drain()
        # of the same five minutes all again, of the sixth none; the mark at 4:30 makes none of them too late
        assert (total(zone, "in_frames"), total(zone, "duplicates")) == (SENT + 8 * 6, COPIES + SENT)
        assert total(zone, "too_late") == 0

    asyncio.run(story())


@pytest.mark.parametrize("name", ["single", "chains"])
def test_what_was_saved_before_is_outdated_once_the_new_is_there(name: str, city_folder: Path) -> None:
    async def story() -> None:
        bus = bus_of(name)
        intake, zone, _ = await started(bus, city_folder)
        for partition in (0, 1):
            _, value, headers = fed(partition, reading(partition, START_MS + 301_000))
            bus.put(Message(INBOX, b"", value, partition, headers))
        for _ in range(2):
            await intake.drain()
            await zone.drain()
            await zone.tick()
        topic = topics.state("zone", "traffic")
        for partition in (0, 1):
            newest = {record.key: record for record in bus.log(topic, partition)}
            left = [record for record in newest.values() if record.value is not None]
            assert {name for record in left for name, _ in record.headers} == {chains.HEADER}
        again, zone, _ = await started(bus, city_folder)
        assert total(zone, "in_frames") == SENT + 2
        assert {again.positions[TopicPartition(INBOX, one)] for one in (0, 1)} == {ENDS[INBOX] + 1}

    asyncio.run(story())


@dataclass
class Count:
    """Toy: readings seen."""

    seen: int = 0


@dataclass
class CountMore:
    """The same after a field was added."""

    seen: int = 0
    more: int = 0


def counting(state: type, version: int = 1) -> Spec:
    def step(state: Any, frame: Any, _city: Any, _config: Any) -> Result[Any]:
        state.seen += len(frame)
        return Result(state=state)

    return Spec(domains=("traffic",), step=step, config=Config, state=state, state_version=version)


class Upgraded:
    """A city of two processors, one of which another version replaces half-way; rows are of two sensors."""

    def __init__(self, folder: Path, before: Spec, after: Spec) -> None:
        self.folder = folder
        self.bus = FakeBus(stacks.partitions(), FakeClock(START_MS + 11 * MINUTE_MS))
        self.specs = (before, after)

    async def run(self) -> tuple[FakeHost, FakeHost]:
        hosts = []
        for part, spec in enumerate(self.specs):
            first = [Hosted("stays", counting(Count), Config()), Hosted("toy", spec, Config())]
            intake, zone = (
                FakeHost(IntakeStage(self.folder), self.bus),
                FakeHost(ZoneStage(self.folder, first), self.bus),
            )
            await intake.start()
            await zone.start()
            for second in range(part * 90, part * 90 + 90, 10):  # 9 readings each; the second run begins in a minute
                for sensor in (0, 1):
                    place, value, headers = fed(sensor, reading(sensor, START_MS + second * 1000))
                    self.bus.put(Message(INBOX, b"", value, place, headers))
            await intake.drain()
            await zone.drain()
            await zone.tick()
            hosts.append(zone)
        return hosts[0], hosts[1]


CHANGES = [(counting(CountMore), "other fields"), (counting(Count, 2), "version 1")]


@pytest.mark.parametrize(("after", "why"), CHANGES, ids=["field added", "version raised"])
def test_a_state_that_does_not_fit_begins_anew_and_is_said(after: Spec, why: str, city_folder: Path) -> None:
    """18 readings before, 18 after: it has them all, but the 18 count as before, and once."""
    _, zone = asyncio.run(Upgraded(city_folder, counting(Count), after).run())
    notices = zone.stage.notices()  # type: ignore[attr-defined] - the zone stage's own
    assert {why in one.en and "toy" in one.en and not one.degraded for one in notices} == {True}
    states = zones_of(zone)
    assert sum(state.processors["stays"].seen for state in states) == 36
    assert sum(state.used["stays"] for state in states) == 36
    assert sum(state.processors["toy"].seen for state in states) == 36
    assert sum(state.used["toy"] for state in states) == 36
    assert sum(state.dropped["toy"].get("joined_later", 0) for state in states) == 0


def test_a_state_of_the_same_version_and_shape_goes_on_without_a_word(city_folder: Path) -> None:
    _, zone = asyncio.run(Upgraded(city_folder, counting(Count), counting(Count)).run())
    assert zone.stage.notices() == []  # type: ignore[attr-defined] - the zone stage's own
    assert sum(state.processors["toy"].seen for state in zones_of(zone)) == 36


def test_back_again_begins_anew_too(city_folder: Path) -> None:
    _, zone = asyncio.run(Upgraded(city_folder, counting(Count, 2), counting(Count)).run())
    (notice, *_) = zone.stage.notices()  # type: ignore[attr-defined] - the zone stage's own
    assert "toy begins anew" in notice.en
    assert sum(state.processors["toy"].seen for state in zones_of(zone)) == 36


@pytest.mark.parametrize("stage", ["zone", "intake"])
def test_a_newer_citywalls_state_is_not_continued(stage: str, city_folder: Path) -> None:
    async def story() -> None:
        bus = bus_of("chains")
        topic = topics.state(stage, "traffic")
        header = "step.3" if stage == "zone" else "snapshot.3"
        bus.put(Message(topic, b"new", b"?", 1, ((header, b"{}"),)))
        host = FakeHost(ZoneStage(city_folder, []) if stage == "zone" else IntakeStage(city_folder), bus)
        before = len(bus.log(topic, 1))
        with pytest.raises(FrameError, match=f"{topic}: the state at offset .* newer CityWall"):
            await host.start()
        assert len(bus.log(topic, 1)) == before

    asyncio.run(story())


def minute_rows(*minutes: int, revision: int = 0) -> Rows:
    """Return a row of each minute."""
    columns: dict[str, Any] = {name: np.zeros(len(minutes), kind) for name, kind in ROW_TYPES.items()}
    columns["entity"] = np.array(["s0"] * len(minutes), object)
    columns["metric"] = np.array(["tti_ratio"] * len(minutes), object)
    columns["at_ms"] = np.array([START_MS + minute * MINUTE_MS for minute in minutes])
    columns["revision"] += revision
    return Rows(**columns)


@pytest.mark.parametrize(("begin", "told"), [(0, [0, 1, 2]), (1, [2])], ids=["all is held", "the first is gone"])
def test_a_second_level_that_begins_anew_has_what_kafka_holds(begin: int, told: list[int], city_folder: Path) -> None:
    """Minutes 0 and 1 are past when it begins anew: where their frame is gone, a correction of them is not whole."""
    echo = Spec(
        domains=("traffic",),
        step=lambda state, frame, _city, _config: Result(state=state, rows=frame.rows),
        config=Config,
        state=Count,
        second_level=True,
    )
    frames = [
        MetricFrame("traffic", 0, minute_rows(0, 1), START_MS + 2 * MINUTE_MS),
        MetricFrame("traffic", 0, minute_rows(0, 1, 2, revision=1), START_MS + 3 * MINUTE_MS),
    ]

    async def story() -> list[list[int]]:
        bus = FakeBus()
        whole = bus.reader
        bus.reader = lambda topic, partition, offset: whole(topic, partition, max(offset, begin))  # type: ignore[method-assign] - Kafka has deleted what was before
        for frame, version in zip(frames, (1, 2), strict=True):
            bus.put(Message(topics.METRICS, b"z0", encode_metrics("small", frame, "z0"), 0))
            mine = [Hosted("echo", replace(echo, state_version=version), Config())]
            host = FakeHost(SecondLevelStage(city_folder, mine), bus)
            await host.start()
            await host.drain()
            await host.tick()
        found = [decode_metrics(record.value or b"") for record in bus.log(topics.METRICS)]
        return [((one.rows.at_ms - START_MS) // MINUTE_MS).tolist() for one in found if one.zone == -1]

    assert asyncio.run(story()) == [[0, 1], told]
