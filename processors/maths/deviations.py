"""What the minutes of columns that rules of deviation watch teach of what is usual there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from processors.maths import usual
from processors.maths.usual import Minute, Usual

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from processors.maths.cells import Cells
    from processors.maths.hold import Hold
    from processors.maths.rules import Rule


def _rules(cells: Cells) -> Iterator[Rule]:
    return (rule for rule in cells.rules if rule.kind == "deviation")


def follow(of: dict[str, Usual], cells: Cells) -> None:
    """Make room for new cells of the columns that are watched."""
    for rule in _rules(cells):
        usual.grow(of.setdefault(rule.column, Usual()), len(cells.column_of))


def teach(
    of: dict[str, Usual],
    holds: dict[str, Hold],
    cells: Cells,
    judged: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]],
    start_ms: int,
) -> None:
    """Teach what a judged minute says: (r, n) cells and means by column, and which of them have one.

    Where a rule of deviation has a level the minute is odd.
    """
    cell, mean, spoke = judged
    for column in dict.fromkeys(rule.column for rule in _rules(cells)):
        row = int(np.searchsorted(cells.bounds.column, cells.columns.index(column)))
        mine, now = cell[row, spoke[row]], mean[row, spoke[row]]
        odd = np.zeros(len(mine), bool)
        for rule in _rules(cells):
            if rule.column == column:
                odd |= holds[rule.name].severity[mine] > 0
        usual.teach(of[column], Minute(mine, now, odd), start_ms, cells.days)


def end(of: dict[str, Usual], cells: Cells) -> None:
    """Forget what has left: a column that no rule watches any more, and sensors."""
    watched = {rule.column for rule in _rules(cells)}
    for column in [one for one in of if one not in watched]:
        del of[column]
    for known in of.values():
        usual.grow(known, len(cells.column_of))
        usual.forget(known, ~cells.present)
