"""A trial's outcome as tables of text, in either language."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from alerts.kinds import title
from deploy.terminal.columns import aligned
from deploy.terminal.timespan import iso
from deploy.trial import found
from deploy.trial.summary import MetricSummary, by_kind
from streams.contract.name import Name
from streams.contract.spec import all_metrics
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alerts.kinds import Lang
    from deploy.trial.recording import Recording
    from deploy.trial.running import Outcome
    from streams.contract.spec import Hosted

WORDS = {
    "readings": Name("读数", "readings"),
    "read": Name("读入", "read"),
    "dead": Name("死信", "dead letters"),
    "values": Name("被拒的数值", "values refused"),
    "too_late": Name("过迟", "too late"),
    "duplicates": Name("重复", "duplicates"),
    "conflicts": Name("其中取值不同", "of them with other values"),
    "admitted": Name("入帧", "admitted"),
    "rows_in": Name("输入指标行", "rows of metrics in"),
    "used": Name("使用", "used by"),
    "dropped": Name("舍弃", "dropped"),
    "left_out": Name("未读", "left out"),
    "behind": Name("上游处理器", "fed by"),
    "metric": Name("指标", "metric"),
    "unit": Name("单位", "unit"),
    "window": Name("窗口", "window"),
    "rows": Name("行数", "rows"),
    "unknown": Name("无值", "unknown"),
    "corrected": Name("已更正", "corrected"),
    "low": Name("最小", "min"),
    "median": Name("中位数", "median"),
    "high": Name("最大", "max"),
    "coverage": Name("覆盖率", "coverage"),
    "no_rows": Name("没有指标行", "no rows of metrics"),
    "detection": Name("发现", "detection"),
    "cleared": Name("解除", "cleared"),
    "no_detections": Name("没有发现", "no detections"),
    "more": Name("另有 {:,} 条（--events FILE 写出全部）", "and {:,} more (--events FILE writes all)"),
    "events": Name("发现清单", "detections"),
    "cost": Name("开销", "cost"),
    "step": Name("处理器本身，每条读数 CPU", "the processor itself, CPU a reading"),
    "whole": Name("连同接入与片区阶段", "with intake and zone stage"),
    "state": Name("状态（共 {} 份）", "state, {} in all"),
    "bytes": Name("字节", "bytes"),
    "plot": Name("图", "plot"),
}
UNKNOWN = "–"


class Shown(NamedTuple):
    """What there is to show."""

    tried: Hosted
    recording: Recording
    outcome: Outcome
    metrics: Sequence[MetricSummary]
    behind: Sequence[Hosted]


def page(shown: Shown, language: Lang) -> str:
    """Lay it out."""
    parts = [_head(shown, language), _readings(shown, language), _metrics(shown, language)]
    parts += [_detections(shown, language), _cost(shown, language)]
    return "\n\n".join("\n".join(lines) for lines in parts)


def word(key: str, language: Lang) -> str:
    """Return a word in a language."""
    return WORDS[key].said_in(language)


def _head(shown: Shown, language: Lang) -> list[str]:
    city, outcome = shown.recording.city, shown.outcome
    name = city.called.said_in(language)
    schemas = load_schemas()
    domains = ", ".join(getattr(schemas[domain], language) for domain in shown.recording.sources)
    period = (
        ""
        if outcome.first_ms is None or outcome.last_ms is None
        else f"{iso(outcome.first_ms)} – {iso(outcome.last_ms)}"
    )
    lines = [f"{shown.tried.name}  {name}  {domains}  {period}", shown.recording.name]
    if shown.behind:
        lines.append(f"{word('behind', language)}: {', '.join(one.name for one in shown.behind)}")
    return [*lines, *(f"{word('left_out', language)}: {sentence}" for sentence in shown.recording.left_out)]


def _readings(shown: Shown, language: Lang) -> list[str]:
    """Tell what became of every reading, and of everything that the processor was given."""
    taken, outcome = shown.recording.taken, shown.outcome
    admitted, read = outcome.admission, taken.readings_in
    rows = [[word("readings", language), "", ""], *_shares([(word("read", language), read)], read)]
    rows += _shares(_reasons(word("dead", language), taken.dead_lettered), read)
    for column, reasons in taken.refused_values.items():
        rows += _shares(_reasons(f"{word('values', language)}: {column}", reasons), read)
    rows += _shares([(word("too_late", language), admitted["too_late"])] if admitted["too_late"] else [], read)
    rows += _shares([(word("duplicates", language), admitted["duplicates"])], read)
    rows += _shares([(word("conflicts", language), admitted["conflicts"])] if admitted["conflicts"] else [], read)
    rows += _shares([(word("admitted", language), admitted["in_frames"])], read)
    if shown.tried.spec.second_level:
        rows += _shares([(word("rows_in", language), outcome.handed)], outcome.handed)
    used = f"{word('used', language)} {shown.tried.name}"
    rows += _shares([(used, outcome.handed - outcome.dropped.total())], outcome.handed)
    rows += _shares(_reasons(word("dropped", language), outcome.dropped), outcome.handed)
    return aligned(rows, right=(1, 2))


def _reasons(what: str, counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(f"{what}: {reason}", count) for reason, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def _shares(counts: Iterable[tuple[str, int]], whole: int) -> list[list[str]]:
    return [[f"  {what}", f"{count:,}", f"{count / whole:.1%}" if whole else UNKNOWN] for what, count in counts]


def _metrics(shown: Shown, language: Lang) -> list[str]:
    if not shown.metrics:
        return [word("no_rows", language)]
    units = {metric.name: metric.unit for metric in all_metrics(shown.tried.spec)}
    keys = ("metric", "unit", "window", "rows", "unknown", "corrected", "low", "median", "high", "coverage")
    rows = [[word(key, language) for key in keys]]
    for one in shown.metrics:
        numbers = [number_text(number) for number in (one.low, one.median, one.high)]
        counts = [f"{count:,}" for count in (one.rows, one.unknown, one.corrected)]
        coverage = UNKNOWN if math.isnan(one.coverage_ratio) else f"{one.coverage_ratio:.1%}"
        unit = units.get(one.metric, "") or "1"
        rows.append([one.metric, unit, window_text(one.window_s), *counts, *numbers, coverage])
    return aligned(rows, right=range(2, len(keys)))


def _detections(shown: Shown, language: Lang) -> list[str]:
    """Count them by kind and level, then list the first."""
    counts = by_kind(shown.outcome.detections)
    if not counts:
        return [word("no_detections", language)]
    rows = [[word("detection", language), "", *found.LEVELS, word("cleared", language)]]
    for kind, levels in counts.items():
        numbers = [f"{levels[level]:,}" for level in (1, 2, 3, 4, 0)]
        rows.append([kind, title(kind, language), *numbers])
    all_of_them = found.each(shown.outcome.detections)
    listed = aligned(found.lines(all_of_them, shown.recording.city, language))
    rest = len(all_of_them) - len(listed)
    return [*aligned(rows, right=range(2, 7)), "", *listed, *([word("more", language).format(rest)] if rest else [])]


def _cost(shown: Shown, language: Lang) -> list[str]:
    outcome, readings = shown.outcome, shown.outcome.admission["in_frames"]
    rows = [
        [word("cost", language), "", ""],
        [f"  {word('step', language)}", number_text(outcome.step_ns / 1000 / readings), "µs"],
        [f"  {word('whole', language)}", number_text(outcome.whole_ns / 1000 / readings), "µs"],
        [f"  {word('state', language).format(outcome.states)}", f"{outcome.state_bytes:,}", word("bytes", language)],
    ]
    return aligned(rows, right=(1,))


def number_text(number: float) -> str:
    """Write a number with four digits, at most six of them behind the point; a dash where it is not known.

    >>> number_text(0.12345), number_text(123456.0), number_text(50.0), number_text(6e-12), number_text(math.nan)
    ('0.1235', '123,456', '50', '0', '–')
    """
    if math.isnan(number):
        return UNKNOWN
    if number == 0:
        return "0"
    digits = min(max(3 - math.floor(math.log10(abs(number))), 0), 6)
    text = f"{number:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def window_text(window_s: int) -> str:
    """Write a window's length as `--window` of other commands takes it.

    >>> window_text(60), window_text(3600), window_text(90)
    ('1m', '1h', '90s')
    """
    for size_s, unit in ((3600, "h"), (60, "m")):
        if window_s % size_s == 0:
            return f"{window_s // size_s}{unit}"
    return f"{window_s}s"
