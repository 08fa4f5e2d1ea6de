"""The books of a readings partition, summed over its zones: what became of each source's rows. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from streams.frames import LAST_PLACE

if TYPE_CHECKING:
    from collections.abc import Collection

    from streams.zone import ZoneState

ADMISSION = ("in_frames", "duplicates", "conflicts", "too_late")


def zone_counts(zones: Collection[ZoneState], sources: int) -> dict[str, Any]:
    """Return the counters of all zones, with each source's own and each processor's."""
    counts: dict[str, Any] = dict.fromkeys(ADMISSION, 0)
    for state in zones:
        for one in state.counts.values():
            for name in ADMISSION:
                counts[name] += getattr(one, name)
    counts["sources"] = {str(source): _source(zones, source) for source in range(sources)}
    counts["processors"] = _processors(zones)
    return counts


def _source(zones: Collection[ZoneState], source: int) -> dict[str, int]:
    """Say how far the zones are with a source: all `through` an offset, the `furthest` one, rows `sent` and `taken`."""
    counts = [state.counts[source] for state in zones if source in state.counts]
    positions = [state.absorbed.get(source, (-1, LAST_PLACE)) for state in zones]
    return {
        "through": min((offset if place == LAST_PLACE else offset - 1 for offset, place in positions), default=-1),
        "furthest": max((offset for offset, _ in positions), default=-1),
        "sent": sum(one.sent for one in counts),
        "taken": sum(one.in_frames + one.duplicates + one.too_late for one in counts),
    }


def _processors(zones: Collection[ZoneState]) -> dict[str, dict[str, Any]]:
    books: dict[str, dict[str, Any]] = {}
    for state in zones:
        for name, used in state.used.items():
            book = books.setdefault(name, {"used": 0, "dropped": defaultdict(int)})
            book["used"] += used
            for reason, dropped in state.dropped.get(name, {}).items():
                book["dropped"][reason] += dropped
    return books
