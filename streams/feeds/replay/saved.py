"""Reads the plan that a replay saved beside its city, whichever reader made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.errors import CityFileError
from streams.feeds.aarhus.plan import FilesPlan
from streams.feeds.recorded.plan import RecordsPlan
from streams.feeds.replay.plan import PLAN_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from streams.feeds.replay.plan import Plan


def load(city_folder: Path) -> Plan:
    """Read the plan beside a city. Raises CityFileError where it is missing or of another version."""
    path = city_folder / PLAN_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=FilesPlan | RecordsPlan)
    except (OSError, msgspec.DecodeError) as exc:
        raise CityFileError(f"{path}: cannot be read: {exc}; start the replay again") from exc
