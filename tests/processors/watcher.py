"""A town of two zones, rows of its metrics, and what the second level's `network` makes of them."""

import numpy as np

from processors.network import Config, State, step
from streams.city.registry import City, Segment, Sensor, Zone
from streams.contract.metric_frames import decode_metrics, encode_parts
from streams.contract.records import MetricFrame, Rows
from streams.contract.sums import Sums

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LINE = ((0.0, 0.0), (0.0, 1.0))


def town() -> City:
    segments = tuple(Segment(f"s{n}", n, "", "", "local", 1, 1000.0, 60.0, (), LINE) for n in range(2))
    sensors = tuple(Sensor(f"d{n}", "traffic", n, n, 0.0, 0.0, 60.0, "", "") for n in range(2))
    buses = tuple(Sensor(f"b{n}", "transit", n, -1, 0.0, 0.0, 60.0, "", "") for n in range(2))
    return City("c", "", "", "UTC", "", (Zone("a", "", ""), Zone("b", "", "")), segments, (*sensors, *buses))


def tti(zone: int, at_ms: int, vht: float, free_vht: float, *, coverage: float = 1.0, revision: int = 0) -> Rows:
    return row(f"s{zone}", "tti_ratio", at_ms, round(vht * 1e12), round(free_vht * 1e12), coverage, revision)


def row(entity: str, metric: str, at_ms: int, top: int, bottom: int, coverage: float = 1.0, revision: int = 0) -> Rows:
    return Rows(
        entity=np.array([entity], object),
        metric=np.array([metric], object),
        at_ms=np.array([at_ms]),
        window_s=np.array([60], np.int32),
        value=np.array([np.nan]),
        numerator=np.array([top]),
        denominator=np.array([bottom]),
        count=np.array([1]),
        coverage_ratio=np.array([coverage]),
        revision=np.array([revision]),
    )


class Watcher:
    """Feeds frames to the processor and keeps the newest value of each identity."""

    def __init__(self, city: City | None = None) -> None:
        self.state = State()
        self.city = city or town()
        self.held: dict[tuple[str, str, int, int], tuple[float, int, float]] = {}
        self.said: list[tuple[tuple[str, str, int, int], tuple[float, int, float]]] = []

    def take(
        self,
        zone: int,
        watermark_ms: int,
        *rows: Rows,
        domain: str = "traffic",
        sums: dict[str, Sums] | None = None,
    ) -> dict[str, int]:
        frame = MetricFrame(domain, zone, Rows.concat(list(rows)), watermark_ms, sums=sums or {})
        dropped: dict[str, int] = {}
        for part in encode_parts("c", frame):
            dropped |= self._fold(decode_metrics(part))  # as it comes from Kafka
        return dropped

    def _fold(self, frame: MetricFrame) -> dict[str, int]:
        result = step(self.state, frame, self.city, Config())
        self.state, new = result.state, result.rows
        keys = zip(new.entity, new.metric, new.at_ms.tolist(), new.window_s.tolist(), strict=True)
        rest = zip(new.value.tolist(), new.revision.tolist(), new.coverage_ratio.tolist(), strict=True)
        found = list(zip(keys, rest, strict=True))
        self.said += found
        self.held.update(found)
        return dict(result.dropped)
