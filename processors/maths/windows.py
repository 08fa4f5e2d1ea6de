"""Tumbling windows of event time with exact sums per place: on-time rows, their finals, and late rows as corrections.

Readings on time go into the open windows. A window closes when the watermark has reached its end, for a place that lags
so much later (`Layout.lag_ms`); its sums are then kept, without the places that said nothing, for as long as a late
reading of it may come. Late readings are summed beside, whether the window is open or closed, and count only after its
close: so neither the cut of the input nor the watermark's cadence changes a value.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.fixed import add_at, plus
from processors.maths.packing import NOTHING, dense, merged, pack_places, picked, unpack
from processors.maths.places import grown
from processors.maths.tumbling import by_window
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T", int, NDArray[np.int64])
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

    def __post_init__(self) -> None:
        nothing = np.empty(0, np.int64)
        self.followed = nothing
        """The lags of the last `follow` …"""
        self.settled = nothing
        """… and `lag_ms` when the watermark last moved by them, with what lags there are, rising."""
        self.lags_ms: list[int] = []
        self.left: NDArray[np.bool_] | None = None


class Terms(NamedTuple):
    """Readings to fold: (n,) event time, (n,) place, (n,) bool late, (fields, n) terms of which field 0 is 1."""

    at_ms: NDArray[np.int64]
    place: NDArray[np.integer[Any]]
    late: NDArray[np.bool_]
    terms: NDArray[np.int64]


class Due(NamedTuple):
    """A window to close now for these places, (places,) bool; None = for all."""

    start_ms: int
    places: NDArray[np.bool_] | None


def follow(windows: Windows, lag_ms: NDArray[np.int64], entity: NDArray[np.int32] | None = None, *, lags: bool) -> None:
    """Learn how far behind the watermark each place is, (places,): at the begin of a step, and where places were added.

    -1 = it has left, and nothing of it is waited for: what counts whole windows waits for no lag but of who is there. A
    new place begins where its entity is, -1 = it has none, else where its lag lets it be.
    `lags`: whether any lags. The same array as before has nothing new to tell.
    """
    if not windows.lags:
        if not lags:
            return
        windows.lags, windows.passed_ms = True, np.full(len(lag_ms), windows.watermark_ms)
    elif lags and windows.followed is lag_ms:
        return
    windows.followed, left = lag_ms, lag_ms < 0
    windows.left = left if left.any() else None
    now_ms = np.maximum(lag_ms, 0)
    if not np.array_equal(now_ms, windows.lag_ms):
        windows.lag_ms = now_ms
    known = len(windows.passed_ms)
    if known < len(lag_ms):
        fresh = windows.watermark_ms - windows.lag_ms[known:]
        if entity is not None and len(entity):
            of_entity = np.full(int(entity.max()) + 2, 2 * NO_TIME_MS)
            np.maximum.at(of_entity, entity[:known], windows.passed_ms)
            of_entity[-1] = 2 * NO_TIME_MS
            fresh = np.maximum(fresh, of_entity[entity[known:]])
        windows.passed_ms = np.concatenate([windows.passed_ms, fresh])
    elif not lags and windows.settled is windows.lag_ms and not windows.lag_ms.any() and not _leave(windows):
        windows.lags, windows.lag_ms, windows.passed_ms = False, np.empty(0, np.int64), np.empty(0, np.int64)


def _leave(windows: Windows) -> bool:
    """Tell whether something of those that have left is in an open window yet: that closes for them alone."""
    left = windows.left
    return left is not None and any((one[READINGS][left[: one.shape[1]]] > 0).any() for one in windows.open.values())


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
            windows.late[start_ms] = merged(windows.late.get(start_ms), place[late], terms[:, late])
            place, terms = place[~late], terms[:, ~late]
        if place.size:
            sums = windows.open.get(start_ms)
            if sums is None:
                sums = np.zeros((len(terms), places), np.int64)
            windows.open[start_ms] = sums = grown(sums, places)
            add_at(sums, place, terms)
    return touched


def whole(at_ms: T, window_ms: int) -> T:
    """Return the start of the window that holds each time."""
    return at_ms - at_ms % window_ms


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

    Places that lag alike close together, and only where one of them has spoken: what those say that lag more or less,
    or have left, decides nothing for them.
    """
    past = sorted(start_ms for start_ms in windows.open if start_ms + window_ms <= watermark_ms)
    if not past or not windows.lags:
        return [Due(start_ms, None) for start_ms in past]
    found = []
    for start_ms, lag in _crossed(windows, past, watermark_ms, window_ms):
        mine = (windows.lag_ms == lag) & (windows.passed_ms < start_ms + window_ms)
        spoke = windows.open[start_ms][READINGS] > 0
        for alike in [mine] if lag or windows.left is None else [mine & ~windows.left, mine & windows.left]:
            if (spoke & alike[: len(spoke)]).any():
                found.append((start_ms + lag, start_ms, alike))
    return [Due(start_ms, mine) for _, start_ms, mine in sorted(found, key=lambda one: one[:2])]


def _crossed(
    windows: Windows, starts_ms: Iterable[int], watermark_ms: int, window_ms: int
) -> Iterator[tuple[int, int]]:
    """Yield (start, lag) of the windows that places with that lag may pass now; a lag that has changed hides none."""
    settled = windows.settled is windows.lag_ms
    lags_ms = windows.lags_ms if settled else np.unique(windows.lag_ms).tolist()
    before_ms = windows.watermark_ms if settled else 2 * NO_TIME_MS
    for start_ms in starts_ms:
        end_ms = start_ms + window_ms
        first, behind = bisect_right(lags_ms, before_ms - end_ms), bisect_right(lags_ms, watermark_ms - end_ms)
        for lag in lags_ms[first:behind]:
            yield start_ms, lag


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
        sums = plus(sums, dense(windows.closed[start_ms], *sums.shape))
    windows.closed[start_ms] = pack_places(sums)


def advance(
    windows: Windows, touched: dict[int, NDArray[np.integer[Any]]], watermark_ms: int, window_ms: int
) -> dict[int, NDArray[np.integer[Any]]]:
    """Move the watermark and forget what is too old → the windows to correct: start → places, rising.

    These are the windows touched after their close, and those that close now with late readings beside them. A lag that
    has changed passes windows, too, where the watermark stands.
    """
    before_ms = windows.watermark_ms
    corrected = dict(touched)
    if watermark_ms > before_ms or (windows.lags and windows.settled is not windows.lag_ms):
        if windows.lags:
            _pass(windows, corrected, watermark_ms, window_ms)
        else:
            for start_ms, late in windows.late.items():
                if before_ms < start_ms + window_ms <= watermark_ms:
                    corrected[start_ms] = unpack(late)[0]
        windows.watermark_ms = watermark_ms
    return {start_ms: corrected[start_ms] for start_ms in sorted(corrected)}


def _pass(windows: Windows, corrected: dict[int, NDArray[np.integer[Any]]], watermark_ms: int, window_ms: int) -> None:
    """Move each place as far as its lag lets it be, in whole windows, and add what that corrects."""
    if windows.settled is windows.lag_ms:
        before_ms = windows.watermark_ms
        if all(whole(watermark_ms - lag, window_ms) <= before_ms - lag for lag in windows.lags_ms):
            return
    before = windows.passed_ms
    windows.passed_ms = np.maximum(before, whole(watermark_ms - windows.lag_ms, window_ms))
    for start_ms in {start_ms for start_ms, _ in _crossed(windows, windows.late, watermark_ms, window_ms)}:
        end_ms, place = start_ms + window_ms, unpack(windows.late[start_ms])[0]
        closes = place[(before[place] < end_ms) & (windows.passed_ms[place] >= end_ms)]
        if closes.size:
            corrected[start_ms] = np.union1d(corrected.get(start_ms, closes), closes)
    if windows.settled is not windows.lag_ms:
        windows.settled, windows.lags_ms = windows.lag_ms, np.unique(windows.lag_ms).tolist()


def forget(windows: Windows, window_ms: int, keep_ms: int) -> list[int]:
    """Drop the windows that nothing can correct any more → their starts, rising.

    `keep_ms`: how long after it closed a window may be corrected, the domain's late limit; no later reading passes.
    """
    settled = windows.settled is windows.lag_ms
    longest_ms = max(windows.lags_ms, default=0) if settled else int(windows.lag_ms.max(initial=0))
    limit_ms = windows.watermark_ms - keep_ms - window_ms - longest_ms
    if min(min(windows.closed, default=limit_ms + 1), min(windows.late, default=limit_ms + 1)) > limit_ms:
        return []
    old = sorted(start_ms for start_ms in {*windows.closed, *windows.late} if start_ms <= limit_ms)
    for start_ms in old:
        windows.closed.pop(start_ms, None)
        windows.late.pop(start_ms, None)
    return old


def so_far(windows: Windows, start_ms: int, place: NDArray[np.integer[Any]], fields: int) -> NDArray[np.int64]:
    """Return a window's (fields, n) sums of all that has come for (n,) places, on time and late, closed or not."""
    sums = windows.open.get(start_ms)
    if sums is None:
        total = np.zeros((fields, len(place)), np.int64)
    else:
        total = sums[:fields].take(place, axis=1, mode="clip")
        if int(place.max(initial=0)) >= sums.shape[1]:
            total[:, place >= sums.shape[1]] = 0
    for packed in (windows.late.get(start_ms), windows.closed.get(start_ms)):
        if packed is not None:
            total = plus(total, picked(packed, place, fields))
    return total


def with_late(windows: Windows, start_ms: int, fields: int, places: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a closed window's (fields, places) sums with its late readings, and (places,) how many those are."""
    late = dense(windows.late.get(start_ms), fields, places)
    return plus(dense(windows.closed.get(start_ms), fields, places), late), late[READINGS]


def with_late_of(
    windows: Windows, start_ms: int, fields: int, place: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the same of (n,) places: (fields, n) sums and (n,) late readings."""
    late = picked(windows.late.get(start_ms, NOTHING), place, fields)
    return plus(picked(windows.closed.get(start_ms, NOTHING), place, fields), late), late[READINGS]
