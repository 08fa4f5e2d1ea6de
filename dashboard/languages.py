"""In which language whoever asked wants the answer: `Accept-Language` (RFC 9110, 12.5.4)."""

from __future__ import annotations

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]
HEADER = "accept-language"


def language_of(accepted: str | None) -> Language:
    """Return the one of ours that is wanted most; English where nothing says.

    >>> [language_of(one) for one in ("zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.5, zh;q=0.7", "fr", "zh;q=0", None)]
    ['zh', 'zh', 'en', 'en', 'en']
    """
    wanted = {"zh": 0.0, "en": 0.0}
    for one in (accepted or "").split(","):
        tag, _, weight = one.partition(";")
        name = tag.strip().partition("-")[0].lower()
        if name in wanted:
            wanted[name] = max(wanted[name], _weight(weight))
    return "zh" if wanted["zh"] > wanted["en"] else "en"


def _weight(text: str) -> float:
    name, _, number = text.strip().partition("=")
    try:
        return float(number) if name == "q" else 1.0
    except ValueError:
        return 0.0
