"""The small city as fixtures of the data plane's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.city.registry import City, load_city
from tests.small_city import write_small_city
from tests.streams.workers import Workers, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def city_folder(tmp_path: Path) -> Path:
    """Return the small city's folder."""
    return write_small_city(tmp_path / "city")


@pytest.fixture
def city(city_folder: Path) -> City:
    """Return the small city."""
    return load_city(city_folder)


@pytest.fixture
def workers(tmp_path: Path, cache: Path, city_folder: Path) -> Iterator[Workers]:
    """Run the small city's stages on a real broker, in processes that a test adds and kills."""
    yield from running(tmp_path, cache, city_folder)
