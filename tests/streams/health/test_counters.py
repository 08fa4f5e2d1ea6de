"""What is counted around a stage, by hand: a chunk, a recovery, what was sent."""

import pytest

from streams.contract.stage import RUN_RECORDS, Chunk, Record, TopicPartition
from streams.health import counters
from streams.health.counters import Counters, Histogram, Traffic
from streams.health.pulse import Pulse
from streams.transport.chunks import FRAMED_RUN_RECORDS, RUN_BYTES
from tests.fakes import framed_records

SOURCE = TopicPartition("t", 0)
RECORDS = [Record(5, b"k", b"12345", 0, ()), Record(6, None, None, 0, ()), Record(9, None, b"678", 0, ())]


def test_a_value_counts_in_the_first_bucket_that_reaches_it():
    histogram = Histogram((1, 10))
    for value in (0, 1, 1.5, 10, 11, 400):
        histogram.add(value)
    assert histogram.told() == {"bounds": (1, 10), "counts": [2, 2, 2], "sum": 423.5}


def test_the_buckets_reach_as_far_as_the_transport_fills_a_chunk():
    assert counters.CHUNK_RECORDS[-2:] == (RUN_RECORDS, FRAMED_RUN_RECORDS)
    assert counters.CHUNK_BYTES[-1] == RUN_BYTES


@pytest.mark.parametrize("records", [RECORDS, framed_records(RECORDS)], ids=["objects", "columns"])
def test_a_chunk_counts_its_records_and_the_bytes_of_their_values(records):
    counted = Counters()
    counted.absorbed(Chunk("t", 0, records, 10), took_s=0.02)
    told = counted.told()
    assert {name: told[name]["sum"] for name in ("chunk_records", "chunk_bytes", "absorb_s")} == {
        "chunk_records": 3,
        "chunk_bytes": 8,  # 12345 and 678
        "absorb_s": 0.02,
    }
    assert all(sum(told[name]["counts"]) == 1 for name in ("chunk_records", "chunk_bytes", "absorb_s"))


def test_a_recovery_counts_what_was_read_in_it_and_nothing_else():
    traffic = Traffic()
    counted = Counters(traffic)
    traffic.read(RECORDS)  # before
    with counted.recovering():
        traffic.read(RECORDS)
        traffic.read(RECORDS[:1])
    traffic.read(RECORDS)  # and after it
    told = counted.told()
    assert (told["recovered_records"], told["recovered_bytes"], sum(told["recovery_s"]["counts"])) == (4, 13, 1)


def test_what_is_not_durable_has_an_age_and_becoming_durable_counts_once(tmp_path, monkeypatch):
    now_ms = 1_000_000
    monkeypatch.setattr("streams.health.pulse.now_ms", lambda: now_ms)
    pulse = Pulse("zone", "zone", tmp_path)
    pulse.assigned([SOURCE], {SOURCE: 5})

    def take(records):
        chunk = Chunk("t", 0, records, 10)
        pulse.received(chunk)
        pulse.absorbed(chunk, 0.001)

    def unsaved_s():
        return pulse.beat({})["partitions"][0]["unsaved_s"]

    assert unsaved_s() == 0.0
    take(RECORDS[:2])
    now_ms += 1500
    take(RECORDS[2:])
    now_ms += 1000
    assert unsaved_s() == 2.5  # since the first of the two
    pulse.settled(SOURCE)
    pulse.settled(SOURCE)  # nothing was taken since
    assert (unsaved_s(), pulse.counters.snapshots) == (0.0, 1)
    pulse.settled(TopicPartition("another's", 0))
    assert pulse.counters.snapshots == 1
