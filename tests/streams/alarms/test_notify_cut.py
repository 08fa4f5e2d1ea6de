"""The notifiers are killed in the midst of keeping, wherever that is: nothing is told twice, and nothing forgotten."""

import asyncio
import json
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.notifiers.dispatch import Dispatch
from alerts.notifiers.verdicts import Retry, Sent
from streams.alarms.notify_stage import STATE, NotifyStage
from streams.broker.topics import ALARMS
from streams.city.known import Cities
from streams.contract.stage import Message
from tests.alerts.notifiers.telling import SETTING, route, row
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.small_city import write_small_city

LOOKS = {
    "waits": {},
    "acknowledged": {"standing": "acknowledged"},
    "over": {"state": "cleared", "standing": "returned_unacknowledged"},
    "closed": None,
}
OVER = {"ended", "passed"}
RECORDS_MOST = 6


class KilledError(Exception):
    """In the place of a kill."""


class Story:
    """The stage with a receiver that answers at once, and alarms that wait, are acknowledged, are over, are closed."""

    def __init__(self, folder, wait_s):
        self.bus, self.clock, self.cities = FakeBus(), FakeClock(), Cities(folder)
        self.route = route(group_wait_s=wait_s, end_wait_s=wait_s)
        self.states, self._since_ms = {}, {}
        self.letters, self.verdict = {}, Sent()

    async def begin(self):
        stage = NotifyStage(lambda: Dispatch([self.route], lambda: SETTING), self.deliver, self.cities, self.clock)
        self.host = FakeHost(stage, self.bus)
        await self.host.start()

    def deliver(self, letter):
        """Take it, once however often it comes, as its id asks for."""
        if self.verdict == Sent():
            self.letters[letter.id] = letter
        return self.verdict

    def become(self, number, state):
        """Give the alarm's next row, where it can become that."""
        before = self.states.get(number)
        if state == before or before == "closed" or (before is None and state != "waits"):
            return
        if state == "waits":
            self._since_ms[number] = self.clock.now_ms
        self.states[number] = state
        looks = LOOKS[state]
        one = None if looks is None else row(number=number, at_ms=self._since_ms[number], **looks)
        value = None if one is None else json.dumps(one).encode()
        self.bus.put(Message(ALARMS, f"a{number}".encode(), value))

    async def turn(self):
        await self.host.drain()
        await self.host.tick()
        for one in threading.enumerate():
            if one.name == "notifier":
                one.join()

    async def killed(self, after):
        """Be killed in a turn behind so many records that it has kept, and start again."""
        left = after

        def count(message):
            nonlocal left
            if message.topic == STATE:
                left -= 1
            if left < 0:
                raise KilledError

        self.bus.before_send = count
        try:
            await self.turn()
        except KilledError:
            pass
        self.bus.before_send = None
        await self.begin()

    def told(self):
        """Return all items that were delivered, in order."""
        return [item for one in self.letters.values() for item in one.items]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return write_small_city(tmp_path_factory.mktemp("city") / "city", segments=1)


async def lived(story, steps):
    await story.begin()
    for step in steps:
        story.clock.advance(2)
        if isinstance(step, int):
            await story.killed(step)
        elif isinstance(step, Sent | Retry):
            story.verdict = step
            await story.turn()
        else:
            story.become(*step)
    story.verdict = Sent()
    for _ in range(8):
        story.clock.advance(60)
        await story.turn()


CHANGE = st.tuples(st.integers(1, 2), st.sampled_from(list(LOOKS)))
KILL = st.integers(1, RECORDS_MOST)
TURN = st.sampled_from([Sent(), Retry("server_error")])


FLAPPED = [(2, "waits"), (2, "over"), 1, (2, "waits"), 1]


@example(steps=[(1, "waits"), 1, (2, "waits")], wait_s=0)
@example(steps=FLAPPED, wait_s=0)
@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.one_of(CHANGE, KILL, TURN), max_size=14), wait_s=st.sampled_from([0, 5]))
def test_wherever_it_is_killed_nothing_is_told_twice_and_nothing_forgotten(city, steps, wait_s):
    story = Story(city, wait_s)
    asyncio.run(lived(story, steps))
    told = story.told()
    for number, state in story.states.items():
        items = [item for item in told if item.face.alarm == f"a{number}"]
        assert len({item.number for item in items}) == len(items)
        assert len({(item.what in OVER, item.waiting_since_ms) for item in items}) == len(items)
        assert [item.what in OVER for item in items if item.what != "waiting"] == [
            bool(count % 2) for count in range(sum(item.what != "waiting" for item in items))
        ]
        if state == "waits":
            assert items[-1].what not in OVER
        if state == "closed":
            assert not items or items[-1].what in OVER
