"""A level of a rule at a sensor that changed, as the parts of `threshold` tell each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from processors.maths.rules import Rule


class Change(NamedTuple):
    """Severities before and after, since when, up to where was judged, and what the rule judged then."""

    rule: Rule
    sensor: int
    before: int
    after: int
    since_ms: int
    known_ms: int
    value: float
