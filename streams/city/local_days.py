"""Where the days of a city's clock begin: days of 23, 24 or 25 hours, in any time zone. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=4096)
def midnight_ms(time_zone: str, at_ms: int, days_ago: int = 0) -> int:
    """Return when the local day of a moment began, or one so many days before (below 0: after).

    >>> midnight_ms("Asia/Shanghai", 1_700_000_040_000)  # 06:14 of the 15th, which began at 16:00 of the 14th, UTC
    1699977600000
    """
    zone = ZoneInfo(time_zone)
    day = datetime.fromtimestamp(at_ms / 1000, tz=zone).date() - timedelta(days=days_ago)
    return int(datetime.combine(day, time(), zone).timestamp() * 1000)
