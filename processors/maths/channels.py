"""Which column of a sensor repeats one value while its others move: looked at in some minutes, a few bits a column.

A minute holds the AND and the OR of what its readings say, a field of bits a column: where both are the same, so were
the values, to one in 256. Nobody is found by one minute but by a run of them. Sensors of a minute or less are looked at
every tenth minute, slower ones in each: so it costs little, however fast they speak.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

if TYPE_CHECKING:
    from processors.maths.places import Layout
    from streams.contract.records import Frame

MINUTE_MS = 60_000
LOOKED_AT_MINUTES = 10
FAST_S = 60.0
"""Sensors with at most this interval speak in each minute, so in each that is looked at."""
FIELD_BITS, FIELDS_A_WORD = 8, 7
FULL = 2**FIELD_BITS - 1
WORD = 2 ** (FIELD_BITS * FIELDS_A_WORD) - 1
SAME, COUNT, SINCE = range(3)
"""Of a run: what it repeats, in how many minutes, and the first of them, in minutes."""
_STEP = 2_654_435_761


@dataclass
class Channels:
    """One zone's columns, numbered as they appear, by sensor."""

    columns: list[str] = field(default_factory=list)
    open: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """Minute → (2 · words, m): the AND of each word, then the OR."""
    runs: NDArray[np.int32] = field(default_factory=lambda: np.zeros((3, 0, 0), np.int32))
    """(3, columns, m)."""


class Frozen(NamedTuple):
    """(m,) the column that has repeated itself longest, -1 = none does, for how many minutes, and since when."""

    column: NDArray[np.intp]
    times: NDArray[np.int64]
    since_ms: NDArray[np.int64]


def look(
    channels: Channels,
    start_ms: int,
    frame: Frame,
    mine: tuple[slice | NDArray[np.intp], NDArray[np.bool_]],
    layout: Layout,
) -> None:
    """Take rows of a frame into a minute: of those that are in it (`mine[0]`) some (`mine[1]`), if it looks at them."""
    rows, kept = mine
    wanted = layout.interval_s > (FAST_S if start_ms // MINUTE_MS % LOOKED_AT_MINUTES else -1.0)
    if not wanted.any():
        return
    rows = np.arange(len(frame))[rows][kept]
    rows = rows[wanted[layout.place[frame.sensor[rows]]]]
    if rows.size:
        _add(channels, start_ms, (frame, rows), (layout.place[frame.sensor[rows]], len(layout.sensor_ids)))


def _add(
    channels: Channels, start_ms: int, of: tuple[Frame, NDArray[np.intp]], to: tuple[NDArray[np.int32], int]
) -> None:
    (frame, rows), (place, places) = of, to
    names = list(frame.columns)
    for name in names:
        if name not in channels.columns:
            channels.columns.append(name)
    words = _words(len(channels.columns))
    minute = channels.open[start_ms] = _roomy(channels.open.get(start_ms), words, places)
    said = _said(frame, names, rows)
    number = np.array([channels.columns.index(name) for name in names])
    for word in np.unique(number // FIELDS_A_WORD).tolist():
        of_word = number // FIELDS_A_WORD == word
        shift = (number[of_word] % FIELDS_A_WORD * FIELD_BITS)[:, np.newaxis]
        rest = WORD - int((FULL << shift).sum())
        np.bitwise_and.at(minute[word], place, (said[0, of_word] << shift).sum(axis=0) + rest)
        np.bitwise_or.at(minute[words + word], place, (said[1, of_word] << shift).sum(axis=0))


def _said(frame: Frame, names: list[str], rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return (2, columns, n) the field of each value for the AND and for the OR: of none, nothing; of 0, that it moves.

    A sensor that says 0 may rightly do so for long.
    """
    values = np.stack([frame.columns[name][rows] for name in names]) if names else np.empty((0, len(rows)))
    bits = (np.ascontiguousarray(values).view(np.uint64) * _factors(tuple(names))) >> np.uint64(64 - FIELD_BITS)
    both = np.where(values == 0.0, 0, np.where(np.isnan(values), FULL, bits.astype(np.int64)))
    either = np.where(values == 0.0, FULL, np.where(np.isnan(values), 0, bits.astype(np.int64)))
    return np.stack([both, either])


@lru_cache(maxsize=64)
def _factors(names: tuple[str, ...]) -> NDArray[np.uint64]:
    return np.array([[(zlib.crc32(name.encode()) * _STEP) % 2**64 | 1] for name in names], np.uint64).reshape(-1, 1)


def _words(columns: int) -> int:
    return -(-columns // FIELDS_A_WORD)


def _roomy(minute: NDArray[np.int64] | None, words: int, places: int) -> NDArray[np.int64]:
    """Return a minute with room for so many words and places."""
    before = 0 if minute is None else len(minute) // 2
    if minute is not None and before >= words and minute.shape[1] >= places:
        return minute
    found = np.repeat(np.array([[WORD], [0]]), words, axis=0) * np.ones(places, np.int64)
    if minute is not None:
        found[:before, : minute.shape[1]] = minute[:before]
        found[words : words + before, : minute.shape[1]] = minute[before:]
    return found


def move_on(channels: Channels, start_ms: int, places: int) -> None:
    """Move the runs on by a minute that is over."""
    minute = channels.open.pop(start_ms, None)
    if minute is None:
        return
    minute = _roomy(minute, _words(len(channels.columns)), places)
    runs = np.zeros((3, len(channels.columns), places), np.int32)
    runs[SAME] = -1
    runs[:, : channels.runs.shape[1], : channels.runs.shape[2]] = channels.runs
    words = len(minute) // 2
    for number, run in enumerate(np.swapaxes(runs, 0, 1)):
        shift, word = number % FIELDS_A_WORD * FIELD_BITS, number // FIELDS_A_WORD
        both, either = (minute[word] >> shift) & FULL, (minute[words + word] >> shift) & FULL
        came = (both != FULL) | (either != 0)
        even = came & (both == either)
        goes_on = even & (both == run[SAME])
        run[COUNT] = np.where(goes_on, run[COUNT] + 1, np.where(came, even, run[COUNT]))
        run[SINCE] = np.where(came & ~goes_on, start_ms // MINUTE_MS, run[SINCE])
        run[SAME] = np.where(came, np.where(even, both, -1), run[SAME])
    channels.runs = runs


def forget(channels: Channels, places: NDArray[np.bool_]) -> None:
    """End the runs of these (m,) places."""
    gone = places[: channels.runs.shape[2]]
    channels.runs[SAME][:, gone], channels.runs[COUNT][:, gone] = -1, 0


def frozen(channels: Channels, end_ms: int, least: tuple[int, float], but: tuple[str, ...], places: int) -> Frozen:
    """Return whose column, not one of `but`, has repeated itself in so many minutes and for so many seconds."""
    none = np.full(places, -1), np.zeros(places, np.int64), np.zeros(places, np.int64)
    if not channels.runs.size:
        return Frozen(*none)
    runs = np.zeros((3, channels.runs.shape[1], places), np.int64)
    runs[:, :, : channels.runs.shape[2]] = channels.runs
    lasted_s = (end_ms - runs[SINCE] * MINUTE_MS) / 1000
    moves = np.array([[name in but] for name in channels.columns[: runs.shape[1]]])
    found = (runs[COUNT] >= least[0]) & (lasted_s >= least[1]) & ~moves
    longest = np.where(found, lasted_s, -1.0).argmax(axis=0)
    at = longest, np.arange(places)
    return Frozen(np.where(found.any(axis=0), longest, -1), runs[COUNT][at], runs[SINCE][at] * MINUTE_MS)
