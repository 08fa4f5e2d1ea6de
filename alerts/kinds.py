"""The words for each kind of alarm, in both languages; what it is of, how soon a person should take it: `kinds.toml`.

What a kind is called stands in the record of its rule, `alerts/rules/<kind>.toml`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from alerts.rules.record import RECORD, Words
from alerts.rules.shipped import shipped
from streams.toml_keys import faults_within, read_as

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.alarm import Alarm
    from streams.contract.level import Level
    from streams.contract.records import Detection

SILENT_SENSOR, SILENT_FEED = "sensor_silent", "feed_silent"
"""Kinds whose entity is not heard: what is known of it may no longer be so."""

OF, ABSENCE = "of", "absence"
"""Key and value in the evidence of what a rule of absence finds: that nothing is heard is then the condition itself."""

Lang: TypeAlias = Literal["zh", "en"]


class Traits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kinds of alarms by what they are of; a kind in none of these is of the city itself."""

    equipment: frozenset[str]
    """Of a device or a feed: what it watches may be well."""
    queueing: frozenset[str]
    """Of a queue, which grows up the road from its cause."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    response_s: dict[Literal["1", "2", "3", "4"], Annotated[int, msgspec.Meta(gt=0)]]
    traits: Traits


@cache
def kinds() -> Mapping[str, Words]:
    """Return every kind that has a name; a rule that is still being written may have none."""
    titles = {name: rule[RECORD].get("title") for name, rule in shipped().items()}
    return {
        name: msgspec.convert(words, Words) for name, words in titles.items() if not any(faults_within(words, Words))
    }


def title(kind: str, lang: Lang, place: str = "") -> str:
    """Say what is wrong, and where if a place is given; a kind that has no name yet stands for itself.

    >>> title("slow_traffic", "en", "Ring Road")
    'Congestion at Ring Road'
    >>> title("slow_traffic", "zh", "环城路")
    '环城路 拥堵加剧'
    """
    known = kinds().get(kind)
    name = kind if known is None else getattr(known, lang)
    if not place:
        return str(name)
    return f"{place} {name}" if lang == "zh" else f"{name} at {place}"


def is_unheard(one: Detection | Alarm) -> bool:
    """Tell whether it says of a sensor, or of one of its columns, that nothing is heard."""
    return one.kind == SILENT_SENSOR or one.evidence.get(OF) == ABSENCE


def response_limit_s(level: Level) -> int | None:
    """Return how soon an alarm of this level should be acknowledged, None for level 0."""
    return limits_s().get(level)


@cache
def limits_s() -> Mapping[int, int]:
    """Return how soon an alarm should be acknowledged, by level."""
    return {int(level): limit_s for level, limit_s in _table().response_s.items()}


def traits() -> Traits:
    """Return which kinds are of what."""
    return _table().traits


@cache
def _table() -> _Table:
    return read_as(Path(__file__).with_name("kinds.toml"), _Table)
