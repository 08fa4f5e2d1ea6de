"""Read the pulses that hosted stages write once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.health.advance import LIMIT_S
from streams.health.notices import Notice, SetAside

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "pulses"
PULSE_AGE_S = 6.0
"""A part whose pulse is older stands still: it is no sign of life."""


class PartitionPulse(msgspec.Struct, frozen=True):
    """How far behind one partition is."""

    topic: str
    partition: int
    group: str
    absorbed: int
    end: int
    lag_records: int
    lag_s: float | None
    """Age of the oldest record not absorbed, None = not known until it is fetched."""


class PartPulse(msgspec.Struct, frozen=True):
    """One part's pulse."""

    part: str
    pid: int
    at_ms: int
    partitions: list[PartitionPulse]
    rates: dict[str, float] = {}
    topics: list[str] = []
    """What its group reads, whoever has which partition."""
    limit_s: float = LIMIT_S
    """How long a partition of it may stand still."""
    waits: str | None = None
    """What it waits for, and need not advance; None = it must."""
    notices: list[Notice] = []
    set_aside: list[SetAside] = []

    @property
    def is_at_work(self) -> bool:
        """Whether its process has come to its partitions, or knows that it has none."""
        return bool(self.partitions) or self.waits is None

    def is_fresh(self, now_ms: int) -> bool:
        """Whether its process spoke not long ago."""
        return now_ms - self.at_ms <= PULSE_AGE_S * 1000


def read(data: Path) -> dict[str, PartPulse]:
    """Return the newest pulse of each part that has one."""
    found = {}
    for path in sorted((data / FOLDER).glob("*.json")):
        try:
            found[path.stem] = msgspec.json.decode(path.read_bytes(), type=PartPulse)
        except (OSError, msgspec.DecodeError):  # just being replaced, or another version's
            continue
    return found
