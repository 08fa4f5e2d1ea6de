"""The stores under test: SQLite always, InfluxDB where its binary is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.sinks.history import sink
from streams.sinks.history.opening import open_history
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.sinks.history.sqlite import SqliteHistory
from streams.sinks.history.store import History
from tests.conftest import absent
from tests.fakes import FakeClock
from tests.streams.sinks.influx_server import Door, Influxd
from tests.streams.sinks.outage import Outage
from tests.streams.sinks.rows import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def influxd_binary() -> str | None:
    """Find the server: CITYWALL_INFLUXD, the cache that `.ci` fills, or the path."""
    given = os.environ.get("CITYWALL_INFLUXD")
    if given:
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "citywall"
    built = sorted(path for path in cache.glob("**/influxd*") if path.is_file() and os.access(path, os.X_OK))
    return str(built[-1]) if built else shutil.which("influxd")


@pytest.fixture(scope="session")
def influxd_program() -> str:
    binary = influxd_binary()
    if binary is None:
        absent("influxd", "set CITYWALL_INFLUXD to its binary, or let .ci build it")
    return binary


@pytest.fixture(scope="session")
def influxd(influxd_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an InfluxDB in memory, for all tests → its URL."""
    server = Influxd(influxd_program, tmp_path_factory.mktemp("influxd"), durable=False)
    yield server.url
    server.kill()


@pytest.fixture
def mortal_influxd(influxd_program: str, tmp_path: Path) -> Iterator[Influxd]:
    """Run an InfluxDB of one's own on the disk, to be killed and started."""
    folder = tmp_path / "influxd"
    folder.mkdir()
    server = Influxd(influxd_program, folder, durable=True)
    yield server
    server.kill()


@pytest.fixture
def door(influxd: str) -> Iterator[Door]:
    """Stand before the InfluxDB of all."""
    opened = Door(int(influxd.rpartition(":")[2]))
    yield opened
    opened.close()


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


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spill(tmp_path: Path) -> Iterator[Spill]:
    opened = Spill(tmp_path / "spill")
    yield opened
    opened.close()


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteHistory]:
    """For reading what the sinks of `new_sink` have stored; everything that is done now and then is due for them."""
    monkeypatch.setattr(Outage, "away", False)
    for name in ("PROVISIONAL_EVERY_S", "PRUNE_EVERY_S"):
        monkeypatch.setattr(sink, name, 0.0)
    opened = SqliteHistory(tmp_path / "history.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def new_sink(tmp_path: Path, spill: Spill, clock: FakeClock, stored: SqliteHistory) -> Callable[[], HistorySink]:
    """Begin a sink, as each start of the process does."""
    return lambda: HistorySink(lambda: Outage(tmp_path / "history.sqlite"), spill, clock.seconds, lambda: 1.0)
