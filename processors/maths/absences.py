"""Rules of absence: for how long a column has brought no value, by sensor, at whole minutes of its own judging.

A minute that brought a value is heard up to its end. What is judged is how long ago that is, whenever another minute of
the sensor may be judged; so it needs no reading, and a column may be absent while the rest of its sensor speaks. The
first value ends it. A value that comes to a judged minute counts at its time: it ends nothing that is older than it.
Of a column that was never heard nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import windows
from processors.maths.changes import Change
from processors.maths.hold import SEVERITIES
from processors.maths.places import grown
from processors.maths.windows import READINGS, Terms, whole
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.maths.cells import Cells
    from processors.maths.rules import Rule

COUNTED = READINGS + 1
"""Fields of a window's sums that say whether there was a value: those before it."""


def _none() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass
class Absent:
    """Of a rule, per cell, (p,): present severity, and up to when it was heard, NO_TIME_MS = it is not known."""

    severity: NDArray[np.int64] = field(default_factory=_none)
    heard_ms: NDArray[np.int64] = field(default_factory=_none)


class Judging(NamedTuple):
    """(n,) sensors with the minutes to judge of each: those that end behind the first time, until the second."""

    sensor: NDArray[np.intp]
    from_ms: NDArray[np.int64]
    until_ms: NDArray[np.int64]


def follow(of: dict[str, Absent], cells: Cells, judged_ms: NDArray[np.int64]) -> None:
    """Make room for new cells. A rule that comes into force counts from then, for what has been heard before."""
    for rule, _ in cells.of_absence:
        held = of.get(rule.name)
        if held is None:
            passed_ms = whole(cells.windows.watermark_ms - np.maximum(cells.lag_ms, 0), cells.window_ms)
            now_ms = np.maximum(passed_ms, judged_ms[cells.sensor_of])
            held = of[rule.name] = Absent(heard_ms=np.where(cells.heard, now_ms, NO_TIME_MS))
        held.severity = grown(held.severity, len(cells.sensor_of))
        held.heard_ms = grown(held.heard_ms, len(cells.sensor_of), NO_TIME_MS)


def judge(of: dict[str, Absent], cells: Cells, due: Judging) -> Iterator[Change]:
    """Judge these minutes by every rule, in the order of each sensor's."""
    for rule, cell_of in cells.of_absence:
        held, cell = of[rule.name], cell_of[due.sensor]
        there = cell >= 0
        cell, judged_ms, until_ms = cell[there], due.from_ms[there], due.until_ms[there]
        for start_ms in _held(cells, judged_ms, until_ms):
            end_ms = start_ms + cells.window_ms
            mine = (judged_ms < end_ms) & (end_ms <= until_ms)
            mine[mine] = windows.so_far(cells.windows, start_ms, cell[mine], COUNTED)[READINGS] > 0
            if mine.any():
                yield from _rise(cells, rule, held, (cell[mine], judged_ms[mine], np.full(mine.sum(), start_ms)))
                yield from _heard(cells, rule, held, (cell[mine], start_ms, end_ms))
        yield from _rise(cells, rule, held, (cell, judged_ms, until_ms))


def _held(cells: Cells, judged_ms: NDArray[np.int64], until_ms: NDArray[np.int64]) -> list[int]:
    """List the windows of which one may end in these spans, rising."""
    if not len(judged_ms):
        return []
    first_ms, last_ms = int(judged_ms.min()), int(until_ms.max())
    return cells.held_ms(first_ms - cells.window_ms + 1, last_ms - cells.window_ms + 1)


def _rise(
    cells: Cells, rule: Rule, held: Absent, spans: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
) -> Iterator[Change]:
    """Judge spans without a value: (n,) cells, up to where each is judged, and until when to judge it."""
    cell, judged_ms, until_ms = spans
    first_ms = judged_ms + cells.window_ms
    eased = _severity(cells, rule, cell, first_ms - held.heard_ms[cell])
    for row in np.flatnonzero((eased < held.severity[cell]) & (first_ms <= until_ms)).tolist():  # its limits rose
        yield _change(cells, rule, held, (int(cell[row]), int(eased[row]), int(first_ms[row]), int(first_ms[row])))
    reached = _severity(cells, rule, cell, until_ms - held.heard_ms[cell])
    reached[held.heard_ms[cell] == NO_TIME_MS] = 0
    for row in np.flatnonzero((reached > held.severity[cell]) & cells.awaited[cell]).tolist():
        one, heard_ms = int(cell[row]), int(held.heard_ms[cell[row]])
        limits = [(severity, rule.limits.limits[severity - 1]) for severity in range(1, int(reached[row]) + 1)]
        asked = cells.interval_s[one]
        steps = {
            -int(-(heard_ms + 1000 * limit) // cells.window_ms) * cells.window_ms: severity
            for severity, limit in limits
            if limit >= asked and severity > held.severity[one]
        }
        for at_ms, severity in steps.items():  # of two in one minute the higher
            known_ms = max(at_ms, int(judged_ms[row]) + cells.window_ms)
            if known_ms <= until_ms[row]:
                yield _change(cells, rule, held, (one, severity, at_ms, known_ms))


def _heard(cells: Cells, rule: Rule, held: Absent, values: tuple[NDArray[np.int64], int, int]) -> Iterator[Change]:
    """Take a minute's values: (n,) cells, its start and end."""
    cell, start_ms, end_ms = values
    held.heard_ms[cell] = np.maximum(held.heard_ms[cell], end_ms)
    for one in cell[held.severity[cell] > 0].tolist():
        yield _change(cells, rule, held, (one, 0, start_ms, end_ms))


def fill(of: dict[str, Absent], cells: Cells, terms: Terms, judged_ms: NDArray[np.int64]) -> Iterator[Change]:
    """Take values that came to judged minutes, one a cell at most."""
    start_ms = whole(terms.at_ms, cells.window_ms)
    for rule, _ in cells.of_absence:
        held, mine = of[rule.name], cells.of(rule, terms.place)
        cell, heard_ms = terms.place[mine], start_ms[mine] + cells.window_ms
        held.heard_ms[cell] = np.maximum(held.heard_ms[cell], heard_ms)
        known_ms = judged_ms[cells.sensor_of[cell]]
        reached = _severity(cells, rule, cell, known_ms - held.heard_ms[cell])
        for row in np.flatnonzero(reached < held.severity[cell]).tolist():
            now_ms = int(known_ms[row])  # no end is before the raise that it follows
            yield _change(cells, rule, held, (int(cell[row]), int(reached[row]), now_ms, now_ms))


def _severity(
    cells: Cells, rule: Rule, cell: NDArray[np.integer[Any]], absent_ms: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the severity of (n,) cells that were absent so long; no limit below a sensor's interval counts for it."""
    limits = np.array(rule.limits.limits)[:, np.newaxis]
    reached = (absent_ms >= limits * 1000) & (limits >= cells.interval_s[cell])
    highest: NDArray[np.int64] = (reached * SEVERITIES[:, np.newaxis]).max(axis=0)
    return highest


def _change(cells: Cells, rule: Rule, held: Absent, found: tuple[int, int, int, int]) -> Change:
    cell, after, at_ms, known_ms = found
    before, held.severity[cell] = int(held.severity[cell]), after
    absent_s = (known_ms - int(held.heard_ms[cell])) / 1000
    return Change(rule, int(cells.sensor_of[cell]), before, after, at_ms, known_ms, absent_s)


def end(of: dict[str, Absent], cells: Cells, judged_ms: NDArray[np.int64]) -> list[tuple[str, int, int]]:
    """Make normal what has left, and forget when it was heard → (rule, sensor, up to where was judged) of what was not.

    A sensor may have left, or a rule, or the column that it watched.
    """
    column_of = {rule.name: cells.columns.index(rule.column) for rule, _ in cells.of_absence}
    found = []
    for name, held in list(of.items()):
        held.severity = grown(held.severity, len(cells.sensor_of))
        held.heard_ms = grown(held.heard_ms, len(cells.sensor_of), NO_TIME_MS)
        gone = ~cells.present | (cells.column_of != column_of.get(name, -1))
        for cell in np.flatnonzero(gone & (held.severity > 0)).tolist():
            sensor = int(cells.sensor_of[cell])
            found.append((name, sensor, int(judged_ms[sensor])))
        held.severity[gone], held.heard_ms[gone] = 0, NO_TIME_MS
        if name not in column_of:
            del of[name]
    return found
