"""The plain data that flows: frames of readings, rows of metrics, detections, dead letters.

Times are int64 epoch milliseconds UTC inside frames; columns are float64 with NaN = not observed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np

from streams.contract.level import Level  # at run time: msgspec reads the types of the fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streams.contract.sums import Sums

S = TypeVar("S")

NO_TIME_MS = -(2**62)
"""A mark or watermark that nobody has given yet: before every event time."""

MARK = "mark"
"""Record header of a feed's mark: an empty inbox record that says that everything before that event time is sent."""
EXACT = "exact"
"""Record header beside a mark: it comes from files that are all there, and however long it stands, it is true."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Readings of one domain and one zone, each of them new (cut by source, de-duplicated) and not too late.

    Invariants: all arrays have the same length n (n may be 0: only the watermark moved). A frame equals itself only:
    what two processors make of it may be made once.
    """

    domain: str
    zone: int
    """Index into `City.zones`."""
    sensor: NDArray[np.int32]
    """(n,) index into `City.sensors`."""
    at_ms: NDArray[np.int64]
    """(n,) event time."""
    late: NDArray[np.bool_]
    """(n,) the row's own source had already passed its event time: folded only as a correction."""
    columns: Mapping[str, NDArray[np.float64]]
    """Column name of the domain's schema → (n,) values, NaN = not observed."""
    watermark_ms: int
    """The zone's watermark after these rows: windows that end at or before it are complete."""
    behind_ms: NDArray[np.int64] | None = None
    """(n,) how far the row's source had passed its time, less its sensor's lag; above 0 = late. None = not known."""

    @cached_property
    def reached_ms(self) -> NDArray[np.int64]:
        """(n,) how far the row's source was, its sensor's lag taken off; the row's own time where that is later."""
        return self.at_ms if self.behind_ms is None else self.at_ms + np.maximum(self.behind_ms, 0)

    def __len__(self) -> int:
        return len(self.at_ms)

    @cached_property
    def heard(self) -> NDArray[np.bool_]:
        """(n,) whether the reading brought any value: one without says nothing of its sensor but that it sends."""
        found = np.zeros(len(self), bool)
        for values in self.columns.values():
            found |= ~np.isnan(values)
            if np.count_nonzero(found) == len(found):
                break
        return found

    def column(self, name: str) -> NDArray[np.float64]:
        """Return the column, all NaN where no row of this frame has it."""
        found = self.columns.get(name)
        return np.full(len(self), np.nan) if found is None else found


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of metrics, columnar. Identity of a row: (city, entity, metric, at_ms, window_s).

    `value` is numerator / denominator unless the metric's method says otherwise; NaN = unknown, never 0.
    """

    entity: NDArray[np.object_]
    """(n,) str: segment, sensor, `zone:<id>`, `city:<id>` or `feed:<domain>`."""
    metric: NDArray[np.object_]
    """(n,) str, name with its unit."""
    at_ms: NDArray[np.int64]
    """(n,) start of the window."""
    window_s: NDArray[np.int32]
    value: NDArray[np.float64]
    numerator: NDArray[np.int64]
    """(n,) exact fixed-point sum; its scale is declared with the metric."""
    denominator: NDArray[np.int64]
    count: NDArray[np.int64]
    """(n,) readings in the value."""
    coverage_ratio: NDArray[np.float64]
    """(n,) share of the expected sensors that reported."""
    revision: NDArray[np.int64]
    """(n,) number of late readings in the value; 0 = final, above = corrected; -1 = provisional."""

    def __len__(self) -> int:
        return len(self.at_ms)

    @staticmethod
    def empty() -> Rows:
        """Return no rows; always the same object, because most steps yield none."""
        return _NO_ROWS

    @staticmethod
    def concat(parts: list[Rows]) -> Rows:
        """Join rows in the order given."""
        if not parts:
            return Rows.empty()
        if len(parts) == 1:
            return parts[0]
        return Rows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in ROW_TYPES})

    def where(self, keep: NDArray[np.bool_]) -> Rows:
        """Return the rows that `keep`, (n,) bool, selects."""
        return Rows(**{name: getattr(self, name)[keep] for name in ROW_TYPES})


ROW_TYPES: dict[str, type] = {
    "entity": np.object_,
    "metric": np.object_,
    "at_ms": np.int64,
    "window_s": np.int32,
    "value": np.float64,
    "numerator": np.int64,
    "denominator": np.int64,
    "count": np.int64,
    "coverage_ratio": np.float64,
    "revision": np.int64,
}
"""Column → numpy type of `Rows`."""

_NO_ROWS = Rows(**{name: np.empty(0, dtype) for name, dtype in ROW_TYPES.items()})


class LevelChange(NamedTuple):
    """What the second level reads of a detection of the zone stage; its zone and domain are the frame's."""

    kind: str
    entity: str
    known_ms: int
    level: Level


@dataclass(frozen=True, slots=True)
class MetricFrame:
    """Final and corrected rows of one zone and domain, with the zone's watermark: what second-level processors read."""

    domain: str
    zone: int
    """Index into `City.zones`; -1 for rows of the second level itself, which no processor folds again."""
    rows: Rows
    watermark_ms: int
    zone_id: str = ""
    city_version: str = ""
    """As the stage that made it knew them, "" = it did not say."""
    sums: Mapping[str, Sums] = field(default_factory=dict)
    """Metric → how its rows add up, as whoever made them declares it; a frame of before says nothing."""
    lag_ms: int | None = None
    """The longest lag of the domain's sensors where it was made: its windows are whole so long after their end. Told by
    the second stage; None = as in the newest city."""
    levels: tuple[LevelChange, ...] = ()
    """What the zone's processors found in the same step, in their order."""
    stands: tuple[LevelChange, ...] = ()
    """What stands there although its time has passed, told again: for who has not heard of it."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """What a processor found; JSON on `city.detections.v1`. A repeat has the same `identity`."""

    city: str
    domain: str
    kind: str
    """The bad thing, e.g. `slow_traffic`, `pm2_5_high`, `sensor_silent`."""
    entity: str
    """Segment or sensor id."""
    zone: str
    """Zone id."""
    at_ms: int
    """Event time at which the condition began (level > 0) or ended (level 0)."""
    known_at_ms: int | None = None
    """End of the latest window that was judged when it was found, None = `at_ms`. A function of the log alone."""
    level: Level
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    basis: str = ""
    """Source of the limit: a standard with clause, or `own choice`."""
    evidence: dict[str, float | str] = msgspec.field(default_factory=dict)
    processor: str = ""
    """Who found it; so `version`: the stage that hosts it says both, "" and 0 = it did not."""
    version: int = 0
    """Number of the version of the city that it was made with."""

    @property
    def known_ms(self) -> int:
        """Event time up to which was judged when it was found."""
        return self.at_ms if self.known_at_ms is None else self.known_at_ms

    @property
    def identity(self) -> tuple[str, str, int, int, int]:
        """What makes two of them the same finding."""
        return (self.entity, self.kind, self.at_ms, self.known_ms, self.level)


def level_change(found: Detection) -> LevelChange:
    """Return what the second level reads of it."""
    return LevelChange(found.kind, found.entity, found.known_ms, found.level)


ENDED = "ended"
"""Header of a tombstone on `city.alarms.v1`: the alarm as it ended, JSON."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A reading or record that cannot be used, kept as it came."""

    payload: bytes
    reason: str
    """One of `streams.domains.schema.REASONS`."""
    topic: str
    partition: int
    offset: int
    place: int
    """Index of the reading within its record."""
    column: str = ""
    """The column whose value cannot be used; "" = the whole reading cannot."""
    detail: str = ""
    """What more there is to say, in a sentence."""


@dataclass(frozen=True, slots=True)
class Result(Generic[S]):
    """What one step of a processor yields."""

    state: S
    rows: Rows = field(default_factory=Rows.empty)
    detections: tuple[Detection, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Declared reason → readings of this frame that the processor did not use."""
    counted: int | None = None
    """First level: what this frame adds to the `count`s of its rows, None = one for each reading it used."""
    decided: Mapping[int, int] = field(default_factory=dict)
    """First level: start of a window that this step closed without rows → readings in it."""
