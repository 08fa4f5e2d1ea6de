"""Whatever a processor does wrong is its failure at that offset: after the second time the rest goes on without it."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streams.contract.records import Result
from streams.errors import ProcessorError
from streams.second.second_stage import SecondLevelStage
from tests.fakes import FakeHost
from tests.streams.saving.test_set_aside import BEFORE, frames, poisoned
from tests.streams.saving.wrongdoing import FRAMES, Count, detection, hosted, judge, metrics, row, story, toy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes import FakeBus


def found(**changes: Any) -> Callable[[Count], Any]:
    return lambda state: Result(state=state, detections=(detection(**changes),))


def made(**changes: Any) -> Callable[[Count], Any]:
    return lambda state: Result(state=state, rows=row(**changes))


def ends(_: Count) -> Any:
    sys.exit(3)


def cancels(_: Count) -> Any:
    raise asyncio.CancelledError


def cannot_be_said(_: Count) -> Any:
    raise ValueError("\udc80" * 2_000)


def cannot_say(_: Count) -> Any:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise KeyError

    raise SilentError


async def asynchronous(state: Count) -> Any:
    return Result(state=state)


def lacks_a_packable_field(state: Count) -> Any:
    state.array = object()
    return Result(state=state)


def array_of_objects(state: Count) -> Any:
    state.array = np.array(["a", None], object)
    return Result(state=state)


@pytest.fixture(autouse=True)
def save_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


WRONG: dict[str, tuple[Callable[[Count], Any], str]] = {
    "ends the process": (ends, "SystemExit: 3"),
    "cancels": (cancels, "CancelledError"),
    "an error that cannot be encoded": (cannot_be_said, r"ValueError: \\udc80"),
    "an error that fails itself": (cannot_say, "SilentError: it cannot say why"),
    "no result": (lambda _: None, "step returned None, not a Result"),
    "nothing but a state": (lambda state: state, "step returned Count, not a Result"),
    "a coroutine": (asynchronous, "step returned coroutine, not a Result"),
    "no state": (lambda _: Result(state=None), "the state None, not Count"),
    "another state": (lambda _: Result(state={}), "the state dict, not Count"),
    "a field that cannot be saved": (lacks_a_packable_field, "field array cannot be saved"),
    "an array that cannot be saved": (array_of_objects, "field array cannot be saved: an array of object"),
    "a dict for a detection": (lambda state: Result(state=state, detections=({"a": 1},)), "dict, not a Detection"),  # type: ignore[arg-type] - wrong on purpose
    "one detection alone": (lambda state: Result(state=state, detections=detection()), "TypeError"),  # type: ignore[arg-type] - wrong on purpose
    "a detection of nobody": (found(entity=None), r"Expected `str`, got `null` - at `\$.entity`"),
    "a detection that is no text": (found(entity="a\udc80"), "UnicodeEncodeError"),
    "a detection of no level": (found(level=9), "Invalid enum value 9"),
    "half a millisecond": (found(at_ms=1.5), "Expected `int`, got `float`"),
    "evidence that is not there": (found(evidence={"n": float("nan")}), "got `null` - at `\\$.evidence"),
    "evidence of arrays": (found(evidence={"n": np.zeros(2)}), "a detection holds ndarray"),
    "a detection of a megabyte": (found(basis="x" * 2**20), "a detection of 1,048,"),
    "a count that is none": (lambda state: Result(state=state, dropped={"x": None}), r"dropped\['x'\] is None"),  # type: ignore[dict-item] - wrong on purpose
    "a count that overflows": (lambda state: Result(state=state, dropped={"x": 2**64}), r"dropped\['x'\] is 18446744"),
    "half a count": (lambda state: Result(state=state, dropped={"x": 0.5}), r"dropped\['x'\] is 0.5"),  # type: ignore[dict-item] - wrong on purpose
    "no counts": (lambda state: Result(state=state, dropped=None), "dropped is None"),  # type: ignore[arg-type] - wrong on purpose
    "a reason that is none": (lambda state: Result(state=state, dropped={None: 1}), "a reason that is no text"),  # type: ignore[dict-item] - wrong on purpose
    "a time that is none": (lambda state: Result(state=state, decided={"x": 1}), "a time of decided is 'x'"),  # type: ignore[dict-item] - wrong on purpose
    "counted what is none": (lambda state: Result(state=state, counted="x"), "counted is 'x'"),  # type: ignore[arg-type] - wrong on purpose
    "a list of rows": (lambda state: Result(state=state, rows=[1, 2]), "its rows are list, not Rows"),  # type: ignore[arg-type] - wrong on purpose
    "a list for a column": (made(value=[1.0]), "column value is no array"),
    "too short a column": (made(value=np.zeros(0)), "column value is no array of as many as at_ms has, 1"),
    "a sum that is not whole": (made(numerator=np.array([0.5])), "column numerator holds float64 that int64 cannot"),
    "a window too long": (made(window_s=np.array([2**40])), "column window_s holds int64 that int32 cannot hold"),
    "a row of nobody": (made(entity=np.array([None], object)), "column entity of rows of metrics holds None"),
    "a row that is no text": (made(metric=np.array(["a\udc80"], object)), "UnicodeEncodeError"),
    "a row of a number": (made(entity=np.array([7], object)), "ArrowTypeError"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_in_the_zone_stage(city_folder: Path, wrong: str) -> None:
    bad, reason = WRONG[wrong]

    async def run() -> None:
        bus = await frames(city_folder)
        zone = await story(city_folder, bus, toy(bad))
        judge(zone, poisoned(bus), reason)
        again = FakeHost(zone.stage, bus)
        await again.start()
        assert [one.offset for one in zone.stage.set_aside()] == [poisoned(bus)]  # type: ignore[attr-defined] - the zone stage's own

    asyncio.run(run())


async def started(folder: Path, bad: Callable[[Count], Any], bus: FakeBus) -> FakeHost:
    second = FakeHost(SecondLevelStage(folder, hosted(toy(bad, second_level=True))), bus)
    await second.start()
    return second


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_in_the_second_level(city_folder: Path, wrong: str) -> None:
    bad, reason = WRONG[wrong]

    async def run() -> None:
        bus = metrics()
        for _ in range(2):
            second = await started(city_folder, bad, bus)
            with pytest.raises(ProcessorError, match="processor toy failed"):
                await second.drain()
        second = await started(city_folder, bad, bus)
        await second.drain()
        (told,) = second.stage.set_aside()  # type: ignore[attr-defined] - the second level's own
        assert (told.processor, told.offset) == ("toy", BEFORE)
        assert re.search(reason, told.reason), told.reason
        assert second.stage._state.processors["good"].seen == FRAMES  # type: ignore[attr-defined] - the second level's own

    asyncio.run(run())
