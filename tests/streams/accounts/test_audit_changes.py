"""The books balance while processors come, go and begin anew: every reading counts once, used or dropped with why."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from streams.accounts.balance import account
from streams.broker import topics
from streams.contract.records import Result
from streams.contract.spec import Config, Hosted
from streams.errors import ProcessorError
from streams.saving import resuming
from streams.sinks.history.opening import open_history
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeHost
from tests.streams.accounts.audited_city import MINUTE_MS, SPECS, START_MS, Stack
from tests.streams.saving.test_set_aside import frames
from tests.streams.saving.wrongdoing import FRAMES, good, toy

if TYPE_CHECKING:
    from pathlib import Path

    from streams.accounts.feeds import Feed
    from streams.contract.spec import Spec

READINGS = topics.readings("traffic")
WITHOUT = {name: spec for name, spec in SPECS.items() if name != "congestion"}
NEWER = {name: replace(spec, state_version=spec.state_version + 1) for name, spec in SPECS.items()}


@pytest.fixture
def stack(city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
    return Stack(city_folder, open_history(tmp_path / "history.sqlite"))


async def go_on(stack: Stack, frames: int) -> None:
    """Take so many frames of each partition, and store what they yield."""
    for partition in (0, 1):
        await stack.zone.deliver(READINGS, partition, at_most=frames)
    await stack.zone.tick()
    await stack.sink.drain()
    await stack.sink.tick()
    stack.report(stack.zone)


def balanced(stack: Stack) -> Feed:
    feeds = account(stack.ledger())
    assert [problem for feed in feeds for problem in feed.problems] == []
    return next(feed for feed in feeds if feed.domain == "traffic")


async def audited(stack: Stack) -> Feed:
    """Store the books as they stand, and balance them."""
    stack.report(stack.intake)
    stack.report(stack.zone)
    await stack.sink.drain()
    await stack.sink.tick()
    for book in () if stack.ledger().settled else stack.zone.stage.books().values():
        for name, total in book["counts"]["processors"].items():
            hours = [hour["processors"][name] for hour in book["hours"].values()]
            assert total["used"] == sum(hour["used"] for hour in hours)
            assert sum(total["dropped"].values()) == sum(sum(hour["dropped"].values()) for hour in hours)
    return balanced(stack)


async def begin(stack: Stack) -> None:
    await stack.restart()
    while any([await stack.intake.deliver(topics.inbox("traffic"), one, at_most=20) for one in (0, 1)]):
        pass


def test_removed_and_added_again(stack: Stack) -> None:
    """The books are judged at once and after each frame, as `audit` does: by the processors that are there.

    An hour that was settled while a processor was away knows nothing of it.
    """

    async def run() -> None:
        await begin(stack)
        for specs in (SPECS, WITHOUT, SPECS, WITHOUT, SPECS):
            stack.specs = specs
            await stack.restart(specs)
            for _ in range(12):
                assert set((await audited(stack)).processors) <= specs.keys()
                await go_on(stack, 1)
        await stack.drain()

    asyncio.run(run())
    feed = balanced(stack)
    mine = feed.processors["congestion"]
    assert mine.dropped["joined_later"] > 0
    assert 0 < mine.used < mine.used + sum(mine.dropped.values()) < feed.in_frames == 5 * 96 + 1
    other = feed.processors["slow_traffic"]
    assert other.used + sum(other.dropped.values()) == feed.in_frames
    assert "joined_later" not in other.dropped


@pytest.mark.parametrize("frames", [4, 12, 25])
def test_all_begin_anew(stack: Stack, frames: int) -> None:
    """Live values are asked for after each step, too: none may trip over a sensor it has nothing of."""

    async def run() -> None:
        await begin(stack)
        await stack.restart(SPECS)
        await go_on(stack, frames)
        await stack.restart(NEWER)
        for _ in range(30):
            await go_on(stack, 1)
        await stack.drain()

    asyncio.run(run())
    feed = balanced(stack)
    for mine in feed.processors.values():
        assert mine.dropped["joined_later"] > 0
        assert mine.used + sum(mine.dropped.values()) == feed.in_frames


def test_one_that_is_new_has_used_all_that_it_is_rebuilt_from(city_folder: Path) -> None:
    """Without windows all of it is used: the eight readings that it never got when they came."""

    async def run() -> None:
        bus = await frames(city_folder)
        for names in (["good"], ["good", "toy"]):
            hosted = [Hosted(name, toy(good), Config()) for name in names]
            zone = FakeHost(ZoneStage(city_folder, hosted), bus)
            await zone.start()
            await zone.drain()
            await zone.tick()
        book = zone.stage.books()["zone:traffic:0"]
        assert book["counts"]["processors"]["toy"] == {"used": FRAMES, "dropped": {}}

    asyncio.run(run())


class Failing:
    """A processor that fails at the readings of one moment until it is mended."""

    def __init__(self, whole: Spec, at_ms: int) -> None:
        self.whole, self.at_ms, self.mended = whole, at_ms, False

    def spec(self) -> Spec:
        return replace(self.whole, step=self.step)

    def step(self, state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
        if not self.mended and (frame.at_ms == self.at_ms).any():
            raise ValueError("not this moment")
        return self.whole.step(state, frame, city, config)


def marked_ms(stack: Stack) -> int:
    books = stack.zone.stage.books()
    return min(int(books[f"zone:traffic:{one}"]["mark_ms"]) for one in (0, 1))


@pytest.mark.parametrize("minute", [0, 50, 115], ids=["at its first frame", "in the first hour", "in the second"])
@pytest.mark.parametrize("mended", [True, False])
def test_set_aside_and_taken_in_again(stack: Stack, tmp_path: Path, minute: int, mended: bool) -> None:
    """It is rebuilt over the moment where it failed, or without its windows; late readings correct what it missed."""
    failing = Failing(SPECS["congestion"], START_MS + minute * MINUTE_MS)
    specs = {**SPECS, "congestion": failing.spec()}

    async def run() -> None:
        await begin(stack)
        for _ in range(5):  # twice in each partition, then without it
            with suppress(ProcessorError):
                await stack.restart(specs, tmp_path)
                while marked_ms(stack) < failing.at_ms + 15 * MINUTE_MS:
                    await go_on(stack, 1)
        assert len(stack.zone.stage.set_aside()) > 0  # type: ignore[attr-defined] - the zone stage's own
        failing.mended = mended
        resuming.ask(tmp_path, "congestion")
        await stack.zone.tick()
        assert stack.zone.stage.set_aside() == []  # type: ignore[attr-defined] - the zone stage's own
        await stack.drain()

    asyncio.run(run())
    feed = balanced(stack)
    mine = feed.processors["congestion"]
    assert mine.dropped["set_aside"] > 0
    for one in feed.processors.values():
        assert one.used + sum(one.dropped.values()) == feed.in_frames == 5 * 96 + 1


def test_a_sensor_that_is_of_another_domain_now_keeps_its_hours_of_before(stack: Stack) -> None:
    """w0 told the weather's temperature and humidity; its id is a fire panel's now."""

    async def story() -> None:
        await stack.restart()
        await stack.drain()
        await stack.drain()

    asyncio.run(story())
    balanced(stack)
    path = stack.city / "sensors.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("w0,weather,", "w0,fire,"), encoding="utf-8")
    balanced(stack)
