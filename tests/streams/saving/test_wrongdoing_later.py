"""What a processor does wrong outside of its steps, or what is seen only later: its failure all the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import Detection, Result
from streams.errors import ProcessorError
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeHost
from tests.streams.saving.test_set_aside import BEFORE, frames, poisoned
from tests.streams.saving.wrongdoing import FRAMES, Count, detection, good, hosted, judge, metrics, row, run, story, toy
from tests.streams.stack import READINGS, START_MS, zones_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def save_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


def deep(state: Count) -> Any:
    state.deep["x"] = object()
    return Result(state=state)


def boom(*_: Any) -> Any:
    raise ValueError("boom")


def test_what_lies_too_deep_is_seen_when_it_is_saved(city_folder: Path) -> None:
    """The state before stays what it was: from there on the processor is left out."""

    async def run() -> None:
        bus = await frames(city_folder)
        zone = await story(city_folder, bus, toy(deep))
        judge(zone, poisoned(bus), "its state cannot be saved: TypeError: Encoding objects of type object")

    asyncio.run(run())


def test_too_deep_in_the_second_level(city_folder: Path) -> None:
    async def run() -> None:
        bus = metrics()
        for left in (2, 1, 0):
            second = FakeHost(SecondLevelStage(city_folder, hosted(toy(deep, second_level=True))), bus)
            await second.start()
            if left:
                with pytest.raises(ProcessorError, match="toy failed: its state cannot be saved"):
                    await second.drain()
        await second.drain()
        (told,) = second.stage.set_aside()  # type: ignore[attr-defined] - the second level's own
        assert (told.processor, told.offset) == ("toy", 0)
        assert second.stage._state.processors["good"].seen == FRAMES  # type: ignore[attr-defined] - the second level's own

    asyncio.run(run())


def test_no_empty_state(city_folder: Path) -> None:
    """It is set aside in every partition after one restart, from where each stands."""

    async def story() -> None:
        bus = await frames(city_folder)
        with pytest.raises(ProcessorError, match="toy failed: ValueError: boom"):
            await run(city_folder, bus, toy(good, state=boom))
        judge(await run(city_folder, bus, toy(good, state=boom)), 0, "ValueError: boom")

    asyncio.run(story())


def test_no_empty_state_any_more(city_folder: Path) -> None:
    """It had one when the city was started before: what it has read stays read, and the rest goes on."""

    async def story() -> None:
        bus = await frames(city_folder)
        whole = toy(good)
        zone = FakeHost(ZoneStage(city_folder, hosted(whole)), bus)
        await zone.start()
        await zone.deliver(READINGS, 0, at_most=poisoned(bus))
        await zone.tick()
        bad = replace(whole, state=boom)
        with pytest.raises(ProcessorError, match="boom"):
            await run(city_folder, bus, bad)
        judge(await run(city_folder, bus, bad), poisoned(bus), "boom")

    asyncio.run(story())


def test_no_empty_state_in_the_second_level(city_folder: Path) -> None:
    async def run() -> None:
        bus = metrics(1)
        stage = SecondLevelStage(city_folder, hosted(toy(good, second_level=True, state=boom)))
        with pytest.raises(ProcessorError, match="toy failed: ValueError: boom"):
            await FakeHost(stage, bus).start()
        second = FakeHost(stage, bus)
        await second.start()
        await second.drain()
        assert [one.processor for one in stage.set_aside()] == ["toy"]
        assert stage._state is not None
        assert stage._state.processors["good"].seen == 1

    asyncio.run(run())


@pytest.mark.parametrize("waits", [boom, lambda *_: None, lambda *_: {"x": 1}, lambda *_: {START_MS: "x"}])
def test_nobody_knows_what_waits_in_its_windows(city_folder: Path, waits: Any) -> None:
    """From the fourth frame on: the state that is saved is the one before."""

    def waiting(state: Count, _config: Any) -> Any:
        return waits() if state.seen > BEFORE else {START_MS: state.seen}

    async def run() -> None:
        bus = await frames(city_folder)
        zone = await story(city_folder, bus, toy(good, waiting=waiting))
        judge(zone, poisoned(bus), "ValueError: boom|AttributeError|TypeError")
        assert not [state for state in zones_of(zone) if "toy" in state.processors]

    asyncio.run(run())


def test_a_field_that_holds_something_else_begins_anew(city_folder: Path) -> None:
    """What was saved cannot be read: nobody but its processor has lost anything, and that is said."""

    def drifts(state: Count) -> Result[Count]:
        state.seen = "many"  # type: ignore[assignment] - wrong on purpose
        return Result(state=state)

    async def story() -> None:
        bus = await frames(city_folder)
        zone = FakeHost(ZoneStage(city_folder, hosted(toy(drifts))), bus)
        await zone.start()
        await zone.deliver(READINGS, 0, at_most=poisoned(bus) + 1)
        zone = FakeHost(ZoneStage(city_folder, hosted(toy(good))), bus)
        await zone.start()
        (notice,) = zone.stage.notices()  # type: ignore[attr-defined] - the zone stage's own
        assert "does not hold what its type says" in notice.en
        await zone.drain()
        for name in ("good", "toy"):
            assert sum(state.processors[name].seen for state in zones_of(zone) if state.processors) == FRAMES

    asyncio.run(story())


def test_provisional_values_that_cannot_be_sent_end_alone(city_folder: Path) -> None:
    for bad in (lambda *_: None, lambda *_: row(entity=np.array([None], object)), lambda *_: row(value=np.zeros(0))):
        bus = asyncio.run(frames(city_folder))
        zone = asyncio.run(run(city_folder, bus, toy(good, live=bad)))
        assert zone.stage.set_aside() == []  # type: ignore[attr-defined] - the zone stage's own
        assert not bus.log(topics.LIVE)
        assert sum(state.processors["toy"].seen for state in zones_of(zone) if state.processors) == FRAMES


def test_numbers_of_numpy_are_as_good(city_folder: Path) -> None:
    """Detections, counts and columns of other widths come out as if they had been Python's own and of their type."""
    numbers = {"at_ms": np.int64(START_MS), "level": np.int8(3), "value": np.float32(2.5), "limit": np.float64(7)}

    def as_numpy(state: Count) -> Result[Count]:
        rows = row(count=np.array([2.0]), window_s=np.array([60]), value=np.array([1.5], np.float32))
        found = detection(**numbers, entity=np.str_("d0"), evidence={"n": np.int64(3)})
        counted: Any = {
            "dropped": {"x": np.int64(1)},
            "counted": np.int64(0),
            "decided": {np.int64(START_MS): np.int64(1)},
        }
        return Result(state=state, rows=replace(rows, entity=np.array(["s0"])), detections=[found], **counted)  # type: ignore[arg-type] - a list

    async def story() -> None:
        bus = await frames(city_folder)
        zone = await run(city_folder, bus, toy(as_numpy))
        assert zone.stage.set_aside() == []  # type: ignore[attr-defined] - the zone stage's own
        (record,) = bus.log(topics.DETECTIONS)
        told = msgspec.json.decode(record.value or b"", type=Detection)
        same = {"at_ms": START_MS, "level": 3, "value": 2.5, "limit": 7.0, "evidence": {"n": 3}}
        assert told == replace_version(detection(**same, processor="toy"), told.version)
        rows = next(
            frame.rows for one in bus.log(topics.METRICS) if len((frame := decode_metrics(one.value or b"")).rows)
        )
        assert (rows.entity[0], rows.count[0], rows.window_s[0], rows.value[0]) == ("s0", 2, 60, 1.5)
        book = zone.stage.books()["zone:traffic:0"]["counts"]["processors"]["toy"]
        assert book == {"used": FRAMES - 1, "dropped": {"x": 1}}

    asyncio.run(story())


def replace_version(found: Detection, version: int) -> Detection:
    return msgspec.structs.replace(found, version=version)
