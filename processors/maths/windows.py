"""Tumbling windows of event time with exact sums per place: on-time rows, their finals, and late rows as corrections.

Readings on time go into the open windows. A window closes when the watermark has reached its end, for a place that lags
so much later (`Layout.lag_ms`); its sums are then kept, without the places that said nothing, for as long as a late
reading of it may come. Late readings are summed beside, whether the window is open or closed, and count only after its
close: so neither the cut of the input nor the watermark's cadence changes a value.
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
    lags: bool = False
    """Whether any place lags behind the watermark …"""
    lag_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    passed_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """… and then (places,) by how much, and up to where each one's windows are closed."""


class Terms(NamedTuple):
    """Readings to fold: (n,) event time, (n,) place, (n,) bool late, (fields, n) terms of which field 0 is 1."""

    at_ms: NDArray[np.int64]
    place: NDArray[np.int32]
    late: NDArray[np.bool_]
    terms: NDArray[np.int64]


class Due(NamedTuple):
    """A window to close now for these places, (places,) bool; None = for all."""

    start_ms: int
    places: NDArray[np.bool_] | None


def follow(windows: Windows, lag_ms: NDArray[np.int64], entity: NDArray[np.int32] | None = None, *, lags: bool) -> None:
    """Learn how far behind the watermark each place is, (places,): at the begin of a step, and where places were added.

    -1 = as before, or 0. A new place begins where its entity is, -1 = it has none, else where its lag lets it be.
    `lags`: whether any lags.
    """
    if not windows.lags:
        if not lags:
            return
        windows.lags, windows.passed_ms = True, np.full(len(lag_ms), windows.watermark_ms)
    before_ms = grown(windows.lag_ms, len(lag_ms))
    windows.lag_ms = np.where(lag_ms < 0, before_ms, lag_ms)
    known = len(windows.passed_ms)
    if known < len(lag_ms):
        fresh = windows.watermark_ms - windows.lag_ms[known:]
        if entity is not None and len(entity):
            of_entity = np.full(int(entity.max()) + 2, 2 * NO_TIME_MS)
            np.maximum.at(of_entity, entity[:known], windows.passed_ms)
            of_entity[-1] = 2 * NO_TIME_MS
            fresh = np.maximum(fresh, of_entity[entity[known:]])
        windows.passed_ms = np.concatenate([windows.passed_ms, fresh])
    elif not lags and not windows.lag_ms.any() and (windows.passed_ms == windows.watermark_ms).all():
        windows.lags, windows.lag_ms, windows.passed_ms = False, np.empty(0, np.int64), np.empty(0, np.int64)


def is_closed(
    windows: Windows, end_ms: int | NDArray[np.int64], place: NDArray[np.integer[Any]]
) -> bool | NDArray[np.bool_]:
    """Tell whether the windows that end then are closed for each of (n,) places."""
    if windows.lags:
        closed: NDArray[np.bool_] = windows.passed_ms[place] >= end_ms
        return closed
    return end_ms <= windows.watermark_ms


def fold(windows: Windows, batch: Terms, places: int, window_ms: int) -> dict[int, NDArray[np.integer[Any]]]:
    """Add readings to their windows → the windows closed before that got late ones: start → places touched."""
    touched: dict[int, NDArray[np.integer[Any]]] = {}
    for start_ms, rows in by_window(batch.at_ms, window_ms):
        place, late, terms = batch.place[rows], batch.late[rows], batch.terms[:, rows]
        end_ms = start_ms + window_ms
        if end_ms <= windows.watermark_ms:
            closed = np.broadcast_to(is_closed(windows, end_ms, place), late.shape)
            if closed.any():
                late = late | closed  # what comes after the close is late, whoever judged it
                touched[start_ms] = np.unique(place[closed])
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
        end_ms = start_ms + window_ms
        if windows.lags or end_ms > windows.watermark_ms:
            cells = unpack(late)
            waits = ~np.broadcast_to(is_closed(windows, end_ms, cells[0]), cells[0].shape)
            found[start_ms] = found.get(start_ms, 0) + int(cells[1 + field, waits].sum())
    return found


def due(windows: Windows, watermark_ms: int, window_ms: int) -> list[Due]:
    """List what this watermark closes of the open windows, in the order in which it is due.

    Places that lag alike close together, and only where one of them has spoken: what those say that lag more or less
    decides nothing for them.
    """
    past = [start_ms for start_ms in windows.open if start_ms + window_ms <= watermark_ms]
    if not windows.lags:
        return [Due(start_ms, None) for start_ms in sorted(past)]
    lags = [(lag, windows.lag_ms == lag) for lag in np.unique(windows.lag_ms).tolist()]
    found = []
    for start_ms in past:
        end_ms = start_ms + window_ms
        spoke = windows.open[start_ms][READINGS] > 0
        for lag, alike in lags:
            mine = alike & (windows.passed_ms < end_ms)
            if end_ms + lag <= watermark_ms and (spoke & mine[: len(spoke)]).any():
                found.append((end_ms + lag, start_ms, mine))
    return [Due(start_ms, mine) for _, start_ms, mine in sorted(found, key=lambda one: one[:2])]


def take(windows: Windows, one: Due, places: int) -> NDArray[np.int64]:
    """Take what is due out of an open window → its sums, (fields, places), 0 where it is not due."""
    sums = grown(windows.open.pop(one.start_ms), places)
    if one.places is None:
        return sums
    rest = np.where(one.places, 0, sums)
    if rest[READINGS].any():
        windows.open[one.start_ms] = rest
    return np.where(one.places, sums, 0)


def close(windows: Windows, start_ms: int, sums: NDArray[np.int64]) -> None:
    """Keep a window's sums for corrections; they have been taken out of `open`."""
    if start_ms in windows.closed:
        sums = sums + _dense(windows.closed[start_ms], *sums.shape)
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
        passed_ms = np.maximum(windows.passed_ms, watermark_ms - windows.lag_ms) if windows.lags else None
        for start_ms, late in windows.late.items():
            end_ms = start_ms + window_ms
            if passed_ms is not None:
                place = unpack(late)[0]
                closes = place[(windows.passed_ms[place] < end_ms) & (passed_ms[place] >= end_ms)]
                if closes.size:
                    corrected[start_ms] = np.union1d(corrected.get(start_ms, closes), closes)
            elif before_ms < end_ms <= watermark_ms:
                corrected[start_ms] = unpack(late)[0]
        if passed_ms is not None:
            windows.passed_ms = passed_ms
    return {start_ms: corrected[start_ms] for start_ms in sorted(corrected)}


def forget(windows: Windows, window_ms: int, keep_ms: int) -> list[int]:
    """Drop the windows that nothing can correct any more → their starts, rising.

    `keep_ms`: how long after it closed a window may be corrected, the domain's late limit; no later reading passes.
    """
    limit_ms = windows.watermark_ms - keep_ms - window_ms - int(windows.lag_ms.max(initial=0))
    old = sorted(start_ms for start_ms in {*windows.closed, *windows.late} if start_ms <= limit_ms)
    for start_ms in old:
        windows.closed.pop(start_ms, None)
        windows.late.pop(start_ms, None)
    return old


def so_far(windows: Windows, start_ms: int, fields: int, places: int) -> NDArray[np.int64]:
    """Return a window's (fields, places) sums of all that has come, on time and late, whether it is closed or not."""
    total = _dense(windows.late.get(start_ms), fields, places)
    if start_ms in windows.closed:
        total += _dense(windows.closed[start_ms], fields, places)
    if start_ms in windows.open:
        total += grown(windows.open[start_ms], places)
    return total


def with_late(windows: Windows, start_ms: int, fields: int, places: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a closed window's (fields, places) sums with its late readings, and (places,) how many those are."""
    late = _dense(windows.late.get(start_ms), fields, places)
    total = _dense(windows.closed.get(start_ms), fields, places) + late
    check_range(total)
    return total, late[READINGS]
