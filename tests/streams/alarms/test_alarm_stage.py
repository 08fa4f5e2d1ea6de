"""The alarm stage on topics in memory: one record a run, restarts, crashes at each send, second writers."""

import asyncio

import pytest

from alerts.engine import Engine
from alerts.moving import UNDO_MS
from streams.alarms.alarm_stage import AWAIT_TICKS, RUN_BYTES, AlarmStage
from streams.broker.topics import ALARMS, CITIES, CLOCK, COMMANDS, DETECTIONS, JOURNAL
from streams.contract.stage import Message, TopicPartition
from streams.errors import ExactnessError
from tests.alerts.staging import Crash, crash_at, given_to, journal, lived, projected, started
from tests.alerts.writing import acknowledge, chain, detection, events, faults, names, opened_at
from tests.fakes import FakeBus, FakeHost

AT_10 = opened_at(10)


def test_a_detection_becomes_a_row_with_every_field_of_the_contract():
    bus = FakeBus()
    found = detection(
        2, 10, value=3.5, limit=2.0, unit="1", basis="own choice", evidence={"upstream": "s0", "drop": 0.5}
    )
    asyncio.run(lived(bus, found))
    came_ms = bus.log(DETECTIONS)[0].timestamp
    assert projected(bus) == {
        AT_10: {
            **{"id": AT_10, "city": "c", "domain": "traffic", "kind": "slow_traffic", "entity": "s1", "zone": "z1"},
            **{"level": 2, "standing": "unacknowledged", "state": "active", "revision": 1, "notes_count": 0},
            **{"acknowledged": False, "acknowledged_by": None, "acknowledged_desk": None, "acknowledged_at_ms": None},
            **{"acknowledged_until_ms": None, "why": None, "closing_at_ms": None, "closing_by": None, "ended_by": None},
            **{"changed_by": {"what": "raised", "who": "", "desk": "", "at_ms": came_ms}},
            **{"raised_at_ms": 10, "updated_at_ms": 10, "cleared_at_ms": None, "waiting_since_ms": came_ms},
            **{"value": 3.5, "limit": 2.0, "unit": "1", "basis": "own choice"},
            **{"evidence": {"upstream": "s0", "drop": 0.5}, "count": 1},
            **{"processor": "", "retired": None, "process": "active", "chattering": False, "uncertain_since_ms": None},
            **dict.fromkeys(("shelved_by", "shelved_until_ms", "shelved_why", "out_of_service_by")),
            **dict.fromkeys(("suppressed_by", "suppressed_until_ms", "suppressed_why")),
            **dict.fromkeys(
                ("assigned_to", "assigned_by", "escalated_to", "incident", "under", "out_of_service_command")
            ),
            **{"coverings": [], "newest_level": None, "of_whole": []},
            **{"presented": True, "presented_at_ms": came_ms, "equipment": False, "desk": ""},
        }
    }


def test_an_alarm_that_is_cleared_and_acknowledged_leaves_a_tombstone():
    bus = FakeBus()
    asyncio.run(lived(bus, detection(3, 10), acknowledge(AT_10, verified=True), UNDO_MS, detection(0, 20)))
    assert [record.value is None for record in bus.log(ALARMS)] == [False, False, True]
    assert projected(bus) == {}
    assert events(journal(bus))[1]["command"]["verified"] is False  # nobody proved it, whatever the command claims


def test_inputs_that_come_while_a_record_is_on_its_way_share_the_next_one():
    bus = FakeBus()

    async def scene() -> None:
        host = await started(bus)
        for entity in ("s1", "s2", "s3"):
            given_to(bus, detection(3, 10, entity=entity))
            await host.deliver(DETECTIONS)
        assert len(bus.log(JOURNAL)) == 1
        assert host.committed[TopicPartition(DETECTIONS, 0)] == 0
        await host.tick()
        assert host.committed[TopicPartition(DETECTIONS, 0)] == 0
        await host.drain()
        await host.tick()
        assert host.committed[TopicPartition(DETECTIONS, 0)] == 3

    asyncio.run(scene())
    assert [record["causes"] for record in chain(journal(bus))] == [
        [[DETECTIONS, 0]],
        [[DETECTIONS, 1], [DETECTIONS, 2]],
    ]


def test_a_row_is_published_only_when_its_record_stands_in_the_chain():
    bus = FakeBus()

    async def scene() -> None:
        host = await started(bus)
        given_to(bus, detection(3, 10))
        await host.deliver(DETECTIONS)
        assert len(bus.log(JOURNAL)) == 1
        assert projected(bus) == {}
        await host.deliver(JOURNAL)
        assert list(projected(bus)) == [AT_10]

    asyncio.run(scene())


def test_repeats_write_nothing():
    bus = FakeBus()
    asyncio.run(lived(bus, *[detection(3, 10)] * 5, *[acknowledge(AT_10)] * 5))
    assert names(journal(bus)) == ["raised", "acknowledge"]


def test_a_restart_skips_what_the_journal_holds_and_opens_nothing_twice():
    bus = FakeBus()

    async def scene() -> None:
        await lived(bus, detection(3, 10), acknowledge(AT_10), UNDO_MS)
        stored = len(bus.log(ALARMS))
        host = await started(bus)
        assert host.positions == {
            TopicPartition(DETECTIONS, 0): 1,
            TopicPartition(COMMANDS, 0): 1,
            TopicPartition(CITIES, 0): 0,
            TopicPartition(CLOCK, 0): 0,
            TopicPartition(JOURNAL, 0): 2,
        }
        assert len(bus.log(ALARMS)) == stored
        given_to(bus, detection(0, 20))
        await host.drain()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised", "acknowledge", "cleared"]
    assert projected(bus) == {}


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("topic", [JOURNAL, ALARMS])
def test_an_acknowledgement_survives_a_crash_at_any_send(topic, stored):
    bus = FakeBus()

    async def scene() -> None:
        host = await lived(bus, detection(3, 10))
        given_to(bus, acknowledge(AT_10))
        crash_at(bus, topic, stored=stored)
        with pytest.raises(Crash):
            await host.drain()
        await (await started(bus)).drain()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised", "acknowledge"]
    assert projected(bus)[AT_10]["acknowledged_by"] == "李敏"


def test_when_another_writer_was_first_the_own_record_is_void_and_the_inputs_are_judged_again():
    bus = FakeBus()

    async def scene() -> None:
        zombie, active = await lived(bus, detection(3, 10)), await started(bus)
        given_to(bus, detection(2, 20))
        await zombie.deliver(DETECTIONS)  # both write a record that follows the first
        await active.deliver(DETECTIONS)
        given_to(bus, acknowledge(AT_10, seen_level=2))
        await active.deliver(COMMANDS)
        assert len(bus.log(JOURNAL)) == 3
        await active.drain()
        await zombie.drain()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised", "risen", "acknowledge"]
    assert [record["covers"].get(COMMANDS, 0) for record in chain(journal(bus))] == [0, 0, 1]
    assert faults(journal(bus)) == []
    assert projected(bus)[AT_10]["acknowledged"] is True


def test_what_is_no_journal_record_is_counted_and_changes_nothing():
    bus = FakeBus()

    async def scene() -> FakeHost:
        host = await lived(bus, detection(3, 10))
        bus.put(Message(JOURNAL, b"k", b"nonsense"))
        bus.put(Message(JOURNAL, b"k", bus.log(JOURNAL)[0].value))
        given_to(bus, detection(0, 20))
        await host.drain()
        return host

    books = asyncio.run(scene()).stage.books()
    assert books["alarms:journal:0"]["counts"] == {"raised": 1, "cleared": 1, "void": 1, "broken": 1}


def test_long_runs_are_cut_so_that_a_record_fits_its_topic():
    bus = FakeBus()
    inputs = [detection(3, 10, entity=f"s{number}", basis="x" * 50_000) for number in range(20)]

    async def scene() -> None:
        host = await started(bus)
        given_to(bus, *inputs)
        await host.drain()

    asyncio.run(scene())
    assert len(events(journal(bus))) == 20
    assert max(len(value) for value in journal(bus)) < 2 * RUN_BYTES


def test_a_full_run_without_events_is_covered_all_the_same():
    bus = FakeBus()

    async def scene() -> None:
        host = FakeHost(AlarmStage(Engine, run_inputs=10), bus)
        await host.start()
        given_to(bus, *[detection(3, 10)] * 35)
        await host.drain()

    asyncio.run(scene())
    records = chain(journal(bus))
    assert [len(record["events"]) for record in records] == [1, 0, 0]
    assert [record["covers"][DETECTIONS] for record in records] == [10, 20, 30]


def test_a_record_that_never_comes_back_ends_the_process():
    bus = FakeBus()

    async def scene() -> None:
        host = await started(bus)
        given_to(bus, detection(3, 10))
        await host.deliver(DETECTIONS)
        for _ in range(AWAIT_TICKS):
            await host.tick()
        with pytest.raises(ExactnessError):
            await host.tick()

    asyncio.run(scene())


def test_it_judges_nothing_without_all_of_its_topics():
    bus = FakeBus()
    stage = AlarmStage(Engine)
    with pytest.raises(ExactnessError, match=r"city\.commands\.v1"):
        asyncio.run(stage.assigned([TopicPartition(DETECTIONS, 0), TopicPartition(JOURNAL, 0)], bus))


def test_it_rests_when_its_partitions_went_to_another():
    bus = FakeBus()

    async def scene() -> None:
        host = await lived(bus, detection(3, 10))
        assert await host.stage.assigned([], bus) == {}
        given_to(bus, detection(2, 20))
        await host.drain()
        await host.tick()

    asyncio.run(scene())
    assert names(journal(bus)) == ["raised"]
