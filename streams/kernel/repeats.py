"""Judge repeats row by row: what `streams.zone.dedup.judge` says, in a loop over the rows as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.kernel.compiling import compiled
from streams.kernel.verdicts import CONFLICT, DUPLICATE, FORGOTTEN, NEW, REMEMBERED

if TYPE_CHECKING:
    from numpy.typing import NDArray


def judge(
    known: tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]],
    sensor: NDArray[np.intp],
    at_ms: NDArray[np.int64],
    digest: NDArray[np.uint64],
) -> NDArray[np.int8]:
    """Judge (n,) rows in order and remember the new ones → (n,) verdicts.

    `known`: the four arrays of a `streams.zone.dedup.Seen`, which change in place.
    """
    known_ms, known_digest, newest_ms, count = known
    verdict = np.empty(len(at_ms), np.int8)
    _judge(known_ms, known_digest, (newest_ms, count), (sensor, at_ms, digest), verdict)
    return verdict


@compiled
def _judge(
    known_ms: NDArray[np.int64],
    known_digest: NDArray[np.uint64],
    ends: tuple[NDArray[np.int64], NDArray[np.int64]],
    rows: tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.uint64]],
    verdict: NDArray[np.int8],
) -> None:
    newest_ms, count = ends
    sensors, at_ms, digests = rows
    for row in range(len(at_ms)):
        sensor, at, digest = sensors[row], at_ms[row], digests[row]
        if at > newest_ms[sensor]:  # rising times overwrite the oldest in turn
            place = count[sensor] % REMEMBERED
            known_ms[sensor, place], known_digest[sensor, place] = at, digest
            newest_ms[sensor] = at
            count[sensor] += 1
            verdict[row] = NEW
            continue
        newer, same = 0, -1
        for place in range(REMEMBERED):
            newer += known_ms[sensor, place] > at
            if known_ms[sensor, place] == at:
                same = place
        if newer == REMEMBERED:
            verdict[row] = FORGOTTEN
        elif same >= 0:
            verdict[row] = DUPLICATE if known_digest[sensor, same] == digest else CONFLICT
        else:
            _insert(known_ms, known_digest, sensor, at, digest)
            count[sensor] = 0  # sorted: place 0 is the oldest, the next to go
            verdict[row] = NEW


@compiled
def _insert(
    known_ms: NDArray[np.int64], known_digest: NDArray[np.uint64], sensor: int, at: int, digest: np.uint64
) -> None:
    """Put a time in the place of the sensor's oldest, and sort its times."""
    oldest = 0
    for place in range(1, REMEMBERED):
        if known_ms[sensor, place] < known_ms[sensor, oldest]:
            oldest = place
    known_ms[sensor, oldest], known_digest[sensor, oldest] = at, digest
    for place in range(1, REMEMBERED):
        moved_ms, moved_digest = known_ms[sensor, place], known_digest[sensor, place]
        free = place
        while free > 0 and known_ms[sensor, free - 1] > moved_ms:
            known_ms[sensor, free], known_digest[sensor, free] = (
                known_ms[sensor, free - 1],
                known_digest[sensor, free - 1],
            )
            free -= 1
        known_ms[sensor, free], known_digest[sensor, free] = moved_ms, moved_digest
