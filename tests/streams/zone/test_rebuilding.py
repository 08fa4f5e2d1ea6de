"""A processor that begins anew is rebuilt in silence: from then on as if it had always been there, bit for bit."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from deploy.config.components import discover
from streams.broker import topics
from streams.contract.frames import decode_header
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import Detection, Result
from streams.contract.spec import Config, Spec
from streams.contract.stage import Message
from streams.errors import ProcessorError
from streams.intake.intake_stage import IntakeStage
from streams.saving import resuming
from streams.saving import state as state_codec
from streams.zone import rebuilding
from tests.fakes import FakeHost
from tests.streams.stack import (
    INBOX,
    MINUTE_MS,
    READINGS,
    START_MS,
    Fed,
    fed,
    feed,
    mark,
    reading,
    zones_of,
)
from tests.streams.zone.lives import City

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

FIRST = {name: spec for name, spec in discover().items() if not spec.second_level}
HALF = 40
"""Frames of each partition before the other processors come; there are some 100."""


@pytest.fixture(autouse=True)
def save_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)


def states(host: FakeHost, name: str) -> list[bytes]:
    return [state_codec.encode(state.processors[name]) for state in zones_of(host) if name in state.processors]


async def two_lives(
    city: City, before: Mapping[str, Spec], frames: int = HALF, **more: Any
) -> tuple[FakeHost, list[Any], list[Any]]:
    """Run the first half with other processors → the second life, what it sent of metrics and of detections."""
    await city.frames()
    await city.life(before, frames)
    sent, found = len(city.sent()), len(city.sent(topics.DETECTIONS))
    host = await city.life(FIRST, **more)
    return host, city.sent()[sent:], city.sent(topics.DETECTIONS)[found:]


def without(name: str) -> dict[str, Spec]:
    return {other: spec for other, spec in FIRST.items() if other != name}


def of_another_version(name: str) -> dict[str, Spec]:
    return {**FIRST, name: replace(FIRST[name], state_version=FIRST[name].state_version + 7)}


@pytest.mark.parametrize("before", [without, of_another_version])
@pytest.mark.parametrize("name", ["congestion", "feed_health", "slow_traffic"])
def test_from_complete_frames_it_is_as_if_it_had_always_been_there(
    name: str, before: Callable[[str], dict[str, Spec]], city_folder: Path
) -> None:
    """Duplicates, late readings, two sources and two partitions: the same state, the same bytes from then on."""
    records = feed(random.Random(5), with_marks=True)

    async def story(specs: Mapping[str, Spec]) -> tuple[list[bytes], list[Any], list[Any]]:
        host, sent, found = await two_lives(City(city_folder, records), specs)
        return states(host, name), sent, found

    always, sent, found = asyncio.run(story(FIRST))
    anew, sent_anew, found_anew = asyncio.run(story(before(name)))
    assert anew == always != []
    assert sent_anew == sent != []
    if before is of_another_version:  # nobody sent those of one that was not there: the newest are
        assert found_anew == found


def minutes(first: int, last: int) -> list[Fed]:
    """A reading of two detectors each third minute, speeds by minute, with marks right behind."""
    records = []
    for minute in range(first, last, 3):
        at_ms = START_MS + minute * MINUTE_MS
        records += mark(at_ms)
        records += [fed(one, reading(one, at_ms + 1000, speed_km_h=20 + minute % 50)) for one in range(2)]
    return records


def told_minutes(sent: Sequence[Any], metric: str = "speed_km_h") -> set[int]:
    found = set()
    for _, value, _ in sent:
        rows = decode_metrics(value).rows
        rows = rows.where((rows.metric == metric) & (rows.window_s == 60))
        found |= set(((rows.at_ms - START_MS) // MINUTE_MS).tolist())
    return found


def test_where_frames_are_gone_a_window_that_is_not_whole_yields_nothing(city_folder: Path) -> None:
    """240 minutes, of which some 120 are gone: no row of a minute up to an hour (the late limit) behind the first."""
    records = [*minutes(0, 240), *mark(START_MS + 240 * MINUTE_MS)]

    async def story(begin_share: float, frames_share: float) -> tuple[set[int], set[int], FakeHost]:
        city = City(city_folder, records)
        await city.frames()
        ends = len(city.bus.log(READINGS, 0))
        city.bus.begin = int(ends * begin_share)
        first = next(record for record in city.bus.log(READINGS, 0) if record.offset >= city.bus.begin)
        mark_ms = decode_header(first).mark_ms
        await city.life(without("congestion"), int(ends * frames_share))
        sent = len(city.sent())
        host = await city.life(FIRST)
        return told_minutes(city.sent()[sent:]), set(range((mark_ms - START_MS) // MINUTE_MS)), host

    told, gone, host = asyncio.run(story(0.5, 0.6))
    assert len(gone) > 100
    assert min(told) >= max(gone) + 61  # the hour, and the minute that it cuts
    assert max(told) == 237
    dropped = [state.dropped["congestion"].get("joined_later", 0) for state in zones_of(host)]
    assert sum(dropped) > 0
    for state in zones_of(host):
        in_frames = sum(one.in_frames for one in state.counts.values())
        assert state.used["congestion"] + sum(state.dropped["congestion"].values()) == in_frames
    assert min(asyncio.run(story(0.0, 0.6))[0]) <= 145  # with all frames the minute at hand is told


class Ticking:
    """A clock on which everything takes a second."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


def test_the_rest_goes_on_while_it_is_rebuilt(city_folder: Path) -> None:
    """On a clock where each look takes a second a turn takes one frame, so it catches up long after the start."""
    records = feed(random.Random(6), with_marks=True)

    async def story() -> None:
        always = City(city_folder, records)
        whole, _, _ = await two_lives(always, FIRST)
        city = City(city_folder, records)
        await city.frames()
        await city.life(without("congestion"), HALF)
        sent = len(city.sent())
        host = city.stage(FIRST, now_s=Ticking())
        await host.start()
        notices = host.stage.notices()  # type: ignore[attr-defined] - the zone stage's own
        assert any("congestion is being rebuilt" in one.en and not one.degraded for one in notices)
        await host.drain()
        assert "feed_health" in {name for state in zones_of(host) for name in state.processors}
        assert "congestion" not in {name for state in zones_of(host) for name in state.processors}
        assert len(city.sent()) > sent
        for _ in range(20 * HALF):
            await host.tick()
        assert host.stage.notices() == []  # type: ignore[attr-defined] - the zone stage's own
        assert states(host, "congestion") == states(whole, "congestion")
        for state in zones_of(host):
            in_frames = sum(one.in_frames for one in state.counts.values())
            assert state.used["congestion"] + sum(state.dropped["congestion"].values()) == in_frames

    asyncio.run(story())


def test_what_takes_too_long_begins_with_whole_windows(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but two records are read while it is rebuilt; given up, it gets the one of the next minute."""
    monkeypatch.setattr(rebuilding, "GIVE_UP_S", 20.0)

    async def story() -> None:
        city = City(city_folder, minutes(0, 60))
        await city.frames()
        await city.life(without("congestion"), HALF)
        host = city.stage(FIRST, now_s=Ticking())
        await host.start()
        await host.drain()
        for _ in range(20):
            await host.tick()
        assert host.stage.notices() == []  # type: ignore[attr-defined] - the zone stage's own
        assert "congestion" not in {name for state in zones_of(host) for name in state.processors}
        for partition, value, headers in [fed(0, reading(0, START_MS + 57 * MINUTE_MS + 9000)), *minutes(60, 61)]:
            city.bus.put(Message(INBOX, b"", value, partition, headers))
        await city.frames()
        await host.drain()
        for state in zones_of(host):
            in_frames = sum(one.in_frames for one in state.counts.values())
            if in_frames:
                assert state.used["congestion"] == 1
                assert state.dropped["congestion"] == {"joined_later": in_frames - 1}

    asyncio.run(story())


@dataclass
class Level:
    """Toy: the level of each sensor."""

    of: dict[str, int] = field(default_factory=dict)


class Watch:
    """Says each change of a speed below 30; fails at 77 while it is `broken`."""

    broken = True

    def spec(self) -> Spec:
        return Spec(domains=("traffic",), step=self.step, config=Config, state=Level)

    def step(self, state: Level, frame: Any, city: Any, _config: Any) -> Result[Level]:
        if self.broken and (frame.column("speed_km_h") == 77).any():
            raise ValueError("77 is too much for me")
        found = []
        for sensor, at_ms, speed in zip(frame.sensor, frame.at_ms, frame.column("speed_km_h"), strict=True):
            name, level = city.sensors[sensor].id, int(speed < 30)
            if state.of.get(name, 0) != level:
                state.of[name] = level
                found.append(
                    Detection(
                        city=city.id,
                        domain="traffic",
                        kind="slow",
                        entity=name,
                        zone="z0",
                        at_ms=int(at_ms),
                        level=level,  # type: ignore[arg-type] - 0 or 1
                        value=float(speed),
                        limit=30.0,
                        basis="own choice",
                    )
                )
        return Result(state=state, detections=tuple(found))


def test_what_changed_while_it_was_set_aside_is_said_once_and_nothing_again(city_folder: Path, tmp_path: Path) -> None:
    """d0 falls in minute 1 and rises in 5, d2 falls in 2 for good, d4 falls, rises and falls; set aside in minute 3.

    The second level is told the same, though these minutes have passed: an end, and what stands.
    """
    speeds = {
        "d0": [40, 20, 20, 20, 20, 40, 40, 40],
        "d2": [40, 40, 20, 20, 20, 20, 20, 20],
        "d4": [40, 40, 40, 77, 20, 40, 20, 20],
    }
    watch = Watch()

    async def story() -> tuple[list[tuple[str, int, int]], list[Any]]:
        city = City(city_folder, [])
        intake = FakeHost(IntakeStage(city_folder), city.bus)
        await intake.start()
        for minute in range(8):
            city.bus.clock.now_ms = START_MS + minute * MINUTE_MS
            for name, of in speeds.items():
                row = reading(int(name[1:]), START_MS + minute * MINUTE_MS, speed_km_h=of[minute])
                partition, value, headers = fed(0, row)
                city.bus.put(Message(INBOX, b"", value, partition, headers))
            await intake.drain()
        for _ in range(2):
            with pytest.raises(ProcessorError):
                await city.life({"watch": watch.spec()}, data=tmp_path)
        host = await city.life({"watch": watch.spec()}, data=tmp_path)
        watch.broken = False
        before, frames = len(city.sent(topics.DETECTIONS)), len(city.sent())
        resuming.ask(tmp_path, "watch")
        await host.tick()
        await host.tick()
        told = [msgspec.json.decode(value, type=Detection) for _, value, _ in city.sent(topics.DETECTIONS)[before:]]
        found = [(one.entity, (one.at_ms - START_MS) // MINUTE_MS, one.level) for one in told]
        return found, [decode_metrics(value) for _, value, _ in city.sent()[frames:]]

    found, (frame,) = asyncio.run(story())
    assert sorted(found) == [("d0", 5, 0), ("d4", 6, 1)]
    assert frame.levels == (("slow", "d0", START_MS + 5 * MINUTE_MS, 0),)
    assert frame.stands == (("slow", "d4", START_MS + 6 * MINUTE_MS, 1),)
    assert (frame.zone_id, len(frame.rows)) == ("z0", 0)
