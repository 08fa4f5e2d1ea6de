"""How roads are drawn and ranked: grades by GB/T 33171, corridors by delay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.places import corridor
from processors.maths.tpi import GRADE_TTI, TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from dashboard.mirror import Segment
    from streams.city.registry import City

MIN_SEGMENTS = 2
FIRST_SHOWN_GRADE = 2
"""From light congestion on a road has a colour."""


def grade(tti: float | None) -> int | None:
    """Return 0 free, 1 mostly free, 2 light, 3 moderate, 4 severe congestion; None = not known.

    >>> [grade(tti) for tti in (1.0, 1.5, 2.0, 2.5, 3.4, None)]
    [0, 1, 2, 3, 4, None]
    """
    if tti is None:
        return None
    return sum(tti >= limit - TOLERANCE for limit in GRADE_TTI)


class Corridors:
    """Roads of a city, each with its segments."""

    def __init__(self, city: City) -> None:
        self._ids = [segment.id for segment in city.segments]
        self._roads: dict[tuple[str, str], list[int]] = {}
        for index, segment in enumerate(city.segments):
            self._roads.setdefault(corridor(segment.called), []).append(index)
        self._length_km = [segment.length_m / 1000 for segment in city.segments]
        self._free_h = [segment.length_m / 1000 / max(segment.free_flow_km_h, 1.0) for segment in city.segments]

    def worst(self, segments: Mapping[str, Segment], count: int) -> list[dict[str, Any]]:
        """Return the roads with the greatest delay end to end: names, km, TTI (sums first), minutes lost, grade."""
        ranked = []
        for (zh, en), members in self._roads.items():
            free_h = spent_h = length_km = 0.0
            seen = 0
            for index in members:
                row = segments.get(self._ids[index])
                if row is None or row[1] is None:
                    continue
                seen += 1
                free_h += self._free_h[index]
                spent_h += self._free_h[index] * row[1]
                length_km += self._length_km[index]
            if seen >= MIN_SEGMENTS and spent_h > free_h:
                ranked.append((spent_h - free_h, zh, en, spent_h / free_h, length_km, members))
        ranked.sort(key=lambda road: (-road[0], road[1]))
        return [
            {
                "zh": zh, "en": en, "tti": round(tti, 2), "km": round(km, 1), "lost_min": round(lost_h * 60, 1),
                "grade": grade(tti), "segment": max(members, key=lambda index: _tti(segments.get(self._ids[index]))),
            }
            for lost_h, zh, en, tti, km, members in ranked[:count]
        ]  # fmt: skip


def _tti(row: Segment | None) -> float:
    return row[1] if row is not None and row[1] is not None else 0.0


def tally(segments: Mapping[str, Segment], city: Container[str], total: int) -> dict[str, Any]:
    """Count the `total` segments of a city by grade; `unknown` are those without a value."""
    counts = [0] * (len(GRADE_TTI) + 1)
    for segment, row in segments.items():
        found = grade(row[1]) if segment in city else None
        if found is not None:
            counts[found] += 1
    return {"grades": counts, "unknown": total - sum(counts), "total": total, "slow": sum(counts[FIRST_SHOWN_GRADE:])}
