"""The wall's application without a server; its hub does not run, its state is put in by hand."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import httpx

from dashboard.app import create_app
from dashboard.guard import COOKIE, TOKEN_HEADER
from dashboard.mirror import Delta
from streams.errors import UnreachableError
from tests.dashboard.conftest import an_alarm

HOST = "http://127.0.0.1:8080"
WHO = {"who": "Li Na", "desk": "2", "why": "patrol sent", "seen_level": 2}
MINE = {"origin": HOST, TOKEN_HEADER: "secret", "cookie": f"{COOKIE}=secret"}


class Wall:
    """`sent` are the commands that went out; with `fails` none does."""

    def __init__(self, config) -> None:
        self.sent: list[dict] = []
        self.fails = False
        config = dataclasses.replace(config, send_command=self._send)
        self.app = create_app(config)
        self.hub = self.app.state.hub
        self.hub.redis_lost_ms = None
        self.hub.mirror.load(
            "e", 1, {"a:a1": an_alarm(), "a:a2": an_alarm("a2", acknowledged=True, acknowledged_by="Wu")}
        )

    async def _send(self, command: bytes) -> None:
        if self.fails:
            raise UnreachableError("Kafka at x:1 does not answer; start it")
        self.sent.append(json.loads(command))

    def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
                return await client.request(method, path, **more)

        return asyncio.run(run())

    def acknowledge(self, alarm: str, **headers: str) -> httpx.Response:
        return self.ask("POST", f"/api/v1/alarms/{alarm}/acknowledge", json=WHO, headers=MINE | headers)

    def give(self, language: str = "en", **order: object) -> httpx.Response:
        body = {"action": "note", "alarm": "a1", "why": "seen", "who": "Li Na", "desk": "2"} | order
        said = {name: value for name, value in body.items() if value is not None}
        return self.ask("POST", "/api/v1/commands", json=said, headers=MINE | {"accept-language": language})

    def change(self, fields: dict, gone: tuple[str, ...] = ()) -> None:
        """Let the live state change."""
        mirror = self.hub.mirror
        assert mirror.apply(Delta(mirror.epoch, mirror.seq + 1, fields, list(gone)), wall_ms=0)
        self.hub.tick()
