"""`citywall rules backtest`: a rule, and another version of it beside, over the history of a city."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from deploy.config import combining
from deploy.config.combining import COMBINATION, THRESHOLD
from deploy.config.components import discover, names
from deploy.config.rule_keys import NAME, PROCESSOR
from deploy.trial import backtest, firing, truth
from processors.maths import combined
from processors.maths.combined import Combination
from processors.maths.rules import RECORD, UNUSED, Rule, judged, problems
from streams.city.windows import Window, holds
from streams.contract.spec import WINDOW_S
from streams.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streams.city.registry import City
    from streams.contract.name import Name
    from streams.sinks.history.store import History

    Wholes = Mapping[str, Mapping[str, Any]]
    """Rules by name, with all their values."""

AnyRule: TypeAlias = Rule | Combination

IN_FORCE, AGAINST = "in_force", "against"
OWN_FILE = "rule"
"""Section of a rule's own file, as in `alerts/rules/`."""


class Version(NamedTuple):
    """What one version of a rule would have done."""

    version: str
    rule: AnyRule
    judged: backtest.Judged
    load: firing.Load
    """Of the rule alone."""
    together: firing.Load
    """With what the other rules brought meanwhile."""
    outside_schedule_count: int
    """Alarms that its schedule would have suppressed: they are no part of the load."""
    broken: list[Name]
    score: truth.Score | None
    """None = no truth is known."""


class Span(NamedTuple):
    """From when until when, among how many desks, beside which other alarms, and what really happened."""

    from_ms: int
    until_ms: int
    desks: int = 1
    others: Sequence[firing.Fired] = ()
    truths: Sequence[truth.Truth] | None = None
    """None = it is not known."""


def rule_of(whole: Mapping[str, Any]) -> AnyRule:
    """Return a rule in force as `threshold` or `combination` judges it.

    Raises SettingError for one that is judged by a processor from what the history does not keep.
    """
    judge = whole[PROCESSOR]
    if judge == COMBINATION:
        return msgspec.convert({key: whole[key] for key in Combination.__struct_fields__ if key in whole}, Combination)
    if judge != THRESHOLD and judge not in names():
        raise SettingError(f"{whole[NAME]}: {judge} brings it as an authority decided it; there is nothing to try")
    if judge != THRESHOLD:
        raise SettingError(
            f"{whole[NAME]}: the processor {judge} judges it from the readings themselves, which the history does not "
            f"keep; `citywall try {judge}` runs it over a recording"
        )
    return msgspec.convert({key: whole[key] for key in Rule.__struct_fields__ if key in whole}, Rule)


def other(rule: AnyRule, path: Path) -> AnyRule:
    """Return the rule with the values of a file over it: its own file (`[rule]`), or a section by its name.

    Raises SettingError when the file cannot be read, says nothing of the rule, or makes none of it.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingError(f"--against {path}: cannot be read: {exc}") from exc
    own = said.get(rule.name, said.get(OWN_FILE))
    if not isinstance(own, dict):
        raise SettingError(f"--against {path}: it needs a section [{rule.name}], or [{OWN_FILE}]")
    numbers = {key: value for key, value in own.items() if key != RECORD}
    [values] = judged([msgspec.to_builtins(rule)], {rule.name: numbers})
    try:
        found = msgspec.convert(values, type(rule))
    except msgspec.ValidationError as exc:
        raise SettingError(f"--against {path}: rule {rule.name}: {exc}") from exc
    if faults := list(problems(found) if isinstance(found, Rule) else combined.problems(found)):
        raise SettingError(f"--against {path}: {'; '.join(faults)}")
    return found


def parts_of(rule: Combination, wholes: Wholes) -> list[Rule]:
    """Return the rules that a combination is of; `wholes` are all in force.

    Raises SettingError for one that the history cannot judge, or that is not there.
    """
    own = {**msgspec.to_builtins(rule), "enabled": True}
    found = combining.faults({**wholes, rule.name: own}, discover())
    if said := [f"{rule.name}: {fault}" for name, fault in found if name == rule.name]:
        raise SettingError("; ".join(said))
    return [part for name in rule.of if isinstance(part := rule_of(wholes[name]), Rule)]


def tried(version: str, rule: AnyRule, wholes: Wholes, city: City, history: History, span: Span) -> Version:
    """Return what a version would have done; `wholes` are all rules in force.

    Raises SettingError when the history holds nothing that it could be judged by.
    """
    times = (span.from_ms, span.until_ms)
    if isinstance(rule, Combination):
        judged = backtest.judge_together(rule, parts_of(rule, wholes), city, history, *times)
    else:
        judged = backtest.judge(rule, city, history, *times)
    if not judged.minutes_count:
        raise SettingError(_nothing(rule, history))
    alarms = firing.fired(judged.detections)
    if rule.schedule is not None:
        window = Window(weekly=rule.schedule, time_zone=city.time_zone)
        presented = [one for one in alarms if holds(window, one.raised_ms)]
    else:
        presented = alarms
    bounds, outside = (span.from_ms, span.until_ms), len(alarms) - len(presented)
    load = firing.load(presented, judged.detections, bounds, span.desks)
    together = firing.load([*span.others, *presented], judged.detections, bounds, span.desks)
    broken = firing.broken(together, firing.load(span.others, (), bounds, span.desks))
    known = None if span.truths is None else truth.score(presented, span.truths, bounds, len(judged.sensors))
    return Version(version, rule, judged, load, together, outside, broken, known)


def plain(found: Version) -> dict[str, Any]:
    """Return a version as plain values."""
    return {
        "version": found.version,
        "rule": {
            key: value
            for key, value in msgspec.to_builtins(found.rule).items()
            if value is not None and key not in UNUSED.get(found.rule.kind, ())
        },
        "sensors": len(found.judged.sensors),
        "minutes": found.judged.minutes_count,
        "corrected_minutes": found.judged.corrected_count,
        "outside_schedule_count": found.outside_schedule_count,
        **msgspec.to_builtins(found.load),
        "together": msgspec.to_builtins(found.together),
        "truth": None if found.score is None else msgspec.to_builtins(found.score),
        "broken": [one._asdict() for one in found.broken],
    }


def _nothing(rule: AnyRule, history: History) -> str:
    if isinstance(rule, Combination):
        return f"{rule.name}: the history has no minutes of any of {', '.join(rule.of)}, so nothing can be judged"
    stored = WINDOW_S in history.windows(rule.column)
    why = "of that time" if stored else "at all"
    return (
        f"{rule.name}: the history has no minutes of {rule.column} ({rule.domain}) {why}, so nothing can be judged; "
        "it keeps minutes for 7 days, and those of a replay for ever"
    )
