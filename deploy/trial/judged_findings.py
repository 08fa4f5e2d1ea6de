"""What `citywall evaluate` does with a processor: run it over a recording, hold what it found against what happened.

Of the truth that is asked for which lies at a road or sensor of the processor's domains, and in the recording's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.config import settings
from deploy.terminal.columns import aligned
from deploy.terminal.timespan import iso
from deploy.trial import found, page, plot, proof, truth
from deploy.trial.firing import fired
from deploy.trial.judged_scores import UNUSUAL
from deploy.trial.nearby import Nearby
from deploy.trial.opening import tried
from deploy.trial.report import write_report
from deploy.trial.summary import newest
from processors.maths.measures import TRAFFIC
from streams.contract.durations import DAY_MS
from streams.contract.name import Name
from streams.errors import SettingError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alerts.kinds import Lang
    from deploy.trial.firing import Fired
    from deploy.trial.opening import Tried
    from deploy.trial.proof import Estimate
    from deploy.trial.truth import Truth
    from streams.contract.records import Detection

COLUMNS = ("entity", "kind", "level", "at", "decided_at")
RAISES = Name("共发现 {} 次，来自 {} 个检测点", "{} raises at {} detectors")
NOT_JUDGED = Name("未计入：{} 条，不在该处理器所辖或不在记录时段内", "not judged, as of other places or times: {}")
ROWS: Mapping[str, Name] = {
    "detection_ratio": Name("检出率", "detection rate"),
    "by_chance_ratio": Name("其中偶然", "share by chance"),
    "above_chance_ratio": Name("超出偶然", "found beyond chance"),
    "false_per_detector_day": Name("误报（每检测点每日）", "false a detector and day"),
    "time_to_detect_s": Name("检出用时中位数（秒）", "median time to detect, s"),
    "time_to_detect_from_report_s": Name("自接报起（秒）", "from the report, s"),
}
HEAD = (Name("指标", "measure"), Name("值", "value"), Name("95% 区间", "95 % interval"))
INCIDENTS = Name("事件 {} 起，检出 {} 起，误报 {} 次", "incidents {}, found {}, false {}")


def judge(args: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Judge the processor that the command line names, write what it asks for and say the table.

    Raises ConfigError when something asked for is not there, ServerError when Kafka cannot be used.
    """
    for option, given in (("--threshold", args.threshold), ("--scores", args.scores)):
        if given is not None:
            raise SettingError(f"{option} is for a detector with a score, such as unusual; {args.name} has none")
    plot.check(args.plot)
    happened = None if args.truth is None else truth.read(args.truth)
    one = tried(args, also=(UNUSUAL,))
    told = in_order(one.outcome.detections)
    if args.events is not None:
        found.write_events(COLUMNS, events(told), args.events)
    report = judged(one, told, happened, round(args.grace * 1000))
    if args.json is not None:
        write_report(report, args.json)
    language: Lang = "zh" if (args.lang or settings.language()) == "zh" else "en"
    say("\n".join(_lines(report, language)))
    if args.plot is not None:
        wish = plot.Wish(None, (), language)
        plot.write(plot.picture(one.hosted, one.recording.city, newest(one.outcome.rows), one.outcome, wish), args.plot)
        say(f"{page.word('plot', language)}: {args.plot}")


def in_order(detections: Iterable[Detection]) -> list[Detection]:
    """Return each finding once, in the order in which it was decided."""
    return sorted(found.each(detections), key=lambda one: (one.known_ms, one.at_ms, one.entity, one.kind))


def judged(one: Tried, told: Sequence[Detection], happened: Sequence[Truth] | None, grace_ms: int) -> dict[str, Any]:
    """Return what the findings are worth, as plain values; without a truth only how many there are."""
    alarms = _alarms(told)
    days = _detectors_by_day(one)
    about = {
        "detector": one.hosted.name,
        "detectors": len(set[str]().union(*days.values())),
        "detector_days": sum(map(len, days.values())),
        "raises": len(alarms),
    }
    if happened is None:
        return about
    asked = [each for each in happened if _is_asked(each, one)]
    near = Nearby(one.recording.city)
    matches = truth.matched(asked, alarms, grace_ms, near)
    chance = proof.by_chance(asked, alarms, _span_ms(one), grace_ms, near)
    took = [(asked[place], alarms[number].raised_ms) for place, number in matches.items()]
    false = [alarm for number, alarm in enumerate(alarms) if number not in set(matches.values())]
    false_on = [sum(alarm.raised_ms // DAY_MS == day for alarm in false) for day in days]
    reports = [(at_ms - each.reported_ms) / 1000 for each, at_ms in took if each.reported_ms is not None]
    return {
        **about,
        "incidents": len(asked),
        "found": len(took),
        "false": len(false),
        "detection_ratio": proof.ratio([place in matches for place in range(len(asked))]),
        "by_chance_ratio": chance.by_chance,
        "above_chance_ratio": chance.above,
        "shifts_left_out": chance.shifts_left_out,
        "false_per_detector_day": proof.rate(false_on, [len(of_day) for of_day in days.values()]),
        "time_to_detect_s": proof.median([(at_ms - each.from_ms) / 1000 for each, at_ms in took]),
        "time_to_detect_from_report_s": proof.median(reports),
        "roc": [],
        "nab": None,
        "not_judged": len(happened) - len(asked),
    }


def _alarms(told: Iterable[Detection]) -> list[Fired]:
    by_kind: dict[str, list[Detection]] = {}
    for one in told:
        by_kind.setdefault(one.kind, []).append(one)
    return sorted(alarm for of_kind in by_kind.values() for alarm in fired(of_kind))


def _span_ms(one: Tried) -> tuple[int, int]:
    return one.outcome.first_ms or 0, (one.outcome.last_ms or 0) + 1


def _is_asked(happened: Truth, one: Tried) -> bool:
    first_ms, end_ms = _span_ms(one)
    if not first_ms <= happened.from_ms < end_ms:
        return False
    city, domains = one.recording.city, one.hosted.spec.taken()
    if happened.entity in city.segment_code:
        return TRAFFIC in domains
    code = city.sensor_code.get(happened.entity)
    return code is None or city.sensors[code].domain in domains


def _detectors_by_day(one: Tried) -> dict[int, set[str]]:
    """Return day → the segments, else sensors, that had readings on it."""
    city, by_day = one.recording.city, dict[int, set[str]]()
    for day, sensor in sorted(one.outcome.heard):
        code = city.sensor_code.get(sensor)
        segment = -1 if code is None else city.sensors[code].segment
        by_day.setdefault(day, set()).add(sensor if segment < 0 else city.segments[segment].id)
    return by_day


def events(told: Iterable[Detection]) -> list[tuple[str, str, int, str, str]]:
    """Return a row each time a level rises or ends, level 0 = it ended; the names of its columns are `COLUMNS`."""
    stands: dict[tuple[str, str], int] = {}
    rows: list[tuple[str, str, int, str, str]] = []
    for one in told:
        key = (one.entity, one.kind)
        before = stands.get(key, 0)
        stands[key] = one.level
        if (one.level == 0) != (before == 0) or 0 < one.level < before:
            rows.append((one.entity, one.kind, one.level, iso(one.at_ms), iso(one.known_ms)))
    return rows


def _lines(report: Mapping[str, Any], language: Lang) -> list[str]:
    lines = [RAISES.said_in(language).format(f"{report['raises']:,}", f"{report['detectors']:,}")]
    if "incidents" not in report:
        return lines
    lines.append(INCIDENTS.said_in(language).format(report["incidents"], report["found"], report["false"]))
    table = [[one.said_in(language) for one in HEAD]]
    table += [[name.said_in(language), *_cells(report[key])] for key, name in ROWS.items()]
    lines += aligned(table, right=(1, 2))
    if report["not_judged"]:
        lines.append(NOT_JUDGED.said_in(language).format(report["not_judged"]))
    return lines


def _cells(of: Estimate) -> tuple[str, str]:
    if of["value"] is None:
        return "–", ""
    return f"{of['value']:.4g}", f"{of['low']:.4g} … {of['high']:.4g}"
