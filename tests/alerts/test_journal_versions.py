"""Versions of the journal: older records go on, what a newer CityWall sealed ends the engine and is left as it is."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import msgspec
import pytest

from alerts.commands import Fold
from alerts.earlier import ENGINE_TIMES, GIVEN_BACK
from alerts.engine import Engine
from alerts.figures import DAY_MS, figures
from alerts.incidents import RELEASE_MS
from alerts.journal import GENESIS, VERSION, Head, unseal
from alerts.load import IN_MS
from streams.alarms.alarm_stage import AlarmStage
from streams.alarms.order import Input
from streams.alarms.projected import Row
from streams.broker.topics import ALARMS, DETECTIONS, INCIDENTS, JOURNAL
from streams.city.windows import Window
from streams.contract.stage import Message
from streams.errors import FrameError
from tests.alerts.grouping import Room
from tests.alerts.writing import acknowledge, commanded, detection, encoded, faults, suppress
from tests.fakes import FakeBus, FakeHost

RAISED = Engine().judge([Input(DETECTIONS, 0, encoded(detection(3, 10)))], whole=False) or b""


def resealed(**changes: Any) -> bytes:
    """Seal the record of an alarm anew, by the description: keys sorted, no spaces, the hash last; None = no field."""
    record = {key: value for key, value in json.loads(RAISED).items() if key != "hash"}
    plain = {key: value for key, value in {**record, **changes}.items() if value is not None}
    body = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return body[:-1] + b',"hash":"%s"}' % hashlib.sha256(body).hexdigest().encode()


NEWER = {
    "a newer version": resealed(version=VERSION + 1),
    "a newer version with what we do not know": resealed(version=VERSION + 1, events=[{"type": "dreamt"}], more=1),
    "an unknown event": resealed(events=[{"type": "dreamt", "of": "sheep"}]),
    "an unknown event without a version": resealed(events=[{"type": "dreamt"}], version=None),
}


def test_records_name_their_version_and_come_out_as_described() -> None:
    assert json.loads(RAISED)["version"] == VERSION
    assert resealed() == RAISED


def test_a_record_without_a_version_is_of_version_1_and_goes_on() -> None:
    old = resealed(version=None)
    record, digest = unseal(old) or (None, "")
    assert record is not None
    assert record.version == 1
    assert faults([old]) == []
    engine = Engine()
    assert list(engine.fold(old) or {}) == [(ALARMS, record.events[0].alarm)]  # type: ignore[union-attr] - a finding
    assert engine.head == Head(1, digest)
    following = engine.judge([Input(DETECTIONS, 1, encoded(detection(1, 20)))], whole=False)
    assert faults([old, following]) == []


@pytest.mark.parametrize("version", [None, 3, 4])
def test_what_an_earlier_version_had_on_the_list_stays_there_and_counts_among_the_ten(version: int | None) -> None:
    found = [detection(3, 10 + place, entity=f"s{place}", zone=f"z{place}") for place in range(12)]
    raised = [
        {"type": "finding", "change": "raised", "alarm": f"a{place}", "detection": msgspec.to_builtins(one)}
        for place, one in enumerate(found)
    ]
    times = [1_000 + place for place in range(12)] if version == ENGINE_TIMES else [one.at_ms for one in found]
    old = resealed(
        events=raised,
        causes=[[DETECTIONS, place] for place in range(12)],
        times_ms=times if version == ENGINE_TIMES else None,
        covers={DETECTIONS: 12},
        version=version,
    )
    engine = Engine()
    rows = [json.loads(row or b"") for row in (engine.fold(old) or {}).values()]
    assert sorted(row["presented_at_ms"] for row in rows if row["presented"]) == times
    assert engine.next_due_ms is None
    resumed = Engine()
    resumed.resume(dict(engine.checkpoint(1).records(b"a")))
    for one in (engine, resumed):
        late = encoded(detection(3, 100, entity="s12", zone="z12"))
        (new,) = (one.fold(one.judge([Input(DETECTIONS, 12, late, 2_000)], whole=False)) or {}).values()
        assert json.loads(new or b"")["presented"] is False
        assert one.next_due_ms == times[2] + IN_MS + 1


@pytest.mark.parametrize("version", [5, 6])
def test_a_record_of_an_earlier_version_goes_on_though_it_names_no_ears_keys_or_desks(version: int) -> None:
    """As CityWall wrote it then: fields that came later are left out where they say nothing."""
    old = resealed(version=version)
    assert b"ears" not in old
    assert b"blinding" not in old
    engine = Engine()
    assert list(engine.fold(old) or {}) == [(ALARMS, json.loads(old)["events"][0]["alarm"])]
    acknowledged = json.loads(old)["events"][0]["alarm"]
    command = {"id": "k1", "city": "c", "who": "李敏", "desk": "2", "role": "operator", "why": "", "verified": False}
    command |= {"signature": "", "action": "acknowledge", "alarm": acknowledged, "incident": "", "revision": 1}
    command |= {"seen_level": None, "for_ms": None}
    done = {"type": "done", "alarm": acknowledged, "command": command}
    following = resealed(version=version, seq=2, previous=engine.head.hash, events=[done])
    assert engine.fold(following) is not None
    assert engine.counts()["done"] == 1


def test_what_chattered_before_it_was_held_has_returned_as_it_did_then() -> None:
    """Three changes within a minute, as an engine of version 4 sealed them: today the alarm is held active."""
    found = [detection(level, at_ms) for at_ms, level in ((10, 3), (20, 0), (30, 3), (40, 0))]
    changes = ("raised", "cleared", "returned", "cleared")
    fields = {
        "events": [
            {"type": "finding", "change": change, "alarm": "a1", "detection": msgspec.to_builtins(one)}
            for change, one in zip(changes, found, strict=True)
        ],
        "causes": [[DETECTIONS, place] for place in range(4)],
        "times_ms": [1_000, 2_000, 3_000, 4_000],
        "covers": {DETECTIONS: 4},
    }
    shown = []
    for version in (ENGINE_TIMES, VERSION):
        engine = Engine()
        (row,) = (engine.fold(resealed(version=version, **fields)) or {}).values()
        shown.append(json.loads(row or b"")["standing"])
    assert shown == ["returned_unacknowledged", "unacknowledged"]


class Kept(Room):
    """A room whose events are kept as they stand in a journal, each with its engine time."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[Any, int]] = []

    def _apply(self, event: Any, at_ms: int) -> None:
        self.events.append((msgspec.to_builtins(event), at_ms))
        super()._apply(event, at_ms)


def folded_and_released() -> tuple[dict[str, Any], str]:
    """A cause that is over is folded elsewhere, and what it spoke for is released → fields of a record, the incident.

    An engine of version 6 released it; that of today has the rest speak at once, and releases nothing.
    """
    room = Kept()
    feeder = room.find(3, "voltage_low", "feeder")
    lift = room.find(3, "lift_trapped", "lift")
    other = room.find(3, "noise_high", "d1")
    room.find(0, "voltage_low", "feeder")
    incident, over_ms = room.incident(lift).id, room.now_ms
    assert room.command(commanded(Fold, feeder, "k1", into=other)) == "done"
    release_ms = over_ms + RELEASE_MS
    room.wait(RELEASE_MS)
    events = [*room.events, ({"type": "released", "incident": incident, "at_ms": release_ms}, release_ms)]
    return {
        "events": [one for one, _ in events],
        "times_ms": [at_ms for _, at_ms in events],
        "causes": [None] * len(events),
        "covers": {DETECTIONS: 4},
    }, incident


def test_a_release_that_an_earlier_version_sealed_goes_on_and_is_shown_anew_as_it_was_then() -> None:
    fields, incident = folded_and_released()
    engine = Engine()
    rows = engine.fold(resealed(version=6, **fields)) or {}
    row = json.loads(rows[Row(INCIDENTS, incident)] or b"")
    assert (row["presented_at_ms"], row["waiting_since_ms"]) == (fields["times_ms"][-1],) * 2
    assert engine.next_due_ms is None
    with pytest.raises(FrameError, match=f"nothing of incident {incident} was due"):
        Engine().fold(resealed(version=VERSION, **fields))


def test_what_version_9_sealed_of_levels_ends_and_latches_means_what_it_did_then() -> None:
    room = Room()
    room.state.version = GIVEN_BACK
    flapping = room.find(3, "noise_high", "n1")
    for level in (2, 3, 2, 3, 2):
        room.find(level, "noise_high", "n1")
    alarm = room.state.open[flapping]
    assert (alarm.level, alarm.calm_at_ms, alarm.changes, alarm.revision) == (2, None, 1, 4)
    assert room.command(acknowledge(flapping, seen_level=2)) == "done"
    room.find(0, "noise_high", "n1")
    assert flapping in room.state.closed
    assert figures(room.state, room.now_ms)["worst_count"] == 1
    room.command(suppress("k2", Window(until_ms=room.now_ms + DAY_MS), zone="z1"))
    room.find(3, "noise_high", "n2")
    assert figures(room.state, room.now_ms)["worst_count"] == 2


@pytest.mark.parametrize("value", NEWER.values(), ids=NEWER)
def test_what_a_newer_citywall_sealed_is_named_and_not_called_broken(value: bytes) -> None:
    engine = Engine()
    for read in (unseal, engine.fold, lambda one: faults([one])):
        with pytest.raises(FrameError, match="record 1 was written by a newer CityWall"):
            read(value)
    assert engine.counts()["broken"] == engine.counts()["void"] == 0
    assert engine.head == Head(0, GENESIS)


@pytest.mark.parametrize("value", NEWER.values(), ids=NEWER)
def test_the_engine_does_not_begin_beside_it(value: bytes) -> None:
    async def story() -> None:
        bus = FakeBus()
        bus.put(Message(JOURNAL, b"journal", value, 0))
        bus.put(Message(DETECTIONS, b"s1", encoded(detection(2, 30)), 0))
        with pytest.raises(FrameError, match="newer CityWall"):
            await FakeHost(AlarmStage(Engine), bus).start()
        assert [record.value for record in bus.log(JOURNAL)] == [value]

    asyncio.run(story())


def test_the_engine_ends_when_a_newer_one_writes_beside_it() -> None:
    async def story() -> None:
        bus = FakeBus()
        host = FakeHost(AlarmStage(Engine), bus)
        await host.start()
        bus.put(Message(JOURNAL, b"journal", NEWER["a newer version"], 0))
        bus.put(Message(DETECTIONS, b"s1", encoded(detection(2, 30)), 0))
        with pytest.raises(FrameError, match="newer CityWall"):
            await host.deliver(JOURNAL)
        assert len(bus.log(JOURNAL)) == 1

    asyncio.run(story())
