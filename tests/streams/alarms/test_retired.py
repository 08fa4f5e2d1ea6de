"""Alarms of what leaves the city: ended by the version that lacks it, and back with one that has it again."""

import asyncio
import json

import pytest

from alerts.engine import VERSION_BYTES, Engine
from streams.alarms.alarm_stage import Input
from streams.broker.topics import ALARMS, CITIES, DETECTIONS, JOURNAL
from streams.city.versions import Rules
from streams.contract.records import ENDED
from streams.contract.stage import Message, TopicPartition
from tests.alerts.staging import city_parts, city_version, given_to, journal, lived, projected, started
from tests.alerts.writing import acknowledge, chain, detection, encoded, events, faults, names, opened_at
from tests.fakes import FakeBus

AT_10 = opened_at(10)
BOTH, ONE = ("s1", "s2"), ("s2",)
RULES: Rules = {"threshold": [{"name": "slow_traffic"}, {"name": "fog"}], "feed_health": None}
WITHOUT_RULE: Rules = {"threshold": [{"name": "fog"}], "feed_health": None}
SWITCHED_OFF: Rules = {**RULES, "threshold": [{"name": "slow_traffic", "enabled": False}, {"name": "fog"}]}
WITHOUT_PROCESSOR: Rules = {"feed_health": None}


def by_rule(level: int, at_ms: int, **other: object):
    return detection(level, at_ms, processor="threshold", **other)


def told(bus: FakeBus, *inputs: object) -> list[str]:
    """What the journal says of these inputs, one after the other."""
    asyncio.run(lived(bus, *inputs))
    assert faults(journal(bus)) == []
    return names(journal(bus))


def ended(bus: FakeBus) -> dict:
    """How the newest alarm on `city.alarms.v1` ended."""
    last = bus.log(ALARMS)[-1]
    assert last.value is None
    return json.loads(dict(last.headers)[ENDED])


@pytest.mark.parametrize("taken", [(), (acknowledge(AT_10),)], ids=["nobody took it", "acknowledged"])
def test_the_alarm_of_a_sensor_that_left_ends_with_that_reason_whoever_took_it(taken):
    bus = FakeBus()
    told(bus, city_version(1, BOTH), detection(3, 10), detection(2, 70, entity="s2"), *taken, city_version(2, ONE))
    assert events(journal(bus))[-1] == {
        "type": "retired", "alarm": AT_10, "lack": "entity", "version": 2, "at_ms": 70
    }  # fmt: skip
    assert chain(journal(bus))[-1]["causes"] == [[CITIES, 1]]
    assert [one["entity"] for one in projected(bus).values()] == ["s2"]
    last = ended(bus)
    assert (last["state"], last["retired"], last["cleared_at_ms"]) == ("cleared", "entity", 70)
    assert last["acknowledged"] is bool(taken)


@pytest.mark.parametrize(
    ("rules", "names_told"),
    [
        (WITHOUT_RULE, ["raised", "retired"]),
        (SWITCHED_OFF, ["raised", "retired"]),
        (WITHOUT_PROCESSOR, ["raised", "retired"]),
        (RULES, ["raised"]),
        (None, ["raised"]),
    ],
    ids=["a rule deleted", "switched off", "its processor deleted", "still there", "a version that does not say"],
)
def test_a_deleted_rule_ends_its_alarms(rules, names_told):
    bus = FakeBus()
    assert told(bus, city_version(1, BOTH, RULES), by_rule(3, 10), city_version(2, BOTH, rules)) == names_told
    if names_told[-1] == "retired":
        assert ended(bus)["retired"] == "kind"


def test_who_does_not_say_who_found_it_keeps_its_alarm_when_rules_go():
    found = told(FakeBus(), city_version(1, BOTH, RULES), detection(3, 10), city_version(2, BOTH, WITHOUT_PROCESSOR))
    assert found == ["raised"]


def test_news_of_what_left_is_evidence_and_raises_nothing():
    bus = FakeBus()
    version = city_version(2, ONE, WITHOUT_RULE)
    found = told(bus, version, detection(1, 10, version=1), by_rule(1, 20, entity="s2", version=2), detection(0, 90))
    assert found == ["evidence", "evidence", "normal"]
    assert projected(bus) == {}
    assert events(journal(bus))[0]["detection"]["entity"] == "s1"


def test_a_repeat_of_evidence_changes_nothing():
    assert told(FakeBus(), city_version(1, ONE), *[detection(3, 10)] * 3) == ["evidence"]


@pytest.mark.parametrize("first", [detection(2, 10, version=1), detection(2, 10, version=2)], ids=["before", "after"])
def test_what_still_stands_when_its_sensor_is_back_is_raised_again(first):
    bus = FakeBus()
    inputs = [city_version(1, BOTH), first, city_version(2, ONE), city_version(3, BOTH)]
    if first.version == 2:
        inputs[1:3] = inputs[2:0:-1]
    assert told(bus, *inputs)[-1] == "raised"
    (row,) = projected(bus).values()
    assert (row["id"], row["level"], row["raised_at_ms"], row["acknowledged"]) == (AT_10, 2, 10, False)
    assert events(journal(bus))[-1]["detection"]["at_ms"] == 10


def test_what_its_processor_ended_meanwhile_is_not_raised_when_the_sensor_is_back():
    gone = detection(0, 50, evidence={"reason": "retired"})
    found = told(FakeBus(), city_version(1, BOTH), detection(2, 10), city_version(2, ONE), gone, city_version(3, BOTH))
    assert found == ["raised", "retired", "normal"]


def test_an_alarm_that_had_cleared_ends_too_and_does_not_come_back():
    inputs = [city_version(1, BOTH), detection(2, 10), detection(0, 20), city_version(2, ONE), city_version(3, BOTH)]
    assert told(FakeBus(), *inputs) == ["raised", "cleared", "retired"]


def test_a_zone_that_lost_a_sensor_to_another_does_not_end_the_others_alarm():
    bus = FakeBus()
    moved = detection(2, 70, zone="z2")
    left = detection(0, 90, zone="z1", evidence={"reason": "retired"})
    assert told(bus, detection(2, 10), moved, left) == ["raised", "updated", "normal"]
    assert projected(bus)[AT_10]["zone"] == "z2"
    assert told(FakeBus(), detection(2, 10), left) == ["raised", "cleared"]


def test_feeds_zones_and_roads_by_name_are_entities_too():
    known = ["feed:weather", "feed:weather:z1", "zone:z3", "city:c", "corridor:Ring Road", "s0"]
    gone = ["feed:water", "feed:weather:z0", "zone:z9", "city:d"]
    found = told(FakeBus(), city_version(1, BOTH), *(detection(3, 10, entity=one) for one in (*known, *gone)))
    assert found == ["raised"] * len(known) + ["evidence"] * len(gone)


def test_a_detection_waits_for_what_came_before_it():
    bus = FakeBus()

    async def scene() -> None:
        host = await lived(bus, city_version(1, ONE))
        given_to(bus, city_version(2, BOTH), detection(3, 10, version=2), detection(3, 10, entity="s2"))
        await host.deliver(DETECTIONS)
        assert journal(bus) == []
        assert host.committed[TopicPartition(DETECTIONS, 0)] == 0
        await host.deliver(CITIES)
        await host.drain()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised", "raised"]
    assert chain(journal(bus))[-1]["covers"][CITIES] == 2


def test_nobody_waits_for_a_version_that_is_not_in_the_topic():
    bus = FakeBus()
    asyncio.run(lived(bus, city_version(1, ONE), detection(3, 10, version=7), detection(3, 20, entity="s2")))
    assert names(journal(bus)) == ["raised", "raised"]


def test_a_restart_knows_the_version_that_the_journal_covers_and_goes_on_behind_it():
    bus = FakeBus()

    async def scene() -> None:
        await lived(bus, city_version(1, BOTH), detection(3, 10), city_version(2, ONE))
        host = await lived(bus, detection(3, 30, version=1), detection(3, 30, entity="s2"))
        assert host.positions[TopicPartition(CITIES, 0)] == 2
        given_to(bus, city_version(3, ("s1",)))
        await (await started(bus)).drain()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised", "retired", "evidence", "raised", "retired", "raised"]


def test_a_journal_of_before_begins_with_the_newest_version():
    bus = FakeBus()
    before = [detection(3, 10), detection(3, 10, entity="s2")]
    given_to(bus, *before, city_version(1, ("s3",)), city_version(2, ("s1",)))  # the first lacks both
    record = Engine().judge([Input(DETECTIONS, n, encoded(one)) for n, one in enumerate(before)], whole=False)
    bus.put(Message(JOURNAL, b"journal", record))
    assert CITIES not in chain(journal(bus))[0]["covers"]

    async def scene() -> None:
        await (await started(bus)).drain()

    asyncio.run(scene())
    assert [(one["type"], one.get("version")) for one in events(journal(bus))][2:] == [("retired", 2)]
    assert list(projected(bus)) == [AT_10]


def test_a_version_that_ends_more_than_a_record_takes_ends_it_in_several():
    bus = FakeBus()
    many = [f"many{number}" for number in range(3000)]
    inputs = [city_version(1, many), *(detection(3, 10, entity=one) for one in many), city_version(2, ("other",))]

    async def scene() -> None:
        host = await started(bus)
        given_to(bus, *inputs)
        await host.drain()

    asyncio.run(scene())
    retired = [[one for one in record["events"] if one["type"] == "retired"] for record in chain(journal(bus))]
    found = [ended for ended in retired if ended]
    assert sum(len(ended) for ended in found) == 3000
    assert max(len(value) for value in journal(bus)) < 3 * VERSION_BYTES
    assert len(found) > 1
    assert projected(bus) == {}


def test_a_version_in_parts_counts_when_all_are_there(monkeypatch):
    monkeypatch.setattr("streams.city.versions.PART_BYTES", 400)
    bus = FakeBus()
    *parts, last = city_parts(2, ONE)
    assert parts
    assert told(bus, *city_parts(1, BOTH), detection(3, 10), *parts) == ["raised"]

    async def scene() -> None:
        host = await started(bus)  # it begins behind what the journal covers, at the first part
        given_to(bus, last)
        await host.drain()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised", "retired"]


def test_a_version_that_this_build_cannot_read_ends_nothing():
    bus = FakeBus()
    bad = city_version(2, ("s1\\",))  # no id
    assert told(bus, city_version(1, BOTH), detection(3, 10), bad, detection(2, 20, version=2)) == ["raised", "risen"]


def test_a_second_writer_that_is_behind_judges_nothing_with_an_older_city():
    bus = FakeBus()

    async def scene() -> None:
        behind, ahead = await lived(bus, city_version(1, BOTH), detection(3, 5, entity="s2")), await started(bus)
        given_to(bus, city_version(2, ONE), detection(3, 10), detection(3, 20, entity="s2"))
        await ahead.deliver(CITIES)
        await ahead.drain()
        await behind.deliver(JOURNAL)
        given_to(bus, detection(1, 40))
        await behind.deliver(DETECTIONS)  # it has not read the version that the journal covers
        await behind.drain()
        await ahead.drain()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised", "evidence", "updated", "evidence"]
