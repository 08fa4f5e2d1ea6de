"""What a zone knows from frame to frame: the fields that its snapshots hold. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streams.contract.records import NO_TIME_MS
from streams.zone.seen import Seen

STATE_VERSION = 2
"""Of `ZoneState` without the processors' states. It rises with a change of a field, and `streams.zone.older` learns
what was before; 1: CityWall 0.1.0 and all that wrote no version."""


@dataclass
class Verdicts:
    """How many rows were judged how; `streams.zone.dedup` has the verdicts."""

    in_frames: int = 0
    duplicates: int = 0
    conflicts: int = 0
    """Duplicates that carried other values."""
    too_late: int = 0
    forgotten: int = 0
    """Too late because nothing is remembered of their time any more."""
    repeated_values: int = 0
    """Values that admitted rows brought again; they were left out."""


@dataclass
class SourceCounts(Verdicts):
    """What the zone saw of one source."""

    sent: int = 0
    """Rows that intake says it has sent, up to the last one absorbed: what the three numbers must add up to."""


@dataclass
class ProcessorHour:
    """What a processor did with an hour's readings; see `streams.contract.spec.Spec.waiting`."""

    used: int = 0
    counted: int = 0
    decided: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass
class ZoneHour(Verdicts):
    """What became of the readings of an hour; `streams.accounts.ledger` says which those are."""

    processors: dict[str, ProcessorHour] = field(default_factory=dict)


@dataclass
class ZoneState:
    """All that is known of one zone of one domain."""

    seen: Seen = field(default_factory=Seen.empty)
    sensors: dict[str, int] = field(default_factory=dict)
    """Sensor id → its row in `seen`."""
    version: int = 0
    """Highest version of the city among the frames absorbed: its windows close with it."""
    absorbed: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Source → last (offset, place)."""
    marks: dict[int, int] = field(default_factory=dict)
    watermark_ms: int = NO_TIME_MS
    counts: dict[int, SourceCounts] = field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    """Processor → declared reason → readings."""
    used: dict[str, int] = field(default_factory=dict)
    processors: dict[str, Any] = field(default_factory=dict)
    """Processor → its state."""
    joined_ms: dict[str, int] = field(default_factory=dict)
    """Processor that came later → event time from which on its windows are whole; what is older it does not get."""
    hours: dict[int, ZoneHour] = field(default_factory=dict)
    """Start of an hour → what counts in it, until it is settled."""
    emitted: int = 0
    """One above the offset of the frame that last made rows of metrics."""
