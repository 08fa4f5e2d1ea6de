"""Windows, scopes and what leaves the city, as they went wrong elsewhere: by number, through the whole stage."""

import asyncio
import json
from datetime import datetime

import pytest

from alerts.commands import Lift
from streams.broker.topics import ALARMS, OUTCOMES
from streams.city.windows import Weekly, Window
from streams.contract.records import ENDED
from tests.alerts.staging import city_version, go_on, journal, lived, projected, started
from tests.alerts.writing import acknowledge, detection, events, names, of_command, opened_at, suppress, take_out
from tests.fakes import FakeBus, FakeClock, FakeHost

AT_10 = opened_at(10)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def ms(at: str) -> int:
    """Local time of the small city."""
    return int(datetime.fromisoformat(f"{at}+08:00").timestamp() * 1000)


def bus_at(at: str) -> FakeBus:
    return FakeBus(clock=FakeClock(ms(at)))


def places(host: FakeHost) -> dict[str, int]:
    return host.stage.books()["alarms:journal:0"]["load"]["open"]


def outcome(bus: FakeBus, command: str) -> dict:
    return json.loads(bus.newest(OUTCOMES)[command.encode()])


def test_a5_what_outlives_its_window_is_told_then_and_what_did_not_never_is():
    bus = bus_at("2026-11-26T10:00:00")
    window = Window(from_ms=ms("2026-11-26T10:00:00"), until_ms=ms("2026-11-26T11:00:00"))
    lasting, passing = detection(3, 10, entity="s1"), detection(3, 10, entity="s2")

    async def story() -> None:
        host = await lived(bus, suppress("w", window, zone="z1"), 20 * MINUTE_MS, lasting, passing)
        assert places(host) == {"suppressed": 2}
        assert {one["standing"] for one in projected(bus).values()} == {"suppressed"}
        await go_on(host, detection(0, 20, entity="s2"))
        await go_on(host, ms("2026-11-26T11:00:00") - bus.clock())

    asyncio.run(story())
    (left,) = projected(bus).values()
    assert (left["id"], left["standing"], left["presented"]) == (AT_10, "unacknowledged", True)
    assert left["waiting_since_ms"] == left["presented_at_ms"] == ms("2026-11-26T11:00:00")
    gone = [one for one in bus.log(ALARMS) if one.value is None]
    ended = json.loads(dict(gone[0].headers)[ENDED])
    assert (ended["entity"], ended["suppressed_by"], ended["presented"]) == ("s2", "w", False)
    assert left["coverings"][0]["cover"] == ended["coverings"][0]["cover"] == "w"


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({}, "no_place"),
        ({"zone": "z9"}, "unknown_zone"),
        ({"domain": "wether"}, "unknown_domain"),
        ({"kind": "slow_trafic"}, "unknown_kind"),
        ({"entity": "s9"}, "unknown_entity"),
        ({"zone": "z1", "entity": "s9"}, "unknown_entity"),
    ],
)
def test_a16_a_scope_that_nobody_knows_is_refused_by_its_field(where, reason):
    bus = FakeBus()
    always = Window(until_ms=2**50)
    version = city_version(1, ("s1", "s2"))
    asyncio.run(lived(bus, version, detection(3, 10), suppress("w", always, **where), take_out("o", **where)))
    assert (outcome(bus, "w")["reason"], outcome(bus, "o")["reason"]) == (reason, reason)
    assert projected(bus)[AT_10]["standing"] == "unacknowledged"


def test_a16_a_scope_says_how_many_it_covers_and_is_counted_at_once():
    bus = FakeBus()
    found = [detection(3, 10, entity=f"s{number}") for number in range(3)]

    async def story() -> None:
        host = await lived(bus, *found, suppress("w", Window(until_ms=2**50), zone="z1"))
        assert outcome(bus, "w")["covers_count"] == 3
        assert places(host) == {"suppressed": 3}

    asyncio.run(story())


def test_a17_a_weekly_window_made_on_a_thursday_is_in_force_from_friday_to_sunday():
    bus = bus_at("2026-11-26T12:00:00")
    weekly = Window(weekly=Weekly(since="fri 18:00", until="sun 18:00"))
    moments = {
        "2026-11-26T18:00:00": "unacknowledged",
        "2026-11-27T17:59:59": "unacknowledged",
        "2026-11-27T18:00:00": "suppressed",
        "2026-11-28T12:00:00": "suppressed",
        "2026-11-29T17:59:59": "suppressed",
        "2026-11-29T18:00:00": "unacknowledged",
        "2026-12-04T18:00:00": "suppressed",
    }

    async def story() -> dict[str, str]:
        host = await lived(bus, city_version(1, ("s1",)), suppress("w", weekly, zone="z1"), detection(3, 10))
        found = {}
        for at in moments:
            await go_on(host, ms(at) - bus.clock())
            found[at] = projected(bus)[AT_10]["standing"]
        return found

    assert asyncio.run(story()) == moments


@pytest.mark.parametrize("lifted", [None, "w1", "w2"])
def test_a17_two_windows_that_overlap_leave_no_gap_and_lifting_one_leaves_the_other(lifted):
    bus = bus_at("2026-11-26T21:00:00")
    night, morning = (Weekly(since=since, until=until) for since, until in (("22:00", "06:00"), ("05:50", "14:00")))
    at = ("22:00:00", "05:55:00", "06:00:00", "13:59:59", "14:00:00")
    days = ("26", *("27",) * 4)
    in_force = {
        None: ["w1", "w1", "w2", "w2", None],
        "w1": ["w1", "w2", "w2", "w2", None],
        "w2": ["w1", "w1", None, None, None],
    }

    async def story() -> list[str | None]:
        commands = [suppress(name, Window(weekly=one), zone="z1") for name, one in (("w1", night), ("w2", morning))]
        host = await lived(bus, city_version(1, ("s1",)), *commands, detection(3, 10))
        found = []
        for day, clock in zip(days, at, strict=True):
            await go_on(host, ms(f"2026-11-{day}T{clock}") - bus.clock())
            if clock == "05:55:00" and lifted is not None:
                await go_on(host, of_command(Lift, lifted, "k1"))
            row = projected(bus)[AT_10]
            assert (row["standing"] == "suppressed") is (row["suppressed_by"] is not None)
            found.append(row["suppressed_by"])
        return found

    assert asyncio.run(story()) == in_force[lifted]


def test_a24_the_alarm_of_a_sensor_that_left_is_not_back_after_a_restart():
    bus = FakeBus()

    async def story() -> None:
        await lived(bus, city_version(1, ("s1", "s2")), detection(3, 10), acknowledge(AT_10), city_version(2, ("s2",)))
        host = await started(bus)
        await host.drain()
        await go_on(host, detection(3, 10))
        await go_on(host, detection(2, 20))

    asyncio.run(story())
    assert names(journal(bus)) == ["raised", "acknowledge", "retired", "evidence"]
    assert projected(bus) == {}
    assert json.loads(dict(bus.log(ALARMS)[-1].headers)[ENDED])["retired"] == "entity"
    assert events(journal(bus))[2]["lack"] == "entity"
