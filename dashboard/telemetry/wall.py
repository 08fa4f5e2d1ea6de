"""Metrics of what the wall itself sees: feeds, processes, its browsers, its live state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.telemetry.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.telemetry.metric import Sample, Seen

PROCESS = ("process",)


def _feed_ages(seen: Seen) -> Iterable[Sample]:
    known = ((domain, feed.get("at_ms")) for domain, feed in sorted(seen.feeds.items()))
    return (((domain,), (seen.city_ms - at_ms) / 1000) for domain, at_ms in known if at_ms is not None)


def _silent(seen: Seen) -> Iterable[Sample]:
    known = ((domain, feed.get("silent_ratio")) for domain, feed in sorted(seen.feeds.items()))
    return (((domain,), ratio) for domain, ratio in known if ratio is not None)


def _metric_age(seen: Seen) -> Iterable[Sample]:
    if seen.newest_metric_ms is not None:
        yield (), (seen.wall_ms - seen.newest_metric_ms) / 1000


def _lost(seen: Seen) -> Iterable[Sample]:
    lost_ms = seen.live_state_lost_ms
    yield (), 0 if lost_ms is None else (seen.wall_ms - lost_ms) / 1000


def _odd(seen: Seen) -> Iterable[Sample]:
    for _, counts in seen.books_of("live"):
        for kind, count in sorted(counts.get("odd", {}).items()):
            yield ("sink", kind), count
    for kind, count in sorted(seen.odd.items()):
        yield ("wall", kind), count


WATCHED = (
    Metric(
        *("citywall_feed_age_seconds", "gauge", "seconds", ("domain",)),
        *("City clock less the newest event time of a domain.", "城市时钟与该领域最新事件时间之差。"),
        _feed_ages,
    ),
    Metric(
        *("citywall_feed_silent_ratio", "gauge", "ratio", ("domain",)),
        *("Share of a domain's sensors that say nothing.", "该领域静默传感器所占比例。"),
        _silent,
    ),
    Metric(
        *("citywall_process_restarts_total", "counter", "restarts", PROCESS),
        *("Times that the supervisor has started a process again.", "监管进程重新启动该进程的次数。"),
        lambda seen: (((one.name,), one.restarts) for one in seen.processes),
    ),
    Metric(
        *("citywall_process_running", "gauge", "", PROCESS),
        *("Whether a supervised process runs.", "受监管的进程是否在运行。"),
        lambda seen: (((one.name,), float(one.running)) for one in seen.processes),
    ),
    Metric(
        *("citywall_process_standstill_seconds", "gauge", "seconds", PROCESS),
        "How long the supervisor's watch has seen something of a process stand still; 0 = nothing does.",
        "监管进程观察到该进程停滞的时间；0 表示没有停滞。",
        lambda seen: (((one.name,), one.still_s) for one in seen.processes),
    ),
    Metric(
        *("citywall_metric_age_seconds", "gauge", "seconds", ()),
        "How long ago the newest value came to the wall.",
        "大屏收到最新数值距今的时间。",
        _metric_age,
    ),
    Metric(
        *("citywall_live_state_lost_seconds", "gauge", "seconds", ()),
        "How long the wall has not been able to read the live state; 0 = it can.",
        "大屏无法读取实时状态已持续的时间；0 表示可读。",
        _lost,
    ),
    Metric(
        *("citywall_live_odd_values_total", "counter", "values", ("where", "kind")),
        "What cannot be a value of its field and was dropped, by the live sink or by the wall, since their start. "
        "Kind: the first word of the field's name (docs/architecture.md), row, delta, or the topic of a record.",
        "因内容不合规被实时汇或大屏丢弃的内容（自各自启动以来）。"
        "kind 为字段名首段（见 docs/architecture.md），或 row、delta，或记录所在主题。",
        _odd,
    ),
    Metric(
        *("citywall_wall_clients", "gauge", "clients", ()),
        *("Browsers that follow the wall.", "正在接收大屏数据的浏览器数。"),
        lambda seen: [((), seen.clients)],
    ),
    Metric(
        *("citywall_build_info", "gauge", "", ("build", "city")),
        *("Always 1: which build shows which city.", "恒为 1：版本与城市。"),
        lambda seen: [((seen.build, seen.city), 1)],
    ),
)
