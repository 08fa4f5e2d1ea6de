"""The pipeline's rate, lag and dead letters, from pulses and books."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from streams.health.pulse import OLD_S

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE_OVER_MS = 10_000


def lag(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the worst lag over all partitions, and the records behind."""
    partitions = [partition for part in parts.values() for partition in part.get("partitions", ())]
    seconds = [partition["lag_s"] for partition in partitions if partition.get("lag_s") is not None]
    return {
        "lag_s": round(max(seconds), 2) if seconds else None,
        "lag_records": sum(partition.get("lag_records") or 0 for partition in partitions) if partitions else None,
    }


class Rate:
    """Readings a second, from how the books' count grows over the last seconds."""

    def __init__(self, over_ms: int = RATE_OVER_MS) -> None:
        self._over_ms = over_ms
        self._seen: deque[tuple[int, int]] = deque()

    def take(self, books: Mapping[str, Mapping[str, Any]], wall_ms: int) -> float | None:
        """Take the books as they stand; None until there are two points, or when the count went back."""
        found = [book["counts"]["readings_in"] for book in books.values() if "readings_in" in book.get("counts", {})]
        if not found:
            self._seen.clear()
            return None
        if self._seen and sum(found) < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((wall_ms, sum(found)))
        while len(self._seen) > 2 and wall_ms - self._seen[1][0] >= self._over_ms:  # noqa: PLR2004 - two ends of a span
            self._seen.popleft()
        (first_ms, first), (last_ms, last) = self._seen[0], self._seen[-1]
        return round((last - first) / (last_ms - first_ms) * 1000, 1) if last_ms > first_ms else None


def dead_letters(books: Mapping[str, Mapping[str, Any]]) -> dict[str, int] | None:
    """Sum dead letters by reason over all books; None = no books have come."""
    if not books:
        return None
    total: dict[str, int] = {}
    for book in books.values():
        counts = book.get("counts", {})
        for reason, count in counts.get("dead_lettered", {}).items():
            total[reason] = total.get(reason, 0) + count
        late = counts.get("too_late")
        if isinstance(late, int) and late:
            total["too_late"] = total.get("too_late", 0) + late
    return dict(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))


def parts_view(parts: Mapping[str, Mapping[str, Any]], wall_ms: int) -> list[dict[str, Any]]:
    """Return each part's name, rate and whether its pulse is fresh."""
    return [
        {
            "part": name,
            "in_per_s": part.get("rates", {}).get("in_per_s"),
            "alive": (wall_ms - part["at_ms"]) / 1000 <= OLD_S,
        }
        for name, part in sorted(parts.items())
    ]
