"""Counters of rows go on over a crash of every stage, as the books do: no jump back, nothing counted twice."""

import asyncio
import random

import pytest

from dashboard.mirror import Mirror
from dashboard.telemetry.exposition import exposition
from dashboard.telemetry.metric import BookKey, Seen
from streams.sinks.live_city import Residents
from streams.sinks.live_state import LiveState
from tests.dashboard.scrape import scraped, total
from tests.streams.stack import CrashError, Stack, feed

SUMMED = {
    "readings_in": ("citywall_intake_readings_total", {}),
    "sent": ("citywall_intake_rows_total", {}),
    "in_frames": ("citywall_zone_rows_total", {"verdict": "admitted"}),
    "duplicates": ("citywall_zone_rows_total", {"verdict": "duplicate"}),
    "conflicts": ("citywall_zone_conflicting_rows_total", {}),
    "undecodable": ("citywall_dead_letters_total", {"reason": "undecodable"}),
    "unknown_sensor": ("citywall_dead_letters_total", {"reason": "unknown_sensor"}),
    "congestion: used": ("citywall_processor_rows_total", {"processor": "congestion"}),
}
"""A number of the stages' own books → the metric and labels that must add up to it."""


class Scraper:
    """Folds the stages' books into a live state, as the sink does, and scrapes it."""

    def __init__(self):
        self.live = LiveState(Residents(), {})

    def scrape(self, stack):
        for team in (stack.intake, stack.zone):
            for key, book in team.books().items():
                self.live.fold_book(key, book, 0)
        mirror = Mirror()
        mirror.load("e", 1, self.live.fields)
        books = {BookKey(*key.split(":")): book for key, book in mirror.books.items()}
        rest = {"pulses": {}, "feeds": {}, "processes": (), "clients": 0}
        ages = {"wall_ms": 0, "city_ms": 0, "live_state_lost_ms": None, "newest_metric_ms": None}
        return scraped(exposition(Seen(build="b", city="c", books=books, **rest, **ages)).decode())


@pytest.fixture(autouse=True)
def _save_and_publish_at_each_tick(monkeypatch):
    monkeypatch.setattr("streams.saving.snapshots.pause_s", lambda _: 0.0)
    monkeypatch.setattr("streams.zone.zone_stage.LIVE_PAUSE_FACTOR", 0.0)


def test_counters_never_fall_and_end_at_what_the_books_say(city_folder):
    chance = random.Random(11)
    stack = Stack(city_folder, feed(chance, with_marks=True))
    scraper = Scraper()
    falls, seen, crashes = [], {}, 0

    async def story():
        nonlocal seen, crashes
        await stack.start()
        while any(host.behind() for team in stack.teams[:2] for host in team.hosts):
            hosts = [host for team in stack.teams[:2] for host in team.hosts if host.behind()]
            host = chance.choice(hosts)
            try:
                await host.deliver(*chance.choice(host.behind()), at_most=9)
                await host.tick()
            except CrashError:
                crashes += 1
                await stack.start()  # all that was in memory is forgotten
            found = scraper.scrape(stack)
            falls.extend(key for key, value in seen.items() if key[0].endswith("_total") and found.get(key, 0) < value)
            seen = found

    stack.crash_now_and_then(chance, share=0.04)
    asyncio.run(story())
    assert crashes > 2
    assert falls == []
    stack.bus.before_send = None

    async def to_the_end():
        await stack.start()
        for team in stack.teams[:2]:
            for host in team.hosts:
                await host.drain()
                await host.tick()

    asyncio.run(to_the_end())
    found, books = scraper.scrape(stack), stack.books()
    totals = {name: total(found, metric, **labels) for name, (metric, labels) in SUMMED.items()}
    assert totals == {name: books.get(name, 0) for name in SUMMED}
    assert all(totals[name] for name in ("readings_in", "in_frames", "duplicates", "congestion: used"))
