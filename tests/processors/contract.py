"""Logs of readings for the checks of what every processor promises, and what a processor yields from them.

A log is what a zone sees: rows in their order, each with the zone's watermark after it and whether it was late when it
came. How the log is cut into frames must decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from hypothesis import strategies as st

from deploy.config import settings
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.records import NO_TIME_MS, ROW_TYPES, Detection, Frame, MetricFrame, Rows
from streams.domains.schema import load_schemas
from streams.saving.state import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.contract.spec import Spec

START_MS = 1_700_000_040_000
"""A whole minute."""
LATE_LIMIT_MS = 3_600_000
INTERVALS_S = (20.0, 60.0, 60.0, 300.0)
"""Of the sensors of a domain in a zone."""
DELAYS_S = (0.0, 0.0, 0.0, 40.0)
"""What they send so long after its time is on time."""


def city() -> City:
    """Two zones of three segments; four sensors of each domain in each zone, of traffic one without a segment."""
    zones = (Zone("north", "北", "North"), Zone("south", "南", "South"))
    segments = tuple(
        Segment(
            f"{zone.id}-{index}",
            number,
            "",
            "",
            "arterial",
            2,
            800.0 + 100 * index,
            60.0,
            (f"{zone.id}-{index - 1}",) if index else (),
            ((0.0, 0.0), (0.0, 1.0)),
        )
        for number, zone in enumerate(zones)
        for index in range(3)
    )
    watched = (0, 1, 1, -1)
    sensors = tuple(
        Sensor(
            f"{domain}-{zone.id}-{index}",
            domain,
            number,
            3 * number + watched[index] if domain == "traffic" and watched[index] >= 0 else -1,
            0.0,
            0.0,
            interval_s,
            "",
            "",
            delay_s=DELAYS_S[index],
        )
        for domain in load_schemas()
        for number, zone in enumerate(zones)
        for index, interval_s in enumerate(INTERVALS_S)
    )
    return City("town", "镇", "Town", "Asia/Shanghai", "", zones, segments, sensors)


CITY = city()


def shipped_config(name: str, spec: Spec) -> Any:
    """The component's configuration as it is shipped."""
    return msgspec.convert(_shipped().get(name, {}), spec.config)


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    return settings.load(environment={}).components


class Row(NamedTuple):
    """One reading of a log."""

    sensor: int
    at_ms: int
    late: bool
    values: tuple[float, ...]
    watermark_ms: int
    """The zone's, after this row."""
    behind_ms: int = 0
    """How far the row's source had passed its time, less its sensor's lag."""


@dataclass
class Outcome:
    """What a processor yields from a log, step by step."""

    rows: list[Rows] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    state: Any = None

    @property
    def all_rows(self) -> Rows:
        return Rows.concat(self.rows)

    def bits(self) -> tuple[bytes, bytes]:
        """Rows and detections, in their order, to the bit."""
        rows = [[getattr(self.all_rows, name).tolist() for name in ROW_TYPES if name != "value"], values(self.all_rows)]
        return msgspec.msgpack.encode(rows), msgspec.json.encode(self.detections)

    def newest(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Identity → the row of its highest revision, to the bit. What a sink holds in the end."""
        held: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for identity, row in self.by_identity():
            if identity not in held or row[0] >= held[identity][0]:
                held[identity] = row
        return held

    def by_identity(self) -> Iterable[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Each row as (its identity, (revision, the rest))."""
        rows = self.all_rows
        rest = [
            name for name in ROW_TYPES if name not in {"entity", "metric", "at_ms", "window_s", "revision", "value"}
        ]
        columns = [rows.revision.tolist(), values(rows), *(getattr(rows, name).tolist() for name in rest)]
        keys = zip(rows.entity.tolist(), rows.metric.tolist(), rows.at_ms.tolist(), rows.window_s.tolist(), strict=True)
        return zip(keys, zip(*columns, strict=True), strict=True)

    def said(self) -> list[bytes]:
        """Every detection, without their order."""
        return sorted(msgspec.json.encode(one) for one in self.detections)


def values(rows: Rows) -> list[str]:
    """The values to the bit; one NaN is as good as another."""
    return [value.hex() for value in rows.value.tolist()]


def frozen(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array as the host hands it over: not to be written to."""
    array.flags.writeable = False
    return array


def frame_of(domain: str, rows: Sequence[Row], watermark_ms: int, zone: int = 0) -> Frame:
    """The frame that holds these rows."""
    names = load_schemas()[domain].names
    sensors = CITY.sensors_of_zone[domain, zone]
    table = np.array([row.values for row in rows], np.float64).reshape(len(rows), len(names))
    return Frame(
        domain,
        zone,
        frozen(np.array([sensors[row.sensor] for row in rows], np.int32)),
        frozen(np.array([row.at_ms for row in rows], np.int64)),
        frozen(np.array([row.late for row in rows], np.bool_)),
        {name: frozen(table[:, index].copy()) for index, name in enumerate(names)},
        watermark_ms,
        frozen(np.array([row.behind_ms for row in rows], np.int64)),
    )


def frames_of(domain: str, log: Sequence[Row], cuts: Iterable[int], end_ms: int, zone: int = 0) -> list[Frame]:
    """The log cut before these rows; at the end the watermark passes everything, in two moves."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(log)}), len(log)]
    parts = [log[first:last] for first, last in pairwise(edges) if first < last]
    frames = [frame_of(domain, part, part[-1].watermark_ms, zone) for part in parts]
    return [*frames, frame_of(domain, (), end_ms - 90_000, zone), frame_of(domain, (), end_ms, zone)]


def run(name: str, spec: Spec, frames: Iterable[Any], *, reload: bool = False, state: Any = None) -> Outcome:
    """Take frames in, from a state of before if there is one; with `reload` it goes through its bytes before each."""
    outcome = Outcome(state=spec.state() if state is None else state)
    config = shipped_config(name, spec)
    for frame in frames:
        if reload:
            outcome.state = decode(type(outcome.state), encode(outcome.state))
        take(spec, frame, config, outcome)
    return outcome


def take(spec: Spec, frame: Any, config: Any, outcome: Outcome, city: City = CITY) -> None:
    """Take one frame in, and judge what the processor says it dropped."""
    result = spec.step(outcome.state, frame, city, config)
    outcome.state = result.state
    outcome.rows.append(result.rows)
    outcome.detections.extend(result.detections)
    size = len(frame.rows) if spec.second_level else len(frame)
    assert set(result.dropped) <= set(spec.drops), "only declared reasons"
    assert all(count > 0 for count in result.dropped.values())
    assert sum(result.dropped.values()) <= size, "a reading is dropped once"
    for reason, count in result.dropped.items():
        outcome.dropped[reason] = outcome.dropped.get(reason, 0) + count


@st.composite
def logs(draw: st.DrawFn, domain: str) -> list[Row]:
    """Logs of one zone over some minutes: out of order, late, with gaps, NaN and limits passed; marks between rows."""
    size = draw(st.integers(0, 60))
    seconds = draw(st.lists(st.integers(0, 900), min_size=size, max_size=size))
    steps = draw(st.lists(st.sampled_from([0, 0, 0, 15, 60, 200]), min_size=size, max_size=size))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows: list[Row] = []
    mark_ms = NO_TIME_MS
    seen = set()
    front_s = 0
    for second, step in zip(seconds, steps, strict=True):
        sensor = int(numbers.integers(0, len(INTERVALS_S)))
        at_ms = START_MS + 1000 * (front_s + second // 10 - (second % 10) * 20)
        due_ms = at_ms + round(DELAYS_S[sensor] * 1000)
        if (sensor, at_ms) in seen or due_ms < mark_ms - LATE_LIMIT_MS:
            continue
        seen.add((sensor, at_ms))
        late = due_ms < mark_ms
        behind_ms = mark_ms - due_ms
        front_s += step
        if step and numbers.random() < 0.7:
            mark_ms = max(mark_ms, START_MS + 1000 * front_s - 30_000)
        rows.append(Row(sensor, at_ms, late, reading(domain, numbers), mark_ms, behind_ms))
    return rows


def reading(domain: str, numbers: np.random.Generator) -> tuple[float, ...]:
    """Values of every column: usual, extreme, 0 or missing."""
    found = []
    for column in load_schemas()[domain].columns:
        share = numbers.choice([0.0, 0.02, 0.3, 0.31, 0.9, 1.0, np.nan, np.nan])
        low = max(column.low, 0.0)
        found.append(low + share * (min(column.high, low + 500) - low))
    return tuple(float(value) for value in found)


def steady_log(domain: str, minutes: int) -> list[Row]:
    """A log in which every sensor speaks once a minute, some late by ten minutes."""
    numbers = np.random.default_rng(7)
    rows = []
    for minute in range(minutes):
        mark_ms = START_MS + minute * 60_000
        for sensor in range(len(INTERVALS_S)):
            rows.append(Row(sensor, mark_ms + 1000 * sensor, False, reading(domain, numbers), mark_ms))
        if minute >= 10:
            rows.append(Row(0, mark_ms - 590_000, True, reading(domain, numbers), mark_ms, 590_000))
    return rows


def end_of(log: Sequence[Row]) -> int:
    """A watermark that passes every window, and the hour after which nothing can be corrected."""
    newest_ms = max((row.at_ms for row in log), default=START_MS)
    return newest_ms - newest_ms % 3_600_000 + 3 * 3_600_000


def metric_frames(first_level: dict[str, Spec], domain: str, frames: Iterable[Frame]) -> list[MetricFrame]:
    """What the first-level processors of the domain yield from these frames, as the zone stage sends it."""
    hosted = {name: spec for name, spec in first_level.items() if spec.takes(domain)}
    states = {name: spec.state() for name, spec in hosted.items()}
    found = []
    for frame in frames:
        rows = []
        for name, spec in hosted.items():
            result = spec.step(states[name], frame, CITY, shipped_config(name, spec))
            states[name] = result.state
            rows.append(result.rows)
        joined = Rows.concat(rows)
        for column in ROW_TYPES:
            frozen(getattr(joined, column))
        found.append(MetricFrame(domain, frame.zone, joined, frame.watermark_ms))
    return found
