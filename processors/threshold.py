"""Means of every column per sensor and minute, and levels I to IV where a mean passes a limit of the configuration.

in      city.readings.v1 of every domain but traffic: each column of the domain's schema
out     metrics named as the columns: the mean of a sensor's minute, unknown where the sensor was due and said
        nothing; detections named as the rule, one for each change of a sensor's level, with the limit and its source
state   per window, column and sensor: exact sum and count; per rule and sensor: level, and what a new one waits for;
        per sensor: up to where its windows are judged; of absence, when each was heard; of deviation, what is usual
drops   no_value: the reading observed nothing; elsewhere: the sensor belongs to another zone; too_large: a value of the
        reading is more than a sum can hold, and left out
source  limits with their own source (GB, HJ, CJJ or own choice) in `[threshold]` of the configuration;
        on-delay, off-delay and dead band after ISA-18.2 / IEC 62682
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import coverage, energy, hold, levels, retired, standing, windows
from processors.maths.cells import EXPECTED, FIELDS, SUM, Cells
from processors.maths.changes import Change
from processors.maths.fixed import to_terms
from processors.maths.levels import Batch, Levels
from processors.maths.measured import mean_of
from processors.maths.measures import TRAFFIC, Amounts, Heads, make_rows
from processors.maths.places import Layout, Places, grown
from processors.maths.rules import UNITS, Rule, cited, in_force, problems
from processors.maths.usual import Days
from processors.maths.windows import READINGS, Terms, Windows
from streams.contract.records import Detection, Frame, Result, Rows
from streams.contract.spec import EVERY_DOMAIN, WINDOW_MS, WINDOW_S, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms, load_schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.city.registry import City
    from streams.contract.records import LevelChange

DROPS = ("no_value", "elsewhere", "too_large")
NO_VALUE, ELSEWHERE, TOO_LARGE = DROPS


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    rules: tuple[Rule, ...] = ()
    """`[[threshold.rules]]`: see `Rule`."""

    def __post_init__(self) -> None:
        """Refuse rules that could never hold; the sentence names the rule, the key and the cure."""
        found = [problem for rule in self.rules for problem in problems(rule)]
        names = [rule.name for rule in self.rules]
        found += [
            f"rule {name}: the name stands there twice" for name in sorted({n for n in names if names.count(n) > 1})
        ]
        if found:
            raise ValueError("; ".join(found))


@dataclass
class State:
    """One zone's windows and levels. A cell is a (column, sensor) that has spoken, numbered as it appears."""

    windows: Windows = field(default_factory=Windows)
    places: Places = field(default_factory=Places)
    columns: list[str] = field(default_factory=list)
    cell: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64))
    """(columns, sensors) number of the cell, -1 = none."""
    column_of: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    sensor_of: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(cells,) place of its sensor."""
    asked_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """(cells,) start of the last window that expected it."""
    levels: Levels = field(default_factory=Levels)

    def __post_init__(self) -> None:
        self._kept: tuple[_At, Cells] | None = None

    def cells(self, at: _At) -> Cells:
        """Return the cells as they are now."""
        if self._kept is not None:
            made, cells = self._kept
            same = made.layout is at.layout and made.city is at.city and made.config is at.config
            if same and len(cells.column_of) == len(self.column_of) and len(cells.columns) == len(self.columns):
                return cells
        rules = tuple(
            rule
            for rule in in_force(at.config.rules, at.city, Rule, problems)
            if rule.domain == at.frame.domain and rule.column in self.columns
        )
        of = (self.windows, list(self.columns), self.column_of, self.sensor_of, self.cell)
        heard, days = self.asked_ms != coverage.NEVER, Days(at.city.time_zone, at.city.calendar)
        levels_db = energy.are_levels(at.frame.domain, self.columns)
        cells = Cells(*of, at.layout, WINDOW_MS, rules, late_limit_ms(at.frame.domain), heard, days, levels_db)
        self._kept = at, cells
        return cells


def step(state: State, frame: Frame, city: City, config: Config) -> Result[State]:
    """Fold a frame into the windows; emit and judge those that the watermark closes, correct those with late rows."""
    layout = state.places.layout(city, frame.domain, frame.zone)
    at = _At(layout, city, frame, config)
    cells = state.cells(at)
    windows.follow(state.windows, cells.lag_ms, lags=layout.lags)
    counted, dropped = 0, dict[str, int]()
    touched: dict[int, NDArray[np.integer[Any]]] = {}
    found: list[Detection] = []
    if len(frame):
        place = layout.place[frame.sensor]
        batch, dropped = _batch(state, frame, place, len(layout.sensor_ids))
        counted, cells = len(batch.row), state.cells(at)
        windows.follow(state.windows, cells.lag_ms, lags=layout.lags)
        touched, changes = levels.take(state.levels, cells, batch, frame, place)
        found = _detections(changes, at)
    if frame.watermark_ms > state.windows.watermark_ms:
        found += _detections(levels.pass_by(state.levels, cells, frame.watermark_ms), at)
        found += _retired(levels.end(state.levels, cells), at)
    parts: list[Rows] = []
    for one in windows.due(state.windows, frame.watermark_ms, WINDOW_MS):
        sums = _close(state, one, cells)
        row = np.flatnonzero(sums[EXPECTED, cells.order.cell] > 0)
        parts.append(_rows(cells, one.start_ms, row, sums[:, cells.order.cell[row]], np.zeros(len(row), np.int64)))
    corrected = windows.advance(state.windows, touched, frame.watermark_ms, WINDOW_MS)
    for start_ms, late_places in corrected.items():
        row = np.sort(cells.order.rank[late_places])
        with_late = windows.with_late_of(state.windows, start_ms, EXPECTED, cells.order.cell[row])
        parts.append(_rows(cells, start_ms, row, *with_late))
    windows.forget(state.windows, WINDOW_MS, late_limit_ms(frame.domain))
    return Result(state, Rows.concat(parts), tuple(found), dropped, counted)


class _At(NamedTuple):
    """Where and under which rules a step happens."""

    layout: Layout
    city: City
    frame: Frame
    config: Config


def _batch(state: State, frame: Frame, place: NDArray[np.int32], places: int) -> tuple[Batch, dict[str, int]]:
    """Return every observed value as a term of its cell, and the readings that have none."""
    rows, columns, elsewhere = len(frame), len(frame.columns), 0
    values = np.concatenate([*frame.columns.values(), np.empty(0)]).reshape(columns, rows)
    observed = np.isfinite(values)
    if int(place.min()) < 0:
        elsewhere = int(np.count_nonzero(place < 0))
        observed &= place >= 0
    number = np.array([_column(state, name) for name in frame.columns], np.int64)
    column, row = np.nonzero(observed)
    without = rows - elsewhere
    if columns:
        without -= rows if len(row) == values.size else int(np.count_nonzero(observed.any(axis=0)))
    levels_there = energy.are_levels(frame.domain, tuple(frame.columns))
    amounts, too_large = to_terms(*energy.scaled(values[observed], levels_there[column]))
    lost = 0
    if too_large is not None:
        lost = len(np.unique(row[too_large]))
        column, row, amounts = column[~too_large], row[~too_large], amounts[~too_large]
    cell = _cells(state, number[column], place[row], places)
    terms = np.empty((FIELDS, len(row)), np.int64)
    terms[READINGS], terms[SUM], terms[EXPECTED] = 1, amounts, 0
    counts = {ELSEWHERE: elsewhere, NO_VALUE: without, TOO_LARGE: lost}
    batch = Batch(Terms(frame.at_ms[row], cell, frame.late[row], terms), row)
    return batch, {name: n for name, n in counts.items() if n}


def _column(state: State, name: str) -> int:
    if name not in state.columns:
        state.columns.append(name)
    return state.columns.index(name)


def _cells(state: State, column: NDArray[np.int64], place: NDArray[np.int32], places: int) -> NDArray[np.int64]:
    """Return the cells of these (column, sensor) pairs; new ones get the next numbers."""
    columns = len(state.columns)
    if state.cell.shape != (columns, places):
        cell = np.full((columns, places), -1, np.int64)
        cell[: state.cell.shape[0], : state.cell.shape[1]] = state.cell
        state.cell = cell
    found = state.cell[column, place]
    if found.size and int(found.min()) < 0:
        new = np.unique(np.stack([column, place])[:, found < 0], axis=1)
        state.cell[new[0], new[1]] = len(state.column_of) + np.arange(new.shape[1])
        state.column_of = np.concatenate([state.column_of, new[0]])
        state.sensor_of = np.concatenate([state.sensor_of, new[1]])
        state.asked_ms = grown(state.asked_ms, len(state.column_of), coverage.NEVER)
        found = state.cell[column, place]
    return found


def _close(state: State, one: windows.Due, cells: Cells) -> NDArray[np.int64]:
    start_ms = one.start_ms
    sums = windows.take(state.windows, one, len(cells.column_of))
    reported = sums[READINGS] > 0
    due = coverage.Due(state.asked_ms, cells.interval_s, cells.awaited)
    asked = coverage.ask_some(reported, due, (start_ms, WINDOW_MS), one.places)
    known = reported | (state.asked_ms != coverage.NEVER)  # a cell may exist because of a reading of a later window
    sums[EXPECTED] = asked.expected & known
    state.asked_ms = np.where(known, asked.asked_ms, coverage.NEVER)
    windows.close(state.windows, start_ms, sums)
    return sums


def _rows(cells: Cells, start_ms: int, row: NDArray[np.intp], sums: NDArray[np.int64], late: NDArray[np.int64]) -> Rows:
    """Return a row of each of the cells that stand there in their order, of their (fields, n) sums."""
    total, count = sums[SUM], sums[READINGS]
    heads = Heads(
        entity=cells.order.entity[row],
        at_ms=start_ms,
        window_s=WINDOW_S,
        coverage_ratio=(count > 0).astype(np.float64),
        revision=late,
    )
    amounts = Amounts(total, count, mean_of(sums, cells.of_level[cells.order.cell[row]]), count)
    return make_rows(cells.order.metric[row], heads, amounts)


def _detections(changes: list[Change], at: _At) -> list[Detection]:
    """Return what the alarm engine reads of levels that changed."""
    return [
        Detection(
            city=at.city.id,
            domain=one.rule.domain,
            kind=one.rule.name,
            entity=str(at.layout.sensor_ids[one.sensor]),
            zone=at.city.zones[at.frame.zone].id,
            at_ms=one.since_ms,
            known_at_ms=one.known_ms,
            level=hold.level(one.after),
            value=one.value,
            limit=one.rule.limits.limits[(one.after or one.before) - 1],
            unit=_unit(one.rule),
            basis=cited(one.rule.reference)[0],
            evidence={
                "column": one.rule.column,
                "basis": one.rule.basis,
                **_of_kind(one.rule),
                **cited(one.rule.reference)[1],
            },
        )
        for one in changes
    ]


def _unit(rule: Rule) -> str:
    if rule.kind in UNITS:
        return UNITS[rule.kind]
    return next(column.unit for column in load_schemas()[rule.domain].columns if column.name == rule.column)


def _of_kind(rule: Rule) -> dict[str, float | str]:
    """Return what the limits are of, where it is not the mean, and in which direction they lie."""
    found: dict[str, float | str] = {} if rule.kind == "absence" else {"sense": rule.sense}
    if rule.kind != "level":
        found["of"] = rule.kind
    if rule.over_s is not None:
        found["over_s"] = float(rule.over_s)
    return found


def _retired(ended: list[tuple[str, int, int]], at: _At) -> list[Detection]:
    """End the alarms of sensors and rules that have left."""
    where = retired.Where(at.city.id, at.frame.domain, at.city.zones[at.frame.zone].id)
    return [
        retired.end(where, rule, str(at.layout.sensor_ids[sensor]), at.frame.watermark_ms, known_ms)
        for rule, sensor, known_ms in ended
    ]


def waiting(state: State, _config: Config) -> dict[int, int]:
    """Return the values observed in windows that have no row yet, by start."""
    return windows.waiting(state.windows, READINGS, WINDOW_MS)


def stands(state: State) -> Iterator[LevelChange]:
    """Yield the levels that sensors have."""
    return standing.at_sensors(state.levels, state.places, state.sensor_of)


SPEC = Spec(
    domains=EVERY_DOMAIN,
    without=(TRAFFIC,),
    step=step,
    config=Config,
    state=State,
    column_metrics=True,
    drops=DROPS,
    waiting=waiting,
    stands=stands,
)
