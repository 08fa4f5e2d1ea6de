"""`python -m tests.bench.system.feed CITY KAFKA DATA`: the sample city's feed for a copy of its folder."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from streams.feeds.sample_city import run_sample_city

if __name__ == "__main__":
    folder, kafka, data = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_sample_city(Path(folder), kafka, data=Path(data), stop=stop)
