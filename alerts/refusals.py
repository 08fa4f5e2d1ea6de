"""Why a command was refused, in words: `refusals.toml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from alerts.rules.record import Words
from streams.contract.name import Name
from streams.toml_keys import read_as

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    why: dict[str, Words]


@cache
def reasons() -> Mapping[str, Name]:
    """Return the words for every reason that has some."""
    table = read_as(Path(__file__).with_name("refusals.toml"), _Table)
    return {reason: Name(words.zh, words.en) for reason, words in table.why.items()}


def why(reason: str, by: str = "", desk: str = "") -> Name:
    """Say why a command was refused, and who was first, if anybody was.

    >>> why("closed", "Li Na", "2").en
    'The alarm has ended. (Li Na, 2)'
    """
    said = reasons().get(reason, Name(f"未执行：{reason}", f"It was not done: {reason}."))
    if not by:
        return said
    return Name(f"{said.zh}（{by}{desk and f'，{desk}'}）", f"{said.en} ({by}{desk and f', {desk}'})")
