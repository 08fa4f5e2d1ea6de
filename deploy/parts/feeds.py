"""The feeds of our own: the sample city, or the files of a replay. Another city is fed by its departments."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.config.run import Run


def main(run: Run) -> None:
    """Run it until told to end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if run.mode == "replay":
        from streams.feeds.replay import running, saved

        speed = None if run.speed == "max" else run.speed
        running.run_replay(saved.load(run.city_path), run.kafka, speed=speed, data=run.data_path, stop=stop)
    elif run.mode == "simulated":
        from streams.feeds.sample_city.feed import run_sample_city

        run_sample_city(run.city_path, run.kafka, data=run.data_path, stop=stop, speed=float(run.speed))
    stop.wait()
