"""What a drawer is about, and how its facts are said in both languages."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from streams.contract.name import Name
from streams.contract.spec import WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.hub import Hub


class Section(NamedTuple):
    """Facts that belong together."""

    facts: Sequence[tuple[str | Name, Name]]
    """(message key or label, value) in reading order."""
    title: str = ""
    """Message key; the first section has none."""


class Subject(NamedTuple):
    """What a drawer is about."""

    title: Name
    sections: Sequence[Section]
    metric: str
    entity: str
    unit: Name
    scale: float = 1.0
    decimals: int = 1
    normal: tuple[float, float] | None = None
    limit: float | None = None
    label: Name = Name("", "")
    window_s: int = WINDOW_S
    """Length of the windows that its chart shows."""
    row: Mapping[str, Any] | None = None
    """Of an alarm: as the list shows it."""


def same(value: object) -> Name:
    """Return what is said alike in both languages."""
    return Name(str(value), str(value))


def number(value: float | None, decimals: int = 1, unit: Name = Name("", "")) -> Name:  # noqa: B008 - immutable
    """Return a number and its unit; a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return Name("—", "—")
    shown = f"{value:,.{decimals}f}"
    return Name(f"{shown} {unit.zh}".strip(), f"{shown} {unit.en}".strip())


def time_at(hub: Hub, at_ms: int | None, pattern: str = "%Y-%m-%d %H:%M:%S %z") -> Name:
    """Return an event time on the city's clocks."""
    if at_ms is None:
        return Name("—", "—")
    local = datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(ZoneInfo(hub.screen.view.city.time_zone))
    return same(local.strftime(pattern))
