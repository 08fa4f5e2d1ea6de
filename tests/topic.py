"""What stands in topics of a real broker."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, TopicPartition

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

WITHIN_S = 60.0


def records_of(bootstrap: str, *topics: str) -> list[ConsumerRecord]:
    """Read topics from their beginnings to their present ends; each partition's records are in order."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)) as consumer:
        sources = [TopicPartition(name, one) for name in topics for one in sorted(consumer.partitions_for_topic(name))]
        assert sources, f"there is no topic {', '.join(topics)}"
        ends = consumer.end_offsets(sources)
        consumer.assign(sources)
        consumer.seek_to_beginning(*sources)
        found: list[ConsumerRecord] = []
        until = time.monotonic() + WITHIN_S
        while any(consumer.position(source) < ends[source] for source in sources):
            assert time.monotonic() < until, f"the broker does not hand out what stands in {', '.join(topics)}"
            for source, records in consumer.poll(timeout_ms=200).items():
                found += [one for one in records if one.offset < ends[source]]
    return found
