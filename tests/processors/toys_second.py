"""A small processor of the second level, healthy, and ways to break it; as in `toys.py`.

It counts for each minute the sensors and segments that have a value of `COUNTED`, once all zones have passed it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.contract.records import MetricFrame, Result, Rows
from streams.contract.spec import Config, Metric, Spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.city.registry import City

COUNTED = ("speed_km_h", "temperature_c")
MINUTE_MS = 60_000
COUNT = Metric("known_count", "", "有值", "known", "measurement_mean", "own choice")


class Settings(Config, frozen=True, kw_only=True):
    """None."""


@dataclass
class State:
    """Minute → entities with a final value; zone → watermark."""

    minutes: dict[int, list[str]] = field(default_factory=dict)
    passed: dict[int, int] = field(default_factory=dict)
    closed_ms: int = -(2**62)
    times: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Ways:
    """What it does right; a mistake turns one off."""

    once: bool = True
    waits: bool = True
    forgiving: bool = True
    knows: bool = True
    forgets: bool = True
    looks: bool = True
    quiet: bool = True


def stepping(ways: Ways) -> Callable[[State, MetricFrame, City, Settings], Result[State]]:
    """The processor, with its mistakes."""

    def step(state: State, frame: MetricFrame, city: City, _: Settings) -> Result[State]:
        rows = frame.rows
        if not ways.looks:
            state.closed_ms += 0 * int(rows.at_ms[0])
        if not ways.forgets:
            state.times += rows.at_ms.tolist()
        known = {*city.segment_code, *city.sensor_code}
        columns = (rows.entity, rows.metric, rows.at_ms, rows.window_s, rows.revision, rows.value)
        for entity, metric, at_ms, window_s, revision, value in zip(*(one.tolist() for one in columns), strict=True):
            if not ways.forgiving and entity not in known and not entity.startswith("feed:"):
                raise KeyError(entity)
            final = metric in COUNTED and window_s == 60 and revision == 0 and at_ms >= state.closed_ms
            if final and entity in known and (not ways.knows or value == value):
                minute = state.minutes.setdefault(at_ms, [])
                if not ways.once or entity not in minute:
                    minute.append(entity)
        state.passed[frame.zone] = max(frame.watermark_ms, state.passed.get(frame.zone, frame.watermark_ms))
        return Result(state=state, rows=_closed(state, frame, city, ways))

    return step


def _closed(state: State, frame: MetricFrame, city: City, ways: Ways) -> Rows:
    zones = sum(domain == frame.domain for domain, _ in city.sensors_of_zone)
    if ways.waits and len(state.passed) < zones:
        return Rows.empty()
    water_ms = min(state.passed.values()) if ways.waits else max(state.passed.values())
    due = sorted(at_ms for at_ms in state.minutes if at_ms + MINUTE_MS <= water_ms)
    counts = [len(state.minutes.pop(at_ms)) for at_ms in due]
    state.closed_ms = max(state.closed_ms, water_ms - water_ms % MINUTE_MS)
    found = _rows(city, np.array(due, np.int64), np.array(counts, np.int64))
    return found if ways.quiet else Rows.concat([found, found])


def _rows(city: City, at_ms: np.ndarray, counts: np.ndarray) -> Rows:
    n = len(at_ms)
    return Rows(
        entity=np.array([f"city:{city.id}"] * n, object),
        metric=np.array([COUNT.name] * n, object),
        at_ms=at_ms,
        window_s=np.full(n, 60, np.int32),
        value=counts.astype(np.float64),
        numerator=counts,
        denominator=np.ones(n, np.int64),
        count=counts,
        coverage_ratio=np.ones(n),
        revision=np.zeros(n, np.int64),
    )


HEALTHY = Spec(
    domains=("traffic", "weather"),
    step=stepping(Ways()),
    config=Settings,
    state=State,
    metrics=(COUNT,),
    second_level=True,
)


def broken(**ways: bool) -> Spec:
    """The processor with some of its ways turned off."""
    return replace(HEALTHY, step=stepping(Ways(**ways)))


@dataclass
class Hollow:
    """A state whose content is no field."""

    nothing: int = 0


def counts_beside_its_state() -> Spec:
    numbers = itertools.count()

    def step(state: State, frame: Any, city: Any, config: Any) -> Result[Any]:
        result = HEALTHY.step(state, frame, city, config)
        value = np.array([float(next(numbers)) for _ in range(len(result.rows))])
        return replace(result, rows=replace(result.rows, value=value))

    return replace(HEALTHY, step=step)


def hides_its_state() -> Spec:
    def step(state: Hollow, frame: Any, city: Any, config: Any) -> Result[Any]:
        result = HEALTHY.step(getattr(state, "hidden", None) or State(), frame, city, config)
        state.hidden = result.state  # type: ignore[attr-defined]  # that is the mistake
        return replace(result, state=state)

    return replace(HEALTHY, step=step, state=Hollow)
