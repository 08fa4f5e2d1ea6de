"""Writing versions of a city into `city.cities.v1`: one writer, the one that holds the city folder."""

from __future__ import annotations

import time
from itertools import takewhile
from typing import TYPE_CHECKING

from streams.broker import topics
from streams.broker.reach import listens
from streams.city import versions
from streams.city.clock import read_clock
from streams.contract.durations import HOUR_MS
from streams.contract.stage import Record
from streams.domains.schema import all_domains
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    from streams.city.folder import Folder
    from streams.city.versions import Rules
    from streams.contract.stage import Message

SEND_TIMEOUT_S = 30.0
READ_TIMEOUT_MS = 500

TAKEN_OVER_MS = HOUR_MS
"""So long after a version came intake has surely gone over to it, or was away: then what it will send again is made of
inbox records from before."""

GONE_OVER_S = 60.0
"""So long after a version, by the wall clock, every part that runs has gone over to it; intake sees to it."""


def publish(bootstrap: str, found: Folder, rules: Rules) -> int | None:
    """Append the folder and the rules in force as a new version, unless the newest is the same → its number or None.

    Versions that no record can name any more are taken out of the topic, never the newest.
    Raises CityFileError with what is wrong with the folder, UnreachableError when the broker does not answer.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    counts = topics.partition_counts(bootstrap)
    of_domain = {domain: counts[name] for domain in all_domains() if (name := topics.readings(domain)) in counts}
    try:
        records, clock, old = _read(bootstrap, list(_naming(counts)))
        known = versions.stored(records)
        now_ms = read_clock(clock).at(time.time_ns() // 1_000_000 + round(GONE_OVER_S * 1000))
        messages = versions.next_version(found, known, of_domain, rules, now_ms=now_ms)
        sent = [*messages, *versions.tombstones(records, old)]
        if sent:
            producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2 * versions.PART_BYTES)
            _send(producer, sent)
    except (KafkaError, OSError) as exc:
        raise UnreachableError(f"Kafka at {bootstrap} does not take the city's new version: {exc}") from exc
    return max(known, default=0) + 1 if messages else None


def _send(producer: KafkaProducer, messages: Iterable[Message]) -> None:
    try:
        for one in messages:
            sent = producer.send(one.topic, one.value, one.key, list(one.headers), partition=0)
            sent.get(SEND_TIMEOUT_S)
    finally:
        producer.close()


def _naming(counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield the partitions whose records name a version, or are yet to be read with one."""
    for domain in all_domains():
        for topic in (topics.inbox(domain), topics.readings(domain)):
            yield from ((topic, partition) for partition in range(counts.get(topic, 0)))
    yield from ((topics.METRICS, partition) for partition in range(counts.get(topics.METRICS, 0)))


def _read(bootstrap: str, naming: Sequence[tuple[str, int]]) -> tuple[list[Record], list[Record], set[int]]:
    """Return all records of the topic and of the clock, and the numbers of the versions that nothing can name."""
    from kafka import KafkaConsumer, TopicPartition

    listens(bootstrap)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        found, clock = (_all_of(consumer, TopicPartition(topic, 0)) for topic in (topics.CITIES, topics.CLOCK))
        partitions = [TopicPartition(*one) for one in naming]
        over = versions.superseded(found).items()
        old = takewhile(lambda one: not holds_before(consumer, partitions, one[1] + TAKEN_OVER_MS), over)
        return found, clock, {number for number, _ in old}
    finally:
        consumer.close()


def _all_of(consumer: KafkaConsumer, source: TopicPartition) -> list[Record]:
    found: list[Record] = []
    consumer.assign([source])
    end = consumer.end_offsets([source])[source]
    consumer.seek_to_beginning(source)
    while consumer.position(source) < end:
        for records in consumer.poll(timeout_ms=READ_TIMEOUT_MS).values():
            found += [Record(one.offset, one.key, one.value, one.timestamp, one.headers) for one in records]
    return found


def holds_before(consumer: KafkaConsumer, partitions: Sequence[TopicPartition], at_ms: int) -> bool:
    """Tell whether a record from before that time may still lie in one of the partitions."""
    first = consumer.offsets_for_times(dict.fromkeys(partitions, at_ms))
    begin, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    return any(
        begin[one] < (end[one] if first.get(one) is None else first[one].offset) and begin[one] < end[one]
        for one in partitions
    )
