"""What people at their desks see of a running city, each look in a process of its own, as a browser is one."""

from __future__ import annotations

import asyncio
import math
import time
from itertools import cycle

import httpx
import msgspec
from websockets.asyncio.client import connect

PAGE_EVERY_S = 1.0
ANSWERED_WITHIN_S = 60.0
PAGES = ("limit=100", "level=3&limit=100", "text=1999&limit=100")


class _Block(msgspec.Struct):
    levels: list[tuple[int, int]]


class _Message(msgspec.Struct):
    alarms: _Block | None = None


def pages_ms(wall: str, seconds: float) -> list[float]:
    """Ask for one page of the list of alarms after the other → how long each took, ms."""
    took_ms, until_s = [], time.monotonic() + seconds
    with httpx.Client(base_url=wall, timeout=ANSWERED_WITHIN_S) as client:
        for page in cycle(PAGES):
            began_s = time.monotonic()
            if began_s >= until_s:
                break
            client.get(f"api/v1/alarms?{page}").raise_for_status()
            took_ms.append((time.monotonic() - began_s) * 1000)
            time.sleep(max(began_s + PAGE_EVERY_S - time.monotonic(), 0.0))  # the pace of who asks
    return took_ms


def shown_ms(wall: str, consoles: int, seconds: float) -> list[list[float]]:
    """Listen at so many consoles → of each, when its counter of alarms of level I was first one, two, … (ms).

    NaN for those that it counted in its first picture.
    """
    return asyncio.run(_listen(wall, consoles, seconds))


async def _listen(wall: str, consoles: int, seconds: float) -> list[list[float]]:
    shown: list[list[float]] = [[] for _ in range(consoles)]
    looking = [asyncio.create_task(_console(wall, one)) for one in shown]
    broken, _ = await asyncio.wait(looking, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for one in broken:
        one.result()
    for one in looking:
        one.cancel()
    return shown


async def _console(wall: str, shown: list[float]) -> None:
    address = wall.replace("http://", "ws://") + "stream"
    async with connect(address, max_size=None, compression=None, origin=wall.rstrip("/")) as socket:
        first = True
        async for text in socket:
            seen_ms = math.nan if first else time.time() * 1000
            first = False
            block = msgspec.json.decode(text, type=_Message).alarms
            if block is not None:
                shown += [seen_ms] * (block.levels[0][0] - len(shown))
