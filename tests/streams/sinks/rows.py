"""Rows, and what else the tests of the sinks share."""

from __future__ import annotations

import numpy as np

from streams.broker import topics
from streams.contract.metric_frames import encode_metrics
from streams.contract.records import ROW_TYPES, MetricFrame, Rows
from streams.contract.stage import Message
from tests.fakes import FakeBus, FakeHost

MINUTE_MS = 60_000
START_MS = 1_408_492_800_000
"""2014-08-20T00:00:00Z, a multiple of every window used here."""
TOKEN = "a-token-of-the-tests"  # noqa: S105 - of an InfluxDB that lives as long as the tests
INCIDENT = {
    "waiting_since_ms": 5,
    **{"id": "i-1", "cause": "a-1", "domain": "traffic", "kind": "slow_traffic", "entity": "s1", "zone": "z1"},
    **{"level": 2, "levels": [0, 1, 1, 0], "count": 2, "asking": 2, "alarms": ["a-1"], "presented": True},
}
LOAD = {
    **{"now_count": 1, "last_count": 0, "shown_count": 1, "average_count": 0.5, "worst_count": 1, "flood_ratio": 0.0},
    **{"windows_count": 2, "standing_24h_count": 0, "top_ratio": {}, "level_ratio": {}, "open": {"shown": 1}},
}


def row(
    entity: str = "S1",
    minute: int = 0,
    value: float = 1.5,
    *,
    metric: str = "tti_ratio",
    revision: int = 0,
    window_s: int = 60,
    coverage_ratio: float = 1.0,
) -> tuple[object, ...]:
    """One row in the order of ROW_TYPES."""
    at_ms = START_MS + minute * MINUTE_MS
    return (entity, metric, at_ms, window_s, value, 3 * 10**14, 2 * 10**14, 7, coverage_ratio, revision)


def rows_of(*rows: tuple[object, ...]) -> Rows:
    """Build Rows."""
    columns = list(zip(*rows, strict=True))
    return Rows(**{name: np.array(columns[i], kind) for i, (name, kind) in enumerate(ROW_TYPES.items())})


def seen(rows: Rows) -> list[tuple[str, int, float, int]]:
    """(entity, minute, value, revision) of each row."""
    minutes = (rows.at_ms - START_MS) // MINUTE_MS
    return list(zip(rows.entity.tolist(), minutes.tolist(), rows.value.tolist(), rows.revision.tolist(), strict=True))


def frame(bus: FakeBus, *rows: tuple[object, ...], topic: str = topics.METRICS) -> None:
    """Send rows as one frame."""
    sent = MetricFrame("traffic", 0, rows_of(*rows) if rows else Rows.empty(), START_MS)
    bus.put(Message(topic, b"Z1", encode_metrics("c", sent)))


def committed(host: FakeHost, topic: str) -> int:
    """The committed offset of a topic of one partition."""
    return next(count for one, count in host.committed.items() if one.topic == topic)


def alarm(name: str = "a-1", level: int = 2) -> dict[str, object]:
    """The least that the projection of an open alarm says."""
    about = {"domain": "water", "kind": "water_pressure_low", "entity": "W1", "zone": "Z1", "state": "active"}
    return {**about, "id": name, "level": level, "acknowledged": False, "raised_at_ms": START_MS}
