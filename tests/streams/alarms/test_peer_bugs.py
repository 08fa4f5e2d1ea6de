"""What went wrong in other alarm engines, by its number in the list of public reports: here through the whole stage."""

import asyncio
import json

from alerts.commands import End, Restore, Shelve, Unacknowledge
from alerts.judge import alarm_id
from alerts.moving import UNDO_MS
from streams.broker.topics import ALARMS, DETECTIONS, OUTCOMES
from streams.city.clock import ClockSetting
from streams.contract.records import ENDED
from tests.alerts.staging import given_to, go_on, journal, lived, projected, started
from tests.alerts.writing import (
    acknowledge,
    commanded,
    detection,
    events,
    names,
    of_command,
    opened_at,
    take_out,
)
from tests.fakes import FakeBus, FakeHost

AT_10 = opened_at(10)
SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000


def told(*inputs: object, bus: FakeBus | None = None) -> FakeBus:
    bus = bus or FakeBus()
    asyncio.run(lived(bus, *inputs))
    return bus


def row(bus: FakeBus, alarm: str = AT_10) -> dict:
    return projected(bus)[alarm]


def outcomes(bus: FakeBus) -> dict[str, dict]:
    return {key.decode(): json.loads(value) for key, value in bus.newest(OUTCOMES).items()}


def came_ms(bus: FakeBus, place: int) -> int:
    """When that detection came."""
    return bus.log(DETECTIONS)[place].timestamp


def places(host: FakeHost) -> dict[str, int]:
    """Where the open alarms stand, as the book says that the wall and `/metrics` read."""
    return host.stage.books()["alarms:journal:0"]["load"]["open"]


SILENT = {"kind": "sensor_silent", "limit": 180.0, "unit": "s"}


def test_a1_a_sensor_that_falls_silent_and_comes_back_ends_and_raises_nothing():
    silent, back = detection(4, 200_000, **SILENT), detection(0, 1_820_000, known_at_ms=1_860_000, **SILENT)
    bus = told(detection(2, 10), acknowledge(AT_10, seen_level=2))
    before = row(bus)
    bus = told(detection(2, 10), acknowledge(AT_10, seen_level=2), silent)
    assert row(bus)["uncertain_since_ms"] == 20_000  # its last reading: three minutes before it counted as silent
    bus = told(detection(2, 10), acknowledge(AT_10, seen_level=2), silent, 30 * MINUTE_MS, back)
    assert row(bus) == before
    assert [one for one in names(journal(bus)) if one != "presented"] == [
        "raised", "acknowledge", "raised", "cleared",
    ]  # fmt: skip


def test_a2_every_rise_needs_a_new_acknowledgement_and_no_fall_does():
    bus = told(detection(3, 10), acknowledge(AT_10), MINUTE_MS, detection(1, 60_010))
    risen = row(bus)
    assert (risen["standing"], risen["level"], risen["raised_at_ms"]) == ("unacknowledged", 1, 10)
    assert risen["waiting_since_ms"] == came_ms(bus, 1)
    again = acknowledge(AT_10, "k2", seen_level=1)
    story = [detection(3, 10), acknowledge(AT_10), detection(1, 60_010), again, detection(2, 120_010)]
    assert row(told(*story))["standing"] == "acknowledged"
    bus = told(*story, detection(1, 180_010))
    assert (row(bus)["standing"], row(bus)["waiting_since_ms"]) == ("unacknowledged", came_ms(bus, 3))


def test_a3_acknowledging_the_silence_of_a_sensor_is_not_acknowledging_its_fire():
    silent, fire = detection(3, 10, kind="sensor_silent"), detection(1, 20, kind="fire_alarm")
    ids = [alarm_id(one) for one in (silent, fire)]
    for back in ([], [detection(0, 20, kind="sensor_silent")]):
        bus = told(silent, fire, *back, acknowledge(ids[0], seen_level=None, revision=1))
        assert outcomes(bus)["k1"]["state"] == "done"
        assert row(bus, ids[1])["standing"] == "unacknowledged"
    bus = told(detection(3, 10), detection(1, 20), acknowledge(AT_10, seen_level=None, revision=1))
    assert (outcomes(bus)["k1"]["reason"], row(bus)["standing"]) == ("level_risen", "unacknowledged")


def test_a4_what_is_out_of_service_calls_nobody_until_it_is_back_and_then_once():
    bus = FakeBus()
    inputs = [take_out("o", entity="s1"), 40 * SECOND_MS, detection(3, 60_000)]
    asyncio.run(lived(bus, *inputs))
    at_60 = row(bus, opened_at(60_000))
    assert (at_60["standing"], at_60["presented"]) == ("out_of_service", False)
    bus = told(*inputs, 240 * SECOND_MS, of_command(Restore, "o", "k1"))
    back = row(bus, opened_at(60_000))
    assert (back["standing"], back["presented"]) == ("unacknowledged", True)
    assert back["waiting_since_ms"] == back["presented_at_ms"] == came_ms(bus, 0) + 240 * SECOND_MS + 1
    assert names(journal(bus)).count("raised") == 1


def test_a6_five_thousand_in_a_minute_are_all_there_ten_of_them_shown_and_the_grave_at_once():
    bus = FakeBus()
    grave = {1_666, 3_333, 4_999}
    found = [
        detection(1 if number in grave else 3, 10 + number, entity=f"s{number}", kind="noise_high")
        for number in range(5_000)
    ]

    async def story() -> dict[str, int]:
        host = await started(bus, checkpoint_records=1_000)
        for number, one in enumerate(found):
            given_to(bus, one)
            bus.clock.advance(0.011 if number % 2 else 0.010)
            if number % 500 == 499:
                await host.drain()
                assert sum(places(host).values()) == number + 1
        return places(host)

    where = asyncio.run(story())
    rows = projected(bus)
    shown = [one for one in rows.values() if one["presented"]]
    assert len(rows) == sum(where.values()) == 5_000
    assert {one["entity"] for one in shown if one["level"] == 1} == {f"s{number}" for number in grave}
    for one in shown:
        if one["level"] == 1:
            assert one["presented_at_ms"] == one["waiting_since_ms"]
    assert sum(one["level"] != 1 for one in shown) <= 10
    assert not {"cleared", "closed", "retired"} & set(names(journal(bus)))


def test_a10_the_future_is_counted_and_an_end_of_before_ends_nothing():
    now_ms = 100 * HOUR_MS
    clock = ClockSetting(at_ms=now_ms, wall_ms=0, speed=1.0)
    raised = opened_at(now_ms)
    behind = detection(0, now_ms - 6 * HOUR_MS, known_at_ms=now_ms + 1)
    story = [clock, detection(2, now_ms + 2 * HOUR_MS), detection(2, now_ms), behind]
    bus = told(*story)
    assert names(journal(bus)) == ["clock", "future", "raised", "behind"]
    assert (row(bus, raised)["process"], row(bus, raised)["raised_at_ms"]) == ("active", now_ms)
    bus = told(*story, MINUTE_MS, detection(0, now_ms + MINUTE_MS))
    assert (row(bus, raised)["process"], row(bus, raised)["cleared_at_ms"]) == ("returned", now_ms + MINUTE_MS)


def test_a11_of_two_at_once_one_wins_and_the_other_is_told_who_and_when():
    bus, inputs = FakeBus(), []
    for number in range(100):
        found = detection(3, 10, entity=f"s{number}")
        first, second = (
            acknowledge(alarm_id(found), f"{who}{number}", None, revision=1, who=who) for who in ("A", "B")
        )
        inputs += [found, first, second, first]
    told(*inputs, bus=bus)
    of = outcomes(bus)
    assert {(of[f"A{n}"]["state"], of[f"B{n}"]["state"], of[f"B{n}"]["by"]) for n in range(100)} == {
        ("done", "refused", "A")
    }
    assert all(of[f"B{n}"]["did_at_ms"] == of[f"A{n}"]["at_ms"] for n in range(100))
    assert {one["acknowledged_by"] for one in projected(bus).values()} == {"A"}
    assert [one["type"] for one in events(journal(bus))].count("done") == 100


def test_a12_nothing_that_a_person_does_opens_what_has_ended_or_changes_what_was():
    second = acknowledge(AT_10, "k2", who="王强")
    bus = told(detection(3, 10), acknowledge(AT_10), second, commanded(Unacknowledge, AT_10, "k3"))
    assert outcomes(bus)["k2"]["reason"] == "already_acknowledged"
    assert row(bus)["standing"] == "unacknowledged"
    story = [detection(3, 10), commanded(End, AT_10, "k1", why="查过"), UNDO_MS]
    shelve = commanded(Shelve, AT_10, "k2", for_ms=MINUTE_MS)
    bus = told(*story, shelve, detection(0, 20), detection(3, 30))
    assert outcomes(bus)["k2"]["reason"] == "closed"
    assert [(one["id"], one["raised_at_ms"]) for one in projected(bus).values()] == [(opened_at(30), 30)]
    of_old = [one for one in bus.log(ALARMS) if one.key == AT_10.encode()]
    assert of_old[-1].value is None
    assert of_old == [one for one in told(*story).log(ALARMS) if one.key == AT_10.encode()]
    assert json.loads(dict(of_old[-1].headers)[ENDED])["ended_by"] == "李敏"


def test_a13_when_their_time_is_over_both_are_there_again_by_every_count():
    other = detection(3, 10, entity="s2")
    inputs = [
        detection(3, 10),
        other,
        acknowledge(AT_10, for_ms=MINUTE_MS),
        commanded(Shelve, alarm_id(other), "k2", for_ms=MINUTE_MS),
    ]
    bus = FakeBus()

    async def story() -> tuple[dict[str, int], dict[str, int]]:
        host = await lived(bus, *inputs)
        before = dict(places(host))
        await go_on(host, MINUTE_MS)
        return before, places(host)

    before, after = asyncio.run(story())
    assert (before, after) == ({"shown": 1, "shelved": 1}, {"shown": 2})
    done_ms = [outcomes(bus)[one]["at_ms"] for one in ("k1", "k2")]
    assert [one["standing"] for one in projected(bus).values()] == ["unacknowledged"] * 2
    assert sorted(one["waiting_since_ms"] for one in projected(bus).values()) == [
        at_ms + MINUTE_MS for at_ms in done_ms
    ]
    reached = [one["what"] for one in events(journal(bus)) if one["type"] == "time_reached"]
    assert reached == ["lapsed", "uncovered"]


def test_a25_ten_changes_in_a_minute_are_one_alarm_that_ends_once_also_when_its_engine_is_killed():
    changes = [detection(3 if number % 2 == 0 else 0, 10 + 6 * number) for number in range(10)]
    paced = [one for change in changes for one in (change, 6 * SECOND_MS)]

    async def story(killed_after: int) -> FakeBus:
        bus = FakeBus()
        host = await lived(bus, *paced[:killed_after])
        if killed_after < len(paced):
            host = await started(bus)
        for one in paced[killed_after:]:
            await go_on(host, one)
        assert (row(bus)["count"], row(bus)["chattering"], row(bus)["process"]) == (10, True, "active")
        await go_on(host, MINUTE_MS)
        assert (row(bus)["chattering"], row(bus)["process"]) == (False, "returned")
        await go_on(host, detection(2, 200_000))
        return bus

    for killed_after in (len(paced), 7):
        bus = asyncio.run(story(killed_after))
        assert names(journal(bus)).count("raised") == 1
        assert names(journal(bus)).count("calmed") == 1
        assert [one["type"] for one in events(journal(bus))].count("finding") == 11
        assert (row(bus)["level"], row(bus)["process"]) == (2, "active")
