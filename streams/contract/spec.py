"""What a processor declares: the contract between `processors/` and the stages that host them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from streams.contract.durations import MINUTE_S
from streams.contract.sums import COLUMN_SCALE, ENERGY_SCALE, Sums
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.city.registry import City
    from streams.contract.records import LevelChange, Result, Rows

EVERY_DOMAIN = ("*",)
"""`Spec.domains` of a processor that takes whatever domain there is."""

WINDOW_S = MINUTE_S
"""Length of the windows of a first-level processor whose configuration has no `window_s`. Hours, zones, city and wall
read windows of this length alone, so ours have no such setting."""
WINDOW_MS = WINDOW_S * 1000


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every processor's tunables: keyword-only, unknown keys refused, each name ends in its unit."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is: its name with unit, where its definition comes from, and how its rows add up."""

    name: str
    unit: str
    zh: str
    en: str
    method: str
    """Id of the method, a file of `docs/methods/`."""
    standard: str
    """Standard with clause, or `own choice`."""
    sums: Sums = field(default_factory=Sums)
    """How its rows add up."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A processor: pure functions and plain data."""

    domains: tuple[str, ...]
    """Domains whose frames it takes (first level), or whose metrics (second level): their names, or `EVERY_DOMAIN`."""
    step: Callable[[Any, Any, City, Any], Result[Any]]
    """`step(state, frame, city, config)`: fold one `Frame` of one zone (first level; its state is that zone's), or one
    `MetricFrame` (second level; one state for the city). The Result's state may be the same object, changed."""
    config: type[Config]
    state: Callable[[], Any]
    """Make an empty state: a dataclass of numpy arrays, dicts, lists and scalars (`saving.state` encodes it)."""
    state_version: int = 1
    """Raise it when a saved state means something else than before. Where its fields or their types change, the stage
    notices by itself: a state of another version or shape is not continued, the processor begins anew."""
    metrics: tuple[Metric, ...] = ()
    column_metrics: bool = False
    """It also has a metric per column of its domains' schemas; `all_metrics` lists them with the others."""
    drops: tuple[str, ...] = ()
    """Every reason that `Result.dropped` may carry."""
    counted: tuple[str, ...] = ()
    """First level: metrics each of whose rows' `count`s add up to `Result.counted`; with `column_metrics`, those of all
    columns together do."""
    waiting: Callable[[Any, Any], Mapping[int, int]] | None = None
    """First level: `waiting(state, config)` → start of a window → what is counted in it and stands in no row yet.
    For every hour: counted = in rows (newest revision) + `Result.decided` + waiting; `citywall audit` checks it."""
    stands: Callable[[Any], Iterable[LevelChange]] | None = None
    """First level: `stands(state)` → every level that it has given and not taken back, with the time up to which that
    is judged. The second level is told it now and then, so that it knows what began before its own memory."""
    second_level: bool = False
    without: tuple[str, ...] = ()
    """Domains that it does not take although it takes every one."""
    live: Callable[[Any, Any, City, Any], Rows] | None = None
    """`live(state, sensors, city, config)`: provisional rows (revision -1) of what those sensors, (k,) int32 codes that
    reported since the last call, changed in the open windows. Never touches the state."""

    def takes(self, domain: str) -> bool:
        """Tell whether frames, or metrics, of a domain are its own."""
        return domain in self.domains or (self.domains == EVERY_DOMAIN and domain not in self.without)

    def taken(self) -> tuple[str, ...]:
        """List the domains it takes, in the order of a wall."""
        return tuple(domain for domain in load_schemas() if self.takes(domain))


@dataclass(frozen=True, slots=True)
class Hosted:
    """A processor with its configuration, as a stage runs it."""

    name: str
    spec: Spec
    config: Any

    @property
    def window_ms(self) -> int:
        """The length of its windows."""
        return int(getattr(self.config, "window_s", WINDOW_S)) * 1000


def counting_metrics(spec: Spec, domain: str) -> tuple[tuple[str, ...], ...]:
    """List the groups of a first-level processor's metrics: the counts of each group's rows are what it counted."""
    columns = tuple(column.name for column in load_schemas()[domain].columns) if spec.column_metrics else ()
    return (*((name,) for name in spec.counted), *((columns,) if columns else ()))


def column_metric(domain: str, column: str) -> str:
    """Return the name of a column's mean over a zone or the city: with the domain's where two have such a column.

    >>> column_metric("environment", "pm10_ug_m3"), column_metric("transit", "load_ratio")
    ('pm10_ug_m3', 'transit_load_ratio')
    """
    shared = sum(column in schema.names for schema in load_schemas().values())
    return column if shared == 1 else f"{domain}_{column}"


def column_mean(domain: str, column: str) -> Metric:
    """Return the mean of a domain's column, as the processors with `column_metrics` compute it."""
    [found] = [one for one in load_schemas()[domain].columns if one.name == column]
    wide_name = column_metric(domain, column)
    return Metric(
        name=column,
        unit=found.unit,
        zh=found.zh,
        en=found.en,
        method="measurement_mean",
        standard="GB 3096-2008, 3.2 (energy mean)" if found.is_level else "own choice",
        sums=Sums(
            ENERGY_SCALE if found.is_level else COLUMN_SCALE,
            wide_name="" if wide_name == column else wide_name,
            is_level=found.is_level,
        ),
    )


def sums_of(specs: Iterable[Spec], domain: str) -> dict[str, Sums]:
    """Return how the rows add up that first-level processors make of a domain: name of a metric → its sums."""
    found: dict[str, Sums] = {}
    for spec in specs:
        if spec.column_metrics:
            found |= {name: column_mean(domain, name).sums for name in load_schemas()[domain].names}
        found |= {metric.name: metric.sums for metric in spec.metrics}
    return found


def all_metrics(spec: Spec) -> tuple[Metric, ...]:
    """List what a processor emits: its own metrics, then the means of the columns where it computes those."""
    found = {metric.name: metric for metric in spec.metrics}
    for domain in spec.taken() if spec.column_metrics else ():
        for name in load_schemas()[domain].names:
            mean = column_mean(domain, name)
            found.setdefault(name, mean)
            if wide_name := mean.sums.wide_name:
                found.setdefault(
                    wide_name, replace(mean, name=wide_name, sums=structs.replace(mean.sums, wide_name=""))
                )
    return tuple(found.values())
