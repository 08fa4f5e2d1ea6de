"""Where the partitions of our topics begin and end, as the brokers say: what is to be absorbed, whoever reads it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.broker.reach import listens
from streams.contract.stage import TopicPartition
from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUEST_TIMEOUT_MS = 5000
OURS = "city."
"""How the names of our topics begin."""


class Extent(NamedTuple):
    """The offsets that a partition holds: from `begin` to below `end`."""

    begin: int
    end: int


class EndsReader:
    """Asks the brokers again and again over one connection; after an error, over a new one."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin: Any = None
        self.answer_s = 0.0
        """How long the brokers took to answer one small question, when last read."""
        logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it would say again and again, `read` raises once

    def read(self) -> dict[TopicPartition, Extent]:
        """Return the extent of every partition of ours that has a leader.

        Raises UnreachableError when the brokers do not answer for all of them.
        """
        from kafka.errors import KafkaError

        try:
            return self._read()
        except (KafkaError, OSError) as exc:
            self.close()
            raise UnreachableError(f"Kafka at {self._bootstrap} does not answer ({type(exc).__name__}: {exc})") from exc

    def close(self) -> None:
        """Disconnect."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _read(self) -> dict[TopicPartition, Extent]:
        from kafka import KafkaAdminClient
        from kafka import TopicPartition as KafkaTopicPartition
        from kafka.admin import OffsetSpec

        listens(self._bootstrap)
        if self._admin is None:
            self._admin = KafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
        partitions = [
            KafkaTopicPartition(topic["name"], one["partition_index"])
            for topic in self._admin.describe_topics()
            if topic["name"].startswith(OURS)
            for one in topic["partitions"]
            if one["leader_id"] >= 0  # one without a leader cannot be asked, nor read
        ]
        asked_at_s = time.monotonic()
        self._offsets(partitions[:1], OffsetSpec.LATEST)
        self.answer_s = time.monotonic() - asked_at_s
        begin, end = (self._offsets(partitions, spec) for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST))
        return {TopicPartition(*one): Extent(begin[one].offset, end[one].offset) for one in partitions}

    def _offsets(self, partitions: Sequence[Any], spec: Any) -> Any:  # noqa: ANN401 - kafka-python ships no types
        return self._admin.list_partition_offsets(dict.fromkeys(partitions, spec), timeout_ms=REQUEST_TIMEOUT_MS)
