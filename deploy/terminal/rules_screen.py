"""Alarm rules for a terminal, in its language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.rules.record import RECORD
from deploy.config.rule_keys import ENABLED, NAME, NUMBERS, PROCESSOR
from deploy.terminal.columns import aligned
from deploy.terminal.rules_in_force import ORIGINS
from processors.maths.combined import KIND
from processors.maths.rule_levels import LEVELS
from processors.maths.rules import UNITS
from streams.contract.name import Name
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Row = Mapping[str, Any]

WORDS = {
    "rule": Name("规则", "rule"),
    "title": Name("名称", "title"),
    "measured": Name("监测量", "measured"),
    "levels": Name("等级", "levels"),
    "change": Name("变化量", "change in"),
    "count": Name("越限分钟数", "minutes beyond its limit in"),
    "absence": Name("无数据时长", "time without a value"),
    "deviation": Name("偏离常态", "deviation from usual"),
    "zone": Name("同一片区", "in one zone"),
    "segment": Name("同一路段", "at one segment"),
    "owner": Name("责任部门", "owner"),
    "from": Name("来源", "from"),
    "default": Name("默认", "default"),
    "settings": Name("设置", "settings"),
    "city": Name("城市", "city"),
    "off": Name("停用", "off"),
    "value": Name("项目", "value"),
    "in_force": Name("当前值", "in force"),
    "judged": Name("判定者", "judged by"),
    "time_to_respond_s": Name("响应时限", "time to respond"),
    "cause": Name("原因", "cause"),
    "consequence": Name("后果", "consequence"),
    "action": Name("处置", "action"),
    "basis": Name("依据", "basis"),
    "standard": Name("标准", "standard"),
    "local": Name("地方规定", "local order"),
    "proposal": Name("建议值", "proposal"),
    "official": Name("官方发布", "official"),
    "s": Name("秒", "s"),
    "min": Name("分钟", "min"),
    "h": Name("小时", "h"),
    "none": Name("未填写", "not written yet"),
}
ALONE = ("absence", "deviation")
"""Kinds of which the limits are of something else than the mean, and not over a time."""
RANK = ("default", "settings", "city")
NOT_SHOWN = {NAME, PROCESSOR, NUMBERS, RECORD, ORIGINS, "basis", "reference"}
RESPOND = "time_to_respond_s"
HOUR_S, MINUTE_S = 3600, 60


def table(rules: Iterable[Row], language: str) -> str:
    """Return a line a rule; the origin is the topmost that says anything of it."""
    head = [_word(key, language) for key in ("rule", "title", "measured", "levels", "owner", "from")]
    return "\n".join(aligned([head, *(_line(rule, language) for rule in rules)]))


def one(rule: Row, language: str) -> str:
    """Return all of a rule: its values with their origins, and its record."""
    lines = [f"{rule[NAME]}  {_text(rule, 'title', language)}  ({_word('judged', language)} {rule[PROCESSOR]})", ""]
    values = [
        [key, _shown(value), _word(rule[ORIGINS][key], language)]
        for key, value in rule.items()
        if key in rule[ORIGINS] and key not in NOT_SHOWN and value is not None
    ]
    if values:
        lines += [*aligned([[_word(key, language) for key in ("value", "in_force", "from")], *values]), ""]
    return "\n".join([*lines, *_record(rule, language)])


def _line(rule: Row, language: str) -> list[str]:
    measured = f"{rule['domain']} {rule['column']}" if "column" in rule else _together(rule, language)
    if rule.get("kind") in ALONE:
        measured += f", {_word(rule['kind'], language)}"
    elif rule.get("over_s") is not None:
        measured += f", {_word(rule['kind'], language)} {span(rule['over_s'], language)}"
    levels = levels_of(rule) if rule[ENABLED] else _word("off", language)
    top = max(rule[ORIGINS].values(), key=RANK.index)
    title, owner = _text(rule, "title", language), _text(rule, "owner", language)
    return [rule[NAME], title, measured, levels, owner, _word(top, language)]


def levels_of(rule: Row) -> str:
    """Return the limits with their unit, the mildest first.

    >>> levels_of({"domain": "weather", "column": "visibility_m", "sense": "below", "iii": 500.0, "ii": 200.0})
    'III < 500, II < 200 m'
    """
    if not any(rule.get(key) is not None for key in LEVELS):
        return ", ".join(level.upper() for level in rule.get("levels", ()))
    sign = "<" if rule.get("sense") == "below" and rule.get("kind") != "count" else "≥"
    limits = ", ".join(f"{key.upper()} {sign} {_shown(rule[key])}" for key in LEVELS if rule.get(key) is not None)
    return f"{limits} {_unit(rule)}".rstrip()


def _unit(rule: Row) -> str:
    kind = rule.get("kind")
    if kind == KIND or kind in UNITS:
        return UNITS.get(kind, "")
    schema = load_schemas().get(rule["domain"])
    return next((one.unit for one in schema.columns if one.name == rule["column"]), "") if schema else ""


def _together(rule: Row, language: str) -> str:
    """Return what a rule without a column is judged by: those that it is of, else a processor."""
    if "of" not in rule:
        return str(rule[PROCESSOR])
    return f"{' + '.join(rule['of'])}, {_word(rule['within'], language)}"


def _record(rule: Row, language: str) -> Iterator[str]:
    colon = "：" if language == "zh" else ": "
    for key in ("cause", "consequence", "action", RESPOND, "owner"):
        is_time = key == RESPOND
        told = span(rule[RECORD].get(key), language) if is_time else _text(rule, key, language)
        origin = rule[ORIGINS].get(f"{RECORD}.{key}" if is_time else f"{RECORD}.{key}.{language}", RANK[0])
        mark = "" if origin == RANK[0] else f" ({_word(origin, language)})"
        yield f"{_word(key, language)}{colon}{told}{mark}"
    yield f"{_word('basis', language)}{colon}{_word(rule['basis'], language)}; {_cited(rule['reference'], language)}"


def _cited(reference: str | Mapping[str, str], language: str) -> str:
    return reference if isinstance(reference, str) else reference[language]


def span(seconds: int | None, language: str) -> str:
    """Return a time as a person says it.

    >>> [span(seconds, "en") for seconds in (45, 600, 5400, 7200)], span(7200, "zh")
    (['45 s', '10 min', '90 min', '2 h'], '2 小时')
    """
    if seconds is None:
        return _word("none", language)
    for size_s, unit in ((HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds % size_s == 0:
            return f"{seconds // size_s} {_word(unit, language)}"
    return f"{seconds} {_word('s', language)}"


def _text(rule: Row, key: str, language: str) -> str:
    return str(rule[RECORD].get(key, {}).get(language) or _word("none", language))


def _word(key: str, language: str) -> str:
    return WORDS[key].said_in(language)


def _shown(value: object) -> str:
    """Return a value as it would be written."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return f"{value:.12g}" if isinstance(value, float | int) else str(value)
