"""The hub against a real Valkey: snapshot, numbered deltas, gaps, a Redis that goes away, slow clients."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json

import pytest
import redis.asyncio

from dashboard.health import health
from dashboard.hub import EARLY_S, Hub
from dashboard.listeners import QUEUE_LENGTH
from dashboard.mirror import Delta
from deploy.embedded import valkey as embedded
from deploy.supervision.process import start, stop, wait_open
from tests.dashboard.conftest import an_alarm
from tests.dashboard.fake_feed import FakeFeed
from tests.waiting import until_async

WITHIN_S = 15


@contextlib.asynccontextmanager
async def following(config, address: str):
    hub = Hub(dataclasses.replace(config, redis=address))
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def publisher(config, address: str, name: str):
    city = dataclasses.replace(config.city, id=name)
    client = redis.asyncio.from_url(f"redis://{address}")
    try:
        yield dataclasses.replace(config, city=city), FakeFeed(city, client)
    finally:
        await client.aclose()


async def heard(messages, wanted) -> dict:
    async with asyncio.timeout(WITHIN_S):
        async for text in messages:
            message = json.loads(text)
            if wanted(message):
                return message
    raise AssertionError("the stream ended")


def test_a_client_gets_a_snapshot_then_every_number(config, valkey, unique):
    async def run() -> None:
        async with (
            publisher(config, valkey.address, unique) as (config_, feed),
            following(config_, valkey.address) as hub,
        ):
            await feed.change({"s:A": [60_000, 2.0, 30.0, 0], "a:a1": an_alarm()})
            await until_async(lambda: hub.mirror.segments)
            messages = hub.listen()
            snapshot = await heard(messages, lambda message: True)
            assert (snapshot["type"], snapshot["build"]) == ("snapshot", "b1")
            assert [0, 60_000, 2.0, 30.0, 0] in snapshot["segments"]
            assert snapshot["alarms"]["rows"][0]["id"] == "a1"
            await feed.change({"s:A2": [120_000, 1.0, 30.0, 1]})
            seen = [snapshot]
            found = await heard(messages, lambda message: seen.append(message) or "segments" in message)
            assert found["segments"] == [[1, 120_000, 1.0, 30.0, 1]]
            assert [message["seq"] for message in seen] == list(range(snapshot["seq"], found["seq"] + 1))
            assert {message["epoch"] for message in seen} == {snapshot["epoch"]}
            await messages.aclose()
            assert hub.clients == 0

    asyncio.run(run())


def test_a_segments_new_value_does_not_wait_for_the_beat(config, valkey, unique, monkeypatch):
    monkeypatch.setattr("dashboard.hub.TICK_S", 10 * WITHIN_S)

    async def run() -> None:
        async with (
            publisher(config, valkey.address, unique) as (config_, feed),
            following(config_, valkey.address) as hub,
        ):
            await feed.change({"s:A": [60_000, 2.0, 30.0, 0]})
            await until_async(lambda: hub.mirror.segments)
            messages = hub.listen()
            await heard(messages, lambda message: message["type"] == "snapshot")
            await asyncio.sleep(EARLY_S)
            await feed.change({"s:A": [61_000, 2.5, 20.0, 0]})
            found = await heard(messages, lambda message: message["type"] == "delta")
            assert found["segments"] == [[0, 61_000, 2.5, 20.0, 0]]
            await messages.aclose()

    asyncio.run(run())


def test_an_emptied_redis_is_another_epoch_and_a_new_snapshot(config, valkey, unique):
    async def run() -> None:
        async with (
            publisher(config, valkey.address, unique) as (config_, feed),
            following(config_, valkey.address) as hub,
        ):
            await feed.change({"s:A": [60_000, 2.0, 30.0, 0]})
            await until_async(lambda: hub.mirror.segments)
            messages = hub.listen()
            before = await heard(messages, lambda message: True)
            await feed.redis.delete(f"citywall:{unique}:state", f"citywall:{unique}:head")
            await feed.change({"s:A2": [60_000, 3.0, 10.0, 0]})
            after = await heard(messages, lambda message: message["type"] == "snapshot")
            assert after["epoch"] != before["epoch"]
            assert [row[0] for row in after["segments"]] == [1]
            await messages.aclose()

    asyncio.run(run())


def test_an_emptied_redis_is_a_lost_one_until_a_sink_has_filled_it(config, valkey, unique):
    """It answers, and holds nothing: no alarms of which anybody knows is not "no alarms"."""

    async def run() -> None:
        async with (
            publisher(config, valkey.address, unique) as (config_, feed),
            following(config_, valkey.address) as hub,
        ):
            await asyncio.sleep(0)
            assert hub.redis_lost_ms is not None  # so is one that nobody has filled yet
            await feed.change({"a:a1": an_alarm()})
            await until_async(lambda: hub.redis_lost_ms is None)
            await feed.redis.delete(f"citywall:{unique}:state", f"citywall:{unique}:head")
            await until_async(lambda: hub.redis_lost_ms is not None)
            assert list(hub.mirror.alarms) == ["a1"]  # what was known last, and that it is old
            assert health(hub.screen, hub.redis_lost_ms, hub.redis_lost_ms + 1000)["status"] == "down"
            await feed.change({"a:a2": an_alarm("a2")})
            await until_async(lambda: hub.redis_lost_ms is None)
            assert list(hub.mirror.alarms) == ["a2"]

    asyncio.run(run())


def test_a_slow_client_gets_a_snapshot_in_the_place_of_what_it_missed(config, valkey, unique):
    async def run() -> None:
        async with (
            publisher(config, valkey.address, unique) as (config_, feed),
            following(config_, valkey.address) as hub,
        ):
            await feed.change({"s:A": [60_000, 2.0, 30.0, 0]})
            await until_async(lambda: hub.mirror.segments)
            messages = hub.listen()
            first = json.loads(await anext(messages))
            for number in range(QUEUE_LENGTH + 2):
                clock = {"clock": {"at_ms": number, "wall_ms": 0, "speed": 1.0}}
                hub.mirror.apply(Delta(hub.mirror.epoch, hub.mirror.seq + 1, clock, []), wall_ms=1)
                hub.tick()
            second = json.loads(await anext(messages))
            assert second["type"] == "snapshot"
            assert second["seq"] > first["seq"] + QUEUE_LENGTH
            third = await heard(messages, lambda message: True)
            assert (third["type"], third["seq"]) == ("delta", second["seq"] + 1)
            await messages.aclose()

    asyncio.run(run())


def test_a_lost_redis_is_told_and_read_again_on_return(config, tmp_path, unique):
    server = embedded.embedded(tmp_path)

    async def run() -> None:
        process = start(server.command, tmp_path / "log", bind=True)
        try:
            assert wait_open(process, server.port, WITHIN_S)
            async with publisher(config, server.address, unique) as (config_, feed):
                await feed.change({"s:A": [60_000, 2.0, 30.0, 0]})
                async with following(config_, server.address) as hub:
                    await until_async(lambda: hub.mirror.segments)
                    messages = hub.listen()
                    stop(process, WITHIN_S)
                    lost = await heard(messages, lambda message: message.get("link", {}).get("redis_lost_ms"))
                    assert lost["type"] == "delta"
                    assert hub.mirror.segments  # it goes on with what it has
                    process = start(server.command, tmp_path / "log", bind=True)
                    assert wait_open(process, server.port, WITHIN_S)
                    async with publisher(config, server.address, unique) as (_, anew):  # a new line to a new server
                        await anew.change({"s:A": [61_000, 2.0, 30.0, 0]})
                    again = await heard(messages, lambda message: message["type"] == "snapshot")
                    assert again["link"]["redis_lost_ms"] is None
                    await messages.aclose()
        finally:
            stop(process, WITHIN_S)

    asyncio.run(run())


@pytest.mark.parametrize("quiet", [True, False])
def test_silence_is_never_longer_than_a_second(config, quiet):
    hub = Hub(config)
    hub.tick()
    before = hub.seq
    for _ in range(4):
        hub.tick() if quiet else None
    assert hub.seq - before >= (1 if quiet else 0)
