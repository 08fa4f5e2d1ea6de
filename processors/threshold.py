"""Means of every column per sensor and minute, and levels I to IV where a mean passes a limit of the configuration.

in      city.readings.v1 of every domain but traffic: each column of the domain's schema
out     metrics named as the columns: the mean of a sensor's minute, unknown where the sensor was due and said
        nothing; detections named as the rule, one for each change of a sensor's level, with the limit and its source
state   per window, column and sensor: exact sum and count; per rule and sensor: level, and what a new one waits for;
        per sensor: up to where its windows are judged
drops   no_value: the reading observed nothing; elsewhere: the sensor belongs to another zone
source  limits with their own source (GB, HJ, CJJ or own choice) in `[threshold]` of the configuration;
        on-delay, off-delay and dead band after ISA-18.2 / IEC 62682
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import coverage, hold, levels, retired, windows
from processors.maths.fixed import to_fixed
from processors.maths.levels import EXPECTED, FIELDS, SUM, Batch, Cells, Change, Levels
from processors.maths.measures import TRAFFIC, Amounts, Heads, make_rows, quotient
from processors.maths.places import Layout, Places, grown
from processors.maths.rules import Rule, in_force, problems
from processors.maths.windows import READINGS, Terms, Windows
from streams.contract.records import Detection, Frame, Result, Rows
from streams.contract.spec import COLUMN_SCALE, EVERY_DOMAIN, WINDOW_MS, WINDOW_S, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms, load_schemas

if TYPE_CHECKING:
    from streams.city.registry import City

NO_VALUE, ELSEWHERE = "no_value", "elsewhere"


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


def step(state: State, frame: Frame, city: City, config: Config) -> Result[State]:
    """Fold a frame into the windows; emit and judge those that the watermark closes, correct those with late rows."""
    layout = state.places.layout(city, frame.domain, frame.zone)
    windows.follow(state.windows, layout.lag_ms[state.sensor_of], lags=layout.lags)
    at = _At(layout, city, frame, config)
    dropped: dict[str, int] = {}
    batch: Batch | None = None
    touched: dict[int, NDArray[np.integer[Any]]] = {}
    changes: list[Change] = []
    if len(frame):
        batch, dropped = _batch(state, frame, layout)
        windows.follow(state.windows, layout.lag_ms[state.sensor_of], lags=layout.lags)
    cells = _to_judge(state, at)
    if batch is not None:
        touched, changes = levels.take(state.levels, cells, batch, frame)
    found = _detections(changes, at)
    if frame.watermark_ms > state.windows.watermark_ms:
        found += _detections(levels.pass_by(state.levels, cells, frame.watermark_ms), at)
        found += _retired(levels.end(state.levels, cells), at)
    parts: list[Rows] = []
    for one in windows.due(state.windows, frame.watermark_ms, WINDOW_MS):
        start_ms, sums = one.start_ms, _close(state, one, at)
        place = np.flatnonzero(sums[EXPECTED] > 0)
        parts.append(_rows(state, start_ms, place, sums, np.zeros(len(state.column_of), np.int64), at))
    corrected = windows.advance(state.windows, touched, frame.watermark_ms, WINDOW_MS)
    for start_ms, late_places in corrected.items():
        sums, late = windows.with_late(state.windows, start_ms, FIELDS, len(state.column_of))
        parts.append(_rows(state, start_ms, late_places, sums, late, at))
    windows.forget(state.windows, WINDOW_MS, late_limit_ms(frame.domain))
    counted = 0 if batch is None else len(batch.terms.at_ms)
    return Result(state, Rows.concat(parts), tuple(found), dropped, counted)


class _At(NamedTuple):
    """Where and under which rules a step happens."""

    layout: Layout
    city: City
    frame: Frame
    config: Config


def _to_judge(state: State, at: _At) -> Cells:
    """Return what the rules judge."""
    domain = at.frame.domain
    here = (rule for rule in in_force(at.config.rules, at.city) if rule.domain == domain)
    rules = tuple(rule for rule in here if rule.column in state.columns)
    limit_ms = late_limit_ms(domain)
    of = (state.windows, state.columns, state.column_of, state.sensor_of)
    return Cells(*of, at.layout, WINDOW_MS, rules, limit_ms)


def _batch(state: State, frame: Frame, layout: Layout) -> tuple[Batch, dict[str, int]]:
    """Return every observed value as a term of its cell, and the readings that have none."""
    names = list(frame.columns)
    place = layout.place[frame.sensor]
    here = place >= 0
    values = np.stack([frame.columns[name] for name in names]) if names else np.empty((0, len(frame)))
    observed = np.isfinite(values) & here
    column, row = np.nonzero(observed)
    number = np.array([_column(state, name) for name in names], np.int64)
    cell = _cells(state, number[column], place[row], len(layout.sensor_ids))
    terms = np.zeros((FIELDS, len(row)), np.int64)
    terms[READINGS] = 1
    terms[SUM] = to_fixed(values[column, row], COLUMN_SCALE)
    counts = {
        ELSEWHERE: len(frame) - int(np.count_nonzero(here)),
        NO_VALUE: int(np.count_nonzero(here & ~observed.any(axis=0))),
    }
    batch = Batch(Terms(frame.at_ms[row], cell, frame.late[row], terms), row)
    return batch, {name: n for name, n in counts.items() if n}


def _column(state: State, name: str) -> int:
    if name not in state.columns:
        state.columns.append(name)
    return state.columns.index(name)


def _cells(state: State, column: NDArray[np.int64], place: NDArray[np.int32], places: int) -> NDArray[np.int32]:
    """Return the cells of these (column, sensor) pairs; new ones get the next numbers."""
    columns = len(state.columns)
    if state.cell.shape != (columns, places):
        cell = np.full((columns, places), -1, np.int64)
        cell[: state.cell.shape[0], : state.cell.shape[1]] = state.cell
        state.cell = cell
    if (state.cell[column, place] < 0).any():
        new = np.unique(np.stack([column, place])[:, state.cell[column, place] < 0], axis=1)
        state.cell[new[0], new[1]] = len(state.column_of) + np.arange(new.shape[1])
        state.column_of = np.concatenate([state.column_of, new[0]])
        state.sensor_of = np.concatenate([state.sensor_of, new[1]])
        state.asked_ms = grown(state.asked_ms, len(state.column_of), coverage.NEVER)
    return state.cell[column, place].astype(np.int32)


def _close(state: State, one: windows.Due, at: _At) -> NDArray[np.int64]:
    start_ms = one.start_ms
    sums = windows.take(state.windows, one, len(state.column_of))
    reported = sums[READINGS] > 0
    interval_s = at.layout.interval_s[state.sensor_of]
    awaited = at.layout.awaited[state.sensor_of]
    due = coverage.Due(state.asked_ms, interval_s, awaited)
    asked = coverage.ask_some(reported, due, (start_ms, WINDOW_MS), one.places)
    known = reported | (state.asked_ms != coverage.NEVER)  # a cell may exist because of a reading of a later window
    sums[EXPECTED] = asked.expected & known
    state.asked_ms = np.where(known, asked.asked_ms, coverage.NEVER)
    windows.close(state.windows, start_ms, sums)
    return sums


def _rows(
    state: State,
    start_ms: int,
    place: NDArray[np.integer[Any]],
    sums: NDArray[np.int64],
    late: NDArray[np.int64],
    at: _At,
) -> Rows:
    """Return a row of each of these cells, in the order of metric and sensor."""
    names = np.array(state.columns, object)
    rank = np.argsort(np.argsort(np.array(state.columns, str)))
    place = place[np.lexsort((state.sensor_of[place], rank[state.column_of[place]]))]
    total, count = sums[SUM, place], sums[READINGS, place]
    heads = Heads(
        entity=at.layout.sensor_ids[state.sensor_of[place]],
        at_ms=start_ms,
        window_s=WINDOW_S,
        coverage_ratio=(count > 0).astype(np.float64),
        revision=late[place],
    )
    amounts = Amounts(total, count, quotient(total, count, COLUMN_SCALE, 1.0), count)
    return make_rows(names[state.column_of[place]], heads, amounts)


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
            unit=next(
                column.unit for column in load_schemas()[one.rule.domain].columns if column.name == one.rule.column
            ),
            basis=one.rule.reference,
            evidence={"column": one.rule.column, "basis": one.rule.basis, "sense": one.rule.sense},
        )
        for one in changes
    ]


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


SPEC = Spec(
    domains=EVERY_DOMAIN,
    without=(TRAFFIC,),
    step=step,
    config=Config,
    state=State,
    column_metrics=True,
    drops=(NO_VALUE, ELSEWHERE),
    waiting=waiting,
)
