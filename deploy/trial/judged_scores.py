"""What `citywall evaluate unusual` does: read series and truth, score, judge, write, say the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from deploy.config import settings
from deploy.terminal.columns import aligned
from deploy.trial import labelled, plot, series, truth
from deploy.trial.chart import Chart, Line, draw
from deploy.trial.nab import Labelled
from deploy.trial.report import write_report
from streams.contract.name import Name
from streams.errors import SettingError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from deploy.trial.series import Series
    from deploy.trial.truth import Truth

UNUSUAL = "unusual"
HEAD = (
    Name("序列", "series"),
    Name("读数", "values"),
    Name("时段", "windows"),
    Name("检出", "found"),
    Name("误报", "false"),
    Name("NAB 分", "NAB score"),
    Name("其余文件所定阈值", "threshold of the others"),
    Name("此时 NAB 分", "NAB score then"),
)
ALL = Name("合计", "all")
GIVEN = Name("阈值 {:g}，由命令给定", "threshold {:g}, as given")
CHOSEN = Name(
    "阈值 {:g}，在这些文件上选出：分数偏乐观；各文件改用其余文件所定阈值，见右侧",
    "threshold {:g}, chosen on these very files, which flatters it; on the right each with the one of the others",
)
SILENT = Name("没有阈值强于不报警", "no threshold is better than no alarm at all")
UNJUDGED = Name("未标注、未评判：{}", "scored and not judged, as the truth says nothing of them: {}")
TITLE = Name("异常程度  ·  {}", "how unusual  ·  {}")
SCORED = Name("已为 {} 个序列打分", "{} series are scored")


def judge(args: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Judge the scores of a folder's series, write what the command line asks for and say the table.

    Raises SettingError when something asked for is not there.
    """
    for name in ("events", "from_ms", "until_ms", "city", "kafka", "config"):
        if getattr(args, name) is not None:
            option = name.removesuffix("_ms")
            raise SettingError(f"--{option} is for a processor; {UNUSUAL} scores series and finds nothing by itself")
    plot.check(args.plot)
    folder = Path(args.on)
    if not folder.is_dir():
        raise SettingError(f"--on {folder}: there is no such folder")
    known = None if args.truth is None else truth.read(args.truth)
    found = series.read(folder)
    ratios = [one.ratio for one in series.judged(found)]
    files = [] if known is None else _labelled(found, ratios, known)
    if known is not None and not files:
        told = ", ".join(dict.fromkeys(one.entity for one in known)) or "nothing"
        raise SettingError(
            f"--truth {args.truth}: it tells of {told}; --on has {', '.join(one.entity for one in found)}"
        )
    judged = labelled.report(files, args.threshold) if files else {}
    left = [one.entity for one in found if one.entity not in {file.entity for file in files}]
    if args.scores is not None:
        series.write_scores(found, ratios, args.scores)
    if args.json is not None:
        write_report({"detector": args.name, "series": len(found), "not_judged": left, **judged}, args.json)
    language = args.lang or settings.language()
    if args.plot is not None:
        plot.write(_picture(found, ratios, language), args.plot)
    say("\n".join(_lines(judged, left, language)) if judged else SCORED.said_in(language).format(len(found)))


def _picture(found: Sequence[Series], ratios: Sequence[NDArray[Any]], language: str) -> str:
    """Draw the scores of the first series over time."""
    lines = []
    for one, ratio in zip(found[: plot.FEW], ratios, strict=False):
        order = np.argsort(one.at_ms, kind="stable")
        lines.append(Line(one.entity, one.at_ms[order], ratio[order]))
    times = np.concatenate([line.at_ms for line in lines])
    span_ms = (int(times.min()), int(times.max())) if times.size else (0, 0)
    return draw(Chart(TITLE.said_in(language).format(UNUSUAL), "", ZoneInfo("UTC"), span_ms, lines))


def _labelled(found: Sequence[Series], ratios: Sequence[NDArray[Any]], known: Sequence[Truth]) -> list[Labelled]:
    windows: dict[str, list[tuple[int, int]]] = {}
    for one in known:
        windows.setdefault(one.entity, []).append((one.from_ms, one.until_ms))
    return [
        Labelled(one.entity, one.at_ms, ratio, windows[one.entity])
        for one, ratio in zip(found, ratios, strict=True)
        if one.entity in windows
    ]


def _lines(report: Mapping[str, Any], left: Sequence[str], language: str) -> list[str]:
    of = report["nab"]
    others = of["set_on_the_others"]
    rows = [[one.said_in(language) for one in HEAD]]
    for number, one in enumerate(of["files"]):
        other = others["files"][number] if others else {}
        then = [_number(other.get("threshold")), _number(other.get("value"))]
        counts = [str(one[key]) for key in ("windows", "found", "false_rows")]
        rows.append([one["entity"], f"{one['rows']:,}", *counts, _number(one["value"]), *then])
    values = sum(one["rows"] for one in of["files"])
    counts = [str(of[key]) for key in ("windows", "found", "false_rows")]
    rows.append(
        [ALL.said_in(language), f"{values:,}", *counts, _number(of["value"]), "", _number(others and others["value"])]
    )
    lines = aligned(rows, right=range(1, len(HEAD)))
    lines.append(_origin(of).said_in(language).format(of["threshold"]))
    if left:
        lines.append(UNJUDGED.said_in(language).format(", ".join(left)))
    return lines


def _origin(of: Mapping[str, Any]) -> Name:
    if of["threshold"] is None:
        return SILENT
    return GIVEN if of["threshold_origin"] == labelled.GIVEN else CHOSEN


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
