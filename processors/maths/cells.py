"""The cells of `threshold`, (column, sensor) pairs that have spoken, with all that follows from a city and its rules.

What is made here is made once for as long as neither the city nor the columns, the cells or the rules change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from processors.maths.windows import READINGS
from streams.contract.durations import MINUTE_MS
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from processors.maths.hold import Limits
    from processors.maths.places import Layout
    from processors.maths.rules import Rule
    from processors.maths.usual import Days
    from processors.maths.windows import Windows

SUM, EXPECTED = READINGS + 1, READINGS + 2
FIELDS = EXPECTED + 1
GAP_INTERVALS, GAP_MS = 3, 3 * MINUTE_MS
"""A run of windows is broken by three missing reports, and never by less than three minutes."""


class Bounds(NamedTuple):
    """The cells that rules watch, and which means are near a limit.

    (columns,) a mean from `high` on, or below `low`, has reached the mildest limit of a rule for that column. For each
    of r columns that have a rule: (r,) its number, and (r, m) the cells of sensors that are there, -1 = none.
    """

    high: NDArray[np.float64]
    low: NDArray[np.float64]
    column: NDArray[np.intp]
    cell: NDArray[np.int64]
    row_of_rule: tuple[int, ...]


class Order(NamedTuple):
    """Cells in the order of metric and sensor: (cells,) cell, metric and sensor id by rank; the rank of each."""

    cell: NDArray[np.intp]
    metric: NDArray[np.object_]
    entity: NDArray[np.object_]
    rank: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Cells:
    """(cells,) column and sensor of each, their windows, and the rules for these columns. It equals itself only."""

    windows: Windows
    columns: list[str]
    column_of: NDArray[np.int64]
    sensor_of: NDArray[np.int64]
    number: NDArray[np.int64]
    """(columns, sensors) number of the cell, -1 = none; sensors that are new may be missing."""
    layout: Layout
    window_ms: int
    rules: tuple[Rule, ...]
    late_limit_ms: int
    heard: NDArray[np.bool_]
    """(cells,) whether a window with a value of it had been closed when this was made."""
    days: Days
    """The city's."""
    levels: NDArray[np.bool_]
    """(columns,) whether each is of levels in dB."""

    def of(self, rule: Rule, cell: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Return (n,) whether the rule is for each, and its sensor is there."""
        found: NDArray[np.bool_] = (self.column_of[cell] == self.columns.index(rule.column)) & self.present[cell]
        return found

    def gap_ms(self, cell: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (n,) the longest gap that does not end a run."""
        return np.maximum(GAP_INTERVALS * (self.interval_s[cell] * 1000), GAP_MS).astype(np.int64)

    def held_ms(self, from_ms: int, until_ms: int) -> list[int]:
        """List the windows that begin from then until then, rising."""
        held = {*self.windows.open, *self.windows.late, *self.windows.closed}
        return sorted(start_ms for start_ms in held if from_ms <= start_ms < until_ms)

    def grace_ms(self, rule: Rule) -> int:
        """Return how late a reading may come and still have windows run again; those of a mean alone ever are."""
        if rule.kind != "level":
            return NO_TIME_MS
        return self.late_limit_ms if rule.grace_s is None else round(rule.grace_s * 1000)

    @cached_property
    def of_level(self) -> NDArray[np.bool_]:
        """(cells,) whether its column is of levels in dB."""
        found: NDArray[np.bool_] = self.levels[self.column_of]
        return found

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(cells,) whether the city has its sensor here."""
        return self.layout.present[self.sensor_of]

    @cached_property
    def awaited(self) -> NDArray[np.bool_]:
        """(cells,) whether windows ask for its sensor here."""
        return self.layout.awaited[self.sensor_of]

    @cached_property
    def interval_s(self) -> NDArray[np.float64]:
        """(cells,) of its sensor."""
        return self.layout.interval_s[self.sensor_of]

    @cached_property
    def lag_ms(self) -> NDArray[np.int64]:
        """(cells,) of its sensor, -1 = it has left."""
        return self.layout.lag_ms[self.sensor_of]

    @cached_property
    def lags_ms(self) -> list[int]:
        """What lags there are, rising."""
        found: list[int] = np.unique(np.maximum(self.layout.lag_ms, 0)).tolist()
        return found

    @cached_property
    def of_means(self) -> tuple[Rule, ...]:
        """The rules that judge minutes with values."""
        return tuple(rule for rule in self.rules if rule.kind != "absence")

    @cached_property
    def of_absence(self) -> tuple[tuple[Rule, NDArray[np.int64]], ...]:
        """Those that judge for how long there was none, each with (m,) the cells of sensors, -1 = none."""
        found = [rule for rule in self.rules if rule.kind == "absence"]
        return tuple((rule, self._by_sensor([self.columns.index(rule.column)])[0]) for rule in found)

    @cached_property
    def limits(self) -> tuple[Limits, ...]:
        """Of each rule that judges means."""
        return tuple(rule.limits for rule in self.of_means)

    @cached_property
    def bounds(self) -> Bounds:
        """What lets most means pass at a glance."""
        high, low = np.full(len(self.columns), np.inf), np.full(len(self.columns), -np.inf)
        numbers = [self.columns.index(rule.column) for rule in self.of_means]
        for number, rule, limits in zip(numbers, self.of_means, self.limits, strict=True):
            if rule.kind != "level":
                high[number] = -np.inf  # no mean alone says that it is far from its limits
            elif limits.below:
                low[number] = np.fmax(low[number], np.fmax.reduce(limits.limits))
            else:
                high[number] = np.fmin(high[number], np.fmin.reduce(limits.limits))
        column, row_of_rule = np.unique(np.array(numbers, np.intp), return_inverse=True)
        return Bounds(high, low, column, self._by_sensor(column), tuple(row_of_rule.tolist()))

    def _by_sensor(self, column: NDArray[np.intp] | list[int]) -> NDArray[np.int64]:
        """Return (r, m) the cells of sensors that are there, for each of r columns; -1 = none."""
        cell = np.full((len(column), len(self.layout.sensor_ids)), -1)
        cell[:, : self.number.shape[1]] = self.number[column]
        cell[:, ~self.layout.present] = -1
        return cell

    def near(self, cell: NDArray[np.integer[Any]], mean: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which means of (n,) cells have reached a limit of some rule."""
        column = self.column_of[cell]
        found: NDArray[np.bool_] = (mean >= self.bounds.high[column]) | (mean < self.bounds.low[column])
        return found

    @cached_property
    def order(self) -> Order:
        """How rows stand."""
        names = np.array(self.columns, object)
        rank = np.argsort(np.argsort(np.array(self.columns, str)))
        cell = np.lexsort((self.sensor_of, rank[self.column_of]))
        metric, entity = names[self.column_of[cell]], self.layout.sensor_ids[self.sensor_of[cell]]
        return Order(cell, metric, entity, np.argsort(cell))
