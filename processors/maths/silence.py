"""Which sensors have fallen silent at the end of a minute, told unless so many have that it is their feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from processors.maths.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Limits(NamedTuple):
    """What it is called, (m,) how long each sensor may say nothing, and when it is told."""

    kind: str
    limit_ms: NDArray[np.int64]
    delay_ms: float
    """So long it has been silent before it alarms."""
    outage_count: float
    """So many silent sensors have one cause."""
    gone: NDArray[np.bool_] | None
    """(m,) who has left, None = nobody."""


class Silent(NamedTuple):
    """How many sensors are silent, and whose alarm for it begins or ends."""

    sensors: int
    found: list[Finding]


def judge(last_ms: NDArray[np.int64], alarms: NDArray[np.int64], now_ms: int, limits: Limits) -> Silent:
    """Judge sensors by their last readings, (m,); `alarms`, 1 = it has one, change in place."""
    since_ms = last_ms + limits.limit_ms
    silent = now_ms > since_ms
    if limits.gone is not None:
        silent &= ~limits.gone
    count = int(np.count_nonzero(silent))
    if not count and not np.count_nonzero(alarms):
        return Silent(0, [])
    outage = count >= limits.outage_count
    begins = silent & (alarms == 0) & (now_ms - since_ms >= limits.delay_ms) & (not outage)
    ends = ~silent & (alarms == 1)
    found = []
    for place in (begins | ends).nonzero()[0].tolist():
        on, last, limit_ms = bool(begins[place]), int(last_ms[place]), int(limits.limit_ms[place])
        alarms[place] = on
        at_ms, quiet_s, limit_s = last + limit_ms if on else last, (now_ms - last) / 1000, float(limit_ms) / 1000
        found.append(Finding(limits.kind, place, at_ms, now_ms, on, quiet_s, limit_s, "s"))
    return Silent(count, found)
