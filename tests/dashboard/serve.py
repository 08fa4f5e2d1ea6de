"""Runs the wall on a fake city, for looking at it: `python -m tests.dashboard.serve [--port N] [--city DIR]`."""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path

from tests.dashboard.fake_wall import FakeWall


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--share", type=float, default=0.1, help="share of the segments that change in a tick")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between ticks of the feed")
    parser.add_argument("--city", type=Path, help="a city folder in the place of the generated one")
    parser.add_argument("--mode", default="simulated", choices=("live", "simulated", "replay"))
    parser.add_argument("--speed", type=float, default=1.0)
    given = parser.parse_args()
    with FakeWall(given.port, given.share, given.interval, given.city) as wall, contextlib.suppress(KeyboardInterrupt):
        wall.feed.mode, wall.feed.speed = given.mode, given.speed
        wall.run(wall.feed.fill())
        print(wall.url, flush=True)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    main()
