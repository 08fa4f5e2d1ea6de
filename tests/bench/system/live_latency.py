"""From a reading sent to Kafka to its value in Redis at 5,000 readings a second, and what intake and zones use.

The city is the bench job's, without a feed of its own. Every 20 ms a hundred readings are sent, each of the next
segment, at the city's time. A reading is in Redis when a delta on the city's channel shows its segment with its time,
or with a later one. All by one clock.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from streams.broker.topics import inbox, partition_counts
from tests.bench.batches import send_batches
from tests.bench.job import Shape, write_city
from tests.bench.system.figures import waits
from tests.bench.system.running import City, running

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = {"redis_p50_ms": 200.0, "redis_p99_ms": 500.0, "intake_cores": 0.15, "processors_cores": 0.15}

SHAPE = Shape()
DOMAIN = "traffic"
PER_S = 5_000
STEP_S = 0.02
SETTLE_S = 20.0
WATCH_S = 40.0
LAST_S = 3.0
PARTS = ("intake", "processors", "sinks_live", "broker", "redis")

Shown = dict[int, list[tuple[int, float]]]
"""Segment → (event time, when Redis showed it), as they came."""


def measure(folder: Path) -> dict[str, float]:
    """Run the city, feed it, and listen."""
    folder.mkdir(parents=True, exist_ok=True)
    with running(folder, "--city", str(write_city(folder / "city", SHAPE))) as city:
        return asyncio.run(_measure(city))


async def _measure(city: City) -> dict[str, float]:
    shown: Shown = {}
    sent: list[tuple[int, int]] = []
    listening = asyncio.create_task(_listen(city, shown))
    feeding = asyncio.create_task(_feed(city.run.kafka, sent))
    await asyncio.sleep(SETTLE_S)
    begin_ms = time.time() * 1000
    cores = await asyncio.to_thread(city.cores, WATCH_S)
    end_ms = time.time() * 1000
    await feeding
    await asyncio.sleep(LAST_S)
    if listening.done():
        listening.result()  # it never ends by itself: why it broke off
    listening.cancel()
    watched = [one for one in sent if begin_ms <= one[1] < end_ms]
    found = figures(watched, shown)
    found["fed_per_s"] = len(watched) / (end_ms - begin_ms) * 1000
    return found | {f"{part}_cores": cores[part] for part in PARTS if part in cores}


async def _feed(kafka: str, sent: list[tuple[int, int]]) -> None:
    """Send steadily; what could not be sent in time is sent at once."""
    partitions = partition_counts(kafka)[inbox(DOMAIN)]
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks=1)
    await producer.start()
    began = time.monotonic()
    waiting: set[asyncio.Task[None]] = set()
    for step in range(int((SETTLE_S + WATCH_S) / STEP_S)):
        await asyncio.sleep(max(began + step * STEP_S - time.monotonic(), 0.0))
        at_ms = time.time_ns() // 1_000_000
        first = step * int(PER_S * STEP_S)
        segments = [number % SHAPE.segments for number in range(first, first + int(PER_S * STEP_S))]
        sent += [(segment, at_ms) for segment in segments]
        for partition in range(partitions):
            records = [_record(one, at_ms) for one in segments if one % partitions == partition]
            task = asyncio.create_task(send_batches(producer, inbox(DOMAIN), partition, records))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    await producer.stop()


def _record(segment: int, at_ms: int) -> tuple[bytes, bytes]:
    reading = {"sensor": f"d{segment}", "at": at_ms, "speed_km_h": 30.0 + segment % 30, "flow_veh_h": 600}
    return f"d{segment}".encode(), json.dumps(reading).encode()


async def _listen(city: City, shown: Shown) -> None:
    redis = Redis.from_url(city.run.redis, decode_responses=True)
    channel = redis.pubsub()
    await channel.subscribe(f"citywall:{city.run.city_id}:deltas")
    async for message in channel.listen():
        if message["type"] == "message":
            now_ms = time.time() * 1000
            for field, value in json.loads(message["data"])["set"].items():
                if field.startswith("s:s"):
                    shown.setdefault(int(field[3:]), []).append((value[0], now_ms))


def figures(sent: list[tuple[int, int]], shown: Shown) -> dict[str, float]:
    """Join what was sent, (segment, sent at), with when Redis first showed that time of the segment, or a later one."""
    took = []
    for segment, sent_ms in sent:
        at = [now_ms for at_ms, now_ms in shown.get(segment, ()) if at_ms >= sent_ms]
        if at:
            took.append(min(at) - sent_ms)
    if not took:
        raise SystemExit("citywall bench: Redis showed none of the readings")
    return {
        **waits("redis", took),
        "never_shown": float(len(sent) - len(took)),
    }
