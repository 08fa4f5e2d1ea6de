"""The levels of a rule, and how a layer takes one away. Without arrays: what reads rules only loads none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.toml_keys import laid_over

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("iv", "iii", "ii", "i")
"""Keys of the limits, the mildest first."""


def rule_over(below: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule with what a layer says of it laid over it; a level that is `false` there is none.

    >>> rule_over({"iv": 35, "iii": 37}, {"iv": False, "iii": 38})
    {'iii': 38}
    """
    return {key: one for key, one in laid_over(below, own).items() if not is_level_off(key, one)}


def is_level_off(key: str, value: object) -> bool:
    """Tell whether a layer takes a level from a rule, `iv = false`."""
    return key in LEVELS and value is False
