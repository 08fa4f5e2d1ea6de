"""A whole wall on a fake city in a thread of its own: Valkey, publisher, hub and uvicorn on free ports."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis.asyncio
import uvicorn

from dashboard.app import create_app
from dashboard.config import WallConfig
from dashboard.wire import BoundedHttp
from deploy.embedded.valkey import running
from deploy.supervision.process import free_ports
from streams.city.registry import load_city
from tests.dashboard.fake_engine import FakeEngine
from tests.dashboard.fake_feed import FakeFeed, FakeHistory

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from streams.city.registry import City

STARTS_WITHIN_S = 30
SAMPLE_CITY = Path(__file__).parents[2] / "streams" / "feeds" / "sample_city" / "folder"


class FakeWall:
    """Use as a context manager; `run` carries a coroutine into the wall's own loop."""

    def __init__(self, port: int = 0, share: float = 0.1, interval_s: float = 1.0, city: Path | None = None) -> None:
        self.port = port or free_ports(1)[0]
        self.share, self.interval_s = share, interval_s
        self._city_folder = city
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._versions: asyncio.Queue[City] = asyncio.Queue()
        self.commands: list[bytes] = []
        self.answers = True
        """Whether the fake alarm engine answers commands."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FakeWall:
        self._thread.start()
        if not self._started.wait(STARTS_WITHIN_S):
            raise TimeoutError("the fake wall did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(STARTS_WITHIN_S)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(STARTS_WITHIN_S)

    def edit(self, city: City) -> None:
        """Put another version of the city in force."""
        self.loop.call_soon_threadsafe(self._versions.put_nowait, city)

    def pause(self) -> None:
        """Stop the feed, as when everything upstream is gone."""
        self.loop.call_soon_threadsafe(self._moving.cancel)

    def resume(self) -> None:
        """Let the feed go on, where it does not."""
        self.loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        if self._moving.cancelling() or self._moving.done():
            self._move()

    def as_at_first(self) -> None:
        """Take back what a test did to it: a test that fails must not take those behind it along."""
        self.answers = True
        self.feed.interval_s = None
        self.feed.silent.clear()
        self.feed.dead.clear()
        self.resume()

    def _move(self) -> None:
        self._moving = self.loop.create_task(self.feed.run(self.share, self.interval_s))

    def _main(self) -> None:
        with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as valkey:
            asyncio.run(self._serve(load_city(self._city_folder or SAMPLE_CITY), valkey.address))

    async def _serve(self, city: Any, address: str) -> None:
        self.loop = asyncio.get_running_loop()
        client = redis.asyncio.from_url(f"redis://{address}")
        self.feed = FakeFeed(city, client)
        self.engine = FakeEngine(self.feed)
        await self.feed.fill()
        self.config = WallConfig(
            city=city,
            redis=address,
            send_command=self._send,
            history=FakeHistory(),
            build="fake",
            mode="simulated",
            next_city=self._versions.get,
        )
        app = create_app(self.config)
        self.hub = app.state.hub
        self.server = uvicorn.Server(
            uvicorn.Config(app, port=self.port, log_level="warning", ws_per_message_deflate=False, http=BoundedHttp)
        )
        self._move()
        serving = asyncio.create_task(self.server.serve())
        while not self.server.started and not serving.done():
            await asyncio.sleep(0.02)
        self._started.set()
        await serving
        self._moving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._moving
        await client.aclose()

    async def _send(self, command: bytes) -> None:
        self.commands.append(command)
        if self.answers:
            self._answering = asyncio.create_task(self.engine.play(command))
