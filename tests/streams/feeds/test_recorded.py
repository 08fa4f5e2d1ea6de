"""The replay of a city folder with inbox records: how the contract of feeds runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streams.feeds import recorded
from tests.streams.conftest import write_small_city
from tests.streams.feeds.promises import Lives

if TYPE_CHECKING:
    from pathlib import Path

STAMPS = 30
START_MS = 1_577_836_800_000
SCRIPT = """
import sys, threading
from pathlib import Path
from streams.feeds.replay import running, saved
folder, kafka, speed = sys.argv[1:]
planned = saved.load(Path(folder) / "city")
running.run_replay(planned, kafka, speed=float(speed) if speed else None, data=Path(folder), stop=threading.Event())
"""


def prepare(folder: Path) -> Path:
    """Eight detectors, a reading each every ten seconds for five minutes, some lines 3 s late; weather beside."""
    files = write_small_city(folder / "files")
    rows = []
    for stamp in range(STAMPS):
        for sensor in range(8):
            at_ms = START_MS + 10_000 * stamp + (0 if sensor % 3 else 3_000)
            rows.append({"sensor": f"d{sensor}", "at": at_ms, "speed_km_h": 30 + stamp})
    (files / "traffic.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (files / "weather.ndjson").write_text(json.dumps({"sensor": "w0", "at": START_MS + 60_000, "wind_m_s": 3}) + "\n")
    recorded.prepare(files, folder / "city")
    return folder / "city"


LIVES = Lives(
    prepare=prepare,
    command=lambda folder, kafka, speed: ["-c", SCRIPT, str(folder), kafka, "" if speed is None else str(speed)],
    speeds=(None, 40.0),
)
