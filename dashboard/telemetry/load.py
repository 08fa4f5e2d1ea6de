"""Metrics of the operators' load, out of the alarm engine's book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.telemetry.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dashboard.telemetry.metric import Sample, Seen


def _loads(seen: Seen) -> Iterable[Mapping[str, Any]]:
    return (book["load"] for key, book in seen.books.items() if key.stage == "alarms" and book.get("load"))


def _one(name: str) -> Callable[[Seen], Iterable[Sample]]:
    return lambda seen: (((), float(load[name])) for load in _loads(seen))


def _each(name: str) -> Callable[[Seen], Iterable[Sample]]:
    return lambda seen: (((one,), value) for load in _loads(seen) for one, value in sorted(load[name].items()))


LOADED = (
    Metric(
        *("citywall_open_alarms", "gauge", "alarms", ("place",)),
        "Open alarms by how the operators come by them: shown, folded (into an incident), waiting (to be shown), "
        "equipment (its own list), suppressed, shelved, out_of_service; beside these, chattering.",
        "未关闭的报警，按其所在：shown 已呈现、folded 归入事件、waiting 待呈现、equipment 设备清单、"
        "suppressed 抑制、shelved 搁置、out_of_service 停用；另计 chattering 抖动。",
        _each("open"),
    ),
    Metric(
        *("citywall_ten_minute_alarms", "gauge", "alarms", ("of",)),
        "Alarms raised in ten minutes, but those of equipment: last whole ones, average and worst of 30 days.",
        "每十分钟产生的报警（不含设备报警）：last 最近整段、average 30 日平均、worst 30 日最多。",
        lambda seen: (
            ((of,), float(load[f"{of}_count"])) for load in _loads(seen) for of in ("average", "last", "worst")
        ),
    ),
    Metric(
        *("citywall_alarms_flood_ratio", "gauge", "ratio", ()),
        *(
            "Share of the ten-minute windows of 30 days with more than ten alarms.",
            "30 日内报警超过十条的十分钟段占比。",
        ),
        _one("flood_ratio"),
    ),
    Metric(
        *("citywall_shown_items", "gauge", "items", ()),
        "Items that the operators were shown in the last ten minutes, besides alarms of level I: ten at most.",
        "最近十分钟呈现给值班员的条目数（不含 I 级），至多十条。",
        _one("shown_count"),
    ),
    Metric(
        *("citywall_standing_alarms", "gauge", "alarms", ()),
        *(
            "Open alarms that were raised more than 24 h before the newest event time.",
            "产生已超过 24 小时仍未关闭的报警。",
        ),
        _one("standing_24h_count"),
    ),
    Metric(
        *("citywall_alarms_kind_ratio", "gauge", "ratio", ("kind",)),
        *("Share of the ten most frequent kinds in the alarms of 30 days.", "30 日内最多的十种报警各自占比。"),
        _each("top_ratio"),
    ),
    Metric(
        *("citywall_alarms_level_ratio", "gauge", "ratio", ("level",)),
        *("Share of each level in the alarms of 30 days.", "30 日内各级报警占比。"),
        _each("level_ratio"),
    ),
)
