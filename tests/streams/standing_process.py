"""A worker that can be made to stand still: `python -m tests.streams.standing_process KAFKA DATA TOPIC PART LIMIT_S`.

It sends what it takes to `TOPIC-out`. A record with one of these values makes it, from then on:
`sleep`  wait for ever in its stage, the loop runs on;  `hang`  block the loop;  `deaf`  fetch nothing more.
`work`  keeps a thread busy, for that record only, until it has had `WORK_CPU_S` of a processor.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.supervision.bound import die_with_parent
from streams.contract.stage import LINGER_S, Message, TopicPartition
from streams.engine.run import run_stage
from streams.transport import chunks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.contract.stage import Bus, Chunk


WORK_CPU_S = 2.0
LAST_FETCH_S = 3.0
"""Longer than a fetch under way may wait for records."""


class Standing:
    """Copies its topic."""

    tick_s = 0.5
    linger_s = LINGER_S

    def __init__(self, topic: str) -> None:
        self.name = f"group-{topic}"
        self.topics = (topic,)

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        return {}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        wanted = {record.value for record in chunk.records}
        if b"sleep" in wanted:
            await asyncio.sleep(3600)
        if b"hang" in wanted:
            time.sleep(3600)
        if b"work" in wanted:
            await asyncio.to_thread(work)
        if b"deaf" in wanted:
            chunks.Consumer._getmany = deaf
        await bus.send([Message(f"{chunk.topic}-out", b"", record.value, 0) for record in chunk.records])
        return True

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        return ()

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        return {}


def work() -> None:
    """Work without holding the interpreter for long."""
    data, until_s = bytes(1 << 20), time.thread_time() + WORK_CPU_S
    while time.thread_time() < until_s:
        hashlib.sha256(data).digest()


async def deaf(self: chunks.Consumer, *_: object, **__: object) -> dict[object, object]:
    """Have aiokafka fetch nothing more, so that not even the partitions' ends are learnt."""
    consumer = self._thread._ensure_consumer()
    if not consumer.paused():
        consumer.pause(*consumer.assignment())
        await asyncio.sleep(LAST_FETCH_S)
        print("deaf from now on", flush=True)
    await asyncio.sleep(0.1)
    return {}


if __name__ == "__main__":
    parent, kafka, data, topic, part, limit_s = sys.argv[1:]
    die_with_parent(int(parent))
    run_stage(Standing(topic), kafka, Path(data), part, float(limit_s))
