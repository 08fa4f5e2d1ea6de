"""Memory and processor time of the whole sample city, the embedded servers included.

At default speed: cores over a minute, after a minute of settling. At speed 60: memory after eight hours of city time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench.system.running import City, running

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = {"cores": 1.0, "rss_mb": 1500.0, "rss_8h_mb": 1550.0}

SETTLE_S = 60.0
WATCH_S = 60.0
FAST = 60.0
CITY_S = 8 * 3600.0
LOOK_EVERY_S = 10.0


def measure(folder: Path) -> dict[str, float]:
    """Run the city at default speed, then another at speed 60."""
    with running(folder / "default") as city:
        time.sleep(SETTLE_S)
        cores = city.cores(WATCH_S)
        rss_mb, pss_mb = _memory(city)
        _tell("at default speed", city, cores)
    with running(folder / "fast", "--speed", f"{FAST:g}") as city:
        began, highest_mb = time.monotonic(), 0.0
        while time.monotonic() - began < CITY_S / FAST:
            time.sleep(LOOK_EVERY_S)
            highest_mb = max(highest_mb, _memory(city)[0])
        fast_cores = city.cores(LOOK_EVERY_S)
        late_rss_mb, late_pss_mb = _memory(city)
        _tell("after eight hours at speed 60", city, fast_cores)
    return {
        "cores": sum(cores.values()),
        "rss_mb": rss_mb,
        "pss_mb": pss_mb,
        "cores_at_60": sum(fast_cores.values()),
        "rss_8h_mb": late_rss_mb,
        "rss_8h_highest_mb": highest_mb,
        "pss_8h_mb": late_pss_mb,
    }


def _memory(city: City) -> tuple[float, float]:
    found = city.usage().values()
    return sum(one.rss_mb for one in found), sum(one.pss_mb for one in found)


def _tell(when: str, city: City, cores: dict[str, float]) -> None:
    print(f"  {when}:")
    for (name, _), one in sorted(city.usage().items(), key=lambda pair: -pair[1].rss_mb):
        print(f"    {name:20s}{cores.get(name, 0.0):8.3f} cores{one.rss_mb:8.1f} MB{one.pss_mb:8.1f} MB shared out")
