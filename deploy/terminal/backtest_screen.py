"""What versions of a rule would have done, side by side, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.terminal.backtests import AGAINST, IN_FORCE
from deploy.terminal.columns import aligned
from deploy.terminal.timespan import iso
from processors.maths.rule_levels import LEVELS
from processors.maths.rules import UNUSED
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.terminal.backtests import Version
    from deploy.trial.truth import Score

WORDS = {
    IN_FORCE: Name("现行", "in force"),
    AGAINST: Name("另一版本", "against"),
    "limits": Name("限值 IV–I", "limits IV to I"),
    "delays": Name("延时 升/降（秒）", "delays on/off (s)"),
    "judged": Name("判定：传感器 / 分钟", "judged: sensors / minutes"),
    "alarms": Name("报警数", "alarms"),
    "levels": Name("其中 I / II / III / IV", "of these I / II / III / IV"),
    "average": Name("每席每 10 分钟平均", "a desk in 10 min, on average"),
    "worst": Name("每席 10 分钟内最多", "a desk in 10 min, at most"),
    "flood": Name("洪泛时段占比", "share of windows in flood"),
    "chattering": Name("抖动处", "places that chatter"),
    "standing": Name("持续一天以上", "standing for more than a day"),
    "longest": Name("最长", "longest"),
    "first": Name("最早", "first"),
    "last": Name("最近", "last"),
    "others": Name("同期其他规则的报警", "alarms of the other rules meanwhile"),
    "together": Name("合计：每席每 10 分钟平均 / 最多", "together: a desk in 10 min, average / most"),
    "found": Name("检出：实有 / 检出率", "found: of what happened / DR"),
    "false": Name("误报：条数 / 占比 / 每传感器日", "false: alarms / FAR / a sensor and day"),
    "to_detect": Name("平均检出时间", "mean time to detect"),
    "outside": Name("时段外（被抑制）", "outside of its schedule (suppressed)"),
    "top": Name("报警最多", "alarms most"),
}
REFUSED = Name(
    "不予采用：连同其他规则，将突破值班席位的负荷上限：{}。确需采用：--anyway 理由",
    "refused: with the other rules it breaks the load limits of a desk: {}. Where it must be: --anyway REASON",
)
ANYWAY = Name("突破负荷上限：{}；仍予采用，理由：{}", "it breaks the load limits: {}; taken anyway, because: {}")
CORRECTED = Name(
    "{} 个分钟后来经迟到读数更正：当时的判定可能不同",
    "{} minutes were corrected by late readings: judged otherwise then, maybe",
)


def screen(found: Sequence[Version], language: str) -> str:
    """Return a line a figure, a column a version."""
    columns = [_cells(one, language) for one in found]
    rows = [[_word(key, language) if key else "", *(cells[key] for cells in columns)] for key in columns[0]]
    lines = aligned(rows)
    corrected = max(one.judged.corrected_count for one in found)
    return "\n".join([*lines, *([CORRECTED.said_in(language).format(corrected)] if corrected else [])])


def verdict(found: Version, anyway: str | None, language: str) -> str:
    """Say that a version breaks limits, "" where it breaks none."""
    if not found.broken:
        return ""
    told = ("；" if language == "zh" else "; ").join(one.said_in(language) for one in found.broken)
    return REFUSED.said_in(language).format(told) if anyway is None else ANYWAY.said_in(language).format(told, anyway)


def _cells(found: Version, language: str) -> dict[str, str]:
    rule, load = found.rule, found.load
    levels = load.by_level
    return {
        "": _word(found.version, language),
        "limits": " / ".join(_number(getattr(rule, key)) for key in LEVELS),
        "delays": "–" if "on_delay_s" in UNUSED.get(rule.kind, ()) else f"{rule.on_delay_s:g} / {rule.off_delay_s:g}",
        "judged": f"{len(found.judged.sensors)} / {found.judged.minutes_count:,}",
        "alarms": f"{load.alarms_count:,}",
        "levels": " / ".join(str(levels[level]) for level in sorted(levels)),
        "average": f"{load.average_in_10min:g}",
        "worst": f"{load.worst_in_10min:g}{_at(load.worst_at_ms, ' @ ')}",
        "flood": f"{load.flood_ratio:.1%}",
        "chattering": str(load.chattering_count),
        "standing": str(load.standing_count),
        "longest": "–" if load.longest_s is None else f"{load.longest_s:,.0f} s @ {load.longest_at}",
        "first": _at(load.first_at_ms) or "–",
        "last": _at(load.last_at_ms) or "–",
        "outside": str(found.outside_schedule_count),
        "others": f"{found.together.alarms_count - load.alarms_count:,}",
        "together": f"{found.together.average_in_10min:g} / {found.together.worst_in_10min:g}"
        f"{_at(found.together.worst_at_ms, ' @ ')}",
        **_score(found.score),
        "top": ", ".join(f"{one.entity} {one.alarms_count}" for one in load.top[:3]) or "–",
    }


def _score(of: Score | None) -> dict[str, str]:
    if of is None:
        return {}
    took = "–" if of.time_to_detect_s is None else f"{of.time_to_detect_s:,.0f} s"
    return {
        "found": f"{of.found_count} / {of.truths_count}, {_number(of.detection_ratio)}",
        "false": f"{of.false_count} / {_number(of.false_ratio)} / {_number(of.false_per_detector_day)}",
        "to_detect": took,
    }


def _at(at_ms: int | None, before: str = "") -> str:
    return "" if at_ms is None else before + iso(at_ms)


def _number(value: Any) -> str:  # noqa: ANN401 - a number or None
    return "–" if value is None else f"{value:g}"


def _word(key: str, language: str) -> str:
    return WORDS[key].said_in(language)
