"""The words for each kind of alarm, in both languages, and how soon a person should have taken it: `kinds.toml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from streams.toml_keys import read_as

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.contract.records import Level

Lang: TypeAlias = Literal["zh", "en"]
Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name of one bad thing."""

    zh: Text
    en: Text


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    response_s: dict[Literal["1", "2", "3", "4"], Annotated[int, msgspec.Meta(gt=0)]]
    kinds: dict[str, Kind]


def kinds() -> Mapping[str, Kind]:
    """Return every kind that has a name."""
    return _table().kinds


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


def response_limit_s(level: Level) -> int | None:
    """Return how soon an alarm of this level should be acknowledged, None for level 0."""
    return _limits_s().get(level)


@cache
def _limits_s() -> dict[int, int]:
    return {int(level): limit_s for level, limit_s in _table().response_s.items()}


@cache
def _table() -> _Table:
    return read_as(Path(__file__).with_name("kinds.toml"), _Table)
