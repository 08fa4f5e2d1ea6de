"""The stores under test: SQLite always, InfluxDB where its binary is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.onboarding_request import OnboardingRequest
from influxdb_client.service.setup_service import SetupService

from streams.sinks.history.opening import open_history
from streams.sinks.history.store import History
from tests.streams.sinks.rows import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 20.0


def influxd_binary() -> str | None:
    """Find the server: CITYWALL_INFLUXD, the cache that `.ci` fills, or the path."""
    given = os.environ.get("CITYWALL_INFLUXD")
    if given:
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "citywall"
    built = sorted(path for path in cache.glob("**/influxd*") if path.is_file() and os.access(path, os.X_OK))
    return str(built[-1]) if built else shutil.which("influxd")


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an InfluxDB in memory → its URL."""
    binary = influxd_binary()
    if binary is None:
        if os.environ.get("CITYWALL_CI") or os.environ.get("CI"):
            pytest.fail("influxd is missing; .ci builds it")
        pytest.skip("influxd is not here: set CITYWALL_INFLUXD to its binary, or let .ci build it")
    folder = tmp_path_factory.mktemp("influxd")
    log = folder / "log"
    command = [binary, "--http-bind-address", "127.0.0.1:0", "--store", "memory", "--reporting-disabled"]
    command += ["--bolt-path", str(folder / "bolt"), "--engine-path", str(folder / "engine")]
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        try:
            url = f"http://127.0.0.1:{listening_port(log)}"
            with InfluxDBClient(url, token="") as client:
                wanted = OnboardingRequest(
                    username="citywall", password=TOKEN, org="citywall", bucket="first", token=TOKEN
                )
                SetupService(client.api_client).post_setup(wanted)
            yield url
        finally:
            process.terminate()


def listening_port(log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = re.search(r"Listening.*\bport\D{0,3}(\d+)", log.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"influxd did not start: {log.read_text(encoding='utf-8', errors='replace')[-500:]}")


@pytest.fixture(params=["sqlite", "influxdb"])
def address(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> str | Path:
    """Where a history of each kind, still empty, is."""
    if request.param == "sqlite":
        return tmp_path / "history.sqlite"
    return f"{request.getfixturevalue('influxd')}?org=citywall&bucket={unique}&token={TOKEN}&replay=1"


@pytest.fixture
def history(address: str | Path) -> Iterator[History]:
    """An empty history of each kind; its rows are of 2014."""
    opened = open_history(address)
    yield opened
    opened.close()
