"""What went wrong in other alarm engines, by its number in the list of public reports: here at the wall."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from alerts.commands import Shelve
from alerts.judge import alarm_id
from tests.alerts.staging import go_on, lived, projected
from tests.alerts.writing import acknowledge, commanded, detection
from tests.dashboard.asking import Wall
from tests.dashboard.scrape import scraped, total
from tests.fakes import FakeBus

if TYPE_CHECKING:
    from tests.fakes import FakeHost

MINUTE_MS = 60_000
STATES = ("unacknowledged", "acknowledged", "shelved")


def seen(wall: Wall, host: FakeHost, bus: FakeBus) -> dict[str, int]:
    """Show the wall what the engine says → what list, counter and `/metrics` make of it, which is one and the same."""
    rows = projected(bus)
    book = host.stage.books()["alarms:journal:0"]
    known = wall.hub.mirror.alarms
    wall.change({f"a:{name}": row for name, row in rows.items()} | {"b:alarms:journal:0": json.loads(json.dumps(book))},
                tuple(f"a:{name}" for name in known if name not in rows))  # fmt: skip
    pages = {state: wall.ask("GET", f"/api/v1/alarms?state={state}").json() for state in STATES}
    listed = {state: len(page["alarms"]) for state, page in pages.items() if page["alarms"]}
    counts = pages["shelved"]["counts"]
    scrape = scraped(wall.ask("GET", "/metrics").text)
    metrics = {place: int(total(scrape, "citywall_open_alarms", place=place)) for place in ("shown", "shelved")}
    assert metrics == {"shown": len(rows) - listed.get("shelved", 0), "shelved": listed.get("shelved", 0)}
    assert (counts["shelved"], counts["waiting"]) == (listed.get("shelved", 0), listed.get("unacknowledged", 0))
    assert counts["total"] == metrics["shown"]
    return listed


def test_a13_when_their_time_is_over_list_counter_and_metrics_agree(config):
    wall, bus, other = Wall(config), FakeBus(), detection(3, 10, entity="s2")
    first = detection(3, 10)
    commands = [
        acknowledge(alarm_id(first), for_ms=MINUTE_MS),
        commanded(Shelve, alarm_id(other), "k2", for_ms=MINUTE_MS),
    ]

    host = asyncio.run(lived(bus, first, other, *commands))
    assert seen(wall, host, bus) == {"acknowledged": 1, "shelved": 1}
    asyncio.run(go_on(host, MINUTE_MS))
    assert seen(wall, host, bus) == {"unacknowledged": 2}
