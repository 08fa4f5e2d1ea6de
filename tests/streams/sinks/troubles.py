"""Ways in which a store can be lost and come back."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streams.sinks.history import influx, sqlite_file
from tests.streams.sinks.influx_server import Door, Influxd
from tests.streams.sinks.rows import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import pytest

    Trouble = Callable[[], AbstractContextManager[None]]

JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html"}
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "internal error": (500, JSON, b'{"code":"internal error","message":"engine: cannot write"}'),
    "unavailable": (503, JSON | {"Retry-After": "7"}, b'{"code":"unavailable","message":"busy"}'),
    "too many requests": (429, JSON | {"Retry-After": "7"}, b'{"code":"too many requests","message":"slow down"}'),
    "unauthorized": (401, JSON, b'{"code":"unauthorized","message":"unauthorized access"}'),
    "forbidden": (403, JSON, b'{"code":"forbidden","message":"insufficient permissions for write"}'),
    "bad gateway": (502, HTML, b"<h1>Bad Gateway</h1>"),
    "a proxy's 400": (400, HTML, b"<h1>The plain HTTP request was sent to HTTPS port</h1>"),
    "a proxy's 422": (422, HTML, b"<h1>no</h1>"),
}
PERSONS = {"unauthorized", "forbidden", "a proxy's 400", "a proxy's 422"}
"""A person must act."""
NAMES = ("sqlite locked", "sqlite moved", "influxd killed", "influxd hangs", *ANSWERS)


def address_and_trouble(name: str, request: pytest.FixtureRequest, folder: Path, bucket: str) -> tuple[str, Trouble]:
    """Return where the store is, and how it gets into this trouble and out of it."""
    path = folder / "history.sqlite"
    if name == "sqlite locked":
        return str(path), lambda: locked(path)
    if name == "sqlite moved":
        return str(path), lambda: moved(path)
    query = f"?org=citywall&bucket={bucket}&token={TOKEN}&replay=1"
    if name.startswith("influxd"):
        server: Influxd = request.getfixturevalue("mortal_influxd")
        return server.url + query, lambda: (killed if name == "influxd killed" else hanging)(server)
    door: Door = request.getfixturevalue("door")
    return door.url + query, lambda: refusing(door, name)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is given up soon."""
    monkeypatch.setattr(sqlite_file, "WAIT_S", 0.05)
    monkeypatch.setattr(influx, "WRITE_TIMEOUT_MS", 700)
    monkeypatch.setattr(influx, "TIMEOUT_MS", 700)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    yield
    other.rollback()
    other.close()


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """A folder stands in its place for a while."""
    aside = path.with_name("aside")
    path.rename(aside)
    path.mkdir()
    yield
    path.rmdir()
    aside.rename(path)


@contextmanager
def killed(server: Influxd) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def hanging(server: Influxd) -> Iterator[None]:
    server.signal(signal.SIGSTOP)
    yield
    server.signal(signal.SIGCONT)


@contextmanager
def refusing(door: Door, name: str) -> Iterator[None]:
    door.answer = ANSWERS[name]
    yield
    door.answer = None
