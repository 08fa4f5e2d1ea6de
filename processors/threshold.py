"""Means of every column per sensor and minute, and levels I to IV where a mean passes a limit of the configuration.

in      city.readings.v1 of every domain but traffic: each column of the domain's schema
out     metrics named as the columns: the mean of a sensor's minute, unknown where the sensor was due and said
        nothing; detections named as the rule, one for each change of a sensor's level, with the limit and its source
state   per window, column and sensor: exact sum and count; per rule and sensor: level, and what a new one waits for
drops   no_value: the reading observed nothing; elsewhere: the sensor belongs to another zone
source  limits with their own source (GB, HJ, CJJ or own choice) in `[threshold]` of the configuration;
        on-delay, off-delay and dead band after ISA-18.2 / IEC 62682
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths import coverage, hold, retired, windows
from processors.maths.fixed import to_fixed
from processors.maths.hold import Hold
from processors.maths.measures import TRAFFIC, Amounts, Heads, make_rows, quotient
from processors.maths.places import Layout, Places, grown
from processors.maths.rules import Rule, in_force, problems
from processors.maths.windows import READINGS, Terms, Windows
from streams.contract.records import Detection, Frame, Result, Rows
from streams.contract.spec import COLUMN_SCALE, EVERY_DOMAIN, Spec
from streams.contract.spec import Config as BaseConfig
from streams.domains.schema import late_limit_ms, load_schemas

if TYPE_CHECKING:
    from streams.city.registry import City

SUM, EXPECTED = READINGS + 1, READINGS + 2
FIELDS = EXPECTED + 1
NO_VALUE, ELSEWHERE = "no_value", "elsewhere"
GAP_INTERVALS, GAP_MS = 3, 180_000
"""A run of windows is broken by three missing reports, and never by less than three minutes."""


class Config(BaseConfig, frozen=True, kw_only=True):
    """Tunables; each name ends in its unit."""

    window_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 60
    """Length of a tumbling window of event time."""

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
    holds: dict[str, Hold] = field(default_factory=dict)
    """By rule."""


def step(state: State, frame: Frame, city: City, config: Config) -> Result[State]:
    """Fold a frame into the windows; emit and judge those that the watermark closes, correct those with late rows."""
    layout = state.places.layout(city, frame.domain, frame.zone)
    window_ms = config.window_s * 1000
    dropped: dict[str, int] = {}
    counted = 0
    touched: dict[int, NDArray[np.integer[Any]]] = {}
    if len(frame):
        batch, dropped = _batch(state, frame, layout)
        counted = len(batch.at_ms)
        touched = windows.fold(state.windows, batch, len(state.column_of), window_ms)
    parts: list[Rows] = []
    found: list[Detection] = []
    at = _At(layout, city, frame, config)
    for start_ms in windows.due(state.windows, frame.watermark_ms, window_ms):
        sums = _close(state, start_ms, at)
        place = np.flatnonzero(sums[EXPECTED] > 0)
        parts.append(_rows(state, start_ms, place, sums, np.zeros(len(state.column_of), np.int64), at))
        found += _judged(state, start_ms, sums, at)
    if frame.watermark_ms > state.windows.watermark_ms:
        found += _retired(state, at)
    for start_ms, late_places in windows.advance(state.windows, touched, frame.watermark_ms, window_ms).items():
        sums, late = windows.with_late(state.windows, start_ms, FIELDS, len(state.column_of))
        parts.append(_rows(state, start_ms, late_places, sums, late, at))
    windows.forget(state.windows, window_ms, late_limit_ms(frame.domain))
    return Result(state, Rows.concat(parts), tuple(found), dropped, counted)


class _At(NamedTuple):
    """Where and under which rules a step happens."""

    layout: Layout
    city: City
    frame: Frame
    config: Config


def _batch(state: State, frame: Frame, layout: Layout) -> tuple[Terms, dict[str, int]]:
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
    return Terms(frame.at_ms[row], cell, frame.late[row], terms), {name: n for name, n in counts.items() if n}


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


def _close(state: State, start_ms: int, at: _At) -> NDArray[np.int64]:
    window_ms = at.config.window_s * 1000
    sums = grown(state.windows.open.pop(start_ms), len(state.column_of))
    reported = sums[READINGS] > 0
    interval_s = at.layout.interval_s[state.sensor_of]
    present = at.layout.present[state.sensor_of]
    asked = coverage.ask(reported, coverage.Due(state.asked_ms, interval_s, present), start_ms, window_ms)
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
        window_s=at.config.window_s,
        coverage_ratio=(count > 0).astype(np.float64),
        revision=late[place],
    )
    amounts = Amounts(total, count, quotient(total, count, COLUMN_SCALE, 1.0), count)
    return make_rows(names[state.column_of[place]], heads, amounts)


def _judged(state: State, start_ms: int, sums: NDArray[np.int64], at: _At) -> list[Detection]:
    """Judge a closed window by every rule of the domain."""
    found: list[Detection] = []
    here = {rule.name: rule for rule in in_force(at.config.rules, at.city) if rule.domain == at.frame.domain}
    found += _without_rule(state, here, start_ms, at)
    for rule in here.values():
        if rule.column in state.columns:
            found += _found(state, rule, start_ms, sums, at)
    return found


def _without_rule(state: State, here: dict[str, Rule], start_ms: int, at: _At) -> list[Detection]:
    """End what rules found that are there no longer, or watch another column now."""
    found = []
    where = retired.Where(at.city.id, at.frame.domain, at.city.zones[at.frame.zone].id)
    end_ms = start_ms + at.config.window_s * 1000
    for name, held in list(state.holds.items()):
        hold.grow(held, len(state.column_of))
        column = here[name].column if name in here else ""
        others = np.array([one != column for one in state.columns], bool)[state.column_of]
        for cell in hold.end(held, others).tolist() if others.any() else ():
            found.append(retired.end(where, name, str(at.layout.sensor_ids[state.sensor_of[cell]]), end_ms))
        if name not in here:
            del state.holds[name]
    return found


def _found(state: State, rule: Rule, start_ms: int, sums: NDArray[np.int64], at: _At) -> list[Detection]:
    present = at.layout.present[state.sensor_of]
    place = np.flatnonzero((state.column_of == state.columns.index(rule.column)) & (sums[READINGS] > 0) & present)
    place = place[np.argsort(state.sensor_of[place])]
    value = quotient(sums[SUM, place], sums[READINGS, place], COLUMN_SCALE, 1.0)
    interval_ms = at.layout.interval_s[state.sensor_of[place]] * 1000
    gap_ms = np.maximum(GAP_INTERVALS * interval_ms, GAP_MS).astype(np.int64)
    held = state.holds.setdefault(rule.name, Hold())
    hold.grow(held, len(state.column_of))
    end_ms = start_ms + at.config.window_s * 1000
    changes = hold.judge(held, hold.Seen(place, value, gap_ms, start_ms, end_ms), rule.limits)
    unit = next(column.unit for column in load_schemas()[rule.domain].columns if column.name == rule.column)
    return [
        Detection(
            city=at.city.id,
            domain=rule.domain,
            kind=rule.name,
            entity=str(at.layout.sensor_ids[state.sensor_of[place[row]]]),
            zone=at.city.zones[at.frame.zone].id,
            at_ms=since_ms,
            level=hold.level(after),
            value=float(value[row]),
            limit=rule.limits.limits[(after or before) - 1],
            unit=unit,
            basis=rule.reference,
            evidence={"column": rule.column, "basis": rule.basis, "sense": rule.sense},
        )
        for row, before, after, since_ms in zip(*(part.tolist() for part in changes), strict=True)
    ]


def _retired(state: State, at: _At) -> list[Detection]:
    """End the alarms of sensors that have left."""
    gone = ~at.layout.present[state.sensor_of]
    if not gone.any():
        return []
    where = retired.Where(at.city.id, at.frame.domain, at.city.zones[at.frame.zone].id)
    found = []
    for rule, held in state.holds.items():
        hold.grow(held, len(gone))
        for place in state.sensor_of[hold.end(held, gone)].tolist():
            found.append(retired.end(where, rule, str(at.layout.sensor_ids[place]), at.frame.watermark_ms))
    return found


def waiting(state: State, config: Config) -> dict[int, int]:
    """Return the values observed in windows that have no row yet, by start."""
    return windows.waiting(state.windows, READINGS, config.window_s * 1000)


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
