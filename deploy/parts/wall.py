"""The wall: page, stream and API, served by uvicorn."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING

import uvicorn

from alerts.signing import signed
from dashboard.app import create_app
from dashboard.config import WallConfig
from dashboard.telemetry.metric import Process
from dashboard.wire import BoundedHttp
from deploy.config.build import build_id
from deploy.config.command_key import command_key
from deploy.supervision import pulses
from deploy.supervision.child import now_ms
from deploy.supervision.reasons import standstills, told
from deploy.supervision.supervisor import read_state
from streams.broker import topics
from streams.broker.bus import KafkaBus
from streams.city.known import Cities
from streams.city.registry import load_city
from streams.contract.name import Name
from streams.contract.stage import Message
from streams.errors import CityError
from streams.sinks.history.opening import open_history

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.config.run import Run
    from streams.city.registry import City

SEND_WITHIN_S = 10.0
END_WITHIN_S = 2
COLLECT_AFTER_OBJECTS = 50_000
"""With 20,000 open alarms a search through all objects holds the loop for a quarter of a second."""
LOOK_EVERY_S = 2.0
"""For a new version of the city."""

log = logging.getLogger(__name__)


class Commands:
    """Signs what a person decided and sends it to Kafka; connects when the first one comes."""

    def __init__(self, kafka: str, city_id: str, signing_key: bytes) -> None:
        self._bus = KafkaBus(kafka)
        self._key = city_id.encode()
        self._signing_key = signing_key
        self._connecting = asyncio.Lock()

    async def send(self, command: bytes) -> None:
        """Send one record and wait until Kafka has it.

        Raises CityError or TimeoutError when it has not.
        """
        async with asyncio.timeout(SEND_WITHIN_S):
            async with self._connecting:
                if not self._bus.running:
                    await self._bus.start()
            await self._bus.send([Message(topics.COMMANDS, self._key, signed(command, self._signing_key))])


class Following:
    """Waits for new versions of the city in Kafka; while it is away, the wall goes on with the one it has."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self._bus = KafkaBus(kafka)
        self._cities = Cities(folder)

    async def next_city(self) -> City:
        """Return the next version."""
        said = ""
        while True:
            try:
                if await self._cities.follow(self._bus):
                    return self._cities.newest.city
                said = ""
            except CityError as exc:
                if str(exc) != said:
                    log.warning("the wall cannot see whether the city was edited: %s", exc)
                said = str(exc)
            await asyncio.sleep(LOOK_EVERY_S)


def _troubles(data: Path) -> list[Name]:
    """Say what stands still or is set aside; a service without a supervisor knows nothing of the others."""
    found = read_state(data)
    if found is None:
        return []
    return [*standstills(found, now_ms()), *told(pulses.read(data), degraded=True)]


def _processes(data: Path) -> list[Process]:
    """Say what the supervisor sees of each process."""
    found = read_state(data)
    if found is None:
        return []
    still_s = {still.name: still.for_s for still in sorted(found.stills, key=lambda still: still.for_s)}
    return [
        Process(part.name, part.state == "running", part.restarts, still_s.get(part.name, 0.0)) for part in found.parts
    ]


def collect_seldom() -> None:
    """Look for cycles only after much has come to stay: what comes and goes each second makes hardly any."""
    gc.freeze()  # what was imported stays
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


def main(run: Run) -> None:
    """Run it until told to end."""
    collect_seldom()
    config = WallConfig(
        city=load_city(run.city_path),
        redis=run.redis,
        send_command=Commands(run.kafka, run.city_id, command_key(run)).send,
        history=open_history(run.history),
        build=build_id(),
        mode=run.mode,
        started_ms=run.started_ms,
        troubles=lambda: _troubles(run.data_path),
        processes=lambda: _processes(run.data_path),
        next_city=Following(run.kafka, run.city_path).next_city,
    )
    uvicorn.run(
        create_app(config),
        host=run.bind,
        port=run.port,
        log_level="warning",
        access_log=False,
        http=BoundedHttp,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        timeout_graceful_shutdown=END_WITHIN_S,
    )
