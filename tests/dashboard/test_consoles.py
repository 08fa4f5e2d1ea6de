"""Consoles that come and go leave nothing behind at the wall's server."""

from __future__ import annotations

import asyncio
import gc
import json

from websockets.asyncio.client import connect

from dashboard.listeners import _Listener
from tests.dashboard.fake_wall import FakeWall
from tests.waiting import until_async

CONSOLES, AT_ONCE = 200, 10


async def visit(wall: FakeWall, number: int) -> None:
    """Take the snapshot and what comes next, then leave: with a word, or, every other one, as a cut line does."""
    address = f"ws{wall.url.removeprefix('http')}/stream"
    async with connect(address, max_size=None, origin=wall.url, compression=None) as socket:
        assert json.loads(await socket.recv())["type"] == "snapshot"
        await socket.recv()
        if number % 2:
            socket.transport.abort()


async def come_and_go(wall: FakeWall) -> None:
    for start in range(0, CONSOLES, AT_ONCE):
        async with asyncio.TaskGroup() as group:
            for number in range(start, start + AT_ONCE):
                group.create_task(visit(wall, number))
    await until_async(lambda: wall.hub.clients == 0)


def test_two_hundred_consoles_that_came_and_went_leave_no_task_and_no_queue():
    with FakeWall() as wall:
        asyncio.run(come_and_go(wall))
        before = len(asyncio.all_tasks(wall.loop))
        asyncio.run(come_and_go(wall))
        asyncio.run(until_async(lambda: len(asyncio.all_tasks(wall.loop)) <= before))
        gc.collect()
        assert [one for one in gc.get_objects() if isinstance(one, _Listener)] == []
