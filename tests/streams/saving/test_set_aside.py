"""A processor that fails twice at one offset is set aside there; the rest goes on, the books balance, it comes back."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from streams.broker import topics
from streams.contract.records import Result
from streams.contract.spec import Config, Hosted, Spec
from streams.contract.stage import Message, TopicPartition
from streams.errors import ProcessorError
from streams.health.stepping import Left, Stepping
from streams.intake.intake_stage import IntakeStage
from streams.saving import resuming
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.streams.stack import INBOX, MINUTE_MS, READINGS, START_MS, fed, partitions, reading, zones_of

if TYPE_CHECKING:
    from pathlib import Path

POISON_KM_H = 77
BEFORE, AFTER = 3, 4
"""Frames of partition 0 before and after the one that kills; each holds a reading of d0."""


@dataclass
class Count:
    """Toy: readings seen."""

    seen: int = 0


def counting(poison: bool) -> Spec:
    def step(state: Count, frame: Any, _city: Any, _config: Any) -> Result[Count]:
        if poison and (frame.column("speed_km_h") == POISON_KM_H).any():
            raise ValueError("77 is too much for me")
        state.seen += len(frame)
        return Result(state=state)

    return Spec(domains=("traffic",), step=step, config=Config, state=Count)


HOSTED = [Hosted("good", counting(False), Config()), Hosted("toy", counting(True), Config())]


@pytest.fixture(autouse=True)
def save_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


async def frames(folder: Path) -> FakeBus:
    """Let intake send frames of sensor d0, a minute apart, and one that kills between them."""
    bus = FakeBus(partitions(), FakeClock(START_MS + 60 * MINUTE_MS))
    intake = FakeHost(IntakeStage(folder), bus)
    await intake.start()
    for number in range(BEFORE + 1 + AFTER):
        speed = POISON_KM_H if number == BEFORE else 40
        _, value, headers = fed(0, reading(0, START_MS + number * MINUTE_MS, speed_km_h=speed))
        bus.put(Message(INBOX, b"", value, 0, headers))
        await intake.drain()
    return bus


async def run(folder: Path, bus: FakeBus, data: Path | None = None) -> FakeHost:
    """Run the zone stage from its last state to the end of what is there."""
    zone = FakeHost(ZoneStage(folder, HOSTED, data=data), bus)
    await zone.start()
    while await zone.deliver(READINGS, 0, at_most=1):
        pass
    await zone.tick()
    return zone


def poisoned(bus: FakeBus) -> int:
    """Return the offset of the frame that kills: the fourth with rows."""
    return [record.offset for record in bus.log(READINGS, 0) if record.value][BEFORE]


def book(zone: FakeHost) -> dict[str, Any]:
    books = zone.stage.books()["zone:traffic:0"]
    hours = books["hours"].values()
    assert sum(hour["in_frames"] for hour in hours) == books["counts"]["in_frames"]
    for name in ("good", "toy"):
        mine = books["counts"]["processors"][name]
        assert mine["used"] + sum(mine["dropped"].values()) == books["counts"]["in_frames"]
        for hour in hours:
            of_hour = hour["processors"][name]
            assert of_hour["used"] + sum(of_hour["dropped"].values()) == hour["in_frames"]
    return dict(books["counts"]["processors"]["toy"])


async def set_aside(folder: Path, data: Path | None = None) -> tuple[FakeBus, FakeHost]:
    bus = await frames(folder)
    for _ in range(2):
        with pytest.raises(ProcessorError, match="toy failed: ValueError: 77 is too much for me"):
            await run(folder, bus, data)
    return bus, await run(folder, bus, data)


def test_after_the_second_time_the_rest_goes_on(city_folder: Path) -> None:
    bus, zone = asyncio.run(set_aside(city_folder))
    assert sum(state.processors["good"].seen for state in zones_of(zone) if state.processors) == BEFORE + 1 + AFTER
    assert book(zone) == {"used": BEFORE, "dropped": {"set_aside": 1 + AFTER}}
    (told,) = zone.stage.set_aside()  # type: ignore[attr-defined] - the zone stage's own
    assert (told.processor, told.topic, told.partition, told.offset) == ("toy", READINGS, 0, poisoned(bus))
    assert told.reason == "ValueError: 77 is too much for me"
    (notice,) = zone.stage.notices()  # type: ignore[attr-defined] - the zone stage's own
    assert notice.degraded
    assert "toy" in notice.zh
    assert "toy" in notice.en


def test_once_is_not_enough_and_another_offset_counts_anew(city_folder: Path) -> None:
    async def story() -> None:
        bus = await frames(city_folder)
        with pytest.raises(ProcessorError):
            await run(city_folder, bus)
        log = bus.log(READINGS, 0)
        place = poisoned(bus)
        good = next(record for record in log if record.value)
        log[place] = log[place]._replace(value=good.value, headers=good.headers)  # as if it had passed this time
        zone = await run(city_folder, bus)
        assert zone.stage.set_aside() == []  # type: ignore[attr-defined] - the zone stage's own

    asyncio.run(story())


def test_it_stays_set_aside_over_restarts(city_folder: Path) -> None:
    async def story() -> None:
        bus, first = await set_aside(city_folder)
        again = await run(city_folder, bus)
        assert len(again.stage.set_aside()) == 1  # type: ignore[attr-defined] - the zone stage's own
        assert book(again) == book(first)

    asyncio.run(story())


def test_a_person_takes_it_in_again_and_the_books_balance(city_folder: Path, tmp_path: Path) -> None:
    """It is rebuilt but for the minute of the frame that kills it, so it has its part of the minute that had begun."""

    async def story() -> None:
        bus, zone = await set_aside(city_folder, tmp_path)
        resuming.ask(tmp_path, "toy")
        await zone.tick()
        assert zone.stage.set_aside() == []  # type: ignore[attr-defined] - the zone stage's own
        intake = FakeHost(IntakeStage(city_folder), bus)
        await intake.start()
        last_ms = START_MS + (BEFORE + AFTER) * MINUTE_MS
        for at_ms in (last_ms + 10_000, last_ms + MINUTE_MS):
            _, value, headers = fed(0, reading(0, at_ms))
            bus.put(Message(INBOX, b"", value, 0, headers))
            await intake.drain()
        for host in (
            zone,
            await run(city_folder, bus, tmp_path),
        ):  # the same process, and one that starts from its state
            while await host.deliver(READINGS, 0, at_most=1):
                pass
            await host.tick()
            assert book(host) == {"used": BEFORE + 2, "dropped": {"set_aside": 1 + AFTER}}
            seen = [state.processors["toy"].seen for state in zones_of(host) if "toy" in state.processors]
            assert sum(seen) == AFTER + 2
            assert host.stage.set_aside() == []  # type: ignore[attr-defined] - the zone stage's own

    asyncio.run(story())


def test_a_wish_from_before_it_failed_takes_nothing_in(city_folder: Path, tmp_path: Path) -> None:
    async def story() -> None:
        resuming.ask(tmp_path, "toy")
        _, zone = await set_aside(city_folder, tmp_path)
        await zone.tick()
        assert len(zone.stage.set_aside()) == 1  # type: ignore[attr-defined] - the zone stage's own

    asyncio.run(story())


DYING = """
import asyncio, pickle, sys
from pathlib import Path
from tests.streams.saving import test_set_aside as this

this.HOSTED[1] = this.Hosted("toy", this.killing(), this.Config())
folder, data, bus = pickle.loads(sys.stdin.buffer.read())
asyncio.run(this.run(folder, bus, data))
"""


def killing() -> Spec:
    """Return a processor that dies where `counting` fails, without a word."""
    whole = counting(False)

    def step(state: Count, frame: Any, city: Any, config: Any) -> Result[Count]:
        if (frame.column("speed_km_h") == POISON_KM_H).any():
            os.kill(os.getpid(), signal.SIGSEGV)
        result: Result[Count] = whole.step(state, frame, city, config)
        return result

    return replace(whole, step=step)


def test_a_segmentation_fault_counts_for_who_was_at_work(city_folder: Path, tmp_path: Path) -> None:
    """Two processes with the zone stage die in a processor at one frame; the next one goes on without it there."""

    async def story() -> None:
        bus = await frames(city_folder)
        for _ in range(2):
            given = pickle.dumps((city_folder, tmp_path, bus))
            died = subprocess.run([sys.executable, "-c", DYING], input=given, check=False)
            assert died.returncode == -signal.SIGSEGV
            zone = FakeHost(ZoneStage(city_folder, HOSTED, data=tmp_path), bus)
            await zone.start()  # as the process that the supervisor starts in its place, which may die as well
        zone = await run(city_folder, bus, tmp_path)
        (told,) = zone.stage.set_aside()  # type: ignore[attr-defined] - the zone stage's own
        assert (told.processor, told.offset) == ("toy", poisoned(bus))
        assert "died" in told.reason
        assert book(zone) == {"used": BEFORE, "dropped": {"set_aside": 1 + AFTER}}

    asyncio.run(story())


def test_who_ends_in_order_leaves_nobody_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "step"
    stepping = Stepping(file)
    stepping.at(TopicPartition(topics.METRICS, 0), 5)
    with pytest.raises(ProcessorError):
        stepping.call("toy", lambda: os.stat(tmp_path / "nothing"))
    assert Stepping(file).left is None


def test_the_newest_place_is_what_is_left(tmp_path: Path) -> None:
    file = tmp_path / "step"
    stepping = Stepping(file)
    stepping.at(TopicPartition("city.readings.v1.environment", 11), 123_456)
    stepping.at(TopicPartition(READINGS, 1), 7)

    def look() -> Left | None:
        return Stepping(file).left

    assert stepping.call("toy", look) == Left("toy", READINGS, 1, 7)


def test_provisional_values_that_fail_end_alone(tmp_path: Path) -> None:
    calls = []

    def fails() -> None:
        calls.append(1)
        raise ValueError

    stepping = Stepping()
    assert stepping.provisional("toy", fails) is None
    assert stepping.provisional("toy", fails) is None
    assert len(calls) == 1
