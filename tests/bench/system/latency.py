"""From a reading sent to Kafka to its value painted in Chromium, and how long the page takes to apply a tick.

Marker sensors send about five readings a second beside the sample city's own feed, each at the city's time. A reading
is sent just before its record is handed to the producer, seen just after the frame that shows it. All by one clock.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.bench.system.figures import waits
from tests.bench.system.markers import city_with_markers, send
from tests.bench.system.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

TARGETS = {"seen_p50_ms": 500.0, "seen_p99_ms": 1500.0, "tick_p99_ms": 25.0, "never_seen": 0.0}

MARKERS = 20
PER_S = 5.0
OVER_S = 120.0
SETTLE_S = 45.0
LAST_S = 5.0
WATCH = Path(__file__).with_name("watch.js").read_text(encoding="utf-8")
TICKS = "performance.getEntriesByName('citywall-tick').filter(one => one.detail === 'delta').map(one => one.duration)"
CHROMIUM_OPTIONS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")  # fmt: skip


def measure(folder: Path) -> dict[str, float]:
    """Run the city and a browser."""
    folder.mkdir(parents=True, exist_ok=True)
    markers = city_with_markers(folder / "city", MARKERS)
    with running(folder, "--city", str(folder / "city")) as city, _page(city.run.wall) as page:
        page.wait_for_timeout(SETTLE_S * 1000)
        page.evaluate(WATCH, list(markers.values()))
        sent = []
        for one in send(city.run.kafka, markers, PER_S, OVER_S):
            sent.append(one)
            page.evaluate("0")  # lets Playwright work off what it was told
        page.wait_for_timeout(LAST_S * 1000)
        seen, ticks = page.evaluate("window.seen"), page.evaluate(TICKS)
    return figures(sent, seen, ticks)


def figures(sent: list[tuple[str, int]], seen: list[tuple[str, int, float]], ticks: list[float]) -> dict[str, float]:
    """Join what was sent, (segment, sent at), with what was seen, (segment, sent at, seen at)."""
    first: dict[tuple[str, int], float] = {}
    for segment, at_ms, seen_ms in seen:
        first.setdefault((segment, at_ms), seen_ms)
    took = [first[one] - one[1] for one in sent if one in first]
    if not took or not ticks:
        raise SystemExit("citywall bench: the page showed none of the readings")
    return {
        **waits("seen", took),
        "sent": float(len(sent)),
        "never_seen": float(len(sent) - len(took)),
        "tick_p50_ms": float(np.percentile(ticks, 50)),
        "tick_p99_ms": float(np.percentile(ticks, 99)),
    }


@contextmanager
def _page(address: str) -> Iterator[Page]:
    """Open the wall as a console shows it."""
    from playwright.sync_api import sync_playwright

    binary = os.environ.get("CITYWALL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if binary is None:
        raise SystemExit("citywall bench: there is no Chromium; install one, or name it in CITYWALL_CHROMIUM")
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=binary, args=list(CHROMIUM_OPTIONS))
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"{address}?lang=zh")
        yield page
        browser.close()
