"""A fetch in the consumer's thread: what aiokafka has, and where that is little, what has come since it asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from aiokafka.errors import KafkaError

from streams.transport.wire import WireBatch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from faust.types import TP

FEW_RECORDS, FEW_BYTES = 2_000, 512 * 1024
"""A fetch that brought no more is followed by another: for what came while the first lay here."""

REST_S = 0.01
"""So long at most for that one: a round trip."""


class Fetching(Protocol):
    """The consumer (`streams.transport.chunks.Consumer`), as far as a fetch goes."""

    _thread: Any
    """Faust's thread around aiokafka's consumer."""
    linger_s: float
    in_backlog: bool
    sought_epoch: int


async def fetch(consumer: Fetching, partitions: set[TP] | None, timeout: float) -> tuple[dict[TP, list[Any]], int]:
    """Fetch, in the consumer's thread → what came, and the epoch of the positions that it was taken from.

    A fetch may have begun before the positions were set anew and return what lies behind the new ones. aiokafka asks
    for more only once what it has is taken: where that is little, what came to the broker while we lingered is fetched
    too.
    """
    kafka = consumer._thread._ensure_consumer()

    async def take(within_s: float) -> tuple[dict[TP, list[Any]], int]:
        fetched = await consumer._thread._fetch_records(
            kafka, cast("set[TP]", partitions), timeout=within_s, max_records=kafka._max_poll_records
        )
        return cast("dict[TP, list[Any]]", fetched), consumer.sought_epoch

    fetched, epoch = await take(timeout)
    consumer.in_backlog = not _is_little(fetched.values())
    if not fetched or not consumer.linger_s or consumer.in_backlog:
        return fetched, epoch
    try:
        rest, rest_epoch = await take(REST_S)
    except KafkaError:  # of a partition; it comes again with the next fetch, and what was taken already is not lost
        return fetched, epoch
    if rest_epoch != epoch:
        return rest, rest_epoch
    return {tp: [*fetched.get(tp, ()), *rest.get(tp, ())] for tp in {**fetched, **rest}}, epoch


def _is_little(fetched: Collection[Sequence[Any]]) -> bool:
    """Tell whether this is what a slow stream brings; records or batches of each partition."""
    if sum(map(_records, fetched)) > FEW_RECORDS:
        return False
    parts = (one.body if isinstance(one, WireBatch) else one.value or b"" for some in fetched for one in some)
    return sum(map(len, parts)) <= FEW_BYTES


def _records(some: Sequence[Any]) -> int:
    """Count the records of a partition: batches hold many each."""
    if some and isinstance(some[0], WireBatch):
        return sum(batch.records for batch in some)
    return len(some)
