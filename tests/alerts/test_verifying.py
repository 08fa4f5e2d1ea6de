"""What an audit finds of a journal and its checkpoints: each tampering by name and place, nothing in a sound one."""

from __future__ import annotations

import pytest

from alerts.engine import Engine
from alerts.journal import Head, Record, seal, unseal
from alerts.verifying import Verification
from streams.alarms.order import Input
from streams.broker.topics import DETECTIONS
from tests.alerts.writing import detection, encoded, faults

ENDS = (2, 5)
"""Records that each checkpoint is taken behind."""


def written(count: int, entity: str = "s1") -> tuple[list[bytes], dict[bytes, bytes]]:
    """A journal, and the checkpoints of its engine."""
    engine = Engine()
    values: list[bytes] = []
    kept: dict[bytes, bytes] = {}
    for number in range(count):
        found = encoded(detection(3 - number % 2, 10 + number, entity=entity))
        value = engine.judge([Input(DETECTIONS, number, found, 1000 + number)], whole=False)
        assert value is not None
        values.append(value)
        engine.fold(value)
        if number + 1 in ENDS:
            slot = b"ab"[ENDS.index(number + 1) :][:1]
            kept |= dict(engine.checkpoint(number + 1).records(slot))
    return values, kept


JOURNAL, KEPT = written(6)
FOREIGN, OTHER = written(6, "s2")
HEADS = [Head(n, found[1]) for n, value in enumerate(JOURNAL, 1) if (found := unseal(value)) is not None]


def test_a_sound_journal_and_its_checkpoints_have_no_fault():
    found = Verification(KEPT, HEADS[2])
    for offset, value in enumerate(JOURNAL):
        found.take(offset, value)
    found.end()
    assert (found.faults, found.head, found.records, found.void, found.checkpoints_count) == ([], HEADS[-1], 6, 0, 2)
    assert faults([]) == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([JOURNAL[0], JOURNAL[1].replace(b'"s1"', b'"s9"'), *JOURNAL[2:]], [(1, "changed"), (2, "missing")]),
        ([JOURNAL[0], None, *JOURNAL[2:]], [(1, "changed"), (2, "missing")]),
        ([*JOURNAL[:2], *JOURNAL[4:]], [(2, "missing")]),
        (JOURNAL[1:], [(0, "missing")]),
        ([*JOURNAL[:2], FOREIGN[1], *JOURNAL[2:]], [(2, "foreign")]),
        ([*JOURNAL[:1], JOURNAL[2], JOURNAL[1], *JOURNAL[3:]], [(1, "missing")]),
    ],
    ids=["one changed", "one emptied", "two taken out", "the first taken out", "a foreign one", "two exchanged"],
)
def test_what_was_done_to_it_is_named_with_its_place(values: list[bytes | None], found: list[tuple[int, str]]):
    assert faults(values) == found


def test_a_second_writers_record_is_counted_and_no_fault():
    record, _ = unseal(JOURNAL[1]) or pytest.fail("it is sealed")
    void = seal(Record(seq=2, previous=record.previous, events=(), causes=(), covers={}, version=4))
    assert faults([*JOURNAL[:3], void, *JOURNAL[3:]]) == []


def test_an_end_that_was_cut_off_shows_against_a_noted_head_and_against_a_checkpoint():
    assert faults(JOURNAL[:4]) == []
    assert faults(JOURNAL[:4], noted=HEADS[5]) == [(None, "cut_off")]
    assert faults(JOURNAL[:4], KEPT) == [(None, "checkpoint")]
    assert faults(JOURNAL[:4], noted=HEADS[3]) == []


def test_a_journal_written_anew_is_not_the_one_of_the_noted_head():
    assert faults(FOREIGN, noted=HEADS[3]) == [(None, "other_head")]


def test_a_checkpoint_of_another_journal_is_found():
    assert faults(FOREIGN, OTHER) == []
    assert faults(FOREIGN, KEPT) == [(1, "checkpoint"), (4, "checkpoint")]


def test_a_checkpoint_that_says_what_never_happened_is_found():
    """The same place and head, with one alarm less."""
    engine = Engine()
    for value in JOURNAL[:5]:
        engine.fold(value)
    engine._state.open.clear()
    forged = KEPT | dict(engine.checkpoint(5).records(b"b"))
    found = Verification(forged)
    for offset, value in enumerate(JOURNAL):
        found.take(offset, value)
    found.end()
    assert [(one.offset, one.said.en) for one in found.faults] == [
        (4, "checkpoint b is not what the journal says: open")
    ]


def test_a_checkpoint_that_is_not_whole_is_none():
    torn = {key: value for key, value in KEPT.items() if key != b"b:0"}
    assert faults(JOURNAL[:4], torn) == []
