"""How long the alarm engine takes to start with ten million events in the journal and 20,000 alarms open.

An engine writes the journal from a seed, straight to an embedded Kafka, and is the one of before. Its checkpoints are
written as the stage writes them at 1,000 findings a second: a tick each half second, which is a record of 500. Then
another one begins as a start does; it must be as the one of before.
`python -m tests.bench.system.alarm_start --events 1000000` takes fewer.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from alerts.engine import Engine
from streams.alarms.checkpoints import Checkpoints, begun
from streams.broker.arrivals import now_ms
from streams.broker.bus import KafkaBus
from streams.broker.topics import ALARMS, JOURNAL, ensure_topics
from streams.contract.stage import Message, Record
from tests.bench import flood
from tests.bench.broker import broker
from tests.bench.system.alarm_engine import as_a_part

TARGETS = {"start_s": 10.0, "start_differs": 0.0}

EVENTS = 10_000_000
TOGETHER = 20
"""Journal records that are sent in one go."""


def measure(folder: Path, events: int = EVENTS) -> dict[str, float]:
    """Write the journal, then start."""
    folder.mkdir(parents=True, exist_ok=True)
    with broker(None, folder) as bootstrap, as_a_part():
        ensure_topics(bootstrap)
        return asyncio.run(_measure(bootstrap, events))


async def _measure(bootstrap: str, events: int) -> dict[str, float]:
    bus = KafkaBus(bootstrap)
    await bus.start()
    try:
        before = await _written(bus, events)
        began_s, cpu_s = time.monotonic(), time.process_time()
        found, tail = await begun(Engine, bus)
        took_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    finally:
        await bus.stop()
    return {
        "start_s": took_s,
        "start_cpu_s": cpu_s,
        "start_differs": float(_all_of(found) != _all_of(before)),
        "tail_records": float(tail.records),
        "tail_mb": tail.size_bytes / 1e6,
        "events": float(sum(found.counts().values())),
        "open": float(sum(row.topic == ALARMS for row in found.rows())),
    }


async def _written(bus: KafkaBus, events: int) -> Engine:
    """Write journal and checkpoints → the engine that lived through them."""
    engine, checkpoints = Engine(), Checkpoints()
    waiting: list[Record] = []
    for offset, value in enumerate(flood.journal(engine, flood.OPEN, events, now_ms() - events)):
        waiting.append(Record(offset, b"journal", value, 0, ()))
        checkpoints.folded(waiting[-1:], engine)
        await checkpoints.tick(bus)
        if len(waiting) == TOGETHER:
            await _send(bus, waiting)
            waiting = []
    await _send(bus, waiting)
    return engine


async def _send(bus: KafkaBus, records: list[Record]) -> None:
    await bus.send([Message(JOURNAL, one.key or b"", one.value, partition=0) for one in records])


def _all_of(engine: Engine) -> object:
    rows = {row: engine.projection(row) for row in engine.rows()}
    return engine.head, engine.covers, engine.counts(), engine.next_due_ms, rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.system.alarm_start", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"in the journal (default {EVENTS})")
    with tempfile.TemporaryDirectory(prefix="citywall-bench-") as place:
        for key, value in measure(Path(place), parser.parse_args().events).items():
            print(f"  {key:28s}{value:14.3f}" + (f"   at most {TARGETS[key]:g}" if key in TARGETS else ""))
