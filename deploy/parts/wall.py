"""The wall: page, stream and API, served by uvicorn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvicorn

from dashboard.app import create_app
from dashboard.config import WallConfig
from dashboard.places import Name
from dashboard.telemetry.metric import Process
from deploy.config.build import build_id
from deploy.supervision import pulses
from deploy.supervision.child import now_ms
from deploy.supervision.reasons import standstills, told
from deploy.supervision.supervisor import read_state
from streams.broker import topics
from streams.broker.bus import KafkaBus
from streams.city.registry import load_city
from streams.contract.stage import Message
from streams.sinks.history.opening import open_history

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.config.run import Run

SEND_WITHIN_S = 10.0
END_WITHIN_S = 2


class Commands:
    """Sends what a person decided to Kafka; connects when the first one comes."""

    def __init__(self, kafka: str, city_id: str) -> None:
        self._bus = KafkaBus(kafka)
        self._key = city_id.encode()
        self._connecting = asyncio.Lock()

    async def send(self, command: bytes) -> None:
        """Send one record and wait until Kafka has it.

        Raises CityError or TimeoutError when it has not.
        """
        async with asyncio.timeout(SEND_WITHIN_S):
            async with self._connecting:
                if not self._bus.running:
                    await self._bus.start()
            await self._bus.send([Message(topics.COMMANDS, self._key, command)])


def _troubles(data: Path) -> list[Name]:
    """Say what stands still or is set aside; a service without a supervisor knows nothing of the others."""
    found = read_state(data)
    if found is None:
        return []
    return [Name(*reason) for reason in [*standstills(found, now_ms()), *told(pulses.read(data), degraded=True)]]


def _processes(data: Path) -> list[Process]:
    """Say what the supervisor sees of each process."""
    found = read_state(data)
    if found is None:
        return []
    still_s = {still.name: still.for_s for still in sorted(found.stills, key=lambda still: still.for_s)}
    return [
        Process(part.name, part.state == "running", part.restarts, still_s.get(part.name, 0.0)) for part in found.parts
    ]


def main(run: Run) -> None:
    """Run it until told to end."""
    config = WallConfig(
        city=load_city(run.city_path),
        redis=run.redis,
        send_command=Commands(run.kafka, run.city_id).send,
        history=open_history(run.history),
        build=build_id(),
        mode=run.mode,
        started_ms=run.started_ms,
        troubles=lambda: _troubles(run.data_path),
        processes=lambda: _processes(run.data_path),
    )
    uvicorn.run(
        create_app(config),
        host=run.bind,
        port=run.port,
        log_level="warning",
        access_log=False,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        timeout_graceful_shutdown=END_WITHIN_S,
    )
