"""How old what is left is: by Kafka's timestamp, and unknown is not 0."""

import pytest

from streams.contract.stage import Chunk, Record, TopicPartition
from streams.health import pulse
from streams.health.pulse import Pulse
from tests.fakes import FakeClock

SOURCE = TopicPartition("t", 0)
NOW_MS = 1_700_000_000_000


@pytest.fixture
def clock(monkeypatch):
    found = FakeClock(NOW_MS)
    monkeypatch.setattr(pulse, "now_ms", found)
    return found


@pytest.fixture
def followed(clock, tmp_path):
    """A process that has just been given a partition of which it has taken 10 records."""
    found = Pulse("intake", "intake", tmp_path)
    found.assigned([SOURCE], {SOURCE: 10})
    return found


def chunk(first, last, end, sent_ms):
    return Chunk("t", 0, [Record(one, None, b"", sent_ms, ()) for one in range(first, last + 1)], end)


def lag(followed, end):
    row = followed.beat({SOURCE: end})["partitions"][0]
    return row["lag_records"], row["lag_s"]


def test_after_a_start_the_age_of_what_is_left_is_unknown_until_it_is_fetched(followed, clock):
    assert lag(followed, None) == (0, None)
    assert lag(followed, 1_039) == (1_029, None)
    clock.advance(20)
    assert lag(followed, 1_039) == (1_029, None)
    followed.received(chunk(10, 19, 1_039, NOW_MS - 300_000))
    assert lag(followed, 1_039) == (1_029, 320.0)
    followed.absorbed(chunk(10, 19, 1_039, NOW_MS - 300_000))
    assert lag(followed, 1_039) == (1_019, 320.0)


def test_where_nothing_is_left_the_age_is_0_and_what_comes_after_is_as_old_as_its_being_seen(followed, clock):
    assert lag(followed, 10) == (0, 0.0)
    clock.advance(60)
    assert lag(followed, 12) == (2, 0.0)
    clock.advance(3)
    assert lag(followed, 12) == (2, 3.0)
    followed.received(chunk(10, 11, 12, clock.now_ms - 3_500))
    followed.absorbed(chunk(10, 11, 12, clock.now_ms - 3_500))
    assert lag(followed, 12) == (0, 0.0)


def test_partitions_that_are_dealt_anew_begin_unknown(followed):
    assert lag(followed, 10) == (0, 0.0)
    followed.assigned([SOURCE], {SOURCE: 10})
    assert lag(followed, 40) == (30, None)
