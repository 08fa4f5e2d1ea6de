"""A topic read by a command, outside of any group: from its end to its beginning, or the other way."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from streams.broker import topics
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_OFFSETS = 200
POLL_MS = 1_000
SILENT_POLLS = 10


def backwards(bootstrap: str, topic: str, from_ms: int | None) -> Iterator[Any]:
    """Yield the records of a topic's first partition that were sent since `from_ms` (None = all), the newest first.

    Raises UnreachableError when no broker answers, or it does not send what it has.
    """
    with _consumer(bootstrap, topic) as (consumer, place):
        if place is None:
            return
        begin, stop = _span(consumer, place)
        if from_ms is not None:
            since = consumer.offsets_for_times({place: max(from_ms, 0)})[place]
            begin = stop if since is None else since.offset
        while stop > begin:
            first = max(stop - BLOCK_OFFSETS, begin)
            yield from reversed(_block(consumer, place, first, stop))
            stop = first


def forwards(bootstrap: str, topic: str) -> Iterator[Any]:
    """Yield the records of a topic's first partition up to where it ends now, the oldest first.

    Raises UnreachableError as `backwards` does.
    """
    with _consumer(bootstrap, topic) as (consumer, place):
        if place is None:
            return
        begin, stop = _span(consumer, place)
        for first in range(begin, stop, BLOCK_OFFSETS):
            yield from _block(consumer, place, first, min(first + BLOCK_OFFSETS, stop))


@contextmanager
def _consumer(bootstrap: str, topic: str) -> Iterator[tuple[Any, Any]]:
    """Give a consumer, and the topic's first partition, None where there is no such topic."""
    from kafka import KafkaConsumer
    from kafka import TopicPartition as KafkaTopicPartition
    from kafka.errors import KafkaError

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it would say, UnreachableError says once
    topics.partition_counts(bootstrap)  # says in a sentence what no consumer would: nobody answers
    place = KafkaTopicPartition(topic, 0)
    try:
        consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
        try:
            there = topic in consumer.topics()
            if there:
                consumer.assign([place])
            yield consumer, place if there else None
        finally:
            consumer.close()
    except KafkaError as exc:
        raise UnreachableError(f"Kafka at {bootstrap}: {topic} cannot be read: {exc}") from exc


def _span(consumer: Any, place: Any) -> tuple[int, int]:  # noqa: ANN401 - kafka-python has no types
    return consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]


def _block(consumer: Any, place: Any, first: int, stop: int) -> list[Any]:  # noqa: ANN401 - kafka-python has no types
    found: list[Any] = []
    silent = 0
    consumer.seek(place, first)
    while consumer.position(place) < stop:
        before = consumer.position(place)
        found += consumer.poll(POLL_MS).get(place, [])
        silent = 0 if consumer.position(place) > before else silent + 1
        if silent == SILENT_POLLS:
            raise UnreachableError(f"Kafka does not send what it has of {place.topic} from offset {before} on")
    return [record for record in found if record.offset < stop]
