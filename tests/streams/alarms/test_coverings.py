"""The course of an alarm says when its place was suppressed or out of service, by whom, and what ended that."""

import asyncio
import json

from alerts.commands import Lift, Restore, Shelve
from alerts.course import of_row
from streams.broker.topics import ALARMS
from streams.city.windows import Window
from streams.contract.records import ENDED
from tests.alerts.staging import journal, lived, projected, started
from tests.alerts.writing import acknowledge, commanded, detection, of_command, opened_at, suppress, take_out, undo
from tests.fakes import FakeBus

AT_10 = opened_at(10)
ALWAYS = Window(until_ms=2**50)


def course(bus: FakeBus, *inputs: object, row: dict | None = None) -> list[tuple]:
    """(what, who, why, command) of what covered the alarm's place, oldest first."""
    asyncio.run(lived(bus, *inputs))
    found = of_row(row or projected(bus)[AT_10])
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)
    return [(one.what, one.who, one.why, one.command) for one in found]


def test_a_scope_that_began_after_the_alarm_and_one_that_was_there_before():
    inputs = [
        suppress("w", ALWAYS, zone="z1"),
        detection(3, 10),
        take_out("o", entity="s1"),
        of_command(Lift, "w", "k1"),
        of_command(Restore, "o", "k2"),
        take_out("other", entity="s2"),
    ]
    assert course(FakeBus(), *inputs) == [
        ("suppress", "李敏", "检修", "w"),
        ("take_out", "赵工", "拆除", "o"),
        ("lift", "李敏", "", "w"),
        ("restore", "李敏", "", "o"),
    ]


def test_a_window_that_is_over_an_undo_and_what_still_stands():
    bus = FakeBus()
    until = bus.clock() + 60_000
    inputs = [
        detection(3, 10),
        suppress("w", Window(until_ms=until), zone="z1"),
        60_000,
        take_out("o", entity="s1"),
        undo("o", "k1", "赵工"),
        suppress("w2", ALWAYS, kind="slow_traffic"),
    ]
    told = course(bus, *inputs)
    assert [(what, who) for what, who, _, _ in told] == [
        ("suppress", "李敏"), ("uncovered", ""), ("take_out", "赵工"), ("undo", "赵工"), ("suppress", "李敏"),
    ]  # fmt: skip
    ended = [one["until_ms"] for one in projected(bus)[AT_10]["coverings"]]
    assert (ended[0], ended[2]) == (until, None)


def test_shelves_are_commands_of_the_alarm_itself():
    assert course(FakeBus(), detection(3, 10), commanded(Shelve, AT_10, "k1", for_ms=1000), 1000) == []


def test_an_alarm_that_came_and_went_in_a_window_names_it_as_it_ended():  # A5
    bus = FakeBus()
    asyncio.run(lived(bus, suppress("w", ALWAYS, zone="z1"), detection(3, 10), detection(0, 20)))
    last = bus.log(ALARMS)[-1]
    assert last.value is None
    row = json.loads(dict(last.headers)[ENDED])
    assert row["suppressed_by"] == "w"
    assert [(one.what, one.command) for one in of_row(row)] == [("suppress", "w")]


def test_a_restart_from_a_checkpoint_tells_the_same():
    bus = FakeBus()

    async def story() -> None:
        await lived(bus, detection(3, 10), suppress("w", ALWAYS, zone="z1"), of_command(Lift, "w", "k1"))
        before = projected(bus)
        host = await started(bus)
        for _ in range(10):
            await host.tick()
        await host.drain()
        assert projected(bus) == before
        assert len(before[AT_10]["coverings"]) == 1

    asyncio.run(story())
    assert journal(bus)


def test_no_more_than_twenty_are_remembered_the_newest():
    inputs: list[object] = [detection(3, 10), acknowledge(AT_10)]
    for number in range(25):
        inputs += [suppress(f"w{number}", ALWAYS, zone="z1"), of_command(Lift, f"w{number}", f"k{number + 10}")]
    told = course(FakeBus(), *inputs)
    assert len(told) == 40
    assert told[0][3] == "w5"
