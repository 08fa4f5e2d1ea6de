"""The producer of a feed of ours: idempotent, every record acknowledged by all, its failures one of our errors."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.broker.reach import wait_for
from streams.broker.topics import INBOX_MAX_BYTES
from streams.errors import ExactnessError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaProducer

CLOSE_S = 5
RECONNECT_MAX_MS = 500
"""A broker that is back is in use that soon; the client's own default lets it wait for up to 30 s."""
SILENT_S = 4.0
"""Kafka does not answer once an acknowledgement takes longer."""

log = logging.getLogger("citywall")


@contextmanager
def connected(bootstrap: str, *, batch_bytes: int, linger_ms: int = 0) -> Iterator[KafkaProducer]:
    """Yield a producer as long as the block lasts.

    Raises UnreachableError when no broker answers; ExactnessError when a record was not acknowledged: restart.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # hundreds of lines while Kafka is away; we say one
    wait_for(bootstrap, log)
    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            max_request_size=INBOX_MAX_BYTES,
            batch_size=batch_bytes,
            linger_ms=linger_ms,
            reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        )
    except KafkaError as exc:
        raise UnreachableError(f"Kafka at {bootstrap} does not answer ({exc}); is it running?") from exc
    try:
        yield producer
    except KafkaError as exc:
        raise ExactnessError(
            f"Kafka did not acknowledge a feed ({type(exc).__name__}: {exc}); starting again from what it has"
        ) from exc
    finally:
        producer.close(timeout=CLOSE_S)


def flush(producer: KafkaProducer, within_s: float) -> None:
    """Wait until Kafka has everything sent so far; say once that it does not answer, and once that it is back.

    Raises KafkaTimeoutError when that takes too long.
    """
    from kafka.errors import KafkaTimeoutError

    until_s = time.monotonic() + within_s
    silent = False
    while True:
        left_s = until_s - time.monotonic()
        try:
            producer.flush(timeout=max(min(SILENT_S, left_s), 0.0))
        except KafkaTimeoutError:
            if left_s <= SILENT_S:
                raise
            if not silent:
                log.warning("Kafka does not answer; waiting for it")
            silent = True
        else:
            if silent:
                log.warning("Kafka is back")
            return
