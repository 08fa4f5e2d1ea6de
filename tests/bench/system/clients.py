"""What fifty browsers cost the wall's server: its processor time alone, and with fifty WebSocket clients."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect

from tests.bench.system.running import City, running

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = {"wall_50_clients_cores": 0.05}

CLIENTS = 50
SETTLE_S = 45.0
WATCH_S = 60.0


def measure(folder: Path) -> dict[str, float]:
    """Run the sample city, then watch its wall alone and with clients."""
    with running(folder) as city:
        time.sleep(SETTLE_S)
        alone = city.cores(WATCH_S)["wall"]
        watched, messages, size = asyncio.run(_watched(city))
    return {
        "wall_alone_cores": alone,
        "wall_50_clients_cores": watched,
        "messages_per_client_s": messages / CLIENTS / WATCH_S,
        "message_bytes": size / max(messages, 1),
    }


async def _watched(city: City) -> tuple[float, int, int]:
    """Return the wall's cores with clients, and how many messages of how many bytes in all they took."""
    address = city.run.wall.replace("http://", "ws://") + "stream"
    received = [0, 0]

    async def listen(counting: asyncio.Event) -> None:
        async with connect(address, max_size=None, compression=None, origin=city.run.wall.rstrip("/")) as socket:
            async for text in socket:
                if counting.is_set():
                    received[0] += 1
                    received[1] += len(text)

    counting = asyncio.Event()
    clients = [asyncio.create_task(listen(counting)) for _ in range(CLIENTS)]
    await asyncio.sleep(2.0)
    counting.set()
    cores = await asyncio.to_thread(city.cores, WATCH_S)
    counting.clear()
    broken = [client.exception() for client in clients if client.done()]
    for client in clients:
        client.cancel()
    if broken:
        raise SystemExit(f"citywall bench: {len(broken)} clients were cut off: {broken[0]}")
    return cores["wall"], received[0], received[1]
