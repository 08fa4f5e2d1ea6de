"""The live sink on a real Valkey: numbered deltas, epochs, restarts and a server that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from deploy.embedded import valkey as embedded_valkey
from deploy.supervision.process import start, stop, wait_open
from streams.broker import topics
from streams.city import versions
from streams.city.folder import read_folder
from streams.city.known import Cities
from streams.city.registry import load_city
from streams.contract.metric_frames import encode_metrics
from streams.contract.records import MetricFrame, Rows
from streams.contract.stage import Message
from streams.sinks import live
from streams.sinks.live import LiveSink
from streams.sinks.live_redis import LiveRedis
from tests.city_edits import feature, head
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.small_city import write_small_city
from tests.streams.sinks.rows import INCIDENT, LOAD, MINUTE_MS, START_MS, alarm, row, rows_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ABOUT = {"mode": "replay", "speed": 60}


@pytest.fixture(autouse=True)
def _publish_at_every_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PUBLISH_EVERY_S", "RETRY_FIRST_S", "RETRY_LAST_S"):
        monkeypatch.setattr(live, name, 0.0)


class Wall:
    """A city with its live sink, and a reader of its state and deltas."""

    def __init__(self, address: str, city_id: str) -> None:
        self.address, self.city_id = address, city_id
        self.bus = FakeBus()
        self.opened = contextlib.AsyncExitStack()
        self.folder = write_small_city(Path(self.opened.enter_context(tempfile.TemporaryDirectory())))
        head("small", city_id)(self.folder)
        self.reader: Any = Redis.from_url(f"redis://{address}", decode_responses=True)

    async def host(self, run: str = "run-1") -> FakeHost:
        """Start a sink."""
        redis = LiveRedis(self.address, self.city_id, run)
        self.opened.push_async_callback(redis.close)
        host = FakeHost(LiveSink(Cities(self.folder), redis, ABOUT, {}), self.bus)
        await host.start()
        return host

    def say(self, topic: str, key: str, value: object) -> None:
        data = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        self.bus.put(Message(topic, key.encode(), data))

    def publish(self) -> None:
        """Make the folder, as it is now, a version."""
        known = versions.stored(self.bus.log(topics.CITIES))
        for message in versions.next_version(read_folder(self.folder), known, {"traffic": 2, "weather": 1}):
            self.bus.put(message)

    def frame(self, rows: Rows, topic: str = topics.METRICS) -> None:
        self.say(topic, "Z1", encode_metrics(self.city_id, MetricFrame("traffic", 0, rows, START_MS)))

    async def listen(self) -> None:
        self.deltas = self.reader.pubsub()
        self.opened.push_async_callback(self.deltas.aclose)
        await self.deltas.subscribe(f"citywall:{self.city_id}:deltas")
        await self.deltas.get_message(timeout=5)

    async def heard(self) -> list[dict[str, Any]]:
        found = []
        while message := await self.deltas.get_message(ignore_subscribe_messages=True, timeout=0.2):
            found.append(json.loads(message["data"]))
        return found

    async def fields(self) -> dict[str, Any]:
        found = await self.reader.hgetall(f"citywall:{self.city_id}:state")
        return {name: json.loads(text) for name, text in found.items()}

    async def head(self) -> dict[str, str]:
        return await self.reader.hgetall(f"citywall:{self.city_id}:head")


def on_valkey(address: str, city_id: str, story: Callable[[Wall], Awaitable[None]]) -> None:
    async def run() -> None:
        wall = Wall(address, city_id)
        async with wall.opened:
            wall.opened.push_async_callback(wall.reader.aclose)
            await story(wall)

    asyncio.run(run())


@contextlib.contextmanager
def running_at(folder: Path, port: int) -> Iterator[None]:
    """Run a Valkey at a port that was free a moment ago."""
    process = start(embedded_valkey.embedded(folder, port).command, folder / "log", bind=True)
    try:
        assert wait_open(process, port, 10.0)
        yield
    finally:
        stop(process, 3.0)


async def settle(host: FakeHost) -> None:
    await host.drain()
    await host.tick()


def test_provisional_values_are_published_at_once_the_rest_in_company(
    valkey: embedded_valkey.Valkey, unique: str, monkeypatch: pytest.MonkeyPatch
):
    async def story(wall: Wall) -> None:
        host = await wall.host()
        wall.frame(rows_of(row("zone:z1", 0, 1.5)))
        await settle(host)
        monkeypatch.setattr(live, "PUBLISH_EVERY_S", 3600.0)
        wall.frame(rows_of(row("zone:z1", 1, 1.6)))
        await settle(host)
        assert (await wall.fields())["m:tti_ratio:zone:z1"]["value"] == 1.5
        wall.frame(rows_of(row("zone:z1", 2, 1.7, revision=-1)), topics.LIVE)
        await settle(host)
        assert (await wall.fields())["m:tti_ratio:zone:z1"]["value"] == 1.7

    on_valkey(valkey.address, unique, story)


def test_every_kind_of_output_becomes_its_field(valkey: embedded_valkey.Valkey, unique: str):
    async def story(wall: Wall) -> None:
        host = await wall.host()
        wall.say(topics.CLOCK, wall.city_id, {"at_ms": 5, "wall_ms": 6, "speed": 30.0})
        wall.say(topics.ALARMS, "a-1", alarm("a-1"))
        wall.say(topics.INCIDENTS, "i-1", INCIDENT)
        wall.say(topics.INCIDENTS, "i-2", {**INCIDENT, "id": "i-2"})
        wall.say(topics.INCIDENTS, "i-2", None)
        wall.say(topics.BOOKS, "alarms:journal:0", {"offset": 3, "counts": {"raised": 2}, "load": LOAD})
        wall.say(topics.BOOKS, "pulse:intake", {"part": "intake", "at_ms": 1})
        wall.frame(rows_of(row("zone:z1", 0, 1.5)))
        wall.frame(rows_of(row("zone:z1", 1, 1.7, revision=-1)), topics.LIVE)
        await settle(host)
        fields = await wall.fields()
        assert [fields[one] for one in fields if one.startswith("i:")] == [INCIDENT]
        assert fields["b:alarms:journal:0"] == {"offset": 3, "load": LOAD, "counts": {}}
        assert fields["city"] == {
            "id": wall.city_id,
            "name_zh": "小城",
            "name_en": "Small",
            "time_zone": "Asia/Shanghai",
            "version": load_city(wall.folder).version,
            "attribution": "",
            "mode": "replay",
            "speed": 30.0,
        }
        assert fields["clock"] == {"at_ms": 5, "wall_ms": FakeClock().now_ms, "speed": 30.0}  # when it came
        assert fields["a:a-1"]["level"] == 2
        assert fields["p:intake"] == {"part": "intake", "at_ms": 1}
        assert (fields["m:tti_ratio:zone:z1"]["at_ms"], fields["m:tti_ratio:zone:z1"]["state"]) == (
            START_MS + MINUTE_MS,
            0,
        )

    on_valkey(valkey.address, unique, story)


def test_deltas_are_numbered_without_a_gap_and_rebuild_the_state(valkey: embedded_valkey.Valkey, unique: str):
    async def story(wall: Wall) -> None:
        await wall.listen()
        host = await wall.host()
        await host.tick()
        wall.say(topics.ALARMS, '甲"1', alarm('甲"1'))
        await settle(host)
        wall.say(topics.ALARMS, '甲"1', None)
        wall.frame(rows_of(row("zone:z1")))
        await settle(host)
        heard = await wall.heard()
        assert [delta["seq"] for delta in heard] == list(range(1, len(heard) + 1))
        assert {delta["epoch"] for delta in heard} == {(await wall.head())["epoch"]}
        rebuilt: dict[str, Any] = {}
        for delta in heard:
            rebuilt.update(delta["set"])
            for field in delta["del"]:
                rebuilt.pop(field)
        fields = await wall.fields()
        assert set(fields) == {"city", "m:tti_ratio:zone:z1"}
        assert rebuilt == {name: value for name, value in fields.items() if name != "city"}  # the first delta is empty

    on_valkey(valkey.address, unique, story)


def test_after_a_flush_everything_is_there_again_under_a_new_epoch(valkey: embedded_valkey.Valkey, unique: str):
    async def story(wall: Wall) -> None:
        host = await wall.host()
        wall.frame(rows_of(row("zone:z1"), row("zone:z2")))
        await settle(host)
        before, old = await wall.fields(), await wall.head()
        await wall.reader.delete(f"citywall:{wall.city_id}:state", f"citywall:{wall.city_id}:head")
        wall.frame(rows_of(row("zone:z2", 1)))
        await settle(host)
        after, new = await wall.fields(), await wall.head()
        assert set(after) == set(before)
        assert after["m:tti_ratio:zone:z1"] == before["m:tti_ratio:zone:z1"]
        assert new["epoch"] != old["epoch"]
        assert new["seq"] == "1"

    on_valkey(valkey.address, unique, story)


def test_a_sink_that_starts_again_goes_on_in_the_same_epoch(valkey: embedded_valkey.Valkey, unique: str):
    async def story(wall: Wall) -> None:
        first = await wall.host()
        wall.frame(rows_of(row("zone:z1", 1, 1.1)))
        await settle(first)
        old = await wall.head()
        wall.frame(rows_of(row("zone:z2", 1, 1.2)))
        second = await wall.host()
        assert second.positions[next(p for p in second.positions if p.topic == topics.METRICS)] == 1
        await settle(second)
        assert {"m:tti_ratio:zone:z1", "m:tti_ratio:zone:z2"} <= set(await wall.fields())
        new = await wall.head()
        assert new["epoch"] == old["epoch"]
        assert int(new["seq"]) == int(old["seq"]) + 1

    on_valkey(valkey.address, unique, story)


def test_another_run_of_the_same_city_begins_anew(valkey: embedded_valkey.Valkey, unique: str):
    async def story(wall: Wall) -> None:
        first = await wall.host()
        wall.say(topics.ALARMS, "old", alarm("old"))
        await settle(first)
        wall.bus = FakeBus()
        wall.frame(rows_of(row("zone:z1", -1000)))
        await settle(await wall.host("run-2"))
        assert set(await wall.fields()) == {"city", "m:tti_ratio:zone:z1"}

    on_valkey(valkey.address, unique, story)


def test_while_redis_is_away_the_newest_values_are_kept(tmp_path: Path, unique: str, caplog: pytest.LogCaptureFixture):
    port = embedded_valkey.embedded(tmp_path / "probe").port

    async def story(wall: Wall) -> None:
        host = await wall.host()
        for minute in range(3):
            wall.frame(rows_of(row("zone:z1", minute, float(minute))))
            await settle(host)
        assert host.committed.total() == 3
        with running_at(tmp_path / "valkey", port):
            await host.tick()
            assert (await wall.fields())["m:tti_ratio:zone:z1"]["value"] == 2.0

    with caplog.at_level(logging.WARNING, "citywall"):
        on_valkey(f"127.0.0.1:{port}", unique, story)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "does not answer" in said[0]
    assert said[1] == "Redis is back"


def test_a_new_version_of_the_city_renames_it_and_takes_out_who_left(
    valkey: embedded_valkey.Valkey, unique: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "SWEEP_EVERY_S", 0.0)

    async def story(wall: Wall) -> None:
        wall.publish()
        host = await wall.host()
        wall.frame(rows_of(row("s0"), row("s1"), row("zone:z1")))
        await settle(host)
        assert {"s:s0", "s:s1", "m:tti_ratio:zone:z1"} <= set(await wall.fields())
        assert ((await wall.fields())["city"]["version"], (await wall.fields())["city"]["name_en"]) == ("1", "Small")
        head('"Small"', '"Smallville"')(wall.folder)
        sensors = wall.folder / "sensors.csv"
        lines = sensors.read_text(encoding="utf-8").splitlines(keepends=True)
        sensors.write_text("".join(one for one in lines if not one.startswith(("d0,", "d4,", "w0,"))), "utf-8")
        feature("segments", 0, lambda one: one["properties"].update(id="s90"))(wall.folder)
        wall.publish()
        for _ in range(3):
            await settle(host)
        fields = await wall.fields()
        assert (fields["city"]["version"], fields["city"]["name_en"]) == ("2", "Smallville")
        assert "s:s0" not in fields
        assert {"s:s1", "m:tti_ratio:zone:z1"} <= set(fields)

    on_valkey(valkey.address, unique, story)
