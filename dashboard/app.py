"""The wall as one ASGI application: page, stream, API and health.

Serve it with uvicorn, without compression of the stream: `--ws-per-message-deflate false --ws-ping-interval 20`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from starlette.websockets import WebSocketDisconnect

from dashboard import api, problems
from dashboard.callback_door import CallbackDoor
from dashboard.guard import Guard, browser_of, content_policy
from dashboard.health import health
from dashboard.history_seed import keep_seeded
from dashboard.hub import Hub, wall_clock_ms
from dashboard.page import create_page
from dashboard.telemetry.exposition import CONTENT_TYPE, exposition, look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dashboard.config import WallConfig


log = logging.getLogger(__name__)


def create_app(config: WallConfig) -> FastAPI:
    """Return the wall's application; its hub starts and stops with it."""
    hub = Hub(config)

    server = FastAPI(
        title="CityWall",
        version=config.build,
        openapi_url=f"{api.PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_life,
    )
    server.state.hub = hub  # `_life` runs it
    problems.install(server)
    server.include_router(api.router(hub))

    @server.get("/healthz", include_in_schema=False)
    async def healthz() -> JSONResponse:
        found = health(hub.screen, hub.redis_lost_ms, wall_clock_ms())
        return JSONResponse(found, 200 if found["status"] == "ok" else 503)

    @server.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(exposition(look(hub, wall_clock_ms())), media_type=CONTENT_TYPE)

    @server.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await _serve_stream(hub, socket)

    page = create_page(server, hub)

    # Dash would answer every unknown path with the page; this route stands before that one.
    @server.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def nothing(path: str, request: Request) -> JSONResponse:
        raise problems.nothing_at(request.url.path)

    server.add_middleware(CallbackDoor, callbacks=page.callback_map)
    server.add_middleware(Guard, policy=content_policy(list(page.csp_hashes())), hosts=config.hosts)
    return server


@asynccontextmanager
async def _life(server: FastAPI) -> AsyncIterator[None]:
    hub: Hub = server.state.hub
    tasks = [asyncio.create_task(hub.run()), asyncio.create_task(keep_seeded(hub))]
    for task in tasks:
        task.add_done_callback(_end_with)
    yield
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _end_with(task: asyncio.Task[None]) -> None:
    """A wall whose hub has ended is no wall: end the process, so that it is started again."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("the wall ends: its hub has failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


async def _serve_stream(hub: Hub, socket: WebSocket) -> None:
    await socket.accept()
    sending = asyncio.create_task(_send_all(hub, socket))
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await sending


async def _send_all(hub: Hub, socket: WebSocket) -> None:
    async with contextlib.aclosing(hub.listen(browser_of(socket.headers))) as messages:
        async for text in messages:
            await socket.send_text(text)
