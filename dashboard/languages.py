"""In which language whoever asked wants the answer: `Accept-Language` (RFC 9110, 12.5.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Language: TypeAlias = Literal["zh", "en"]
OURS: tuple[Language, ...] = ("zh", "en")
HEADER = "accept-language"
WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


def language_of(accepted: str | None) -> Language:
    """Return the one of ours that is wanted most, of two alike the first; English where nothing says.

    >>> [language_of(one) for one in ("zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.5, zh;q=0.7", "fr", "zh;q=0", None)]
    ['zh', 'zh', 'en', 'en', 'en']
    """
    wanted: dict[Language, float] = {}
    for one in (accepted or "").split(","):
        tag, *parameters = one.split(";")
        for name in OURS:
            if tag.strip().partition("-")[0].lower() == name:
                wanted[name] = max(wanted.get(name, 0.0), _weight(parameters))
    best = max(wanted, key=lambda name: wanted[name]) if wanted else "en"
    return best if wanted.get(best) else "en"


def _weight(parameters: Sequence[str]) -> float:
    """Return a language's weight; what is no weight wants nothing."""
    for one in parameters:
        name, _, number = one.strip().partition("=")
        if name.strip().lower() == "q":
            return float(number) if WEIGHT.fullmatch(number.strip()) else 0.0
    return 1.0
