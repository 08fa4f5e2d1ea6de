"""What a signal means here: which kind of alarm it is, and of which level.

source  《突发事件应对法》 (warnings I-IV are red, orange, yellow, blue); CMA's weather signals, by their names; OASIS
        CAP-v1.2 3.2.2 for severity, urgency and certainty, whose way to a level is our own choice
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.contract.level import Level
    from streams.feeds.signals.document import Info

DOMAIN = "weather"
OTHER = "signal_other"
KINDS = {
    "signal_typhoon": r"台风|\b(typhoon|hurricane|tropical (storm|cyclone))\b",
    "signal_rainstorm": r"暴雨|\b(rain|rainstorm|rainfall|torrential)\b",
    "signal_snowstorm": r"暴雪|\b(snow|snowstorm|snowfall|blizzard)\b",
    "signal_cold_wave": r"寒潮|低温|\b(cold|low temperature)\b",
    "signal_lightning": r"雷|\b(lightning|thunder|thunderstorms?)\b",
    "signal_hail": r"冰雹|\bhail\b",
    "signal_gale": r"大风|\b(winds?|gale)\b",
    "signal_sandstorm": r"沙尘|\b(sand|sandstorm|dust)\b",
    "signal_heat": r"高温|\b(heat|high temperature)\b",
    "signal_drought": r"干旱|\bdrought\b",
    "signal_frost": r"霜冻|\bfrost\b",
    "signal_fog": r"雾|\bfog\b",
    "signal_haze": r"霾|\b(haze|smog)\b",
    "signal_icing": r"结冰|\b(ice|icing|icy)\b",
}
"""Kind → what its event is called; the first that fits."""

COLOURS: dict[str, Level] = {"红": 1, "橙": 2, "黄": 3, "蓝": 4, "red": 1, "orange": 2, "yellow": 3, "blue": 4}
NOTHING_TO_WARN_OF: Level = 0
SEVERITIES: dict[str, Level] = {"extreme": 1, "severe": 2, "moderate": 3, "minor": 4}
LEVEL_UNKNOWN: Level = 3
LOWEST: Level = 4
LATER = "future"
UNSURE = ("possible", "unlikely")

_IN_TEXT = re.compile(r"([红橙黄蓝])色")
_IN_PARAMETER = re.compile(r"([红橙黄蓝])色?|\b(red|orange|yellow|blue)\b", re.IGNORECASE)
_PARAMETER = re.compile(r"colou?r|level|颜色|级别", re.IGNORECASE)


def kind_of(event: str, headline: str = "") -> str:
    """Return the kind of alarm of an event; where its name says too little, the headline tells.

    >>> kind_of("暴雨橙色预警"), kind_of("Strong wind"), kind_of("预警信号", "发布大雾黄色预警信号"), kind_of("Tsunami")
    ('signal_rainstorm', 'signal_gale', 'signal_fog', 'signal_other')
    """
    fitting = (
        kind for text in (event, headline) for kind, said in KINDS.items() if re.search(said, text, re.IGNORECASE)
    )
    return next(fitting, OTHER)


def level_of(info: Info) -> Level:
    """Return the level of what is warned of, 0 = it is over.

    The colour decides where there is one; else the severity, one lower for what is later than soon, and one lower for
    what may as well not come.
    """
    if info.urgency.casefold() == "past" or "AllClear" in info.response_types:
        return NOTHING_TO_WARN_OF
    if (colour := _colour(info)) is not None:
        return COLOURS[colour]
    level = SEVERITIES.get(info.severity.casefold(), LEVEL_UNKNOWN)
    lower = (info.urgency.casefold() == LATER) + (info.certainty.casefold() in UNSURE)
    return next(one for one in SEVERITIES.values() if one == min(level + lower, LOWEST))


def _colour(info: Info) -> str | None:
    """Return the colour of a signal: of its parameters, its event, or what its headline names last."""
    for name, value in info.parameters:
        if _PARAMETER.search(name) and (found := _IN_PARAMETER.search(value)):
            return (found[1] or found[2]).casefold()
    named = _IN_TEXT.findall(info.event) or _IN_TEXT.findall(info.headline)
    return named[-1] if named else None
