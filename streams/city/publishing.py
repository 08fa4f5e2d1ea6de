"""Writing versions of a city into `city.cities.v1`: one writer, the one that holds the city folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.broker import topics
from streams.broker.reach import listens
from streams.city import versions
from streams.contract.stage import Record
from streams.domains.schema import all_domains
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from streams.city.folder import Folder

SEND_TIMEOUT_S = 30.0
READ_TIMEOUT_MS = 500


def publish(bootstrap: str, found: Folder) -> int | None:
    """Append the folder as a new version, unless the newest is the same → its number, None where nothing was to do.

    Raises CityFileError with what is wrong with the folder, UnreachableError when the broker does not answer.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    counts = topics.partition_counts(bootstrap)
    of_domain = {domain: counts.get(topics.readings(domain), 1) for domain in all_domains()}
    try:
        known = versions.stored(_read(bootstrap))
        messages = versions.next_version(found, known, of_domain)
        if not messages:
            return None
        producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2 * versions.PART_BYTES)
        try:
            for one in messages:
                sent = producer.send(one.topic, one.value, one.key, list(one.headers), partition=0)
                sent.get(SEND_TIMEOUT_S)
        finally:
            producer.close()
    except (KafkaError, OSError) as exc:
        raise UnreachableError(f"Kafka at {bootstrap} does not take the city's new version: {exc}") from exc
    return max(known, default=0) + 1


def _read(bootstrap: str) -> list[Record]:
    from kafka import KafkaConsumer, TopicPartition

    listens(bootstrap)
    source = TopicPartition(topics.CITIES, 0)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    found: list[Record] = []
    try:
        consumer.assign([source])
        end = consumer.end_offsets([source])[source]
        consumer.seek_to_beginning(source)
        while consumer.position(source) < end:
            for records in consumer.poll(timeout_ms=READ_TIMEOUT_MS).values():
                found += [Record(one.offset, one.key, one.value, one.timestamp, one.headers) for one in records]
    finally:
        consumer.close()
    return found
