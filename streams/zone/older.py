"""What earlier versions saved of a zone, and how it goes on. Frozen: nothing here follows what the zone knows today."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from streams.contract.records import NO_TIME_MS
from streams.kernel import values
from streams.zone import dedup
from streams.zone.state import ProcessorHour, SourceCounts, ZoneHour, ZoneState

EVERY_COLUMN = 2**63 - 1
FOR_EVER_MS = 2**61


@dataclass
class SeenV1:
    """Event times and digests of k sensors, 32 of each."""

    at_ms: NDArray[np.int64]
    digest: NDArray[np.uint64]
    newest_ms: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass
class SourceV1:
    """Counts of a source."""

    in_frames: int
    duplicates: int
    conflicts: int
    too_late: int
    sent: int


@dataclass
class ProcessorHourV1:
    """What a processor did with an hour's readings."""

    used: int
    counted: int
    decided: int
    dropped: dict[str, int]


@dataclass
class HourV1:
    """Counts of an hour."""

    in_frames: int
    duplicates: int
    conflicts: int
    too_late: int
    processors: dict[str, ProcessorHourV1]


@dataclass
class ZoneV1:
    """A zone without its processors' states: of 0.1.0, which had no `hours` and `emitted`, and of what followed."""

    seen: SeenV1
    sensors: dict[str, int]
    absorbed: dict[int, tuple[int, int]]
    marks: dict[int, int]
    counts: dict[int, SourceV1]
    watermark_ms: int = NO_TIME_MS
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    hours: dict[int, HourV1] = field(default_factory=dict)
    emitted: int = 0


def upgraded(old: ZoneV1) -> ZoneState:
    """Return the zone as it is known today: places, marks, de-duplication and books."""
    return ZoneState(
        seen=_seen(old.seen),
        sensors=old.sensors,
        absorbed=old.absorbed,
        marks=old.marks,
        watermark_ms=old.watermark_ms,
        counts={source: SourceCounts(**vars(one)) for source, one in old.counts.items()},
        dropped=old.dropped,
        used=old.used,
        hours={start_ms: _hour(one) for start_ms, one in old.hours.items()},
        emitted=old.emitted,
    )


def _seen(old: SeenV1) -> dedup.Seen:
    """Return today's memory of the same event times, so that nothing is admitted twice.

    Each of those times counts as taken with every column, and what is older than 32 of them is forgotten. Digests are
    made in another way now: a repeat of one of those is a duplicate without a word on its values.
    """
    at_ms = np.sort(old.at_ms, axis=1)
    seen = dedup.Seen.empty()
    seen.grow(len(at_ms))
    sensor, place = np.nonzero(at_ms != NO_TIME_MS)
    columns, digest = np.full(len(sensor), EVERY_COLUMN), np.full(len(sensor), values.TAKEN)
    dedup.judge_sets(seen, (sensor, at_ms[sensor, place]), (columns, digest), FOR_EVER_MS)
    if at_ms.size:
        seen.floor_ms[:] = np.where(at_ms[:, 0] != NO_TIME_MS, at_ms[:, 0] - 1, seen.floor_ms)
    return seen


def _hour(old: HourV1) -> ZoneHour:
    processors = {name: ProcessorHour(**vars(one)) for name, one in old.processors.items()}
    return ZoneHour(**{**vars(old), "processors": processors})
