"""Whatever a processor does wrong is its failure at that offset: after the second time the rest goes on without it."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from streams.broker import topics
from streams.contract.metric_frames import encode_metrics
from streams.contract.records import Detection, MetricFrame, Result, Rows
from streams.contract.spec import Config, Hosted, Spec
from streams.contract.stage import Message
from streams.errors import ProcessorError
from streams.second.second_stage import SOURCE, SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeHost
from tests.streams.saving.test_set_aside import AFTER, BEFORE, POISON_KM_H, frames, poisoned
from tests.streams.stack import MINUTE_MS, READINGS, START_MS, zones_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POISON_MS = START_MS + BEFORE * MINUTE_MS
FRAMES = BEFORE + 1 + AFTER


@pytest.fixture(autouse=True)
def save_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


@dataclass
class Count:
    """Toy: frames seen, and room for what cannot be saved."""

    seen: int = 0
    array: Any = None
    deep: dict[str, Any] = field(default_factory=dict)


def good(state: Count) -> Result[Count]:
    return Result(state=state)


def toy(bad: Callable[[Count], Any], **changes: Any) -> Spec:
    """Return a processor of both levels that goes wrong at one frame."""

    def step(state: Count, frame: Any, _city: Any, _config: Any) -> Any:
        first = not isinstance(frame, MetricFrame)
        state.seen += len(frame) if first else 1
        poison = (frame.column("speed_km_h") == POISON_KM_H).any() if first else frame.watermark_ms == POISON_MS
        return bad(state) if poison else Result(state=state)

    return replace(Spec(domains=("traffic",), step=step, config=Config, state=Count), **changes)


def hosted(bad: Spec) -> list[Hosted]:
    return [Hosted("good", toy(good), Config()), Hosted("toy", bad, Config())]


def detection(**changes: Any) -> Detection:
    given = {"city": "x", "domain": "traffic", "kind": "k", "entity": "d0", "zone": "z", "at_ms": 1, "level": 4}
    return Detection(**{**given, **changes})


def found(**changes: Any) -> Callable[[Count], Any]:
    return lambda state: Result(state=state, detections=(detection(**changes),))


def row(**changes: Any) -> Rows:
    text = {"entity": np.array(["s0"], object), "metric": np.array(["toy_count"], object)}
    names = ("at_ms", "numerator", "denominator", "count", "revision")
    whole = {name: np.array([1], np.int64) for name in names} | {"window_s": np.array([60], np.int32)}
    ratios = {name: np.array([1.0]) for name in ("value", "coverage_ratio", "imputed_ratio")}
    return Rows(**{**text, **whole, **ratios, **changes})


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


async def story(folder: Path, bus: FakeBus, bad: Spec) -> FakeHost:
    """Run until the toy is set aside, which is after the second time; the third run goes on."""
    for _ in range(2):
        with pytest.raises(ProcessorError, match="processor toy failed"):
            await run(folder, bus, bad)
    return await run(folder, bus, bad)


async def run(folder: Path, bus: FakeBus, bad: Spec) -> FakeHost:
    zone = FakeHost(ZoneStage(folder, hosted(bad)), bus)
    await zone.start()
    while await zone.deliver(READINGS, 0, at_most=1):
        pass
    await zone.tick()
    return zone


def judge(zone: FakeHost, offset: int, reason: str) -> None:
    """The other processor has had everything, this one is set aside at an offset, and the books balance."""
    (told,) = [one for one in zone.stage.set_aside() if one.partition == 0]  # type: ignore[attr-defined] - the zone stage's own
    assert (told.processor, told.offset) == ("toy", offset)
    assert re.search(reason, told.reason), told.reason
    assert sum(state.processors["good"].seen for state in zones_of(zone) if state.processors) == FRAMES
    book = zone.stage.books()["zone:traffic:0"]
    for name in ("good", "toy"):
        mine = book["counts"]["processors"][name]
        assert mine["used"] + sum(mine["dropped"].values()) == book["counts"]["in_frames"] == FRAMES
        for hour in book["hours"].values():
            of_hour = hour["processors"][name]
            assert of_hour["used"] + sum(of_hour["dropped"].values()) == hour["in_frames"]


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


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_in_the_second_level(city_folder: Path, wrong: str) -> None:
    bad, reason = WRONG[wrong]

    async def run() -> None:
        bus = FakeBus({topics.METRICS: 1, topics.state("second"): 1})
        for number in range(FRAMES):
            frame = MetricFrame("traffic", 0, Rows.empty(), START_MS + number * MINUTE_MS)
            bus.put(Message(topics.METRICS, b"", encode_metrics("x", frame), 0))
        for left in (2, 1, 0):
            second = FakeHost(SecondLevelStage(city_folder, hosted(toy(bad, second_level=True))), bus)
            await second.start()
            try:
                while second.positions[SOURCE] < FRAMES and await second.deliver(topics.METRICS, 0, at_most=1):
                    pass
            except ProcessorError as exc:
                assert left
                assert exc.processor == "toy"
            else:
                assert not left
        (told,) = second.stage.set_aside()  # type: ignore[attr-defined] - the second level's own
        assert (told.processor, told.offset) == ("toy", BEFORE)
        assert re.search(reason, told.reason), told.reason
        assert second.stage._state.processors["good"].seen == FRAMES  # type: ignore[attr-defined] - the second level's own

    asyncio.run(run())
