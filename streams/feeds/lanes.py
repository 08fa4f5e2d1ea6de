"""Where a feed writes: the partitions of an inbox, and its marks in them (docs/architecture.md, "Inside a zone")."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.broker.topics import inbox
from streams.contract.records import MARK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kafka import KafkaProducer


class Lane(NamedTuple):
    """One inbox partition."""

    domain: str
    partition: int

    @property
    def topic(self) -> str:
        """The inbox it is of."""
        return inbox(self.domain)


def send_mark(producer: KafkaProducer, lane: Lane, at_ms: int, headers: Iterable[tuple[str, bytes]] = ()) -> None:
    """Say in one inbox partition that every reading before `at_ms` is sent; call it once those are acknowledged."""
    marks = [(MARK, b"%d" % at_ms), *headers]
    producer.send(lane.topic, value=b"", partition=lane.partition, headers=marks)
