"""A number that stands for all values of a reading, and the runs of readings that repeat each other."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.places import grown

if TYPE_CHECKING:
    from streams.contract.records import Frame

FAR = 2**62
"""No digest reaches it."""
_TWO = np.uint64(2)
STEP = 2_654_435_761
STEADY_COLUMNS = tuple(
    "alarmed_count ambulance_ready_ratio bed_ratio capacity_count fill_ratio frequency_hz headway_s lamp_fault_ratio "
    "occupancy_ratio occupied_count on_time_ratio queue_count ready_ratio responding_count river_level_m supply_c "
    "tilt_deg trapped_s".split()
)
"""Columns that rightly stay the same for long."""
COARSE_COLUMNS = tuple(
    "capacity_ratio co_mg_m3 humidity_ratio hydrant_mpa pressure_mpa so2_ug_m3 speed_km_h travel_time_s visibility_m "
    "voltage_ratio".split()
)
"""Columns told so coarsely, capped or carried over, that one may rightly stay for hours while the others move."""


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class Runs:
    """Per sensor, (m,): the digest that its readings repeat, -FAR = none; how many have; since which minute."""

    same: NDArray[np.int64] = field(default_factory=_none)
    count: NDArray[np.int64] = field(default_factory=_none)
    since_ms: NDArray[np.int64] = field(default_factory=_none)


def grow(runs: Runs, places: int) -> None:
    """Make room for new sensors."""
    runs.same = grown(runs.same, places, -FAR)
    runs.count, runs.since_ms = grown(runs.count, places), grown(runs.since_ms, places)


def forget(runs: Runs, places: NDArray[np.bool_]) -> None:
    """End the runs of these (m,) places."""
    runs.same[places], runs.count[places] = -FAR, 0


def move_on(
    runs: Runs, readings: NDArray[np.int64], bounds_of: tuple[NDArray[np.int64], NDArray[np.int64]], start_ms: int
) -> None:
    """Take a minute's (m,) readings and the bounds of their digests."""
    least, greatest = bounds_of
    even = least == greatest  # so it has spoken
    broken = (readings > 0) & ~(even & (least == runs.same))
    np.copyto(runs.count, 0, where=broken)
    np.add(runs.count, readings, out=runs.count, where=even)
    np.copyto(runs.since_ms, start_ms, where=broken)
    np.copyto(runs.same, -FAR, where=broken)
    np.copyto(runs.same, least, where=even)


def bounds(frame: Frame, but: tuple[str, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (n,) the digest of each reading's columns, all `but` these, twice; one array where all of them tell.

    A reading that observed nothing, or a 0 among its values, tells nothing: its two bounds are -FAR and FAR.
    """
    names, factors = _telling(tuple(frame.columns), but)
    values = np.array([frame.columns[name] for name in names]).reshape(len(names), len(frame))
    seen, zero = np.isfinite(values), values == 0.0
    bits = values.view(np.uint64)
    whole = np.count_nonzero(seen) == seen.size
    if not whole:
        bits = np.where(seen, bits, np.uint64(0))
    digest = (np.add.reduce(bits * factors, axis=0) >> _TWO).view(np.int64)
    if whole and names and not np.count_nonzero(zero):
        return digest, digest
    telling = seen.any(axis=0) & ~zero.any(axis=0)
    return np.where(telling, digest, -FAR), np.where(telling, digest, FAR)


@lru_cache(maxsize=64)
def _telling(columns: tuple[str, ...], but: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.uint64]]:
    """Return the columns that are not of `but`, and their factors."""
    names = tuple(name for name in columns if name not in but)
    return names, factors(names)


def factors(names: tuple[str, ...]) -> NDArray[np.uint64]:
    """Return (columns, 1) odd numbers, one a name."""
    return np.array([[(zlib.crc32(name.encode()) * STEP) % 2**64 | 1] for name in names], np.uint64).reshape(-1, 1)
