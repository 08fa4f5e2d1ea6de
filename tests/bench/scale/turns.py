"""How long saving a large city's state holds the event loop: CPU of its turns while a save is under way.

Zone stage and second level with every processor, on topics in memory: `recovery`'s city of 50,000 detectors that report
every ten seconds, at the pace of its clock. A turn is one pass of the loop over what is ready. A save begins with a
turn of its own, so that it is not charged with the chunk before it; other turns are told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import numpy as np

from streams.broker import topics
from streams.contract.stage import Message
from streams.saving.chains import Chain
from streams.zone.zone_stage import ZoneStage
from tests.bench.recovery.__main__ import START_MS, City, stages_of
from tests.bench.recovery.feeds import detector_feed
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

DETECTORS = 50_000
WARM_UP_STEPS, WARM_UP_STEP_S = 60, 10
SECONDS = 600
TICKS_A_SECOND = 4
COMPACT_EVERY_S = 20
MOST_MS = 20.0

_Save = Callable[..., Awaitable[Any]]


class TurnLoop(asyncio.SelectorEventLoop):
    """Notes the CPU of each turn, and whether a save was under way in it."""

    def __init__(self) -> None:
        super().__init__()
        self.saving = 0
        self.turns: list[tuple[float, bool]] = []

    def _run_once(self) -> None:
        began_s, before = time.thread_time(), self.saving
        super()._run_once()  # type: ignore[misc]  # private to asyncio, and there in all of its versions
        self.turns.append((time.thread_time() - began_s, bool(before or self.saving)))


class _Bus(FakeBus):
    """Each send ends a turn, as one to a broker does."""

    async def send(self, messages: Iterable[Message]) -> None:
        await asyncio.sleep(0)
        await super().send(messages)


def measure(folder: Path, detectors: int = DETECTORS, seconds: int = SECONDS) -> dict[str, float]:
    """Run the city → CPU of turns in ms, of saves and of all else."""
    folder.mkdir(parents=True, exist_ok=True)
    feed, clock = detector_feed(detectors, START_MS, folder), FakeClock(START_MS)
    bus = _Bus({topic.name: topic.partitions for topic in topics.all_topics()}, clock)
    city = City(feed, bus, clock, [])
    city.stages = [FakeHost(one, bus) for one in stages_of(folder, lambda: city.now_s)]
    with asyncio.Runner(loop_factory=TurnLoop) as runner, ExitStack() as patches:
        loop = cast("TurnLoop", runner.get_loop())
        for kind, name in ((ZoneStage, "_save"), (Chain, "save")):
            patches.enter_context(patch.object(kind, name, _watched(loop, getattr(kind, name))))
        for host in city.stages:
            runner.run(host.start())
        for _ in range(WARM_UP_STEPS):
            _step(runner, city, WARM_UP_STEP_S)
        loop.turns.clear()
        for _ in range(seconds):
            _step(runner, city, 1)
    return figures(loop.turns)


def _step(runner: asyncio.Runner, city: City, passed_s: int) -> None:
    """Let a stretch of event time pass, a second of it at its own pace."""
    loop = cast("TurnLoop", runner.get_loop())
    city.clock.now_ms += passed_s * 1000
    noted = len(loop.turns)
    runner.run(city.feed.put(city.bus, city.clock.now_ms, passed_s > 1))
    del loop.turns[noted:]  # the feed's
    for host in city.stages:
        runner.run(host.drain())
    for _ in range(TICKS_A_SECOND if passed_s == 1 else 0):
        city.now_s += 1 / TICKS_A_SECOND
        for host in city.stages:
            runner.run(host.tick())
    city.let_go()
    if city.clock.now_ms // 1000 % COMPACT_EVERY_S == 0:
        for topic, partition in city.bus.places():
            if topic.startswith(topics.state("")):
                city.bus.compact(topic, None, partition)


def run(folder: Path) -> dict[str, float]:
    """Do the same for a caller in another process."""
    return measure(folder / "detectors")


def figures(turns: list[tuple[float, bool]]) -> dict[str, float]:
    """Say how long turns were that saved, and that did not."""
    found = {}
    for name, saves in (("saving", True), ("other", False)):
        took_ms = np.array([took_s * 1000 for took_s, saving in turns if saving is saves] or [0.0])
        found[f"turns_{name}_count"] = float(len(took_ms))
        found[f"turns_{name}_p50_ms"], found[f"turns_{name}_p999_ms"] = np.percentile(took_ms, [50, 99.9]).tolist()
        found[f"turns_{name}_most_ms"] = float(took_ms.max())
    return found


def _watched(loop: TurnLoop, save: _Save) -> _Save:
    """Return what does the same in turns that the loop notes as a save's."""

    async def watched(*args: Any) -> Any:
        await asyncio.sleep(0)
        loop.saving += 1
        try:
            return await save(*args)
        finally:
            loop.saving -= 1

    return watched
