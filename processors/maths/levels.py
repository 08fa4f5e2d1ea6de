"""Levels by rule of what sensors measure: windows judged in time order, each once, and run again with what came behind.

A window is judged when the watermark, less its sensor's lag, has passed its end, or earlier when its sensor has spoken
of a later one. A reading that comes to a judged window has its windows run again: that may raise a level, and only what
is judged next in order lowers it. Nothing but a sensor's own readings in their order, and how far their source was at
each, decides when that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import hold, ordered, windows
from processors.maths.hold import Hold
from processors.maths.measures import quotient
from processors.maths.places import Layout, grown
from processors.maths.windows import READINGS, Terms, Windows
from streams.contract.records import NO_TIME_MS
from streams.contract.spec import COLUMN_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.maths.rules import Rule
    from streams.contract.records import Frame

SUM, EXPECTED = READINGS + 1, READINGS + 2
FIELDS = EXPECTED + 1
GAP_INTERVALS, GAP_MS = 3, 180_000
"""A run of windows is broken by three missing reports, and never by less than three minutes."""


@dataclass
class Levels:
    """What is judged: of m sensors up to where, and by rule what each cell has reached."""

    judged_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(m,) the windows that end by then are judged."""
    holds: dict[str, Hold] = field(default_factory=dict)


class Cells(NamedTuple):
    """What there is to judge: (cells,) column and sensor of each, their windows, and the rules for these columns."""

    windows: Windows
    columns: list[str]
    column_of: NDArray[np.int64]
    sensor_of: NDArray[np.int64]
    layout: Layout
    window_ms: int
    rules: tuple[Rule, ...]
    late_limit_ms: int

    def of(self, rule: Rule) -> NDArray[np.bool_]:
        """Return (cells,) whether the rule is for each, and its sensor is there."""
        found: NDArray[np.bool_] = self.column_of == self.columns.index(rule.column)
        return found & self.layout.present[self.sensor_of]

    def gap_ms(self, cell: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (n,) the longest gap that does not end a run."""
        interval_ms = self.layout.interval_s[self.sensor_of[cell]] * 1000
        return np.maximum(GAP_INTERVALS * interval_ms, GAP_MS).astype(np.int64)


class Change(NamedTuple):
    """A level that changed: severities before and after, since when, up to where was judged, and the window's mean."""

    rule: Rule
    sensor: int
    before: int
    after: int
    since_ms: int
    known_ms: int
    value: float


def grow(levels: Levels, cells: Cells) -> None:
    """Make room for new sensors and cells."""
    levels.judged_ms = grown(levels.judged_ms, len(cells.layout.sensor_ids), NO_TIME_MS)
    for rule in cells.rules:
        held = levels.holds.setdefault(rule.name, Hold())
        if len(held.severity) < len(cells.column_of):
            hold.grow(held, len(cells.column_of))


class Batch(NamedTuple):
    """Every observed value as a term of its cell, and the row of the frame that each is of."""

    terms: Terms
    row: NDArray[np.intp]

    def of(self, rows: NDArray[np.bool_]) -> Batch:
        """Return the values of some rows of the frame, (n,) bool."""
        mine, terms = rows[self.row], self.terms
        some = Terms(terms.at_ms[mine], terms.place[mine], terms.late[mine], terms.terms[:, mine])
        return Batch(some, self.row[mine])


def _whole(at_ms: NDArray[np.int64], window_ms: int) -> NDArray[np.int64]:
    """Return the start of the window that holds each time."""
    return at_ms - at_ms % window_ms


def take(
    levels: Levels, cells: Cells, batch: Batch, frame: Frame
) -> tuple[dict[int, NDArray[np.integer[Any]]], list[Change]]:
    """Fold a frame's values turn by turn, judging what its rows let be judged → windows touched, and changes."""
    count, window_ms = len(cells.column_of), cells.window_ms
    if not cells.rules:
        return windows.fold(cells.windows, batch.terms, count, window_ms), []
    grow(levels, cells)
    place = cells.layout.place[frame.sensor]
    rows = ordered.Rows(place, _whole(frame.at_ms, window_ms), _whole(frame.reached_ms, window_ms))
    turns = ordered.turns(rows, levels.judged_ms)
    if turns is None:
        touched = windows.fold(cells.windows, batch.terms, count, window_ms)
        return touched, judge(levels, cells, ordered.up_to(rows, levels.judged_ms))
    touched, changes = {}, []
    for number in range(turns.number):
        now = turns.turn == number
        _touch(touched, windows.fold(cells.windows, batch.of(now & ~turns.behind).terms, count, window_ms))
        changes += judge(levels, cells, ordered.up_to(rows, levels.judged_ms, now))
        behind = batch.of(now & turns.behind)
        if len(behind.row):
            _touch(touched, windows.fold(cells.windows, behind.terms, count, window_ms))
            late_ms = np.zeros(len(behind.row)) if frame.behind_ms is None else frame.behind_ms[behind.row]
            changes += _again(levels, cells, behind.terms, late_ms)
    return touched, changes


def _touch(touched: dict[int, NDArray[np.integer[Any]]], more: dict[int, NDArray[np.integer[Any]]]) -> None:
    for start_ms, places in more.items():
        touched[start_ms] = np.union1d(touched.get(start_ms, places), places)


def pass_by(levels: Levels, cells: Cells, watermark_ms: int) -> list[Change]:
    """Judge what the watermark lets be judged."""
    grow(levels, cells)
    up_to_ms = _whole(watermark_ms - np.maximum(cells.layout.lag_ms, 0), cells.window_ms)
    return judge(levels, cells, up_to_ms) if cells.rules else []


def judge(levels: Levels, cells: Cells, up_to_ms: NDArray[np.int64]) -> list[Change]:
    """Judge each sensor's windows that end by then, (m,), and are not judged yet, in their order."""
    found: list[Change] = []
    if not (up_to_ms > levels.judged_ms).any():
        return found
    last_ms = int(up_to_ms.max(initial=NO_TIME_MS))
    for start_ms in sorted({*cells.windows.open, *cells.windows.late}):
        end_ms = start_ms + cells.window_ms
        if end_ms > last_ms:
            break
        due = (levels.judged_ms < end_ms) & (end_ms <= up_to_ms)
        if due.any():
            sums = windows.so_far(cells.windows, start_ms, FIELDS, len(cells.column_of))
            mine = due[cells.sensor_of] & (sums[READINGS] > 0)
            found += [one for rule in cells.rules for one in _judged(levels, cells, rule, (start_ms, mine, sums))]
    levels.judged_ms = np.maximum(levels.judged_ms, up_to_ms)
    return found


def _judged(
    levels: Levels, cells: Cells, rule: Rule, window: tuple[int, NDArray[np.bool_], NDArray[np.int64]]
) -> Iterator[Change]:
    start_ms, mine, sums = window
    place = np.flatnonzero(cells.of(rule) & mine)
    place = place[np.argsort(cells.sensor_of[place])]
    value = quotient(sums[SUM, place], sums[READINGS, place], COLUMN_SCALE, 1.0)
    end_ms = start_ms + cells.window_ms
    seen = hold.Seen(place, value, cells.gap_ms(place), start_ms, end_ms)
    changes = hold.judge(levels.holds[rule.name], seen, rule.limits)
    for row, before, after, since_ms in zip(*(part.tolist() for part in changes), strict=True):
        yield Change(rule, int(cells.sensor_of[place[row]]), before, after, since_ms, end_ms, float(value[row]))


def _again(levels: Levels, cells: Cells, terms: Terms, late_ms: NDArray[Any]) -> list[Change]:
    """Run the windows again to which these values came, one a cell at most → what is higher for them.

    The sums hold them already; `late_ms` is (n,) how far each was behind its source.
    """
    known = dict[int, NDArray[np.int64]]()
    start_ms = _whole(terms.at_ms, cells.window_ms)
    found = []
    for rule in cells.rules:
        grace_ms = cells.late_limit_ms if rule.grace_s is None else round(rule.grace_s * 1000)
        for row in np.flatnonzero(cells.of(rule)[terms.place] & (late_ms <= grace_ms)).tolist():
            cell, start = int(terms.place[row]), int(start_ms[row])
            mean, mean_before = _means(_sums(cells, start, known)[:, cell], terms.terms[:, row])
            before = int(levels.holds[rule.name].severity[cell])
            if not int(rule.limits.severity(np.array([mean]))[0]) > before:
                continue
            known_ms = int(levels.judged_ms[cells.sensor_of[cell]])
            series = _series(cells, (cell, known_ms), known)
            after, since_ms = _run_again(cells, rule, cell, (series, start))
            had, _ = _run_again(cells, rule, cell, ({**series, start: mean_before}, start))
            if after > max(before, had):
                ordered.raise_to(levels.holds[rule.name], cell, after, start)
                found.append(Change(rule, int(cells.sensor_of[cell]), before, after, since_ms, known_ms, mean))
    return found


def _means(sums: NDArray[np.int64], term: NDArray[np.int64]) -> tuple[float, float]:
    """Return a cell's mean from its (fields,) sums, and what it was without this term; NaN = none."""
    both = np.stack([sums, sums - term], axis=1)
    mean = quotient(both[SUM], both[READINGS], COLUMN_SCALE, 1.0)
    return float(mean[0]), float(mean[1])


def _sums(cells: Cells, start_ms: int, known: dict[int, NDArray[np.int64]]) -> NDArray[np.int64]:
    if start_ms not in known:
        known[start_ms] = windows.so_far(cells.windows, start_ms, FIELDS, len(cells.column_of))
    return known[start_ms]


def _series(cells: Cells, of: tuple[int, int], known: dict[int, NDArray[np.int64]]) -> dict[int, float]:
    """Return the mean of a cell in each window that ends by then, rising, NaN = it did not speak."""
    cell, known_ms = of
    held = {*cells.windows.open, *cells.windows.late, *cells.windows.closed}
    starts_ms = sorted(start_ms for start_ms in held if start_ms + cells.window_ms <= known_ms)
    nothing = np.zeros(FIELDS, np.int64)
    return {start_ms: _means(_sums(cells, start_ms, known)[:, cell], nothing)[0] for start_ms in starts_ms}


def _run_again(cells: Cells, rule: Rule, cell: int, of: tuple[dict[int, float], int]) -> tuple[int, int]:
    means, start_ms = of
    spoken = {start: mean for start, mean in means.items() if mean == mean}
    if start_ms not in spoken:
        return 0, 0
    values = list(spoken.values())
    series = ordered.Series(list(spoken), values, rule.limits.severity(np.array(values)).tolist())
    spans_ms = (cells.window_ms, int(cells.gap_ms(np.array([cell]))[0]))
    return ordered.run_again(series, series.start_ms.index(start_ms), rule.limits, spans_ms)


def end(levels: Levels, cells: Cells) -> list[tuple[str, int, int]]:
    """Make normal what has left → (rule, sensor, up to where was judged) of what was not.

    A sensor may have left, or a rule; one that watches another column now has left the column that it watched.
    """
    column_of = {rule.name: cells.columns.index(rule.column) for rule in cells.rules}
    gone = ~cells.layout.present[cells.sensor_of]
    found = []
    for rule, held in list(levels.holds.items()):
        hold.grow(held, len(cells.sensor_of))
        for cell in hold.end(held, gone | (cells.column_of != column_of.get(rule, -1))).tolist():
            sensor = int(cells.sensor_of[cell])
            found.append((rule, sensor, int(levels.judged_ms[sensor])))
        if rule not in column_of:
            del levels.holds[rule]
    return found
