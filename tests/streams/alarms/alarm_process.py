"""A process of the alarm engine: `python -m tests.streams.alarms.alarm_process KAFKA FOLDER [die]`.

With `die` it is killed, by SIGKILL, when an acknowledgement stands in the journal and its row has not been published.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.alarms.alarm_stage import AlarmStage
from streams.broker.topics import ALARMS
from streams.engine.run import run_stage
from tests.alerts.writing import keyed_engine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.contract.stage import Bus, Chunk, Message


class DeadlyBus:
    """A bus over which no acknowledged row gets out."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def send(self, messages: Iterable[Message]) -> None:
        messages = list(messages)
        if any(one.topic == ALARMS and b'"acknowledged":true' in (one.value or b"") for one in messages):
            os.kill(os.getpid(), signal.SIGKILL)
        await self._bus.send(messages)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)


class DyingStage(AlarmStage):
    """An alarm stage on a deadly bus."""

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        return await super().absorb(chunk, DeadlyBus(bus))


if __name__ == "__main__":
    kafka, folder, *die = sys.argv[1:]
    run_stage((DyingStage if die else AlarmStage)(keyed_engine), kafka, Path(folder))
