"""A processor that goes wrong at one frame, beside one that does not, in the zone stage and in the second level."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streams.broker import topics
from streams.contract.metric_frames import encode_metrics
from streams.contract.records import Detection, MetricFrame, Result, Rows
from streams.contract.spec import Config, Hosted, Spec
from streams.contract.stage import Message
from streams.errors import ProcessorError
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeHost
from tests.streams.saving.test_set_aside import AFTER, BEFORE, POISON_KM_H
from tests.streams.stack import MINUTE_MS, READINGS, START_MS, zones_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POISON_MS = START_MS + BEFORE * MINUTE_MS
FRAMES = BEFORE + 1 + AFTER


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


def row(**changes: Any) -> Rows:
    text = {"entity": np.array(["s0"], object), "metric": np.array(["toy_count"], object)}
    names = ("at_ms", "numerator", "denominator", "count", "revision")
    whole = {name: np.array([1], np.int64) for name in names} | {"window_s": np.array([60], np.int32)}
    ratios = {name: np.array([1.0]) for name in ("value", "coverage_ratio")}
    return Rows(**{**text, **whole, **ratios, **changes})


def metrics(frames: int = FRAMES) -> FakeBus:
    """Return a bus with frames of metrics, a minute apart."""
    bus = FakeBus({topics.METRICS: 1, topics.state("second"): 1})
    for number in range(frames):
        frame = MetricFrame("traffic", 0, Rows.empty(), START_MS + number * MINUTE_MS)
        bus.put(Message(topics.METRICS, b"", encode_metrics("x", frame), 0))
    return bus


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
