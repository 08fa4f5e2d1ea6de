"""The feed of official signals beside the real alarm engine, on topics in memory, for tests."""

import asyncio
from functools import wraps

from streams.city.known import Cities
from streams.feeds.signals.settings import Source
from streams.feeds.signals.stage import SignalStage
from tests.alerts import staging
from tests.fakes import FakeBus, FakeHost
from tests.streams.feeds.signals.issuing import iso
from tests.waiting import until_async

MINUTE_MS = 60_000
ROAD = "<areaDesc>a road</areaDesc><circle>0,0 1</circle>"
"""Of zone z0 alone: the station of z1 is at (0.5, 0.4)."""
BOTH = "<areaDesc>all</areaDesc><circle>0,0 100</circle>"


def lived(story):
    """Run a test that is a coroutine."""

    @wraps(story)
    def run(*args, **more):
        asyncio.run(story(*args, **more))

    return run


class Room:
    """The feed and the alarm engine of the city `c`, whose second version is there, on one bus."""

    def __init__(self, city, **source):
        self.bus = FakeBus()
        self.bus.put(staging.city_version(1, ["w1"]))
        self.start_ms = self.bus.clock.now_ms
        self.city = city
        self.source = Source(name="nmc", every_s=1, timeout_s=5, **source)

    async def begin(self):
        """Start both, or others after a kill: what the former had only in memory is gone."""
        self.stage = SignalStage([self.source], Cities(self.city), self.bus.clock)
        self.feed = FakeHost(self.stage, self.bus)
        self.engine = await staging.started(self.bus)
        await self.feed.start()

    def at(self, minutes):
        """Return a time after the start, as CAP has it."""
        return iso(self.start_ms + minutes * MINUTE_MS)

    async def turn(self, seconds=0.0):
        self.bus.clock.advance(seconds)
        for host in (self.feed, self.engine):
            await host.tick()
            await host.drain()

    async def wait(self, done):
        await until_async(done, every_s=0.01, meanwhile=lambda: self.turn(1.1), said=self.told)

    def told(self):
        return self.rows(), self.stage.notices()

    async def polled(self, served):
        """Let a whole poll pass: the second one from now begins after the first was taken."""
        before = served.asked.count("/alerts.xml")
        await self.wait(lambda: served.asked.count("/alerts.xml") >= before + 2)

    def rows(self):
        found = staging.projected(self.bus).values()
        return sorted((one["kind"], one["entity"], one["level"]) for one in found if one["state"] == "active")
