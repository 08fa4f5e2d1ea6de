"""A real influxd that can be killed and started again, and a door before it that refuses on demand."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.onboarding_request import OnboardingRequest
from influxdb_client.service.setup_service import SetupService

from tests.streams.sinks.rows import TOKEN

START_S = 20.0


class Influxd:
    """One server on one port, its files kept from start to start."""

    def __init__(self, binary: str, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._store = [] if durable else ["--store", "memory"]
        self._command = [binary, "--reporting-disabled", "--bolt-path", str(folder / "bolt")]
        self._command += ["--engine-path", str(folder / "engine")]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.start()
        with InfluxDBClient(self.url, token="") as client:
            wanted = OnboardingRequest(username="citywall", password=TOKEN, org="citywall", bucket="first", token=TOKEN)
            SetupService(client.api_client).post_setup(wanted)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        log = self._folder / f"log{time.monotonic_ns()}"
        command = [*self._command, *self._store, "--http-bind-address", f"127.0.0.1:{self.port}"]
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            text = log.read_text(encoding="utf-8", errors="replace")
            if found := re.search(r"Listening.*\bport\D{0,3}(\d+)", text):
                self.port = int(found[1])
                return
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"influxd did not start: {text[-500:]}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As kill -9; returns when it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class Door:
    """A proxy: answers with what `answer` says, or passes on to the server behind it."""

    def __init__(self, port_behind: int) -> None:
        self.port_behind = port_behind
        self.answer: tuple[int, dict[str, str], bytes] | None = None
        """Status, headers, body for every write; None: the server's own answer."""
        self.refused = 0
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, door: Door) -> None:
        self.door = door
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        door = self.server.door
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if door.answer is not None and self.path.startswith("/api/v2/write"):
            door.refused += 1
            self._answer(*door.answer)
        else:
            self._pass_on(body)

    def do_GET(self) -> None:
        self._pass_on(b"")

    def _pass_on(self, body: bytes) -> None:
        behind = http.client.HTTPConnection("127.0.0.1", self.server.door.port_behind, timeout=30)
        sent = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        behind.request(self.command, self.path, body, sent)
        answer = behind.getresponse()
        self._answer(answer.status, {"Content-Type": answer.headers["Content-Type"] or ""}, answer.read())
        behind.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != http.HTTPStatus.NO_CONTENT:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
