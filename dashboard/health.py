"""Whether the wall shows a living city, for `GET /healthz`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.mirror import city_now_ms

if TYPE_CHECKING:
    from dashboard.config import WallConfig
    from dashboard.mirror import Mirror


def health(config: WallConfig, mirror: Mirror, redis_lost_ms: int | None, wall_ms: int) -> dict[str, Any]:
    """Return status, reasons and ages; the names are those of the interface."""
    newest_ms = mirror.newest_metric_wall_ms
    age_s = None if newest_ms is None else round((wall_ms - newest_ms) / 1000, 3)
    reasons = []
    if redis_lost_ms is not None:
        reasons.append(f"the live state cannot be read since {(wall_ms - redis_lost_ms) / 1000:.0f} s")
    missing = [domain for domain in config.running_domains() if not _seen(mirror, domain, config.started_ms)]
    if missing:
        reasons.append("no data of this start yet from " + ", ".join(missing))
    if age_s is None:
        reasons.append("no metric has come yet")
    elif age_s > config.limits.age_s:
        reasons.append(f"the newest metric came {age_s:.0f} s ago, the limit is {config.limits.age_s:.0f} s")
    status = "down" if reasons else "ok"
    reasons += [trouble.en for trouble in config.troubles()]  # said, but a wall that still gets its data is living
    return {
        "status": status,
        "build": config.build,
        "reasons": reasons,
        "age_s": age_s,
        "final_age_s": _final_age_s(mirror, wall_ms),
    }


def _seen(mirror: Mirror, domain: str, started_ms: int) -> bool:
    feed = mirror.feeds.get(domain)
    return feed is not None and (feed["received_ms"] or 0) >= started_ms


def _final_age_s(mirror: Mirror, wall_ms: int) -> float | None:
    if mirror.newest_final_ms is None:
        return None
    return round((city_now_ms(mirror.clock, wall_ms) - mirror.newest_final_ms) / 1000, 3)
