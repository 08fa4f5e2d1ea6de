"""How long 20,000 open alarms hold the loop of the wall.

The wall as it is, in a thread of its own, on a Valkey of its own; ten consoles take every message, and once a second a
script asks for a page. The live state changes as the live sink changes it at 1,000 findings a second: four times a
second by 250 rows, from a process of its own, for the wall's would look for cycles in the engine's objects, too. A turn
is one pass of the loop over what is ready; its CPU is that of the thread.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from contextlib import contextmanager
from itertools import count, cycle, islice
from typing import TYPE_CHECKING, Any, cast

import httpx
import msgspec
import numpy as np
import redis.asyncio
import uvicorn
from websockets.asyncio.client import connect

from alerts.engine import Engine
from dashboard.app import create_app
from dashboard.config import WallConfig
from deploy.embedded import valkey
from deploy.parts.wall import collect_seldom
from deploy.supervision.process import LOOPBACK, free_ports
from streams.broker.topics import ALARMS
from streams.city.registry import load_city
from tests.bench import flood
from tests.bench.job import write_city
from tests.bench.scale.turns import TurnLoop
from tests.bench.system.desks import ANSWERED_WITHIN_S, PAGES
from tests.dashboard.fake_feed import FakeFeed, FakeHistory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.city.registry import City

TARGETS = {"turns_p999_ms": 20.0}

CONSOLES = 10
EVERY_S, ROWS = 0.25, 250
SECONDS = 60
STARTED_WITHIN_S = 30.0


def measure(folder: Path, seconds: int = SECONDS) -> dict[str, float]:
    """Serve the wall, change its alarms, and look."""
    city = load_city(write_city(folder / "city"))
    with valkey.running(folder / "redis") as server:
        feed = multiprocessing.get_context("spawn").Process(target=change, args=(city, server.address), daemon=True)
        feed.start()
        try:
            return asyncio.run(_measure(city, server.address, seconds))
        finally:
            feed.kill()
            feed.join()


def change(city: City, address: str) -> None:
    """Open the alarms in a live state, then change them, until killed."""
    asyncio.run(_change(city, address))


async def _change(city: City, address: str) -> None:
    feed, rows = FakeFeed(city, redis.asyncio.from_url(f"redis://{address}", socket_timeout=ANSWERED_WITHIN_S)), _rows()
    opened: set[str] = set()
    while len(opened) < flood.OPEN:  # a row comes again where its alarm is found to belong to an incident
        changed = dict(islice(rows, ROWS))
        opened.update(changed)
        await feed.change(changed)
    began_s = time.monotonic()
    for step in count():
        await asyncio.sleep(max(began_s + step * EVERY_S - time.monotonic(), 0.0))  # the pace of the load
        await feed.change(dict(islice(rows, ROWS)))


async def _measure(city: City, address: str, seconds: int) -> dict[str, float]:
    with _serving(city, address) as (url, loop):
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Semaphore(0)
            consoles = [group.create_task(_console(url, ready)) for _ in range(CONSOLES)]
            for _ in consoles:
                await ready.acquire()
            asking = group.create_task(_ask(url))  # before it has all alarms, the wall answers that it has none yet
            loop.turns.clear()
            began_s = time.monotonic()
            await asyncio.sleep(seconds)  # so long the turns are measured
            took_s = time.monotonic() - began_s
            took_ms = [turn_s * 1000 for turn_s, _ in loop.turns]
            for one in (*consoles, asking):
                one.cancel()
    p50, p999 = np.percentile(took_ms, [50, 99.9]).tolist()
    return {
        "turns_p50_ms": p50,
        "turns_p999_ms": p999,
        "turns_most_ms": max(took_ms),
        "turns": float(len(took_ms)),
        "loop_cores": sum(took_ms) / 1000 / took_s,
    }


def _rows() -> Iterator[tuple[str, Any]]:
    """Yield field and row of what each finding changes, as the engine makes it."""
    engine, found, offset = Engine(), flood.findings(flood.OPEN, int(time.time() * 1000)), 0
    while True:
        value = engine.judge(flood.inputs(found, offset, ROWS), whole=True)
        offset += ROWS
        for row, projection in (engine.fold(value) or {}).items():
            if row.topic == ALARMS and projection is not None:
                yield f"a:{row.key}", msgspec.json.decode(projection)


@contextmanager
def _serving(city: City, address: str) -> Iterator[tuple[str, TurnLoop]]:
    """Serve the wall in a thread → its address and its loop."""
    (port,) = free_ports(1)
    config = WallConfig(city=city, redis=address, send_command=_nowhere, history=FakeHistory(), build="bench")
    server = uvicorn.Server(
        uvicorn.Config(create_app(config), port=port, log_level="warning", ws_per_message_deflate=False)
    )
    loops: list[TurnLoop] = []

    def serve() -> None:
        collect_seldom()
        with asyncio.Runner(loop_factory=TurnLoop) as runner:
            loops.append(cast("TurnLoop", runner.get_loop()))
            runner.run(server.serve())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        deadline = time.monotonic() + STARTED_WITHIN_S
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise SystemExit("citywall bench: the wall did not start")
            time.sleep(0.05)
        yield f"{LOOPBACK}:{port}", loops[0]
    finally:
        server.should_exit = True
        thread.join()


async def _nowhere(_: bytes) -> None:
    """Nobody gives a command here."""


async def _console(url: str, ready: asyncio.Semaphore) -> None:
    """Take every message; say when the first one has come that has all alarms."""
    shown = 0
    async with connect(f"ws://{url}/stream", max_size=None, compression=None, origin=f"http://{url}") as socket:
        async for text in socket:
            if shown < flood.OPEN:
                shown = msgspec.json.decode(text).get("alarms", {}).get("total", 0)
                if shown == flood.OPEN:
                    ready.release()


async def _ask(url: str) -> None:
    alone = httpx.Limits(max_keepalive_connections=0)  # the server may just be closing one that was kept
    async with httpx.AsyncClient(base_url=f"http://{url}", timeout=ANSWERED_WITHIN_S, limits=alone) as client:
        for page in cycle(PAGES):
            (await client.get(f"/api/v1/alarms?{page}")).raise_for_status()
            await asyncio.sleep(1.0)
