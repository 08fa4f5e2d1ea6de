"""What is deleted, not read and not booked: the brokers' extents against the pulses."""

import pytest

from deploy.supervision.pulses import PartitionPulse, PartPulse
from deploy.supervision.tail import PartitionExtent, Tail
from deploy.supervision.unbooked import compare
from streams.accounts.losses import Loss
from streams.broker import topics

NOW_MS = 1_000_000
TOPIC = "city.inbox.v1.traffic"


def pulse(absorbed, at_ms=NOW_MS, group="intake", topic=TOPIC):
    return PartPulse(group, 7, at_ms, [PartitionPulse(topic, 0, group, absorbed, absorbed, 0, 0.0)])


def loss(first, stop):
    return Loss(
        lost_by="intake", topic=TOPIC, partition=0, from_offset=first, to_offset=stop, after_ms=1, before_ms=2,
        noticed_ms=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("begin", "beats", "known", "expected"),
    [
        (800, {"intake": pulse(10)}, [], (10, 800)),
        (10, {"intake": pulse(10)}, [], None),
        (800, {"intake": pulse(10)}, [loss(10, 800)], None),
        (900, {"intake": pulse(10)}, [loss(10, 800)], (800, 900)),  # more since then
        (900, {"intake": pulse(10)}, [loss(10, 50), loss(50, 900)], None),
        (800, {"intake": pulse(10), "intake-2": pulse(900)}, [], None),  # it is with another worker now
        (800, {"intake": pulse(10, NOW_MS - 1)}, [], None),  # it may have gone on before the tail looked
        (800, {"intake": pulse(10, NOW_MS - 10_000)}, [], (10, 800)),  # it stands still
        (800, {"sinks_live": pulse(10, group="live")}, [], None),
        (800, {}, [], None),
    ],
)
def test_a_partition_that_begins_behind_what_was_read_has_lost_what_lies_between(begin, beats, known, expected):
    found = compare(Tail(NOW_MS, True, [PartitionExtent(TOPIC, 0, begin, 5_000)]), beats, known)
    assert [(one.from_offset, one.to_offset) for one in found] == ([] if expected is None else [expected])
    assert all((one.lost_by, one.before_ms) == ("intake", NOW_MS) for one in found)


def test_provisional_values_are_nobodys_loss():
    found = Tail(NOW_MS, True, [PartitionExtent(topics.LIVE, 0, 800, 900)])
    assert compare(found, {"sinks_history": pulse(10, group="history", topic=topics.LIVE)}, []) == []
