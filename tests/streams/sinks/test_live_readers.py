"""What each stage really writes is taken by each typed reader of it: the live sink, the wall, `status`."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from alerts.engine import Engine
from dashboard.config import WallConfig
from dashboard.mirror import Mirror
from dashboard.telemetry.exposition import exposition, look
from deploy.supervision import pulses
from streams.accounts.losses import Loss, to_message
from streams.alarms.alarm_stage import AlarmStage
from streams.broker import topics
from streams.city.clock import ClockSetting
from streams.city.known import Cities
from streams.city.registry import load_city
from streams.contract.stage import Chunk, Message, TopicPartition
from streams.health.pulse import PULSE, Pulse
from streams.sinks import live
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.sinks.live import LiveSink
from tests.alerts.staging import given_to
from tests.alerts.writing import detection
from tests.fakes import FakeHost
from tests.streams.stack import START_MS, Stack, feed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streams.contract.stage import Stage
    from tests.fakes import FakeBus

SOURCE = TopicPartition("city.inbox.v1.traffic", 0)


class Held:
    """Keeps what a live sink publishes, as Redis would."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}

    async def load(self) -> None:
        return None

    async def publish(self, fields: Mapping[str, str], deleted: list[str], _: Mapping[str, int]) -> bool:
        self.fields |= {name: msgspec.json.decode(text) for name, text in fields.items()}
        self.fields = {name: value for name, value in self.fields.items() if name not in deleted}
        return True


async def written(folder: Path, data: Path) -> FakeBus:
    """Run every stage on one bus; leave there all that they write, and their books and a pulse as the run loop does."""
    stack = Stack(folder, feed(random.Random(3), with_marks=True))
    bus = stack.bus
    await stack.start()
    await stack.drain()
    for team in stack.teams:
        for host in team.hosts:
            await host.tick()
    given_to(bus, detection(2, START_MS, evidence={"upstream": "s0", "drop": 0.5}))
    history = HistorySink(lambda: open_history(str(data / "h.sqlite")), Spill(data / "spill"))
    others: list[Stage] = [AlarmStage(Engine), history]
    for stage in others:
        host = FakeHost(stage, bus)
        await host.start()
        for _ in range(3):
            await host.drain()
            await host.tick()
    await stack.start()  # the books as a process begins with them
    books = [stage.books() for stage in others] + [team.books() for team in stack.teams]
    for key, book in {key: book for some in books for key, book in some.items()}.items():
        bus.put(Message(topics.BOOKS, key.encode(), msgspec.json.encode(book), 0))
    bus.put(Message(topics.BOOKS, f"{PULSE}intake".encode(), msgspec.json.encode(a_pulse(bus, data)), 0))
    times: dict[str, Any] = {"after_ms": None, "before_ms": START_MS, "noticed_ms": START_MS}
    place: dict[str, Any] = {"topic": SOURCE.topic, "partition": SOURCE.partition, "from_offset": 10, "to_offset": 20}
    bus.put(to_message(Loss(lost_by="intake", **place, **times)))
    setting = ClockSetting(at_ms=START_MS, wall_ms=START_MS, speed=1.0)
    bus.put(Message(topics.CLOCK, b"small", msgspec.json.encode(setting), 0))
    return bus


def a_pulse(bus: FakeBus, data: Path) -> dict[str, Any]:
    """Return the pulse of a process that has taken a chunk of one partition, and none of another yet."""
    pulse = Pulse("intake", "intake", data)
    pulse.assigned([SOURCE, SOURCE._replace(partition=1)], {})
    chunk = Chunk(*SOURCE, bus.log(*SOURCE)[:5], 9)
    pulse.received(chunk)
    pulse.absorbed(chunk)
    return pulse.beat({SOURCE._replace(partition=1): 7})


@pytest.fixture
def shown(city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a live sink made of all that."""
    monkeypatch.setattr(live, "PUBLISH_EVERY_S", 0.0)
    held = Held()

    async def story() -> None:
        bus = await written(city_folder, tmp_path)
        redis: Any = held
        sink = LiveSink(Cities(city_folder), redis, {"mode": "live", "speed": 1.0}, {})
        host = FakeHost(sink, bus)
        await host.start()
        await host.drain()
        await host.tick()

    asyncio.run(story())
    return held.fields


def test_the_live_sink_takes_every_kind_of_record_that_is_really_written(shown: dict[str, Any]) -> None:
    assert "b:live" not in shown, shown["b:live"]
    assert {name.partition(":")[0] for name in shown} == {"city", "s", "m", "a", "f", "p", "b", "clock"}
    books = {name.removeprefix("b:").partition(":")[0] for name in shown if name.startswith("b:")}
    assert books == {"alarms", "intake", "zone", "second", "history"}
    assert shown["b:second:all:0"]["counts"]["frames"] > 0
    assert [one["lag_s"] for one in shown["p:intake"]["partitions"]][1] is None


def test_the_wall_takes_all_of_it_and_counts_the_second_level(shown: dict[str, Any], city_folder: Path) -> None:
    mirror = Mirror()
    mirror.load("e", 1, shown)
    assert dict(mirror.odd.counts) == {}
    about: dict[str, Any] = {"city": load_city(city_folder), "redis": "", "send_command": None, "history": None}
    config = WallConfig(**about, build="b", started_ms=0)
    hub: Any = SimpleNamespace(config=config, mirror=mirror, clients=0, redis_lost_ms=None)
    lines = exposition(look(hub, shown["p:intake"]["at_ms"])).decode().splitlines()
    frames = shown["b:second:all:0"]["counts"]["frames"]
    assert f"citywall_second_level_frames_total {frames:.1f}" in lines
    rows = 'citywall_processor_rows_total{domain="all",partition="0",processor="network"}'
    assert any(line.startswith(rows) and not line.endswith(" 0.0") for line in lines)


def test_status_reads_the_pulse_that_is_really_written(tmp_path: Path, city_folder: Path) -> None:
    asyncio.run(written(city_folder, tmp_path))
    read = pulses.read(tmp_path)["intake"]
    assert [(one.lag_records, one.lag_s is None) for one in read.partitions] == [(4, False), (7, True)]
