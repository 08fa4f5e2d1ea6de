"""Small processors of the first level: the one that `citywall new processor` writes, and ways to break it.

Each way is one mistake that someone will make; `test_contract_bites.py` says which promise catches it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.contract.records import Result, Rows
from streams.contract.spec import Config, Spec

TEMPLATE = Path(__file__).resolve().parents[2] / "deploy" / "templates" / "processor.py.txt"


def written() -> ModuleType:
    """The processor `toy`, as the template has it."""
    module = ModuleType("written_toy")
    sys.modules[module.__name__] = module
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(name="toy")
    exec(compile(text, str(TEMPLATE), "exec"), module.__dict__)  # noqa: S102 - our own template
    return module


TOY = written()
HEALTHY: Spec = TOY.SPEC
Step = Callable[[Any, Any, Any, Any], Result[Any]]


@dataclass
class Kept:
    """The toy's state with something beside it."""

    inner: TOY.State = field(default_factory=TOY.State)  # type: ignore[name-defined]  # made at run time
    number: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)


@dataclass
class Hollow:
    """A state whose content is no field, so no bytes have it."""

    nothing: int = 0


@dataclass
class Bagged:
    """A state of a type that has no bytes."""

    bag: NDArray[np.object_] = field(default_factory=lambda: np.array([], object))


def with_step(step: Step, state: Callable[[], Any] = HEALTHY.state) -> Spec:
    return replace(HEALTHY, step=step, state=state, waiting=HEALTHY.waiting if state is HEALTHY.state else None)


def healthy(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    result: Result[Any] = HEALTHY.step(state, frame, city, config)
    return result


def changed(result: Result[Any], state: Any, **columns: Any) -> Result[Any]:
    return replace(result, state=state, rows=replace(result.rows, **columns) if len(result.rows) else result.rows)


def knows_sensors_by_their_line(state: Kept, frame: Any, city: Any, config: Any) -> Result[Any]:
    for code in frame.sensor.tolist():
        state.seen[str(code)] = state.seen.get(str(code), 0) + 1
    result = healthy(state.inner, frame, city, config)
    state.inner = result.state
    lines = [str(city.sensor_code.get(entity)) for entity in result.rows.entity.tolist()]
    spoken = np.array([float(state.seen.get(line, 0)) for line in lines])
    return changed(result, state, coverage_ratio=spoken)


def counts_one_too_many(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    result = healthy(state, frame, city, config)
    used = len(frame) - sum(result.dropped.values())
    return replace(result, counted=used + 1 if used else 0)


def drops_in_silence(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    return replace(healthy(state, frame, city, config), dropped={})


def drops_under_a_reason_of_its_own(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    result = healthy(state, frame, city, config)
    return replace(result, dropped={"because": sum(result.dropped.values())} if result.dropped else {})


def drops_more_than_there_is(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    return replace(healthy(state, frame, city, config), dropped={TOY.NO_SPEED: len(frame) + 1})


def takes_one_reading_a_frame(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    one = slice(0, 1)
    columns = {name: values[one] for name, values in frame.columns.items()}
    first = replace(
        frame, sensor=frame.sensor[one], at_ms=frame.at_ms[one], late=frame.late[one], columns=columns, behind_ms=None
    )
    return healthy(state, first, city, config)


def takes_the_first_of_a_minute(state: Kept, frame: Any, city: Any, config: Any) -> Result[Any]:
    first = np.array([str(at_ms // 60_000) not in state.seen for at_ms in frame.at_ms.tolist()], bool)
    for row in np.flatnonzero(first).tolist():
        first[row] = state.seen.setdefault(str(frame.at_ms[row] // 60_000), row + 1) == row + 1
    columns = {name: np.where(first, values, np.nan) for name, values in frame.columns.items()}
    result = healthy(state.inner, replace(frame, columns=columns), city, config)
    state.inner = result.state
    return replace(result, state=state)


def folds_late_ones_as_if_on_time(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    return healthy(state, replace(frame, late=np.zeros(len(frame), bool)), city, config)


def says_everything_twice(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    result = healthy(state, frame, city, config)
    return replace(result, rows=Rows.concat([result.rows, result.rows]))


def takes_nothing_for_zero(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    columns = {"speed_km_h": np.nan_to_num(frame.column("speed_km_h"))}
    return healthy(state, replace(frame, columns=columns), city, config)


def needs_every_column(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    return healthy(state, replace(frame, columns={"speed_km_h": frame.columns["speed_km_h"]}), city, config)


def takes_strangers_for_its_own(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    own = city.sensors_of_zone[frame.domain, frame.zone]
    return healthy(
        state, replace(frame, sensor=np.where(np.isin(frame.sensor, own), frame.sensor, own[0])), city, config
    )


def adds_a_little_chance(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    columns = {"speed_km_h": frame.column("speed_km_h") + np.random.default_rng().random(len(frame)) / 1000}
    return healthy(state, replace(frame, columns=columns), city, config)


def counts_its_steps(state: Kept, frame: Any, city: Any, config: Any) -> Result[Any]:
    state.number += 1
    result = healthy(state.inner, frame, city, config)
    state.inner = result.state
    return replace(result, state=state)


def keeps_all_there_ever_was(state: Kept, frame: Any, city: Any, config: Any) -> Result[Any]:
    state.times += frame.at_ms.tolist()
    result = healthy(state.inner, frame, city, config)
    state.inner = result.state
    return replace(result, state=state)


def knows_no_newcomers(state: Kept, frame: Any, city: Any, config: Any) -> Result[Any]:
    state.number = state.number or len(city.sensors)
    np.zeros(state.number)[frame.sensor]
    result = healthy(state.inner, frame, city, config)
    state.inner = result.state
    return replace(result, state=state)


def writes_into_its_frame(state: Any, frame: Any, city: Any, config: Any) -> Result[Any]:
    frame.at_ms[:] -= frame.at_ms % 1000
    return healthy(state, frame, city, config)


def hides_its_state(state: Hollow, frame: Any, city: Any, config: Any) -> Result[Any]:
    result = healthy(getattr(state, "hidden", None) or HEALTHY.state(), frame, city, config)
    state.hidden = result.state  # type: ignore[attr-defined]  # that is the mistake
    return replace(result, state=state)


def live_that_says_final(state: Any, sensors: Any, city: Any, config: Any) -> Rows:
    state.windows.watermark_ms += 1
    return Rows.empty()


class Loose(TOY.Config, frozen=True, kw_only=True, forbid_unknown_fields=False):  # type: ignore[name-defined,misc]  # made at run time
    """Takes any key."""


class Demanding(Config, frozen=True, kw_only=True):
    """Has no default."""

    fastest_km_h: float


class Shouting(Config, frozen=True, kw_only=True):
    """Its name is no name."""

    FASTEST: float = 250.0
