"""Levels by rule of what sensors measure: windows judged in time order, each once, and run again with what came behind.

A window is judged when the watermark, less its sensor's lag, has passed its end, or earlier when its sensor has spoken
of a later one. A reading that comes to a judged window has its windows run again: that may raise a level, and only what
is judged next in order lowers it: of a sensor that is always late, what is behind all that the rule has seen. Nothing
but a sensor's own readings in their order, and how far their source was at each, decides when that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import absences, deviations, hold, ordered, windows
from processors.maths.absences import Absent
from processors.maths.cells import Cells
from processors.maths.changes import Change
from processors.maths.hold import Hold
from processors.maths.measured import MEAN, mean_at, mean_of, measured
from processors.maths.past import Past
from processors.maths.places import grown
from processors.maths.usual import Usual
from processors.maths.windows import READINGS, Terms, whole
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.maths.rules import Rule
    from streams.contract.records import Frame


@dataclass
class Levels:
    """What is judged: of m sensors up to where, and by rule what each cell has reached."""

    judged_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(m,) the windows that end by then are judged."""
    holds: dict[str, Hold] = field(default_factory=dict)
    absent: dict[str, Absent] = field(default_factory=dict)
    """By rule of absence."""
    usual: dict[str, Usual] = field(default_factory=dict)
    """By column that a rule of deviation watches."""

    def __post_init__(self) -> None:
        self.watch: _Watch | None = None


@dataclass
class _Watch:
    """What spares most of the work as long as it is about the same cells."""

    cells: Cells
    busy: NDArray[np.bool_]
    """(cells,) whether a rule has or may have a level there, or a run that may become one …"""
    unseen: NDArray[np.bool_]
    """… and where a rule has seen no value yet: its first says whether it may have one."""
    passed_ms: tuple[int, ...] = ()
    """Up to where the watermark has let each lag be judged."""
    ended: bool = False
    """Whether what has left has been made normal."""


class Batch(NamedTuple):
    """Every observed value as a term of its cell, and the row of the frame that each is of."""

    terms: Terms
    row: NDArray[np.intp]

    def of(self, rows: NDArray[np.bool_]) -> Batch:
        """Return the values of some rows of the frame, (n,) bool."""
        mine, terms = rows[self.row], self.terms
        some = Terms(terms.at_ms[mine], terms.place[mine], terms.late[mine], terms.terms[:, mine])
        return Batch(some, self.row[mine])


def _watching(levels: Levels, cells: Cells) -> _Watch:
    """Make room for new sensors and cells → what is known of them."""
    if levels.watch is None or levels.watch.cells is not cells:
        levels.judged_ms = grown(levels.judged_ms, len(cells.layout.sensor_ids), NO_TIME_MS)
        for rule in cells.of_means:
            hold.grow(levels.holds.setdefault(rule.name, Hold()), len(cells.column_of))
        absences.follow(levels.absent, cells, levels.judged_ms)
        deviations.follow(levels.usual, cells)
        levels.watch = _Watch(cells, _busy(levels, len(cells.column_of)), _unseen(levels, cells))
    return levels.watch


def _busy(levels: Levels, count: int) -> NDArray[np.bool_]:
    found = np.zeros(count, bool)
    for held in levels.holds.values():
        found[: len(held.severity)] |= hold.is_busy(held)
    return found


def _unseen(levels: Levels, cells: Cells) -> NDArray[np.bool_]:
    found = np.zeros(len(cells.column_of), bool)
    for rule in cells.of_means:
        mine = cells.column_of == cells.columns.index(rule.column)
        found |= mine & (levels.holds[rule.name].seen_ms == NO_TIME_MS)
    return found


def take(
    levels: Levels, cells: Cells, batch: Batch, frame: Frame, place: NDArray[np.int32]
) -> tuple[dict[int, NDArray[np.integer[Any]]], list[Change]]:
    """Fold a frame's values turn by turn, judging what its rows let be judged → windows touched, and changes.

    `place` is (n,) where the sensor of each row stands.
    """
    count, window_ms = len(cells.column_of), cells.window_ms
    if not cells.rules:
        return windows.fold(cells.windows, batch.terms, count, window_ms), []
    _watching(levels, cells)
    start_ms = whole(frame.at_ms, window_ms)
    in_time = frame.behind_ms is None or int(frame.behind_ms.max(initial=0)) <= 0
    rows = ordered.Rows(place, start_ms, start_ms if in_time else whole(frame.reached_ms, window_ms))
    up_to_ms = ordered.up_to(rows, levels.judged_ms)
    turns = ordered.turns(rows, levels.judged_ms, up_to_ms)
    if turns is None:
        touched = windows.fold(cells.windows, batch.terms, count, window_ms)
        return touched, judge(levels, cells, up_to_ms)
    touched, changes = {}, []
    for number in range(turns.number):
        now = turns.turn == number
        _touch(touched, windows.fold(cells.windows, batch.of(now & ~turns.behind).terms, count, window_ms))
        changes += judge(levels, cells, ordered.up_to(rows, levels.judged_ms, now))
        behind = batch.of(now & turns.behind)
        if len(behind.row):
            _touch(touched, windows.fold(cells.windows, behind.terms, count, window_ms))
            changes += absences.fill(levels.absent, cells, behind.terms, levels.judged_ms)
            late_ms = np.zeros(len(behind.row)) if frame.behind_ms is None else frame.behind_ms[behind.row]
            changes += _in_order(levels, cells, behind.terms, late_ms)
            changes += _again(levels, cells, behind.terms, late_ms)
    return touched, changes


def _touch(touched: dict[int, NDArray[np.integer[Any]]], more: dict[int, NDArray[np.integer[Any]]]) -> None:
    for start_ms, places in more.items():
        touched[start_ms] = np.union1d(touched.get(start_ms, places), places)


def pass_by(levels: Levels, cells: Cells, watermark_ms: int) -> list[Change]:
    """Judge what the watermark lets be judged."""
    watch = _watching(levels, cells)
    passed_ms = tuple(whole(watermark_ms - lag, cells.window_ms) for lag in cells.lags_ms)
    if not cells.rules or passed_ms == watch.passed_ms:
        return []
    watch.passed_ms = passed_ms
    return judge(levels, cells, whole(watermark_ms - np.maximum(cells.layout.lag_ms, 0), cells.window_ms))


def judge(levels: Levels, cells: Cells, up_to_ms: NDArray[np.int64]) -> list[Change]:
    """Judge each sensor's windows that end by then, (m,), and are not judged yet, in their order."""
    found: list[Change] = []
    if up_to_ms is levels.judged_ms or not len(sensor := np.flatnonzero(up_to_ms > levels.judged_ms)):
        return found
    judged_ms, up_to_ms = levels.judged_ms[sensor], up_to_ms[sensor]
    first_ms, last_ms = int(judged_ms.min()), int(up_to_ms.max())
    held = {*cells.windows.open, *cells.windows.late}
    for start_ms in sorted(held):
        end_ms = start_ms + cells.window_ms
        if first_ms < end_ms <= last_ms:
            due = sensor[(judged_ms < end_ms) & (end_ms <= up_to_ms)]
            if len(due):
                found += _judged(levels, cells, start_ms, due)
    found += absences.judge(levels.absent, cells, absences.Judging(sensor, judged_ms, up_to_ms))
    levels.judged_ms[sensor] = up_to_ms
    return found


def _judged(levels: Levels, cells: Cells, start_ms: int, sensor: NDArray[np.intp]) -> Iterator[Change]:
    """Judge a window of these sensors by every rule; where nothing is near a limit, a look at all at once is enough."""
    watch, bounds = _watching(levels, cells), cells.bounds
    busy, unseen = watch.busy, watch.unseen
    cell = bounds.cell[:, sensor]
    sums = windows.so_far(cells.windows, start_ms, cell.ravel(), MEAN).reshape(MEAN, *cell.shape)
    mean = mean_of(sums, np.repeat(cells.levels[bounds.column, np.newaxis], cell.shape[1], axis=1))
    high, low = bounds.high[bounds.column, np.newaxis], bounds.low[bounds.column, np.newaxis]
    loud = (mean >= high) | (mean < low) | busy[cell] | unseen[cell]
    loud &= (sums[READINGS] > 0) & (cell >= 0)
    if not loud.any():
        return
    busy[cell[loud]] = unseen[cell[loud]] = False
    end_ms = start_ms + cells.window_ms
    for rule, limits, row in zip(cells.of_means, cells.limits, bounds.row_of_rule, strict=True):
        mine = loud[row]
        if not mine.any():
            continue
        place = cell[row, mine]
        value = measured(cells, rule, place, mean[row, mine], start_ms, levels.usual)
        if rule.kind != "level":
            place, value = place[~np.isnan(value)], value[~np.isnan(value)]
        held = levels.holds[rule.name]
        seen = hold.Seen(place, value, cells.gap_ms(place), start_ms, end_ms)
        yield from _told(cells, rule, seen, hold.judge(held, seen, limits), end_ms)
        busy[place] |= hold.is_busy(held, place)
    deviations.teach(levels.usual, levels.holds, cells, (cell, mean, loud), start_ms)


def _told(cells: Cells, rule: Rule, seen: hold.Seen, changes: hold.Changes, known_ms: int) -> Iterator[Change]:
    for at, before, after, since_ms in zip(*(part.tolist() for part in changes), strict=True):
        yield Change(
            rule, int(cells.sensor_of[seen.place[at]]), before, after, since_ms, known_ms, float(seen.value[at])
        )


def _in_order(levels: Levels, cells: Cells, terms: Terms, late_ms: NDArray[Any]) -> list[Change]:
    """Judge what came to judged windows behind the newest that a rule has seen: each when its sensor speaks of a later.

    Where none of a sensor's readings is in time, nothing else would ever lower a level. Arguments as of `_again`.
    """
    found, busy = list[Change](), _watching(levels, cells).busy
    for row in np.flatnonzero(busy[terms.place]).tolist():
        cell, until_ms = np.array([terms.place[row]], np.int64), int(whole(terms.at_ms[row], cells.window_ms))
        known_ms = int(levels.judged_ms[cells.sensor_of[cell[0]]])
        for rule, limits in zip(cells.of_means, cells.limits, strict=True):
            held = levels.holds[rule.name]
            if late_ms[row] > cells.grace_ms(rule) or not (cells.of(rule, cell) & hold.is_busy(held, cell))[0]:
                continue
            for start_ms in cells.held_ms(int(held.seen_ms[cell[0]]) + 1, until_ms):
                value = mean_at(cells, cell, start_ms)
                if not np.isnan(value[0]):
                    seen = hold.Seen(cell, value, cells.gap_ms(cell), start_ms, start_ms + cells.window_ms)
                    found += _told(cells, rule, seen, hold.judge(held, seen, limits), known_ms)
        busy[cell] = any(hold.is_busy(levels.holds[rule.name], cell)[0] for rule in cells.of_means)
    return found


def _again(levels: Levels, cells: Cells, terms: Terms, late_ms: NDArray[Any]) -> list[Change]:
    """Run the windows again to which these values came, one a cell at most → what is higher for them.

    The sums hold them already; `late_ms` is (n,) how far each was behind its source.
    """
    start_ms, place = whole(terms.at_ms, cells.window_ms), terms.place
    sums = np.empty((MEAN, len(place)), np.int64)
    for start in np.unique(start_ms).tolist():
        mine = start_ms == start
        sums[:, mine] = windows.so_far(cells.windows, start, place[mine], MEAN)
    mean = mean_of(sums, cells.of_level[place])
    found: list[Change] = []
    if not cells.near(place, mean).any():
        return found
    for rule, limits in zip(cells.of_means, cells.limits, strict=True):
        held = levels.holds[rule.name]
        higher = limits.severity(mean) > np.maximum(held.severity[place], 0)
        for row in np.flatnonzero(higher & (late_ms <= cells.grace_ms(rule)) & cells.of(rule, place)).tolist():
            cell, start, value = int(place[row]), int(start_ms[row]), float(mean[row])
            before, known_ms = max(int(held.severity[cell]), 0), int(levels.judged_ms[cells.sensor_of[cell]])
            past = Past(cells, cell, known_ms)
            if not past.holds(start):
                continue
            around = past.around(start, limits)
            after, since_ms = past.run_again(around, start, value, limits)
            without = mean_of(sums[:, [row]] - terms.terms[:MEAN, [row]], cells.of_level[[cell]])
            had, _ = past.run_again(around, start, float(without[0]), limits)
            if after > max(before, had):
                ordered.raise_to(held, cell, after, past.newest_ms())
                _watching(levels, cells).busy[cell] = True
                found.append(Change(rule, int(cells.sensor_of[cell]), before, after, since_ms, known_ms, value))
    return found


def end(levels: Levels, cells: Cells) -> list[tuple[str, int, int]]:
    """Make normal what has left → (rule, sensor, up to where was judged) of what was not.

    A sensor may have left, or a rule; one that watches another column now has left the column that it watched.
    """
    watch = _watching(levels, cells)
    if watch.ended:
        return []
    column_of = {rule.name: cells.columns.index(rule.column) for rule in cells.of_means}
    gone, found = ~cells.present, absences.end(levels.absent, cells, levels.judged_ms)
    deviations.end(levels.usual, cells)
    for rule, held in list(levels.holds.items()):
        hold.grow(held, len(cells.sensor_of))
        for cell in hold.end(held, gone | (cells.column_of != column_of.get(rule, -1))).tolist():
            sensor = int(cells.sensor_of[cell])
            found.append((rule, sensor, int(levels.judged_ms[sensor])))
        if rule not in column_of:
            del levels.holds[rule]
    watch.ended, watch.busy = True, _busy(levels, len(cells.sensor_of))
    return found
