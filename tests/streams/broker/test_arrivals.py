"""When a record came, by the broker's word or a sender's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streams.broker import arrivals, topics
from streams.domains.schema import all_domains

SENT, APPENDED = 0, 1
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("timestamp_ms", "timestamp_type", "came_ms"),
    [(500, SENT, 500), (9_000, SENT, 2_000), (9_000, APPENDED, 9_000), (-1, SENT, -1)],
)
def test_only_a_broker_can_say_that_a_record_comes_later_than_it_was_read(timestamp_ms, timestamp_type, came_ms):
    assert arrivals.arrived_ms(timestamp_ms, timestamp_type, 2_000) == came_ms


def test_a_record_of_a_sender_whose_clock_is_ahead_came_no_later_than_now():
    now_ms = arrivals.now_ms()
    found = SimpleNamespace(
        offset=1, key=b"k", value=b"v", timestamp=now_ms + HOUR_MS, timestamp_type=SENT, headers=(("h", b"x"),)
    )
    record = arrivals.as_record(found)
    assert record._replace(timestamp=0) == (1, b"k", b"v", 0, (("h", b"x"),))
    assert now_ms <= record.timestamp < now_ms + HOUR_MS


def test_the_broker_stamps_what_others_write_and_what_order_rests_on():
    stamped = {
        topic.name for topic in topics.all_topics() if topic.configs.get("message.timestamp.type") == "LogAppendTime"
    }
    kept = {topics.DETECTIONS, topics.COMMANDS, topics.JOURNAL, topics.CITIES, topics.CLOCK, topics.NOTIFICATIONS}
    assert stamped == {topics.inbox(domain) for domain in all_domains()} | kept
