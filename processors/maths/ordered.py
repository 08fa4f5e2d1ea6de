"""Windows of a sensor in time order, each judged once: as soon as the sensor has spoken of a later one, or at the mark.

A row that comes to a window of its sensor that is judged already is *behind*: the windows are run again with it. Which
rows those are depends on nothing but the sensor's own rows in the order in which they came, and on how far their source
was at each: not on the cut into frames, and not on what other sources say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths.hold import NO_RUN, Hold, Limits, Seen, grow, judge

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Rows(NamedTuple):
    """(n,) rows in their order: place of the sensor (-1 = none), start of the window, and how far the source was."""

    place: NDArray[np.int32]
    start_ms: NDArray[np.int64]
    reached_ms: NDArray[np.int64]
    """Start of the window in which the source was, its sensor's lag taken off, or the row's own if that is later."""


class Turns(NamedTuple):
    """(n,) turn in which each row is taken, and whether it is behind: such a row ends its sensor's turn."""

    turn: NDArray[np.int64]
    behind: NDArray[np.bool_]

    @property
    def number(self) -> int:
        """How many turns there are."""
        return int(self.turn.max(initial=0)) + 1


def up_to(rows: Rows, judged_ms: NDArray[np.int64], some: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Return (m,) up to where these rows let each sensor's windows be judged; the same object where no further."""
    place, reached_ms = rows.place, rows.reached_ms
    if some is not None or int(place.min(initial=0)) < 0:
        mine = place >= 0 if some is None else some & (place >= 0)
        place, reached_ms = place[mine], reached_ms[mine]
    if not (reached_ms > judged_ms[place]).any():
        return judged_ms
    found = judged_ms.copy()
    np.maximum.at(found, place, reached_ms)
    return found


def turns(rows: Rows, judged_ms: NDArray[np.int64], up_to_ms: NDArray[np.int64]) -> Turns | None:
    """Put rows into turns; None = no row is behind, one turn takes all. (m,) judged before, and with these rows."""
    here = slice(None) if int(rows.place.min(initial=0)) >= 0 else np.flatnonzero(rows.place >= 0)
    place = rows.place[here]
    if (rows.start_ms[here] >= up_to_ms[place]).all():
        return None
    order = np.arange(len(rows.place))[here][np.argsort(place, kind="stable")]
    place, start_ms = rows.place[order], rows.start_ms[order]
    begins = np.append(True, place[1:] != place[:-1])
    first = np.flatnonzero(begins)
    group = np.cumsum(begins) - 1
    reached_ms = rows.reached_ms[order]
    reached_ms[first] = np.maximum(reached_ms[first], judged_ms[place[first]])
    least_ms = int(reached_ms.min())
    span = int(reached_ms.max()) - least_ms + 1
    highest_ms = np.maximum.accumulate(group * span + (reached_ms - least_ms)) - group * span + least_ms
    is_behind = start_ms < highest_ms
    if not is_behind.any():
        return None
    before = np.cumsum(is_behind) - is_behind
    turn, behind = np.zeros(len(rows.place), np.int64), np.zeros(len(rows.place), bool)
    turn[order], behind[order] = before - before[first][group], is_behind
    return Turns(turn, behind)


class Series(NamedTuple):
    """The judged windows of a place in which it spoke, rising."""

    start_ms: list[int]
    value: list[float]
    reached: list[int]
    """Severity whose limit each value has reached."""


def run_again(series: Series, at: int, limits: Limits, spans_ms: tuple[int, int]) -> tuple[int, int]:
    """Return the highest severity of a run that holds window number `at`, and since when; (0, 0) = none.

    `spans_ms` are the length of a window and the longest gap that does not end a run.
    """
    window_ms, gap_ms = spans_ms
    first = at
    while first and series.reached[first - 1] and series.start_ms[first] - series.start_ms[first - 1] <= gap_ms:
        first -= 1
    held, best = Hold(), (0, 0)
    grow(held, 1)
    place, gap = np.zeros(1, np.int64), np.full(1, gap_ms)
    for number in range(first, len(series.start_ms)):
        start_ms = series.start_ms[number]
        if number > at and (not series.reached[number] or start_ms - series.start_ms[number - 1] > gap_ms):
            break
        value = np.array([series.value[number]])
        changes = judge(held, Seen(place, value, gap, start_ms, start_ms + window_ms), limits)
        if number >= at and changes.row.size and int(changes.since_ms[0]) <= series.start_ms[at]:
            best = max(best, (int(changes.after[0]), int(changes.since_ms[0])), key=lambda one: one[0])
    return best


def raise_to(held: Hold, place: int, severity: int, start_ms: int) -> None:
    """Leave a place at a severity that a run found again; a run to a higher one goes on."""
    held.severity[place] = severity
    if held.asked[place] <= severity:
        held.asked[place] = severity
        held.since_ms[place] = NO_RUN
    held.seen_ms[place] = max(int(held.seen_ms[place]), start_ms)
