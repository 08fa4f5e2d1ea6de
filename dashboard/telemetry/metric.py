"""What an exported metric is, and what it is read from. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from streams.health.pulse import OLD_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class Process(NamedTuple):
    """A supervised process."""

    name: str
    running: bool
    restarts: int
    still_s: float
    """How long something of it has stood still, 0 = nothing has."""


class Buckets(NamedTuple):
    """A histogram: the count of each bucket alone, one more than there are bounds, and the sum of all values."""

    bounds: Sequence[float]
    counts: Sequence[int]
    sum: float


class BookKey(NamedTuple):
    """Whose book it is."""

    stage: str
    domain: str = ""
    partition: str = ""


Book: TypeAlias = "Mapping[str, Any]"
Pulse: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that the wall knows at a moment, of this start of the stack."""

    wall_ms: int
    city_ms: int
    """The city clock's event time."""
    build: str
    city: str
    books: Mapping[BookKey, Book]
    pulses: Mapping[str, Pulse]
    feeds: Mapping[str, Mapping[str, Any]]
    processes: Sequence[Process]
    clients: int
    live_state_lost_ms: int | None
    newest_metric_ms: int | None
    odd: Mapping[str, int] = field(default_factory=dict)
    """Kind of field → values that the wall has dropped."""

    def books_of(self, stage: str) -> Iterable[tuple[BookKey, Mapping[str, Any]]]:
        """Yield the counts of a stage's books."""
        return ((key, book["counts"]) for key, book in sorted(self.books.items()) if key.stage == stage)

    def pulse_age_s(self, pulse: Pulse) -> float:
        """Return how old a pulse is."""
        return max(self.wall_ms - int(pulse["at_ms"]), 0) / 1000

    def fresh(self) -> Iterable[tuple[str, Pulse]]:
        """Yield the parts that are alive."""
        return ((part, pulse) for part, pulse in self.pulses.items() if self.pulse_age_s(pulse) <= OLD_S)


Sample: TypeAlias = "tuple[tuple[str, ...], float | Buckets]"
"""Values of the labels, in the metric's order, and the number."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One exported metric. Invariant: its name ends in its unit, then in `_total` if it is a counter."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    """Empty = 1 says that it is so, 0 that it is not."""
    labels: tuple[str, ...]
    en: str
    zh: str
    read: Callable[[Seen], Iterable[Sample]]

    @property
    def sample_names(self) -> tuple[str, ...]:
        """The names under which a query finds it."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{suffix}" for suffix in ("bucket", "sum", "count"))
        return (self.name,)
