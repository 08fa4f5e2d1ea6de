"""The chain: who follows whom, and what is seen when somebody changed it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine import Engine
from alerts.journal import GENESIS, Record, seal, unseal
from streams.alarms.order import Input
from streams.broker.topics import COMMANDS, DETECTIONS
from tests.alerts.writing import acknowledge, chain, detection, encoded, faults, keyed_engine, opened_at

INPUTS = (
    Input(DETECTIONS, 0, encoded(detection(3, 10, evidence={"上游": "环城路"})), 1000),
    Input(COMMANDS, 0, encoded(acknowledge(opened_at(10))), 2000),
    Input(DETECTIONS, 1, encoded(detection(1, 20, value=0.1 + 0.2)), 3000),
    Input(DETECTIONS, 2, encoded(detection(0, 30)), 4000),
)


def written() -> list[bytes]:
    """A journal of four records, one for each input."""
    engine = keyed_engine()
    values = []
    for one in INPUTS:
        values.append(engine.judge([one], whole=False))
        engine.fold(values[-1])
    return values


JOURNAL = written()


def test_a_plain_reader_of_the_description_finds_the_same_chain():
    assert [record["seq"] for record in chain(JOURNAL)] == [1, 2, 3, 4]
    assert chain(JOURNAL)[2] == {
        "seq": 3,
        "previous": unseal(JOURNAL[1])[1],
        "events": [
            {
                "type": "finding",
                "change": "risen",
                "alarm": opened_at(10),
                "detection": {
                    **{"city": "c", "domain": "traffic", "kind": "slow_traffic", "entity": "s1", "zone": "z1"},
                    **{"at_ms": 20, "known_at_ms": None, "level": 1, "value": 0.30000000000000004, "limit": None},
                    **{"unit": "", "basis": "", "evidence": {}, "processor": "", "version": 0},
                },
            }
        ],
        "causes": [[DETECTIONS, 1]],
        "times_ms": [3000],
        "covers": {DETECTIONS: 2, COMMANDS: 1},
        "version": 10,
    }


def test_a_sound_journal_has_no_problem():
    assert faults(JOURNAL) == []
    assert faults([]) == []


@given(st.data())
def test_a_changed_byte_is_found(data):
    place = data.draw(st.integers(0, len(JOURNAL) - 1))
    value = bytearray(JOURNAL[place])
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    changed = [*JOURNAL[:place], bytes(value), *JOURNAL[place + 1 :]]
    assert faults(changed)[0] == (place, "changed")


def test_a_record_written_anew_breaks_what_follows():
    record, _ = unseal(JOURNAL[1])
    forged = seal(Record(seq=2, previous=record.previous, events=(), causes=(), covers=record.covers))
    assert faults([JOURNAL[0], forged, *JOURNAL[2:]]) == [(2, "foreign")]


def test_a_record_without_its_number_does_not_follow():
    skipped = seal(Record(seq=2, previous=GENESIS, events=(), causes=(), covers={}))
    assert Engine().fold(skipped) is None


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"hash":""}', JOURNAL[0][:-1], JOURNAL[0] + b" "])
def test_what_is_no_record_is_broken_and_changes_nothing(value):
    engine = Engine()
    assert engine.fold(value) is None
    assert engine.counts() == {"void": 0, "broken": 1}
    assert engine.covers == {}


def test_a_record_with_an_event_of_no_cause_is_broken():
    record, _ = unseal(JOURNAL[0])
    assert unseal(seal(Record(seq=1, previous=GENESIS, events=record.events, causes=(), covers={}))) is None
