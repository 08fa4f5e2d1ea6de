"""Sources with their ages, and the pipeline's rate, lag and dead letters, from feeds, pulses and books."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.city.registry import City

LATE_INTERVALS = 3
LATE_MIN_S = 15.0
PULSE_OLD_S = 5.0
RATE_OVER_MS = 10_000


def intervals_s(city: City, domains: Iterable[str]) -> dict[str, float]:
    """Return how often a domain's sensors usually report."""
    every: dict[str, list[float]] = {}
    for sensor in city.sensors:
        every.setdefault(sensor.domain, []).append(sensor.interval_s)
    return {domain: median(every[domain]) if domain in every else 60.0 for domain in domains}


def late_after_s(interval_s: float) -> float:
    """Return the age, in event time, beyond which a source is late."""
    return LATE_INTERVALS * interval_s + LATE_MIN_S


def is_late(feed: Mapping[str, Any] | None, interval_s: float, now_ms: int, wall_ms: int, speed: float) -> bool:
    """Say whether a source is behind its own rhythm, by event time or by when its last frame came."""
    if feed is None or feed["at_ms"] is None or feed["received_ms"] is None:
        return True
    behind_s = (now_ms - int(feed["at_ms"])) / 1000
    quiet_s = (wall_ms - int(feed["received_ms"])) / 1000
    quiet_limit_s = LATE_MIN_S + LATE_INTERVALS * interval_s / max(speed, 1e-3)
    return behind_s > late_after_s(interval_s) + LATE_MIN_S * max(speed, 1.0) or quiet_s > quiet_limit_s


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
            "alive": (wall_ms - part["at_ms"]) / 1000 <= PULSE_OLD_S,
        }
        for name, part in sorted(parts.items())
    ]
