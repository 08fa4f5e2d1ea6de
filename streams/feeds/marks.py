"""Marks: a feed's word that every reading before a time has been sent (docs/architecture.md, "Inside a zone")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kafka import KafkaProducer

MARK = "mark"


def send_mark(
    producer: KafkaProducer, topic: str, partition: int, at_ms: int, headers: Iterable[tuple[str, bytes]] = ()
) -> None:
    """Say in one inbox partition that every reading before `at_ms` is sent; call it once those are acknowledged."""
    producer.send(topic, value=b"", partition=partition, headers=[(MARK, b"%d" % at_ms), *headers])
