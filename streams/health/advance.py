"""Alive means advancing: how long a partition with lag has stood still. Worker and supervisor both judge by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIMIT_S = 30.0
"""A partition with lag may stand still for so long."""

LOOK_S = 5.0
"""A look counts for at most so much time: while nobody looked, the process or the machine may have stood still too."""

Key = TypeVar("Key")


class Place(NamedTuple):
    """How far a partition is absorbed, and how far it reaches."""

    absorbed: int
    """Next offset to absorb."""
    end: int


@dataclass(slots=True)
class _Standing:
    absorbed: int
    for_s: float = 0.0


class Advance(Generic[Key]):
    """Remembers partitions from look to look. Invariant: one that was not looked at, or had no lag, begins anew."""

    def __init__(self) -> None:
        self._standing: dict[Key, _Standing] = {}
        self._looked_at_s: float | None = None

    def look(
        self, now_s: float, places: Mapping[Key, Place], excused_s: Callable[[Key], float] = lambda _: 0.0
    ) -> dict[Key, float]:
        """Look at the partitions that ought to advance → how long each that has lag has stood still, s.

        `excused_s`: of the time since the last look, what does not count for it.
        """
        since_s = 0.0 if self._looked_at_s is None else min(now_s - self._looked_at_s, LOOK_S)
        self._looked_at_s = now_s
        before, self._standing = self._standing, {}
        for key, place in places.items():
            if place.absorbed >= place.end:
                continue
            known = before.get(key)
            moved = known is None or known.absorbed != place.absorbed
            counted_s = max(since_s - excused_s(key), 0.0)
            self._standing[key] = _Standing(place.absorbed, 0.0 if known is None or moved else known.for_s + counted_s)
        return {key: one.for_s for key, one in self._standing.items()}
