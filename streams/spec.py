"""What a processor declares: the contract between `processors/` and the stages that host them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.city import City
    from streams.records import Result, Rows


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every processor's tunables: keyword-only, unknown keys refused, each name ends in its unit."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name with unit, and where its definition comes from."""

    name: str
    unit: str
    zh: str
    en: str
    method: str
    """Id of the method, a file of `docs/methods/`."""
    standard: str
    """Standard with clause, or `own choice`."""
    numerator_scale: float = 1.0
    """Units of the numerator in 1 of its quantity, e.g. 1e9: int64 fixed point."""
    denominator_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Spec:
    """A processor: pure functions and plain data."""

    domains: tuple[str, ...]
    """Domains whose frames it takes (first level), or whose metrics (second level)."""
    step: Callable[[Any, Any, City, Any], Result[Any]]
    """`step(state, frame, city, config)`: fold one `Frame` of one zone (first level; its state is that zone's), or one
    `MetricFrame` (second level; one state for the city). Returns a Result whose state may be the same object, changed."""
    config: type[Config]
    state: Callable[[], Any]
    """Make an empty state: a dataclass of numpy arrays, dicts, lists and scalars (`streams.state` encodes it)."""
    metrics: tuple[Metric, ...] = ()
    drops: tuple[str, ...] = ()
    """Every reason that `Result.dropped` may carry."""
    second_level: bool = False
    live: Callable[[Any, Any, City, Any], Rows] | None = None
    """`live(state, sensors, city, config)`: provisional rows (revision -1) of what those sensors, (k,) int32 codes that
    reported since the last call, changed in the open windows. Never touches the state."""
