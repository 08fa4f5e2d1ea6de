"""Which column of a sensor repeats one value while its others move: looked at in some minutes, a few bits a column.

A minute holds the AND and the OR of what its readings say, a field of bits a column: where both are the same, so were
the values, to one in 256. Nobody is found by one minute but by a run of them. Sensors of a minute or less are looked at
every tenth minute, slower ones in each: so it costs little, however fast they speak.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.digests import factors
from streams.contract.durations import MINUTE_MS

if TYPE_CHECKING:
    from streams.contract.records import Frame

LOOKED_AT_MINUTES = 10
FAST_S = 60.0
"""Sensors with at most this interval speak in each minute, so in each that is looked at."""
FIELD_BITS, FIELDS_A_WORD = 8, 7
FULL = 2**FIELD_BITS - 1
WORD = 2 ** (FIELD_BITS * FIELDS_A_WORD) - 1
SAME, COUNT, SINCE = range(3)
"""Of a run: what it repeats, in how many minutes, and the first of them, in minutes."""

LAST_MINUTE = np.iinfo(np.int32).max
"""In the year 6053: a run that begins later is taken to begin then."""


@dataclass
class Channels:
    """One zone's columns, numbered as they appear, by sensor."""

    columns: list[str] = field(default_factory=list)
    open: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """Minute → (2 · words, m): the AND of each word, then the OR."""
    runs: NDArray[np.int32] = field(default_factory=lambda: np.zeros((3, 0, 0), np.int32))
    """(3, columns, m)."""

    def __post_init__(self) -> None:
        self.long_runs: tuple[int, tuple[NDArray[np.intp], NDArray[np.intp]]] | None = None
        """A number of minutes, and the columns and places of the runs that long; None = not looked for yet."""


class Frozen(NamedTuple):
    """(k,) rising places with a column that has repeated itself: the longest, for how many minutes, and since when."""

    place: NDArray[np.intp]
    column: NDArray[np.intp]
    times: NDArray[np.int32]
    since_ms: NDArray[np.int64]


class Pace(NamedTuple):
    """(m,) bool: slow enough to be looked at in each minute; whether any or all are."""

    slow: NDArray[np.bool_]
    some: bool
    every: bool


def pace(interval_s: NDArray[np.float64]) -> Pace:
    """Return the pace of sensors with these (m,) intervals."""
    slow = interval_s > FAST_S
    return Pace(slow, bool(slow.any()), bool(slow.all()))


def look(
    channels: Channels,
    start_ms: int,
    frame: Frame,
    mine: tuple[NDArray[np.intp] | None, NDArray[np.intp]],
    paces: Pace,
) -> None:
    """Take rows of a frame (None = all) with their places into the minute that they are of, if it looks at them."""
    rows, place = mine
    if start_ms // MINUTE_MS % LOOKED_AT_MINUTES and not paces.every:
        if not paces.some:
            return
        wanted = paces.slow.take(place).nonzero()[0]
        rows, place = wanted if rows is None else rows.take(wanted), place.take(wanted)
    if place.size:
        _add(channels, start_ms, (frame, rows), (place, len(paces.slow)))


def _add(
    channels: Channels, start_ms: int, of: tuple[Frame, NDArray[np.intp] | None], to: tuple[NDArray[np.intp], int]
) -> None:
    (frame, rows), (place, places) = of, to
    for name in frame.columns:
        if name not in channels.columns:
            channels.columns.append(name)
    words = _words(len(channels.columns))
    minute = channels.open[start_ms] = _roomy(channels.open.get(start_ms), words, places)
    for word, both, either in _said(frame, tuple(channels.columns)):
        np.bitwise_and.at(minute[word], place, both if rows is None else both.take(rows))
        np.bitwise_or.at(minute[words + word], place, either if rows is None else either.take(rows))


class _Said(NamedTuple):
    """(n,) what each reading of a frame says in a word, for the AND and for the OR."""

    word: int
    both: NDArray[np.int64]
    either: NDArray[np.int64]


@lru_cache(maxsize=1)  # a frame's minutes are looked at one after the other
def _said(frame: Frame, columns: tuple[str, ...]) -> tuple[_Said, ...]:
    """Return the words that a frame's columns are in, as they are numbered."""
    both, either = _fields(frame)
    found = []
    for part in _parts(columns, tuple(frame.columns)):
        of_both = np.add.reduce(both[part.columns] << part.shift, axis=0)
        of_either = of_both if either is both else np.add.reduce(either[part.columns] << part.shift, axis=0)
        found.append(_Said(part.word, of_both + part.rest, of_either))
    return tuple(found)


class _Part(NamedTuple):
    """What columns of a frame go into a word, each how far to the left; `rest`: the bits of its other columns."""

    word: int
    columns: NDArray[np.intp]
    shift: NDArray[np.int64]
    rest: int


@lru_cache(maxsize=64)
def _parts(columns: tuple[str, ...], names: tuple[str, ...]) -> tuple[_Part, ...]:
    number = np.array([columns.index(name) for name in names], np.int64)
    found = []
    for word in np.unique(number // FIELDS_A_WORD).tolist():
        of_word = np.flatnonzero(number // FIELDS_A_WORD == word)
        shift = (number[of_word] % FIELDS_A_WORD * FIELD_BITS)[:, np.newaxis]
        found.append(_Part(word, of_word, shift, WORD - int((FULL << shift).sum())))
    return tuple(found)


def _fields(frame: Frame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (columns, n) the field of each value, for the AND and for the OR: of none, nothing; of 0, that it moves.

    A sensor that says 0 may rightly do so for long. Where every value is there and not 0, both are one array.
    """
    values = np.array(list(frame.columns.values())).reshape(len(frame.columns), len(frame))
    bits = (values.view(np.uint64) * _factors(tuple(frame.columns)) >> np.uint64(64 - FIELD_BITS)).view(np.int64)
    zero, unknown = values == 0.0, np.isnan(values)
    if not np.count_nonzero(zero) and not np.count_nonzero(unknown):
        return bits, bits
    return np.where(zero, 0, np.where(unknown, FULL, bits)), np.where(zero, FULL, np.where(unknown, 0, bits))


@lru_cache(maxsize=64)
def _factors(names: tuple[str, ...]) -> NDArray[np.uint64]:
    return factors(names)


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
    columns = len(channels.columns)
    minute = _roomy(minute, _words(columns), places)
    if channels.runs.shape[1:] != (columns, places):
        runs = np.zeros((3, columns, places), np.int32)
        runs[SAME] = -1
        runs[:, : channels.runs.shape[1], : channels.runs.shape[2]] = channels.runs
        channels.runs = runs
    same, count, since = channels.runs
    number = np.arange(columns)
    shift, word = (number % FIELDS_A_WORD * FIELD_BITS)[:, np.newaxis], number // FIELDS_A_WORD
    both, either = ((minute[at] >> shift) & FULL for at in (word, len(minute) // 2 + word))
    even = both == either  # so it has come
    broken = ((both != FULL) | (either != 0)) & ~(even & (both == same))
    np.copyto(count, 0, where=broken)
    count += even
    np.copyto(since, min(start_ms // MINUTE_MS, LAST_MINUTE), where=broken)
    np.copyto(same, -1, where=broken)
    np.copyto(same, both, where=even, casting="same_kind")
    channels.long_runs = None


def forget(channels: Channels, places: NDArray[np.bool_]) -> None:
    """End the runs of these (m,) places."""
    gone = places[: channels.runs.shape[2]]
    channels.runs[SAME][:, gone], channels.runs[COUNT][:, gone] = -1, 0
    channels.long_runs = None


def frozen(channels: Channels, end_ms: int, least: tuple[int, float], but: tuple[str, ...]) -> Frozen | None:
    """Return whose column, not one of `but`, has repeated itself in so many minutes and for so many seconds.

    None = nobody's.
    """
    column, place = _long_runs(channels, least[0])
    if not column.size:
        return None
    since = channels.runs[SINCE, column, place]
    moves = np.array([name in but for name in channels.columns])
    long = ((end_ms - since.astype(np.int64) * MINUTE_MS) / 1000 >= least[1]) & ~moves[column]
    column, place, since = column[long], place[long], since[long]
    order = np.lexsort((column, since, place))
    first = order[np.flatnonzero(np.diff(place[order], prepend=-1))]
    if not first.size:
        return None
    column, place, since = column[first], place[first], since[first]
    return Frozen(place, column, channels.runs[COUNT, column, place], since.astype(np.int64) * MINUTE_MS)


def _long_runs(channels: Channels, least_count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (k,) columns and places of the runs of so many minutes; looked for once after each time they moved on."""
    if channels.long_runs is None or channels.long_runs[0] != least_count:
        column, place = np.nonzero(channels.runs[COUNT] >= least_count)
        channels.long_runs = (least_count, (column, place))
    return channels.long_runs[1]
