"""A start of a city as the parts and the commands find it in a data folder, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.config.run import Run


def run_of(data: Path, **different: Any) -> Run:
    """Make a run of the city `small` (`tests.small_city`), which lies in its data folder; nobody serves it anything."""
    usual = {
        "city": data / "city",
        "city_id": "small",
        "mode": "live",
        "kafka": "127.0.0.1:1",
        "redis": "redis://127.0.0.1:1/0",
        "history": "",
        "port": 0,
        "started_ms": 0,
    }
    fields = {name: str(value) if isinstance(value, Path) else value for name, value in (usual | different).items()}
    return Run(data=str(data), **fields)
