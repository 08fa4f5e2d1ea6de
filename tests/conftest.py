"""Real servers for the tests that ask. One each for the session, so a test keeps to names of its own (`unique`)."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest

from deploy.embedded import kafka as embedded_kafka
from deploy.embedded import valkey as embedded_valkey
from deploy.supervision.process import LOOPBACK, free_ports, start, stop, wait_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

START_S = 20.0
STOP_S = 5.0

CHROMIUM_OPTIONS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # it would look up its maker's hosts at every start
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)

pytest.register_assert_rewrite("tests.processors", "tests.streams.feeds")
"""Promises that tests of any folder may import: they too say what was compared where one is broken."""

hypothesis.settings.register_profile("citywall", deadline=None)  # the machine is shared: no wall clock judges a test
hypothesis.settings.load_profile("citywall")


LONGEST_FIRST = ("faults", "integration", "deploy", "docs", "browser", "bench")
"""Folders whose files take minutes: begun last, one of them would run alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    root = Path(__file__).parent
    items.sort(key=lambda item: places.get(item.path.relative_to(root).parts[0], len(places)))


def absent(what: str, cure: str) -> NoReturn:
    """Skip where a person develops, fail where everything must be there."""
    if os.environ.get("CITYWALL_CI", "") == "1" or os.environ.get("CI", "") in {"1", "true"}:
        pytest.fail(f"{what} is missing, and CI must not go without: {cure}")
    pytest.skip(f"{what} is missing: {cure}")


@pytest.fixture
def unique() -> str:
    """Name topics, keys and buckets of one test with this, in servers that tests share."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where downloads are kept from run to run, as for a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "citywall"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[embedded_kafka.Kafka]:
    """Run the embedded broker: `.address`."""
    with embedded_kafka.running(tmp_path_factory.mktemp("kafka"), cache) as broker:
        yield broker


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded_valkey.Valkey]:
    """Run the embedded Valkey: `.address`."""
    with embedded_valkey.running(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Redis, as a city on one machine has it → HOST:PORT."""
    binary = shutil.which("redis-server")
    if binary is None:
        absent("Redis", "install redis-server")
    folder = tmp_path_factory.mktemp("redis")
    (port,) = free_ports(1)
    options = ["--bind", LOOPBACK, "--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "no"]
    process = start([binary, *options], folder / "log", bind=True)
    try:
        assert wait_open(process, port, START_S), (folder / "log").read_text(encoding="utf-8")
        yield f"{LOOPBACK}:{port}"
    finally:
        stop(process, STOP_S)


@pytest.fixture(scope="module")  # playwright's loop stays in its thread: later tests could not use asyncio.run
def browser() -> Iterator[Browser]:
    """Run a headless Chromium; open pages in a context of your own: `browser.new_context(...)`."""
    from playwright.sync_api import sync_playwright

    binary = os.environ.get("CITYWALL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if binary is None:
        absent("Chromium", "install chromium, or name one in CITYWALL_CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary, args=list(CHROMIUM_OPTIONS))
        yield chromium
        chromium.close()
