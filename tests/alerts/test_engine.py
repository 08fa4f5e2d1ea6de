"""Inputs that the alarm engine cannot read are journaled as such and stop nothing."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.reading import INPUT_BYTES
from streams.broker.topics import COMMANDS, DETECTIONS
from streams.contract.stage import Message
from tests.alerts.staging import journal, lived, projected
from tests.alerts.writing import chain, detection, encoded, events, opened_at
from tests.fakes import FakeBus

AT_10 = opened_at(10)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
)
BAD_LEVEL = encoded(detection(9, 10))
BAD_TIME = encoded(detection(3, 2**53))
BAD_ID = encoded(detection(3, 10, entity="e" * 2_001))


@pytest.mark.parametrize("topic", [DETECTIONS, COMMANDS])
@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff\x00", b"{}", b"null", b"[" * 5000, BAD_LEVEL, BAD_TIME, BAD_ID, b"x" * (INPUT_BYTES + 1)],
    ids=["tombstone", "empty", "bytes", "object", "null", "nesting", "level", "time", "id", "long"],
)
def test_what_cannot_be_read_is_journaled_with_its_place_and_stops_nothing(topic, value):
    bus = FakeBus()
    bus.put(Message(topic, b"k", value))
    asyncio.run(lived(bus, detection(3, 10)))
    (bad,) = [event for event in events(journal(bus)) if event["type"] == "unreadable"]
    assert bad["reason"] == {DETECTIONS: "bad_detection", COMMANDS: "bad_command"}[topic]
    causes = [cause for record in chain(journal(bus)) for cause in record["causes"]]
    assert [topic, 0] in causes
    assert list(projected(bus)) == [AT_10]


@given(
    st.lists(st.tuples(st.sampled_from([DETECTIONS, COMMANDS]), st.binary(max_size=30) | JSON.map(msgspec.json.encode)))
)
def test_no_bytes_stop_it(values):
    bus = FakeBus()
    for topic, value in values:
        bus.put(Message(topic, b"k", value))
    asyncio.run(lived(bus, detection(3, 10)))
    assert AT_10 in projected(bus)
    assert len(events(journal(bus))) == len(values) + 1


def test_unknown_evidence_does_not_lose_the_alarm():
    bus = FakeBus()
    value = encoded(detection(3, 10, evidence={"drop": float("nan"), "upstream": "s0"}))
    assert b'"drop":null' in value
    bus.put(Message(DETECTIONS, b"k", value))
    asyncio.run(lived(bus, detection(3, 20, entity="s2")))
    assert projected(bus)[AT_10]["evidence"] == {"upstream": "s0"}
