"""The producer of a feed of ours: idempotent, every record acknowledged by all, its failures one of our errors."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from streams.broker.reach import wait_for
from streams.broker.topics import CLOCK, INBOX_MAX_BYTES
from streams.errors import ExactnessError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaProducer

    from streams.city.clock import ClockSetting

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


def set_clock(producer: KafkaProducer, city: str, setting: ClockSetting, within_s: float) -> ClockSetting:
    """Set the city clock → the setting by which to pace, so that no reading is ahead of the city clock.

    The setting counts from its record's arrival, which the broker's clock says. Where that agrees with ours, the feed
    goes by it; where it does not, by the moment at which it learned of it.
    """
    sent_ms = wall_ms()
    record = producer.send(CLOCK, key=city.encode(), value=msgspec.json.encode(setting)).get(timeout=within_s)
    known_ms = wall_ms()
    came_ms = record.timestamp if sent_ms <= record.timestamp <= known_ms else known_ms
    return msgspec.structs.replace(setting, wall_ms=came_ms)


def wall_ms() -> int:
    """Return the time, epoch ms."""
    return time.time_ns() // 1_000_000
