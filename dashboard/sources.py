"""Which domains are living, late or unheard, and what of the way from Kafka to the page is silent. Pure.

A domain is judged by its own rhythm: a city whose sensors report every five minutes is not stale after ten seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streams.health.pulse import OLD_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.city.registry import City

LEAST_LIMIT_S, MOST_LIMIT_S = 10.0, 1e9
LATE_INTERVALS = 3
TRAVEL_S = 5.0
"""What a reading may need from its arrival to the page."""
BEHIND_S = 20.0
"""A reading may be so much older than the limit, by its own time: sources send with a delay."""
USUAL_INTERVAL_S = 60.0
"""Of a domain without sensors."""
WAY = ("intake", "processors", "alarms", "sinks")
"""What the names of the parts begin with that every value passes, or every command."""
BESIDE_THE_WAY = "sinks_history"
"""The history may be away: the page goes on."""


class Source(NamedTuple):
    """How one domain stands."""

    state: Literal["live", "late", "unheard"]
    received_ms: int | None
    """Wall-clock time at which its newest row came, None = none since this start of the stack."""
    age_s: float | None
    """Wall-clock seconds since then."""
    limit_s: float
    """The age beyond which it is late."""

    @property
    def live_until_ms(self) -> int | None:
        """Wall-clock time until which it is live if nothing else comes."""
        return None if self.received_ms is None else self.received_ms + int(self.limit_s * 1000)


def intervals_s(city: City, domains: Iterable[str]) -> dict[str, float]:
    """Return how often the fastest sensor of each domain reports."""
    every = _every(city)
    return {domain: min(every.get(domain, (USUAL_INTERVAL_S,))) for domain in domains}


def slowest_s(city: City, domains: Iterable[str]) -> dict[str, float]:
    """Return how often the slowest sensor of each domain reports."""
    every = _every(city)
    return {domain: max(every.get(domain, (USUAL_INTERVAL_S,))) for domain in domains}


def _every(city: City) -> dict[str, list[float]]:
    every: dict[str, list[float]] = {}
    for sensor in city.sensors:
        every.setdefault(sensor.domain, []).append(sensor.interval_s)
    return every


def limit_s(interval_s: float, speed: float) -> float:
    """Return the wall-clock age beyond which a domain is late; a city at full speed has no speed, 0.

    >>> [limit_s(interval_s, 1.0) for interval_s in (1.0, 10.0, 60.0, 300.0)], limit_s(300.0, 60.0), limit_s(60.0, 0.0)
    ([10.0, 35.0, 185.0, 905.0], 20.0, 10.0)
    """
    if speed <= 0:
        return LEAST_LIMIT_S
    return min(max(LEAST_LIMIT_S, LATE_INTERVALS * interval_s / speed + TRAVEL_S), MOST_LIMIT_S)


def interval_of(feed: Mapping[str, Any] | None, usual_s: float) -> float:
    """Return how often the fastest sensor reports that was heard in the last hour; before one was, `usual_s`."""
    heard_s = None if feed is None else feed.get("interval_s")
    return usual_s if heard_s is None else float(heard_s)


def source(feed: Mapping[str, Any] | None, usual_s: float, since_ms: int, wall_ms: int, speed: float) -> Source:
    """Judge a domain by its field of the live state; what came before `since_ms` proves nothing."""
    limit = limit_s(interval_of(feed, usual_s), speed)
    received_ms = None if feed is None else feed["received_ms"]
    if received_ms is None or received_ms < since_ms:
        return Source("unheard", None, None, limit)
    age_s = max(wall_ms - received_ms, 0) / 1000
    return Source("live" if age_s <= limit else "late", received_ms, age_s, limit)


def is_behind(feed: Mapping[str, Any] | None, usual_s: float, now_ms: int, speed: float) -> bool:
    """Say whether what comes is old by its own time, as while a backlog is worked off; `now_ms` is the city clock's."""
    if feed is None or feed["at_ms"] is None:
        return True
    if speed <= 0:
        return False
    behind_s = (now_ms - int(feed["at_ms"])) / 1000 / max(speed, 1.0)
    return behind_s > limit_s(interval_of(feed, usual_s), max(speed, 1.0)) + BEHIND_S


def silent_parts(parts: Mapping[str, Mapping[str, Any]], wall_ms: int) -> dict[str, float | None]:
    """Return what of the way is silent → for how long, None = never heard; one worker of a part speaks for all."""
    newest_ms: dict[str, int] = {}
    for name, pulse in parts.items():
        part, _, _ = name.partition("-")
        newest_ms[part] = max(int(pulse["at_ms"]), newest_ms.get(part, 0))
    newest_ms.pop(BESIDE_THE_WAY, None)
    unheard = [stage for stage in WAY if not any(part.startswith(stage) for part in newest_ms)]
    ages_s = {part: (wall_ms - at_ms) / 1000 for part, at_ms in sorted(newest_ms.items())}
    return dict.fromkeys(unheard) | {part: age_s for part, age_s in ages_s.items() if age_s > OLD_S}


def living(sources: Iterable[Source], silent: Iterable[str]) -> dict[str, Any]:
    """Return when the newest row came, until when a domain is live, from which age on that row is late; what is silent.

    A row is late at half the limit of the live domain that speaks most often.
    """
    heard = [one for one in sources if one.received_ms is not None]
    limits_s = [one.limit_s for one in heard if one.state == "live"]
    return {
        "newest_ms": max((one.received_ms or 0 for one in heard), default=None),
        "live_until_ms": max((one.live_until_ms or 0 for one in heard), default=None),
        "late_after_ms": int(min(limits_s) * 500) if limits_s else None,
        "silent": list(silent),
    }
