"""The notifiers' stage with real receivers, on topics in memory, for tests: rows given, stages started and killed."""

import asyncio
import json
import time
from functools import partial, wraps

from alerts.notifiers.dispatch import Dispatch
from alerts.notifiers.routes import Route
from deploy.config.notifying import deliver
from streams.alarms.notify_stage import NotifyStage
from streams.broker.topics import ALARMS, NOTIFICATIONS
from streams.city.known import Cities
from streams.contract.stage import Message
from tests.alerts.notifiers.telling import SETTING, row
from tests.fakes import FakeBus, FakeHost
from tests.waiting import until_async


def lived(story):
    """Run a test that is a coroutine."""

    @wraps(story)
    def run(*args, **more):
        asyncio.run(story(*args, **more))

    return run


class Wall:
    """Seconds that pass by themselves, and faster where told."""

    def __init__(self):
        self.ahead_ms = 0

    def __call__(self):
        return time.time_ns() // 1_000_000 + self.ahead_ms


class Room:
    def __init__(self, folder, *routes):
        self.bus = FakeBus()
        self.clock = Wall()
        self.folder = folder
        self.routes = {one.name: one for one in routes}

    async def begin(self):
        """Start the stage, or another after a kill: what the former had only in memory is gone."""
        stage = NotifyStage(
            lambda: Dispatch(self.routes.values(), lambda: SETTING),
            partial(deliver, self.routes, lambda: SETTING),
            Cities(self.folder),
            self.clock,
        )
        self.host = FakeHost(stage, self.bus)
        await self.host.start()

    def give(self, **of):
        one = row(**of)
        self.bus.put(Message(ALARMS, one["id"].encode(), json.dumps(one).encode()))

    def close(self, number=1):
        self.bus.put(Message(ALARMS, f"a{number}".encode(), None))

    async def wait(self, done):
        await until_async(done, every_s=0.02, meanwhile=self.turn, said=self.notes)

    async def turn(self):
        await self.host.drain()
        await self.host.tick()

    def notes(self):
        return [json.loads(record.value)["state"] for record in self.bus.log(NOTIFICATIONS)]


def webhook(address, **more):
    return Route(name="hook", channel="webhook", url=address, group_wait_s=0, end_wait_s=0, **more)


def whats(receiver, status=200):
    return [
        (one["what"], one["alarm"]) for _, body, said in receiver.posted if said == status for one in body["alarms"]
    ]
