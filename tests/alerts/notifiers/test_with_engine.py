"""How many messages leave of what the alarm engine makes of findings and commands: exactly those that are right.

Rows come from the engine itself, as it publishes them; time is its own.
"""

import asyncio

import pytest

from alerts.commands import Unacknowledge
from streams.broker.topics import ALARMS
from streams.city.windows import Window
from tests.alerts import staging as engine
from tests.alerts.notifiers.telling import NOW_MS, Telling, route
from tests.alerts.writing import acknowledge, commanded, detection, names, opened_at, suppress
from tests.fakes import FakeBus

STEPS_MOST = 600
ALARM = opened_at(10)
CHAIN = (
    route("desk", group_wait_s=0),
    route("sms", after_s=60, group_wait_s=0),
    route("supervisor", after_s=300, group_wait_s=0),
)


def lived(telling, *inputs):
    """Give the engine inputs, a number is a time in ms, and the notifiers its rows → what was told by then."""
    asyncio.run(_live(telling, inputs))
    return telling.told()


async def _live(telling, inputs):
    telling.bus = getattr(telling, "bus", None) or FakeBus()
    host = await engine.started(telling.bus)
    for one in inputs:
        step_ms = max(500, one // STEPS_MOST) if isinstance(one, int) else 0
        for step in [step_ms] * (one // step_ms) if isinstance(one, int) else [one]:
            await engine.go_on(host, step)
            _tell(telling)


def _tell(telling):
    telling.now_ms = telling.bus.clock.now_ms
    read = getattr(telling, "read", 0)
    for record in telling.bus.log(ALARMS)[read:]:
        telling.dispatch.alarm(record.key.decode(), record.value, telling.now_ms)
        telling.read = record.offset + 1
    telling.turn()


def test_a_link_that_fails_and_comes_back_is_no_message_of_the_alarm_behind_it():
    silent, heard = (detection(level, at, kind="sensor_silent") for level, at in ((3, 30), (0, 1830)))
    telling = Telling(route(), route("workshop", equipment=True))
    told = lived(telling, detection(2, 10), 10_000, acknowledge(ALARM, seen_level=2), silent, 1_800_000, heard)
    told = lived(telling, detection(2, 1840), 60_000)
    assert [one for one in told if one[1] == ALARM] == [("raised", ALARM)] * 2  # once to each route
    assert {what for what, alarm in told if alarm != ALARM} == {"raised", "ended"}  # the silence is an alarm itself


def test_a_rise_of_what_was_acknowledged_is_one_message_and_its_fall_none():
    telling = Telling(route())
    lived(telling, detection(3, 10), 10_000, acknowledge(ALARM, seen_level=3), 50_000)
    assert lived(telling, detection(1, 20)) == [("raised", ALARM), ("risen", ALARM)]
    taken = lived(telling, acknowledge(ALARM, "k2", seen_level=1), 60_000, detection(2, 30), 60_000)
    assert taken == [("raised", ALARM), ("risen", ALARM)]
    assert lived(telling, detection(1, 40), 60_000)[2:] == [("risen", ALARM)]


def test_a_rise_before_its_message_has_left_is_one_message_that_says_so():
    telling = Telling(route(group_wait_s=30))
    assert lived(telling, detection(3, 10), 10_000, detection(1, 20), 60_000) == [("raised", ALARM)]
    assert telling.sent[0][1].items[0].face.level == 1


def test_what_outlives_its_window_is_one_message_and_what_ends_in_it_none():
    telling = Telling(route())
    window = Window(from_ms=NOW_MS, until_ms=NOW_MS + 3_600_000)
    of_s2 = detection(3, 20, entity="s2")
    during = lived(telling, suppress("w", window, zone="z1"), detection(3, 10), of_s2, 600_000)
    during = lived(telling, detection(0, 30, entity="s2"), 2_900_000)
    assert during == []
    assert lived(telling, 200_000) == [("raised", ALARM)]


def test_of_two_acknowledgements_at_once_no_message_follows():
    telling = Telling(route())
    both = [acknowledge(ALARM, f"k{n}", seen_level=2, who=who, revision=1) for n, who in enumerate("AB" * 100)]
    assert lived(telling, detection(2, 10), 10_000, *both, 60_000) == [("raised", ALARM)]
    assert names(engine.journal(telling.bus)).count("acknowledge") == 1


def test_a_chain_is_silent_under_a_window_ends_with_who_took_it_and_begins_anew():
    telling = Telling(*CHAIN)
    window = Window(from_ms=NOW_MS, until_ms=NOW_MS + 100_000_000)
    lived(telling, suppress("w", window, entity="s2"), detection(2, 5, entity="s2"), 600_000)
    assert telling.sent == []
    lived(telling, detection(2, 10), 30_000, acknowledge(ALARM, seen_level=2, who="A"), 90_000)
    assert [one.route for _, one, _ in telling.sent] == ["desk"]
    taken_back = [(one["route"], one["reason"], one["detail"]) for one in telling.notes if one["state"] == "withdrawn"]
    assert taken_back == [("sms", "acknowledged", "A"), ("supervisor", "acknowledged", "A")]
    again_ms = telling.bus.clock.now_ms
    lived(telling, commanded(Unacknowledge, ALARM, "k9"), 400_000)
    assert [one.route for _, one, _ in telling.sent[1:]] == ["desk", "sms", "supervisor"]
    assert [(at_ms - again_ms) / 1000 for at_ms, _, _ in telling.sent[1:]] == pytest.approx([0, 60, 300], abs=1)


def test_a_feed_that_falls_silent_with_50_sensors_is_one_message_over_a_restart_too():
    feed = detection(3, 10, kind="feed_silent", entity="feed:traffic", zone="")
    sensors = [detection(3, 11, kind="sensor_silent", entity=f"d{number}") for number in range(50)]
    telling = Telling(route(), route("workshop", equipment=True))
    lived(telling, feed, *sensors, 60_000)
    assert [(one.route, len(one.items)) for _, one, _ in telling.sent] == [("duty", 1), ("workshop", 51)]
    telling.restart()
    lived(telling, 60_000)
    assert len(telling.sent) == 2
    back = [detection(0, 100 + number, kind="sensor_silent", entity=f"d{number}") for number in range(49)]
    lived(telling, detection(0, 100, kind="feed_silent", entity="feed:traffic", zone=""), *back, 600_000)
    assert [what for what, _ in telling.told("duty")] == ["raised", "ended"]
    told = telling.told("workshop")
    assert [what for what, _ in told].count("raised") == 51
    assert [what for what, _ in told].count("ended") == 50


def test_ten_changes_in_a_minute_are_one_message_and_one_of_the_end():
    telling = Telling(route(end_wait_s=15))
    changes = [detection(2 if number % 2 == 0 else 0, 10 + number) for number in range(10)]
    lived(telling, *(one for change in changes for one in (change, 6_000)), 200_000)
    assert telling.told() == [("raised", ALARM), ("ended", ALARM)]
    again = lived(telling, detection(2, 100), 60_000)
    assert [what for what, _ in again] == ["raised", "ended", "raised"]
