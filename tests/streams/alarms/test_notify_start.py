"""What the notifiers' stage does at a start: after a kill, with a route more, behind a topic that was cleaned."""

import pytest

from alerts.notifiers.routes import Route
from streams.broker.topics import ALARMS
from tests.receiving import endpoint
from tests.small_city import write_small_city
from tests.streams.alarms.notify_room import Room, lived, webhook, whats


@pytest.fixture
def city(tmp_path):
    return write_small_city(tmp_path / "city", segments=1)


@lived
async def test_a_kill_repeats_nothing_that_was_confirmed_and_forgets_nothing(city):
    with endpoint() as receiver:
        room = Room(city, webhook(receiver.address))
        await room.begin()
        room.give(number=1)
        await room.wait(lambda: room.notes() == ["delivered"])
        receiver.answers = [(503, {}, 0)]
        room.give(number=2, level=1)
        await room.wait(lambda: room.notes() == ["delivered", "not_confirmed"])
        await room.begin()
        await room.wait(lambda: room.notes().count("delivered") == 2)
        room.close(1)
        await room.begin()
        await room.wait(lambda: room.notes().count("delivered") == 3)
        assert whats(receiver) == [("raised", "a1"), ("raised", "a2"), ("ended", "a1")]
        tries = [body["message"] for _, body, _ in receiver.posted if body["alarms"][0]["alarm"] == "a2"]
        assert len(tries) == 2
        assert len(set(tries)) == 1


@lived
async def test_a_route_more_is_told_what_stands_and_nobody_what_was_over(city):
    with endpoint() as receiver:
        room = Room(city, webhook(receiver.address))
        await room.begin()
        room.give(number=1, level=1)
        room.give(number=2, level=1)
        await room.wait(lambda: len(whats(receiver)) == 2)
        room.close(1)
        await room.wait(lambda: room.notes().count("delivered") == 2)
        more = Route(name="more", channel="webhook", url=receiver.address, group_wait_s=0)
        room.routes["more"] = more
        await room.begin()
        while await room.host.deliver(ALARMS, at_most=1):  # ticks between the rows that are read again
            await room.host.tick()
        await room.wait(lambda: len(whats(receiver)) == 4)
        room.give(number=3, level=1)
        await room.wait(lambda: len(whats(receiver)) == 6)
        assert sorted(whats(receiver)[3:]) == [("raised", "a2"), ("raised", "a3"), ("raised", "a3")]


@lived
async def test_an_end_of_which_the_topic_knows_nothing_any_more_is_told(city):
    with endpoint() as receiver:
        room = Room(city, webhook(receiver.address))
        await room.begin()
        room.give(number=1)
        await room.wait(lambda: room.notes() == ["delivered"])
        room.close(1)
        room.give(number=2, standing="acknowledged")
        room.bus.compact(ALARMS)
        assert len(room.bus.log(ALARMS)) == 1
        await room.begin()
        await room.wait(lambda: whats(receiver) == [("raised", "a1"), ("ended", "a1")])


@lived
async def test_after_a_start_nothing_leaves_before_the_rows_of_meanwhile_are_known(city):
    with endpoint() as receiver:
        receiver.answers = [(503, {}, 0)]
        room = Room(city, webhook(receiver.address))
        await room.begin()
        room.give(number=1)
        await room.wait(lambda: room.notes() == ["not_confirmed"])
        room.give(number=2, zone="z2")  # waits behind it
        await room.host.drain()
        await room.host.tick()
        room.give(number=2, zone="z2", standing="suppressed")
        await room.begin()
        room.clock.ahead_ms += 60_000
        for _ in range(3):
            await room.host.tick()
        await room.wait(lambda: "withdrawn" in room.notes() and "delivered" in room.notes())
        assert [alarm for _, alarm in whats(receiver)] == ["a1"]
