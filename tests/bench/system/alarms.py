"""20,000 open alarms in the running city: from a finding to its row on Kafka, from a new alarm to ten consoles.

The city is the bench job's, without a feed. First every alarm is opened; then for ten minutes 1,000 findings a second
change them, twenty every 20 ms. Of every twenty one is watched: its row is there when a record of its key comes on
`city.alarms.v1` with its time, or with a later one. Once a second another alarm of level I, the only ones there are, is
raised: a console has it when its counter of level I does. Once a second a page of the list is asked for. Consoles and
pages each have a process of their own. By one clock. `python -m tests.bench.system.alarms --seconds 60` is shorter.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from msgspec.structs import replace

from alerts.judge import alarm_id
from streams.broker.topics import ALARMS, DETECTIONS
from tests.bench import flood
from tests.bench.batches import send_batches
from tests.bench.job import write_city
from tests.bench.system.desks import pages_ms, shown_ms
from tests.bench.system.figures import waits
from tests.bench.system.running import City, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.contract.records import Detection

TARGETS = {
    "row_p99_ms": 300.0,
    "console_p99_ms": 1000.0,
    "page_p99_ms": 200.0,
    "behind_after_10_s": 0.0,
    "engine_mb": 500.0,
    "never_shown": 0.0,
}

SECONDS = 600
PER_S, STEP_S = 1_000, 0.02
OPENED_PER_S, TOGETHER = 2_000, 200
CONSOLES = 10
MARK_EVERY_S = 1.0
LAST_S = 10.0
OPENED_WITHIN_S = 300.0


class Watch:
    """What was sent and what was seen of it; times of one clock, ms."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        """(alarm, time) of the findings that are watched."""
        self.rows: dict[str, list[tuple[int, float]]] = {}
        """Alarm → (time in its row, when the row came), of those that are watched."""
        self.alarms: dict[tuple[str, str], str] = {}
        """(entity, kind) → alarm."""
        self.open: set[str] = set()
        self.marks_ms: list[float] = []
        """When each alarm of level I was sent."""
        self.shown_ms: list[list[float]] = []
        """Console → when it first counted one, two, … of them."""
        self.pages_ms: list[float] = []


def measure(folder: Path, seconds: int = SECONDS) -> dict[str, float]:
    """Run the city, open the alarms, flood it, and look."""
    folder.mkdir(parents=True, exist_ok=True)
    with running(folder, "--city", str(write_city(folder / "city"))) as city:
        return asyncio.run(_measure(city, seconds))


async def _measure(city: City, seconds: int) -> dict[str, float]:
    watch, found = Watch(), flood.findings(flood.OPEN, now_ms() - flood.OPEN)
    producer = AIOKafkaProducer(bootstrap_servers=city.run.kafka, acks=1)
    await producer.start()
    looking = [asyncio.create_task(_rows(city, watch))]
    try:
        await _opened(producer, found, watch)
        desks = asyncio.create_task(_desks(city, watch, seconds + LAST_S))
        marks = asyncio.create_task(_marks(producer, watch))
        looking += [marks, desks]
        cores = asyncio.create_task(asyncio.to_thread(city.cores, float(seconds)))
        await _flood(producer, found, watch, seconds)
        marks.cancel()
        await desks
        last = watch.sent[-1]
        lag = 0.0 if any(at_ms >= last[1] for at_ms, _ in watch.rows.get(last[0], ())) else 1.0
        used = await cores
    finally:
        for one in looking:
            one.cancel()
        await producer.stop()
    broken = [one.exception() for one in looking if one.done() and not one.cancelled()]
    if any(broken):
        raise SystemExit(f"citywall bench: looking at the city broke off: {broken}")
    engine_mb = max(one.rss_mb for (part, _), one in city.usage().items() if part == "alarms")
    parts = {f"{part}_cores": used[part] for part in ("alarms", "sinks_live", "wall", "broker") if part in used}
    return figures(watch) | {"behind_after_10_s": lag, "engine_mb": engine_mb} | parts


def now_ms() -> int:
    """Return the time of the machine's clock."""
    return time.time_ns() // 1_000_000


def figures(watch: Watch) -> dict[str, float]:
    """Join what was sent with when it was seen."""
    rows = [_first(watch.rows.get(alarm, ()), at_ms) for alarm, at_ms in watch.sent]
    took = [seen_ms - at_ms for seen_ms, (_, at_ms) in zip(rows, watch.sent, strict=True) if seen_ms is not None]
    shown = [
        seen_ms - sent_ms
        for console in watch.shown_ms
        for seen_ms, sent_ms in zip(console, watch.marks_ms, strict=False)
        if not math.isnan(seen_ms)
    ]
    if not took or not shown or not watch.pages_ms:
        raise SystemExit("citywall bench: the city showed none of the alarms")
    missing = len(watch.sent) - len(took) + CONSOLES * len(watch.marks_ms) - sum(map(len, watch.shown_ms))
    return {
        **waits("row", took),
        **waits("console", shown),
        **waits("page", watch.pages_ms),
        "never_shown": float(missing),
        "findings": float(len(watch.sent)),
        "marks": float(len(watch.marks_ms)),
    }


def _first(rows: Sequence[tuple[int, float]], at_ms: int) -> float | None:
    return min((seen_ms for of_ms, seen_ms in rows if of_ms >= at_ms), default=None)


async def _opened(producer: AIOKafkaProducer, found: Iterator[Detection], watch: Watch) -> None:
    """Open all alarms, and wait until their rows are there."""
    for _ in range(flood.OPEN // TOGETHER):
        raised = list(islice(found, TOGETHER))
        watch.alarms |= {(one.entity, one.kind): alarm_id(one) for one in raised}
        await _send(producer, raised)
        await asyncio.sleep(TOGETHER / OPENED_PER_S)
    deadline = time.monotonic() + OPENED_WITHIN_S
    while not watch.open.issuperset(watch.alarms.values()):
        if time.monotonic() > deadline:
            raise SystemExit(f"citywall bench: {len(watch.open)} of {flood.OPEN} alarms were opened")
        await asyncio.sleep(0.2)


async def _flood(producer: AIOKafkaProducer, found: Iterator[Detection], watch: Watch, seconds: int) -> None:
    """Send steadily; what could not be sent in time is sent at once. Each has the time at which it is sent."""
    began_s = time.monotonic()
    for step in range(int(seconds / STEP_S)):
        await asyncio.sleep(max(began_s + step * STEP_S - time.monotonic(), 0.0))
        at_ms = now_ms()
        news = [replace(one, at_ms=at_ms) for one in islice(found, int(PER_S * STEP_S))]
        alarm = watch.alarms[news[0].entity, news[0].kind]
        watch.rows.setdefault(alarm, [])
        watch.sent.append((alarm, at_ms))
        await _send(producer, news)


async def _marks(producer: AIOKafkaProducer, watch: Watch) -> None:
    """Raise an alarm of level I now and then."""
    while True:
        at_ms = now_ms()
        watch.marks_ms.append(at_ms)
        mark = flood.finding(len(watch.marks_ms), at_ms, 1)
        await _send(producer, [replace(mark, kind=f"mark_{len(watch.marks_ms)}")])
        await asyncio.sleep(MARK_EVERY_S)


async def _send(producer: AIOKafkaProducer, found: Sequence[Detection]) -> None:
    await send_batches(producer, DETECTIONS, 0, [(one.entity.encode(), msgspec.json.encode(one)) for one in found])


async def _rows(city: City, watch: Watch) -> None:
    """Read the rows; only those of alarms that are watched are looked into."""
    consumer = AIOKafkaConsumer(ALARMS, bootstrap_servers=city.run.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async for record in consumer:
            alarm, seen_ms = record.key.decode(), time.time() * 1000
            watch.open.add(alarm)
            if record.value is not None and alarm in watch.rows:
                watch.rows[alarm].append((msgspec.json.decode(record.value)["updated_at_ms"], seen_ms))
    finally:
        await consumer.stop()


async def _desks(city: City, watch: Watch, seconds: float) -> None:
    """Have consoles listen, and pages asked for, until the last alarms are there."""
    loop, wall = asyncio.get_running_loop(), city.run.wall
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as apart:
        shown = loop.run_in_executor(apart, shown_ms, wall, CONSOLES, seconds)
        watch.pages_ms = await loop.run_in_executor(apart, pages_ms, wall, seconds)
        watch.shown_ms = await shown


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.system.alarms", description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of flood (default {SECONDS})")
    with tempfile.TemporaryDirectory(prefix="citywall-bench-") as place:
        for key, value in measure(Path(place), parser.parse_args().seconds).items():
            print(f"  {key:28s}{value:14.3f}" + (f"   at most {TARGETS[key]:g}" if key in TARGETS else ""))
