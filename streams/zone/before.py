"""De-duplication as it was saved up to 0.1: the newest 32 event times of each sensor, read as today's memory.

What was known stays known, so that nothing is admitted twice: each of those times counts as taken with every column,
and what is older than the 32 is forgotten. Digests are made in another way now: a repeat of one of those is a duplicate
without a word on its values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.contract.records import NO_TIME_MS
from streams.kernel import values
from streams.saving import pieces
from streams.saving import state as state_codec
from streams.zone.dedup import Seen, judge_sets

EVERY_COLUMN = 2**63 - 1
FOR_EVER_MS = 2**61
_SEEN = state_codec.encode("seen")
_TIMES = state_codec.encode("at_ms")


@dataclass
class SeenBefore:
    """Event times of k sensors as they were saved."""

    at_ms: NDArray[np.int64]
    """(k, 32), NO_TIME_MS = free place."""


def renew(zone: pieces.Tree) -> None:
    """Bring the de-duplication in a zone's saved state to today's form; one that has it stays as it is."""
    saved = zone.get(_SEEN)
    if isinstance(saved, dict) and _TIMES in saved:
        zone[_SEEN] = state_codec.encode(renewed(state_codec.decode(SeenBefore, pieces.joined(saved))))


def renewed(before: SeenBefore) -> Seen:
    """Return today's memory of the same times."""
    at_ms = np.sort(before.at_ms, axis=1)
    seen = Seen.empty()
    seen.grow(len(at_ms))
    sensor, place = np.nonzero(at_ms != NO_TIME_MS)
    count = len(sensor)
    columns, digest = np.full(count, EVERY_COLUMN), np.full(count, values.TAKEN)
    judge_sets(seen, (sensor, at_ms[sensor, place]), (columns, digest), FOR_EVER_MS)
    if at_ms.size:
        seen.floor_ms[:] = np.where(at_ms[:, 0] != NO_TIME_MS, at_ms[:, 0] - 1, seen.floor_ms)
    return seen
