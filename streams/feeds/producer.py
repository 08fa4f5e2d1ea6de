"""The producer of a feed of ours: idempotent, every record acknowledged by all, its failures one of our errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.errors import ExactnessError, UnreachableError
from streams.topics import INBOX_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaProducer

CLOSE_S = 5


@contextmanager
def connected(bootstrap: str, *, batch_bytes: int, linger_ms: int = 0) -> Iterator[KafkaProducer]:
    """Yield a producer as long as the block lasts.

    Raises UnreachableError when no broker answers; ExactnessError when a record was not acknowledged: restart.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            max_request_size=INBOX_MAX_BYTES,
            batch_size=batch_bytes,
            linger_ms=linger_ms,
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
