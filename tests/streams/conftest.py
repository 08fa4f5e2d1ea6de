"""The small city as fixtures of the data plane's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.city.registry import City, load_city
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def city_folder(tmp_path: Path) -> Path:
    """Return the small city's folder."""
    return write_small_city(tmp_path / "city")


@pytest.fixture
def city(city_folder: Path) -> City:
    """Return the small city."""
    return load_city(city_folder)
