"""The newest value of everything the wall shows, as fields of one hash. Pure, as big as the city.

in      rows of metrics, alarm projections, books and pulses, clock settings
out     fields that changed since they were last taken
state   field → value, and per row field its (window, revision, time)
drops   rows of older windows or lower revisions, other windows than a minute or a tile's own, metrics that no tile
        shows; fields of whom the city has no more; what is no value of its field (`streams.sinks.live_fields`),
        counted by kind in the field `b:live`
source  own choice, docs/architecture.md
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.accounts import ledger, losses
from streams.contract.durations import HOUR_MS
from streams.contract.records import NO_TIME_MS
from streams.contract.spec import WINDOW_S
from streams.sinks import live_fields
from streams.sinks.live_city import Residents
from streams.sinks.live_rows import known, odd_ones, of_now, rank_of, state_of, window_of
from streams.sinks.odd import Odd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.contract.records import Rows

NONE: Mapping[str, int] = MappingProxyType({})
ROAD_METRICS = {"tti_ratio": 1, "speed_km_h": 2}
"""Metric of a segment → its place in `[at_ms, tti, speed_km_h, state]`."""
WIDE = ("zone:", "city:", "feed:")
"""Entities whose every metric is shown."""
SILENT = "silent_ratio"
"""Metric of `feed:<domain>`: the share of its sensors that say nothing."""
PULSE = "pulse:"
INTAKE, ZONE = "intake:", "zone:"
HEARD_MS = HOUR_MS
"""A sensor that has not been heard for so long, in event time, does not tell how often its domain speaks."""
RECEIVED_STEP_MS = 1_000
"""Provisional rows come several times a second: when the last came is told no finer than this."""
TOLD = (
    *("readings_in", "sent", "dead_lettered", "refused_values", "unknown_fields"),
    *("in_frames", "duplicates", "conflicts", "too_late", "repeated_values", "processors", "watermark_ms"),
    *("frames", "stored", "expired"),
)
"""What the wall shows or exports of the counts in the books of intake, zones, second level and history."""
BESIDES = ("offset", "away", "spilled_bytes", "load")
"""The same of what stands beside the counts."""
DISPLAYED_DECIMALS = 3
ODD = "b:live"

_encode = msgspec.json.Encoder().encode


class LiveState:
    """Field → newest value.

    Invariants: a newer window replaces an older one, never the other way round; within a window a revision never goes
    back, so a provisional value never follows a final one.
    """

    def __init__(self, residents: Residents, methods: Mapping[str, str], shown: Mapping[str, int] = NONE) -> None:
        """Begin empty.

        Args:
            residents: whose rows have fields.
            methods: metric → id of its method.
            shown: metrics shown for every entity, not only for zones, city and feeds → the length of their windows, s.
        """
        self.fields: dict[str, Any] = {}
        self._residents = residents
        self._methods = methods
        self._shown = shown
        self._longer = {metric: window_s for metric, window_s in shown.items() if window_s != WINDOW_S}
        self._heard_ms: dict[str, dict[float, int]] = {}
        """Domain → interval → newest event time of a sensor with that interval."""
        self._rank: dict[str, tuple[int, int, int]] = {}
        self._odd = Odd("live state")
        self._changed: set[str] = set()
        self._strange: set[str] = set()
        """Fields of whom the city does not have."""
        self._strange_before: set[str] = set()
        """Those of the last sweep."""

    def move_to(self, residents: Residents) -> None:
        """Go on with another version of the city; what it has not is gone after the next two sweeps."""
        self._residents = residents
        self._strange = {field for field, value in self.fields.items() if not residents.have(field, _domain(value))}

    def sweep(self) -> None:
        """Forget whom the city does not have and did not have at the last sweep: till then, it may be about to."""
        for field in self._strange & self._strange_before:
            self._put(field, None)
            for place in ("", *(f":{place}" for place in ROAD_METRICS.values())):
                self._rank.pop(f"{field}{place}", None)
        self._strange -= self._strange_before
        self._strange_before = set(self._strange)

    def put(self, field: str, value: Any) -> None:  # noqa: ANN401 - anything that JSON can say
        """Set a field; None deletes it.

        Raises msgspec.ValidationError where the value is none of that field: it stays as it is.
        """
        if value is not None:
            live_fields.check(field, value)
        self._put(field, value)

    def drop(self, kind: str, field: str, problem: object, count: int = 1) -> None:
        """Count what cannot be shown; the first of a kind is said."""
        self._odd.note(kind, field, problem, count)
        self._put(ODD, {"counts": {"odd": dict(self._odd.counts)}})

    def _put(self, field: str, value: Any) -> None:  # noqa: ANN401 - a value of its field
        if value is None:
            if self.fields.pop(field, None) is not None:
                self._changed.add(field)
        elif self.fields.get(field) != value:
            if field not in self.fields and not self._residents.have(field, _domain(value)):
                self._strange.add(field)
            self.fields[field] = value
            self._changed.add(field)

    def fold_rows(self, domain: str, rows: Rows, received_ms: int | None = None) -> None:
        """Take what is newer of a frame's rows; `received_ms` = when they came, if each is made of a new reading."""
        rows = self._plausible(domain, rows)
        self._hear(domain, rows)
        if received_ms is not None and len(rows):
            self._receive(domain, received_ms, RECEIVED_STEP_MS)
        rows = rows.where(of_now(rows, self._longer))
        names = ("entity", "metric", "at_ms", "window_s", "value", "coverage_ratio", "revision")
        for entity, metric, at_ms, window_s, *numbers, revision in zip(
            *(getattr(rows, name).tolist() for name in names), strict=True
        ):
            if metric in ROAD_METRICS and entity in self._residents.segments:
                self._fold_road(entity, metric, at_ms, known(numbers[0]), revision)
            if entity.startswith(WIDE) or metric in self._shown:
                field = f"m:{metric}:{entity}"
                if self._is_newer(field, at_ms, revision):
                    self._put(field, self._metric(domain, metric, (at_ms, window_s), numbers, revision))
            if metric == SILENT and entity == f"feed:{domain}":
                self._put_feed(domain, silent_ratio=known(numbers[0]))

    def fold_book(self, key: str, book: Mapping[str, Any], received_ms: int) -> None:
        """Take a pulse, or a stage's books; those of intake and zones also tell how new the feed is."""
        if key.startswith(PULSE):
            self.put(f"p:{key.removeprefix(PULSE)}", book)
            return
        if key.startswith((ledger.PREFIX, losses.PREFIX)):
            return
        if book.get("offset", 0) < self.fields.get(f"b:{key}", {}).get("offset", 0):
            return  # of a worker that has lost the partition and does not know it yet
        counts, admitted = book["counts"], _admitted(self.fields.get(f"b:{key}"))
        told = {name: counts[name] for name in TOLD if name in counts}
        besides = {name: book[name] for name in BESIDES if name in book}
        self.put(f"b:{key}", {**besides, "counts": told} if told or "load" in book else None)
        if key.startswith(ZONE) and admitted is not None and counts.get("in_frames", 0) > admitted:
            self._receive(key.split(":")[1], received_ms)
        if key.startswith(INTAKE) and counts["last_at_ms"] is not None:
            newest_ms = self.fields.get(f"f:{book['domain']}", {}).get("at_ms")
            self._put_feed(book["domain"], at_ms=max(counts["last_at_ms"], newest_ms or counts["last_at_ms"]))

    def adopt(self, fields: Mapping[str, Any]) -> None:
        """Go on from fields that another process published."""
        self._rank, self._heard_ms, self.fields = {}, {}, {}
        for field, value in fields.items():
            try:
                live_fields.check(field, value)
            except msgspec.ValidationError as exc:
                self._odd.note(live_fields.kind_of(field), field, exc)
                self._changed.add(field)  # to be deleted
                continue
            self.fields[field] = value
            if field.startswith("s:"):
                for place in ROAD_METRICS.values():
                    self._rank[f"{field}:{place}"] = rank_of(value[0], value[3] - 1)
            elif field.startswith("m:"):
                self._rank[field] = rank_of(value["at_ms"], value["state"] - 1)
            elif field.startswith("f:") and value.get("interval_s") is not None and value["at_ms"] is not None:
                self._heard_ms[field.removeprefix("f:")] = {value["interval_s"]: value["at_ms"]}
        self.move_to(self._residents)

    def take(self) -> tuple[dict[str, str], list[str]]:
        """Return what changed since the last call: field → JSON, and the deleted fields."""
        changed, self._changed = self._changed, set()
        present = sorted(field for field in changed if field in self.fields)
        return {field: _encode(self.fields[field]).decode() for field in present}, sorted(changed.difference(present))

    def give_back(self, fields: Mapping[str, str], deleted: list[str]) -> None:
        """Mark what was taken as changed again: it could not be published."""
        self._changed.update(fields, deleted)

    def everything(self) -> dict[str, str]:
        """Return all fields as JSON; nothing counts as changed after it."""
        self._changed.clear()
        return {field: _encode(value).decode() for field, value in self.fields.items()}

    @property
    def changed(self) -> bool:
        """Whether there is something to publish."""
        return bool(self._changed)

    def _fold_road(self, segment: str, metric: str, at_ms: int, value: float | None, revision: int) -> None:
        field, place = f"s:{segment}", ROAD_METRICS[metric]
        shown_ms, *values = self.fields.get(field, (NO_TIME_MS, None, None, 0))
        if window_of(at_ms) < window_of(shown_ms) or not self._is_newer(f"{field}:{place}", at_ms, revision):
            return
        if window_of(at_ms) > window_of(shown_ms):
            values = [None, None, 0]
        values[place - 1] = None if value is None else round(value, DISPLAYED_DECIMALS)
        values[2] = state_of(revision)
        self._put(field, [max(at_ms, shown_ms), *values])

    def _metric(
        self, domain: str, metric: str, window: tuple[int, int], numbers: list[float], revision: int
    ) -> dict[str, Any]:
        value, coverage_ratio = map(known, numbers)
        at_ms, window_s = window
        return {
            "at_ms": at_ms,
            "window_s": window_s,
            "value": value,
            "coverage_ratio": coverage_ratio,
            "state": state_of(revision),
            "method": self._methods.get(metric, ""),
            "domain": domain,
        }

    def _is_newer(self, field: str, at_ms: int, revision: int) -> bool:
        rank = rank_of(at_ms, revision)
        if rank < self._rank.get(field, rank):
            return False
        self._rank[field] = rank
        return True

    def _plausible(self, domain: str, rows: Rows) -> Rows:
        """Leave out rows that no field can hold: of no calendar's time, infinite, of no revision."""
        odd = odd_ones(rows)
        if not odd.any():
            return rows
        first = int(np.argmax(odd))
        numbers = [float(number[first]) for number in (rows.value, rows.coverage_ratio)]
        said = f"{rows.metric[first]} {rows.at_ms[first]} {numbers}"
        self.drop("row", f"{domain}: {rows.entity[first]}", said, int(odd.sum()))
        return rows.where(~odd)

    def _hear(self, domain: str, rows: Rows) -> None:
        """Note which sensors the rows with a value are of, and tell how often the fastest of them reports."""
        heard_ms = self._heard_ms.setdefault(domain, {})
        known = np.isfinite(rows.value)
        for entity, at_ms in zip(rows.entity[known].tolist(), rows.at_ms[known].tolist(), strict=True):
            interval_s = self._residents.intervals_s.get(entity)
            if interval_s is not None and at_ms > heard_ms.get(interval_s, NO_TIME_MS):
                heard_ms[interval_s] = at_ms
        if heard_ms:
            since_ms = max(heard_ms.values()) - HEARD_MS
            self._put_feed(domain, interval_s=min(one for one, at_ms in heard_ms.items() if at_ms >= since_ms))

    def _receive(self, domain: str, received_ms: int, step_ms: int = 1) -> None:
        before_ms = self.fields.get(f"f:{domain}", {}).get("received_ms")
        if before_ms is None or received_ms - before_ms >= step_ms:
            self._put_feed(domain, received_ms=received_ms)

    def _put_feed(self, domain: str, **known: float | None) -> None:
        unknown = {"at_ms": None, "received_ms": None, "silent_ratio": None, "interval_s": None}
        self.put(f"f:{domain}", {**unknown, **self.fields.get(f"f:{domain}", {}), **known})


def _admitted(book: Mapping[str, Any] | None) -> int | None:
    """Return how many rows a zone stage's books told that it has admitted."""
    return None if book is None else book["counts"].get("in_frames")


def _domain(value: Any) -> str:  # noqa: ANN401 - a value of its field
    """Return the domain that the row of a metric is of; other fields say none, or nothing that counts here."""
    return value.get("domain", "") if isinstance(value, dict) else ""
