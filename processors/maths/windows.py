"""Tumbling windows of event time with exact sums per place: on-time rows, their finals, and late rows as corrections.

Readings on time go into the open windows. A window closes when the watermark has reached its end; its sums are then
kept, without the places that said nothing, for as long as a late reading of it may come. Late readings are summed
beside, whether the window is open or closed, and count only after its close: so neither the cut of the input nor the
watermark's cadence changes a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.fixed import add_at, check_range
from processors.maths.packing import pack, unpack
from processors.maths.places import grown
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

READINGS = 0
"""The field of every sum that counts readings: whatever came for the place, used or not."""


@dataclass
class Windows:
    """Sums of one zone's windows, by start. `open` holds dense (fields, places) arrays, the others packed ones."""

    watermark_ms: int = NO_TIME_MS
    open: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    closed: dict[int, bytes] = field(default_factory=dict)
    late: dict[int, bytes] = field(default_factory=dict)


class Terms(NamedTuple):
    """Readings to fold: (n,) event time, (n,) place, (n,) bool late, (fields, n) terms of which field 0 is 1."""

    at_ms: NDArray[np.int64]
    place: NDArray[np.int32]
    late: NDArray[np.bool_]
    terms: NDArray[np.int64]


def fold(windows: Windows, batch: Terms, places: int, window_ms: int) -> dict[int, NDArray[np.integer[Any]]]:
    """Add readings to their windows → the windows closed before that got late ones: start → places touched."""
    touched: dict[int, NDArray[np.integer[Any]]] = {}
    for start_ms, rows in by_window(batch.at_ms, window_ms):
        place, late, terms = batch.place[rows], batch.late[rows], batch.terms[:, rows]
        closed = start_ms + window_ms <= windows.watermark_ms
        if closed:
            late = np.ones_like(late)  # what comes after the close is late, whoever judged it
            touched[start_ms] = np.unique(place)
        if late.any():
            windows.late[start_ms] = _merged(windows.late.get(start_ms), place[late], terms[:, late], places)
            place, terms = place[~late], terms[:, ~late]
        if place.size:
            sums = windows.open.get(start_ms)
            if sums is None:
                sums = np.zeros((len(terms), places), np.int64)
            windows.open[start_ms] = sums = grown(sums, places)
            add_at(sums, place, terms)
    return touched


def by_window(at_ms: NDArray[np.int64], window_ms: int) -> Iterator[tuple[int, slice | NDArray[np.intp]]]:
    """Yield (start of a window, its rows), by rising start."""
    if not at_ms.size:
        return
    start_ms = at_ms - at_ms % window_ms
    first, last = int(start_ms.min()), int(start_ms.max())
    if first == last:
        yield first, slice(None)
        return
    for start in np.unique(start_ms).tolist():
        yield start, np.flatnonzero(start_ms == start)


def _merged(late: bytes | None, place: NDArray[np.int32], terms: NDArray[np.int64], places: int) -> bytes:
    dense = _dense(late, len(terms), places)
    add_at(dense, place, terms)
    return compact(dense)


def compact(dense: NDArray[np.int64]) -> bytes:
    """Return the places where any field is not 0, packed."""
    place = np.flatnonzero(dense.any(axis=0))
    return pack(np.concatenate([place[np.newaxis], dense[:, place]]))


def _dense(packed: bytes | None, fields: int, places: int) -> NDArray[np.int64]:
    dense = np.zeros((fields, places), np.int64)
    if packed is not None:
        cells = unpack(packed)
        dense[:, cells[0]] = cells[1:]
    return dense


def waiting(windows: Windows, field: int, window_ms: int) -> dict[int, int]:
    """Return what a field sums up to in the windows of which no row speaks yet, by start: open ones, with late rows."""
    found = {start_ms: int(sums[field].sum()) for start_ms, sums in windows.open.items()}
    for start_ms, late in windows.late.items():
        if start_ms + window_ms > windows.watermark_ms:
            found[start_ms] = found.get(start_ms, 0) + int(unpack(late)[1 + field].sum())
    return found


def due(windows: Windows, watermark_ms: int, window_ms: int) -> list[int]:
    """List the starts of the open windows that this watermark closes, rising."""
    if not windows.open:
        return []
    return sorted(start_ms for start_ms in windows.open if start_ms + window_ms <= watermark_ms)


def close(windows: Windows, start_ms: int, sums: NDArray[np.int64]) -> None:
    """Keep a window's sums for corrections; it has been taken out of `open`."""
    windows.closed[start_ms] = compact(sums)


def advance(
    windows: Windows, touched: dict[int, NDArray[np.integer[Any]]], watermark_ms: int, window_ms: int
) -> dict[int, NDArray[np.integer[Any]]]:
    """Move the watermark and forget what is too old → the windows to correct: start → places, rising.

    These are the windows touched after their close, and those that close now with late readings beside them.
    """
    before_ms = windows.watermark_ms
    corrected = dict(touched)
    if watermark_ms > before_ms:
        windows.watermark_ms = watermark_ms
        for start_ms, late in windows.late.items():
            if before_ms < start_ms + window_ms <= watermark_ms:
                corrected[start_ms] = unpack(late)[0]
    return {start_ms: corrected[start_ms] for start_ms in sorted(corrected)}


def forget(windows: Windows, window_ms: int, keep_ms: int) -> list[int]:
    """Drop the windows that nothing can correct any more → their starts, rising.

    `keep_ms`: how long after its end a window may be corrected, the domain's late limit; no later reading passes.
    """
    limit_ms = windows.watermark_ms - keep_ms - window_ms
    old = sorted(start_ms for start_ms in {*windows.closed, *windows.late} if start_ms <= limit_ms)
    for start_ms in old:
        windows.closed.pop(start_ms, None)
        windows.late.pop(start_ms, None)
    return old


def with_late(windows: Windows, start_ms: int, fields: int, places: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a closed window's (fields, places) sums with its late readings, and (places,) how many those are."""
    late = _dense(windows.late.get(start_ms), fields, places)
    total = _dense(windows.closed.get(start_ms), fields, places) + late
    check_range(total)
    return total, late[READINGS]
