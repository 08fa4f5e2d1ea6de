"""What each field of the live state may hold, checked when it is written and when it is read. Pure.

Members that are not named here pass: a newer writer may say more than this reader knows. What a reader does with a
member, and nothing else, decides how strict its type is.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from streams.city.clock import MOST_SPEED

LEAST_MS, MOST_MS = -60_000_000_000_000, 250_000_000_000_000
"""The years 68 to 9892: what a calendar can say in any time zone."""
TimeMs: TypeAlias = Annotated[int, Meta(ge=LEAST_MS, le=MOST_MS)]
Finite: TypeAlias = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""What a browser can count, too."""
Speed: TypeAlias = Annotated[float, Meta(ge=0, le=MOST_SPEED)]
Text: TypeAlias = Annotated[str, Meta(max_length=4096)]
Truth: TypeAlias = Literal[0, 1, 2]
"""0 provisional, 1 final, 2 corrected."""


class SegmentRow(Struct, frozen=True, array_like=True):
    """Newest values of a road segment."""

    at_ms: TimeMs
    tti_ratio: Finite | None
    speed_km_h: Finite | None
    state: Truth


class CityField(Struct, frozen=True, kw_only=True):
    """Whose live state it is; the names are those of the city file."""

    mode: Literal["live", "simulated", "replay"]
    speed: Speed | None = None


class Setting(Struct, frozen=True, kw_only=True):
    """Event time at a wall time; see `streams.city.clock.ClockSetting`."""

    at_ms: TimeMs
    wall_ms: TimeMs
    speed: Speed
    until_ms: TimeMs | None = None


class ClockField(Setting, frozen=True, kw_only=True):
    """The setting in force, and those of before, oldest first: what happened then is told by the clock of then."""

    earlier: tuple[Setting, ...] = ()


class MetricRow(Struct, frozen=True, kw_only=True):
    """Newest row of a metric and entity."""

    at_ms: TimeMs
    window_s: Annotated[int, Meta(ge=1, le=10_000_000)]
    value: Finite | None
    coverage_ratio: Finite | None = None
    state: Truth
    method: Text = ""
    domain: Text = ""


class AlarmField(Struct, frozen=True, kw_only=True):
    """The projection of an open alarm, `alerts.records.Alarm`."""

    id: Text
    domain: Text
    kind: Text
    entity: Text
    zone: Text
    desk: Text = ""
    level: Literal[1, 2, 3, 4]
    state: Text
    acknowledged: bool
    acknowledged_by: Text | None = None
    acknowledged_desk: Text | None = None
    acknowledged_at_ms: TimeMs | None = None
    why: Text | None = None
    raised_at_ms: TimeMs
    value: Finite | None = None
    limit: Finite | None = None
    unit: Text = ""
    basis: Text = ""
    evidence: dict[Text, Finite | Text] = {}
    count: Count = 1


class OutcomeField(Struct, frozen=True, kw_only=True):
    """What became of a command, `alerts.outcomes.Outcome`."""

    id: Text
    state: Literal["done", "refused", "superseded"]
    alarm: Text = ""
    reason: Text = ""
    by: Text = ""
    by_desk: Text = ""
    did: Text = ""
    did_at_ms: TimeMs | None = None
    known: list[Text] = []
    revision: Count = 0
    at_ms: TimeMs


class FeedField(Struct, frozen=True, kw_only=True):
    """How new a domain is."""

    at_ms: TimeMs | None
    received_ms: TimeMs | None
    silent_ratio: Finite | None = None
    interval_s: Annotated[float, Meta(gt=0, le=1e9)] | None = None


class Histogram(Struct, frozen=True, kw_only=True):
    """The count of each bucket alone, one more than there are bounds."""

    bounds: list[Finite]
    counts: list[Count]
    sum: Finite

    def __post_init__(self) -> None:
        """Refuse another number of buckets."""
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError(f"{len(self.bounds)} bounds have {len(self.bounds) + 1} counts, not {len(self.counts)}")


class PulseCounters(Struct, frozen=True, kw_only=True):
    """What a part counts since its start, `streams.health.counters`."""

    started_ms: TimeMs | None = None
    cpu_s: Finite | None = None
    resident_bytes: Count | None = None
    chunk_records: Histogram | None = None
    chunk_bytes: Histogram | None = None
    absorb_s: Histogram | None = None
    recovery_s: Histogram | None = None
    recovered_records: Count | None = None
    recovered_bytes: Count | None = None
    snapshots: Count | None = None
    sent_records: dict[Text, Count] = {}
    sent_bytes: dict[Text, Count] = {}


class PulsePartition(Struct, frozen=True, kw_only=True):
    """How a part stands in one partition."""

    topic: Text
    partition: Count
    lag_records: Count | None = None
    lag_s: Finite | None = None
    unsaved_s: Finite | None = None


class PulseRates(Struct, frozen=True, kw_only=True):
    """What a part takes in."""

    in_per_s: Finite | None = None


class PulseField(Struct, frozen=True, kw_only=True):
    """A part's pulse, `streams.health.pulse`."""

    at_ms: TimeMs
    waits: Text | None = None
    partitions: list[PulsePartition] = []
    rates: PulseRates = PulseRates()
    counters: PulseCounters = PulseCounters()


class ProcessorCounts(Struct, frozen=True, kw_only=True):
    """What a processor did with its readings."""

    used: Count
    dropped: dict[Text, Count]


class BookCounts(Struct, frozen=True, kw_only=True):
    """What a stage's books count."""

    readings_in: Count | None = None
    sent: Count | None = None
    unknown_fields: Count | None = None
    dead_lettered: dict[Text, Count] = {}
    in_frames: Count | None = None
    duplicates: Count | None = None
    conflicts: Count | None = None
    too_late: Count | None = None
    processors: dict[Text, ProcessorCounts] = {}
    watermark_ms: TimeMs | None = None
    frames: Count | None = None
    stored: Count | None = None
    expired: Count | None = None
    missed: Count | None = None
    odd: dict[Text, Count] = {}


class Load(Struct, frozen=True, kw_only=True):
    """The load of the operators, `alerts.figures`."""

    now_count: Count
    last_count: Count
    shown_count: Count
    average_count: Finite
    worst_count: Count
    flood_ratio: Finite
    windows_count: Count
    standing_24h_count: Count
    top_ratio: dict[Text, Finite] = {}
    level_ratio: dict[Text, Finite] = {}
    open: dict[Text, Count] = {}
    desks: dict[Text, Load] = {}
    """The same of each desk."""


class IncidentField(Struct, frozen=True, kw_only=True):
    """The projection of an incident, `alerts.projection`."""

    id: Text
    cause: Text
    domain: Text
    kind: Text
    entity: Text
    zone: Text
    level: Literal[1, 2, 3, 4]
    levels: tuple[Count, Count, Count, Count]
    asking: Count
    alarms: list[Text]
    waiting_since_ms: Count
    count: Count
    presented: bool


class BookField(Struct, frozen=True, kw_only=True):
    """A stage's books, as far as the wall shows or exports them."""

    counts: BookCounts
    offset: Count | None = None
    away: bool | None = None
    spilled_bytes: Count | None = None
    load: Load | None = None


WHOLE: dict[str, Any] = {"city": CityField, "clock": ClockField}
"""Field → what it holds."""
BY_KIND: dict[str, Any] = {
    "s": SegmentRow,
    "m": MetricRow,
    "a": AlarmField,
    "o": OutcomeField,
    "i": IncidentField,
    "f": FeedField,
    "p": PulseField,
    "b": BookField,
}
"""What stands before the first colon of a field's name → what such a field holds."""
BOOK_NAMES = 3
"""A book is called by its stage, and most by its domain and partition."""

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON raises of bytes that are none, or nested too deeply."""


def kind_of(field: str) -> str:
    """Return the kind of a field: `s` … `b`, `city` or `clock`; `other` for one that this version does not know."""
    kind, colon, _ = field.partition(":")
    return kind if kind in (BY_KIND if colon else WHOLE) else "other"


def check(field: str, value: Any) -> None:  # noqa: ANN401 - anything that JSON can say
    """Raise msgspec.ValidationError, which says what is odd, where a value is none of its field."""
    kind, colon, name = field.partition(":")
    wanted = (BY_KIND if colon else WHOLE).get(kind)
    if wanted is None:
        return
    found = msgspec.convert(value, wanted)
    if kind in ("a", "i", "o") and found.id != name:
        raise msgspec.ValidationError(f"its id is {found.id!r}")
    if (kind == "m" and not all(name.partition(":"))) or (kind == "b" and name.count(":") >= BOOK_NAMES):
        raise msgspec.ValidationError("no name of such a field")
