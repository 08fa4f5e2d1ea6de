"""What Kafka deletes before a stage has read it is booked, once, on a real broker; all else goes on."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer
from kafka import TopicPartition as KafkaTopicPartition
from kafka.admin import KafkaAdminClient

from streams.accounts.losses import losses_of
from streams.broker import topics
from tests.streams.workers import Workers
from tests.topic import records_of

if TYPE_CHECKING:
    from streams.accounts.losses import Loss

pytestmark = pytest.mark.timeout(400)

TRAFFIC, WATER, ENERGY = (topics.inbox(domain) for domain in ("traffic", "water", "energy"))
AHEAD_MS = 50 * 60_000
"""So far ahead is the clock of the one who sends: Kafka takes a stamp of an hour."""


def give(kafka: str, topic: str, partition: int, offsets: range, **options: Any) -> list[int]:
    """Send records that will stand at these offsets, stamped by a clock that is ahead → when Kafka had each."""
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all", **options)
    if options:
        producer.init_transactions()
        producer.begin_transaction()
    ahead_ms = time.time_ns() // 1_000_000 + AHEAD_MS
    value = json.dumps({"sensor": "d1", "at": ahead_ms, "speed_km_h": 40, "flow_veh_h": 360}).encode()
    sent = [producer.send(topic, value, partition=partition, timestamp_ms=ahead_ms) for _ in offsets]
    if options:
        producer.commit_transaction()
    producer.flush()
    producer.close()
    assert [one.get(30).offset for one in sent] == list(offsets)
    return [one.get(30).timestamp for one in sent]


def delete(kafka: str, before: dict[tuple[str, int], int]) -> None:
    """Remove what lies below these offsets, as retention does."""
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_records({KafkaTopicPartition(*place): offset for place, offset in before.items()})
    admin.close()


def books(workers: Workers) -> dict[str, Any]:
    return {(one.key or b"").decode(): json.loads(one.value) for one in records_of(workers.kafka, topics.BOOKS)}


def absorbed(workers: Workers, place: tuple[str, int]) -> int:
    domain = place[0].rpartition(".")[2]
    return int(books(workers).get(f"intake:{domain}:{place[1]}", {"offset": 0})["offset"])


def refused(workers: Workers) -> list[dict[str, int]]:
    return [books(workers)[f"intake:traffic:{number}"]["counts"]["dead_lettered"] for number in (0, 1)]


def lost(workers: Workers) -> dict[tuple[str, int], tuple[int, int]]:
    return {(one.topic, one.partition): (one.from_offset, one.to_offset) for one in losses(workers)}


def losses(workers: Workers) -> list[Loss]:
    return losses_of(books(workers))


@pytest.mark.parametrize("way", [(), ("changed",)], ids=["our transport", "Faust's own"])
def test_what_retention_ate_before_it_was_read_is_booked_and_nothing_else(workers: Workers, way: tuple[str]) -> None:
    kafka = workers.kafka
    places = [(TRAFFIC, 0), (TRAFFIC, 1), (WATER, 0), (ENERGY, 0)]
    arrivals = {place: give(kafka, *place, range(10)) for place in places}
    intake = workers.add("intake", *way)
    workers.wait(lambda: all(absorbed(workers, place) == 10 for place in places))
    workers.wait(lambda: "absorbed_at_ms" in json.dumps(books(workers)["pulse:intake0"]))
    assert refused(workers) == [{"future": 10}] * 2, "the sender's stamp is not the time"
    intake.send_signal(signal.SIGTERM)
    intake.wait(30)
    for place in places[:2]:
        give(kafka, *place, range(10, 800))
    delete(kafka, {(TRAFFIC, 0): 800, (TRAFFIC, 1): 800, (ENERGY, 0): 5})
    first_left_ms = give(kafka, TRAFFIC, 0, range(800, 803))[0]
    for first in (10, 12):
        give(kafka, WATER, 0, range(first, first + 1), transactional_id=f"w{first}")  # each with a marker behind it
    give(kafka, ENERGY, 0, range(10, 12))
    workers.add("intake", *way)
    ends = {(TRAFFIC, 0): 803, (WATER, 0): 13, (ENERGY, 0): 12}
    workers.wait(lambda: all(absorbed(workers, place) == end for place, end in ends.items()))
    workers.wait(lambda: len(lost(workers)) == 2)
    assert lost(workers) == {(TRAFFIC, 0): (10, 800), (TRAFFIC, 1): (10, 800)}
    one, other = losses(workers)
    assert (one.lost_by, one.records) == ("intake", 790)
    assert (one.after_ms, one.before_ms) == (arrivals[TRAFFIC, 0][-1], first_left_ms)
    assert (other.after_ms, other.before_ms >= other.noticed_ms - 5_000) == (arrivals[TRAFFIC, 1][-1], True)
    assert "Kafka deleted 790 records, offsets 10 to 799, before intake had read them" in workers.log(1)

    workers.processes[1].send_signal(signal.SIGSTOP)  # now under its hands, and where nothing was left to read
    for some in (range(1), range(1, 50)):  # the fetch under way may still bring the first
        for place, end in (((TRAFFIC, 0), 803), ((TRAFFIC, 1), 800)):
            give(kafka, *place, range(end + some.start, end + some.stop))
    delete(kafka, {(TRAFFIC, 0): 840, (TRAFFIC, 1): 850})
    workers.processes[1].send_signal(signal.SIGCONT)
    workers.wait(lambda: absorbed(workers, (TRAFFIC, 0)) == 853)
    workers.wait(lambda: {one.to_offset for one in losses(workers)} >= {840, 850})
    assert set(lost(workers)) == {(TRAFFIC, 0), (TRAFFIC, 1)}
    counted = [sum(one.records for one in losses(workers) if one.partition == number) for number in (0, 1)]
    assert counted[0] in {790 + 37, 790 + 36}
    assert counted[1] in {790 + 50, 790 + 49}
