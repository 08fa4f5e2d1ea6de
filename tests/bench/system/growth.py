"""How fast the memory of each part of the running sample city grows, over city hours 4 to 6.

`./citywall bench growth` at the speed of the clock: six hours. `python -m tests.bench.system.growth --speed 8` does the
same hours of city time in three quarters of an hour; what grows with the clock on the wall is then told too small.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.bench.system.running import City, running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TARGETS = {"grows_most_mb_min": 0.02}
"""MB that the part which grows fastest gains in a minute of city time; embedded servers have bounds of their own."""

SETTLED_H, UNTIL_H = 4.0, 6.0
LOOKS = 240
SERVERS = ("broker", "redis")

MINUTE_S, HOUR_S = 60.0, 3600.0


def measure(folder: Path, speed: float = 1.0) -> dict[str, float]:
    """Run the city → the fastest growth, and each part's and server's, MB a minute of city time."""
    at_min: list[float] = []
    rss_mb: dict[str, list[float]] = {}
    with running(folder, "--speed", f"{speed:g}") as city:
        began = time.monotonic()
        for look_h in np.linspace(SETTLED_H, UNTIL_H, LOOKS):
            time.sleep(max(0.0, began + look_h * HOUR_S / speed - time.monotonic()))
            at_min.append((time.monotonic() - began) * speed / MINUTE_S)
            for part, mb in _resident_mb(city).items():
                rss_mb.setdefault(part, []).append(mb)
    return figures(at_min, rss_mb)


def figures(at_min: Sequence[float], rss_mb: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each one's slope, a straight line through all looks. Raises SystemExit when one began or ended between."""
    short = [part for part, looks in rss_mb.items() if len(looks) != len(at_min)]
    if short:
        raise SystemExit(f"citywall bench: {', '.join(sorted(short))} began or ended during the measurement")
    slopes = {part: float(np.polyfit(at_min, looks, 1)[0]) for part, looks in rss_mb.items()}
    most = max(slope for part, slope in slopes.items() if part not in SERVERS)
    return {"grows_most_mb_min": most, **{f"{part}_mb_min": slopes[part] for part in sorted(slopes)}}


def _resident_mb(city: City) -> dict[str, float]:
    found: dict[str, float] = {}
    for (part, _), one in city.usage().items():
        found[part] = found.get(part, 0.0) + one.rss_mb
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.system.growth", description=__doc__)
    parser.add_argument("--speed", type=float, default=1.0, help="city time per wall time (default 1: six hours)")
    with tempfile.TemporaryDirectory(prefix="citywall-bench-") as place:
        found = measure(Path(place), parser.parse_args().speed)
    for key, value in found.items():
        print(f"  {key:28s}{value:10.4f}" + (f"   at most {TARGETS[key]:g}" if key in TARGETS else ""))
    sys.exit(1 if any(found[key] > most for key, most in TARGETS.items()) else 0)
