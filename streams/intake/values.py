"""What each value is worth: refused where its column cannot take it, left out where it stands for "not measured". Pure.

A refused value costs itself, not its reading. What the decoders could not read as a finite number comes as an infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streams.intake.decode import NOT_FINITE, WRONG_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streams.domains.column import Column
    from streams.domains.schema import Schema
    from streams.intake.columns import Columns

REASONS = ("out_of_range", "not_finite", "wrong_type")
"""Why a value is refused."""
OUT_OF_RANGE, IS_NOT_FINITE, HAS_WRONG_TYPE = range(3)


@dataclass(frozen=True, slots=True)
class RefusedValues:
    """The values of one column that were refused in a chunk."""

    column: str
    row: NDArray[np.intp]
    """(k,) rising."""
    reason: NDArray[np.int8]
    """(k,) place in `REASONS`."""


def sift(
    rows: Columns, schema: Schema, by_sensor: Mapping[str, Sequence[NDArray[np.float64]]]
) -> tuple[dict[str, NDArray[np.float64]], list[RefusedValues]]:
    """Return the columns in which anything was observed, NaN where nothing is left, and what was refused.

    `by_sensor`: column → arrays of (sensors,) values that stand for "not measured", NaN = none.
    """
    values, refused = {}, []
    for column in schema.columns if len(rows.at_ms) else ():
        found = rows.values[column.name]
        least, most = np.fmin.reduce(found), np.fmax.reduce(found)
        if least != least:  # NaN: nothing was observed
            continue
        found = _measured(found, column, (least, most))
        for not_measured in by_sensor.get(column.name, ()):
            found = np.where(found == not_measured[rows.sensor], np.nan, found)
        if least < column.low or most > column.high:
            bad = np.flatnonzero((found < column.low) | (found > column.high))
            if bad.size:
                refused.append(RefusedValues(column.name, bad, _reasons(found[bad])))
                found = found.copy()
                found[bad] = np.nan
        values[column.name] = found
    return values, refused


def _measured(
    values: NDArray[np.float64], column: Column, bounds: tuple[np.float64, np.float64]
) -> NDArray[np.float64]:
    """Leave out what stands for "not measured" in every sensor's readings; `bounds` are the least and the greatest."""
    least, most = bounds
    for not_measured in column.not_measured:
        if least <= not_measured <= most:
            values = np.where(values == not_measured, np.nan, values)
    return values


def _reasons(values: NDArray[np.float64]) -> NDArray[np.int8]:
    reason = np.full(len(values), OUT_OF_RANGE, np.int8)
    reason[values == NOT_FINITE] = IS_NOT_FINITE
    reason[values == WRONG_TYPE] = HAS_WRONG_TYPE
    return reason


def counted(before: Mapping[str, Mapping[str, int]], refused: Sequence[RefusedValues]) -> dict[str, dict[str, int]]:
    """Add refused values to counts of column → reason → values; `before` stays as it is."""
    counts = {column: dict(reasons) for column, reasons in before.items()}
    for one in refused:
        of_column = counts.setdefault(one.column, {})
        for place in np.unique(one.reason).tolist():
            more = int(np.count_nonzero(one.reason == place))
            of_column[REASONS[place]] = of_column.get(REASONS[place], 0) + more
    return counts
