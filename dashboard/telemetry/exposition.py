"""The answer to `GET /metrics`: what the hub knows, in Prometheus's text format."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from dashboard.mirror import city_now_ms
from dashboard.telemetry.metric import BookKey, Buckets, Seen
from dashboard.telemetry.table import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric as Family

    from dashboard.hub import Hub
    from dashboard.telemetry.metric import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def look(hub: Hub, wall_ms: int) -> Seen:
    """Gather what the wall knows; pulses of an earlier start of the stack tell nothing of this one."""
    config, mirror = hub.config, hub.mirror
    return Seen(
        wall_ms=wall_ms,
        city_ms=city_now_ms(mirror.clock, wall_ms),
        build=config.build,
        city=config.city.id,
        books={BookKey(*key.split(":")): book for key, book in mirror.books.items()},
        pulses={part: pulse for part, pulse in sorted(mirror.parts.items()) if pulse["at_ms"] >= config.started_ms},
        feeds=mirror.feeds,
        processes=config.processes(),
        clients=hub.clients,
        live_state_lost_ms=hub.redis_lost_ms,
        newest_metric_ms=mirror.newest_metric_wall_ms,
        odd=mirror.odd.counts,
    )


def exposition(seen: Seen) -> bytes:
    """Write every metric with the values that it has."""
    return generate_latest(_Table(seen))


class _Table(Collector):
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterable[Family]:
        return (_family(metric, self._seen) for metric in METRICS)


def _family(metric: Metric, seen: Seen) -> Family:
    about = f"{metric.en} {metric.zh}"
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, about, labels=metric.labels)
        for labels, value in metric.read(seen):
            if isinstance(value, Buckets):
                histogram.add_metric(labels, list(_cumulated(value)), value.sum)
        return histogram
    make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = make(metric.name, about, labels=metric.labels)
    for labels, value in metric.read(seen):
        if not isinstance(value, Buckets):
            family.add_metric(labels, value)
    return family


def _cumulated(value: Buckets) -> Iterator[tuple[str, float]]:
    """Count for each bound what lies up to it, as Prometheus wants it."""
    bounds = [f"{bound:.15g}" for bound in value.bounds]
    return zip([*bounds, "+Inf"], accumulate(value.counts), strict=True)
