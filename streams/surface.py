"""Every name of Faust, mode, aiokafka and numba that is not theirs to keep, and that we override, replace or read.

They may change it in any version. So all of it stands here, each with what we need it for; `misfits` holds the
installed versions against it, and what does not fit is done without: see `docs/development.md`.

A name that is used and not listed fails `tests/streams/test_surface.py`.
"""

from __future__ import annotations

import logging
from importlib import import_module
from inspect import isclass, isfunction, signature
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType

Use: TypeAlias = Literal["transport", "fast fetch", "kernel"]

WITHOUT: Final[dict[Use, str]] = {
    "transport": "Faust's ordinary transport carries the records one by one, slower",
    "fast fetch": "aiokafka makes an object of each record, slower",
    "kernel": "numba counts the arrays that a kernel hands on, slower",
}
"""What happens where a use does not fit; never anything but time is lost."""


class Private(NamedTuple):
    """One name."""

    use: Use
    owner: str
    """MODULE or MODULE:CLASS."""
    name: str
    parameters: str | None
    """Names of its parameters, None = no function: an attribute of the owner, or what the owner's code uses."""
    broken: str
    """What breaks when it changes."""

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}".replace(":", ".")


_DRIVER = "faust.transport.drivers.aiokafka"
_CONSUMER, _THREAD = f"{_DRIVER}:Consumer", f"{_DRIVER}:AIOKafkaConsumerThread"
_KAFKA, _FETCHER = "aiokafka:AIOKafkaConsumer", "aiokafka.consumer.fetcher"
_CONN = "aiokafka.conn"
_STATE = "aiokafka.consumer.subscription_state"
_MESSAGE = (
    "topic partition offset timestamp timestamp_type headers key value checksum serialized_key_size"
    " serialized_value_size tp time_in time_out time_total generation_id"
)
_PARTITION_RECORDS = (
    "self tp records aborted_transactions fetch_offset key_deserializer value_deserializer check_crcs isolation_level"
)

TRANSPORT = (
    ("faust.transport.drivers:TRANSPORTS", "aliases", None, "the address chunked://… finds no transport"),
    (f"{_DRIVER}:Transport", "Consumer", None, "the transport makes Faust's consumer, not ours"),
    (_CONSUMER, "_getmany", "self active_partitions timeout", "records are not cut into runs"),
    (_CONSUMER, "_to_message", "self tp record", "a run does not become one event"),
    (_CONSUMER, "ack", "self message", "an event is committed before its chunk is durable"),
    (_CONSUMER, "_filter_tps_with_pending_acks", "self topics", "what is settled is not committed"),
    (_CONSUMER, "_filter_committable_offsets", "self tps", "what is settled is not committed"),
    (_CONSUMER, "_add_gap", "self tp offset_from offset_to", "the holes of runs are taken for missing acks"),
    (_CONSUMER, "on_partitions_revoked", "self revoked", "partitions that are gone are committed"),
    (_CONSUMER, "seek_to_committed", "self", "it starts at the group's offset, not at that of the state"),
    (_CONSUMER, "_thread", None, "the thread that fetches is not reached"),
    (_CONSUMER, "_unacked_messages", None, "events that are done with are kept for ever"),
    (_THREAD, "_ensure_consumer", "self", "aiokafka's consumer is not reached"),
    (
        _THREAD,
        "_fetch_records",
        "self consumer active_partitions timeout max_records",
        "a fetch is not told from one before the positions were set anew: records are lost or come twice",
    ),
    ("mode.threads:QueueServiceThread", "call_thread", "self fun args kwargs", "nothing runs in the fetching thread"),
    ("faust.types:ConsumerMessage", "__init__", f"self {_MESSAGE}", "a run does not become one event"),
    (_KAFKA, "_max_poll_records", None, "a fetch does not know how much it may bring"),
    (_KAFKA, "_subscription", None, "positions are set for partitions that are with others"),
    (_KAFKA, "_fetcher", None, "the position of a fetch is not known: a partition with holes seems to stand still"),
    (f"{_FETCHER}:Fetcher", "_fetch_max_wait_ms", None, "a fetch for what is empty holds up what is not"),
    (f"{_FETCHER}:Fetcher", "_prefetch_backoff", None, "what is empty is asked while records of the others lie here"),
    (f"{_FETCHER}:Fetcher", "_subscriptions", None, "the position of a fetch is not known"),
    (f"{_STATE}:SubscriptionState", "is_assigned", "self tp", "positions are set for partitions of others"),
    (f"{_STATE}:SubscriptionState", "subscription", None, "the position of a fetch is not known"),
    (f"{_STATE}:Subscription", "assignment", None, "the position of a fetch is not known"),
    (f"{_STATE}:Assignment", "state_value", "self tp", "the position of a fetch is not known"),
    (f"{_STATE}:TopicPartitionState", "has_valid_position", None, "the position of a fetch is not known"),
    (f"{_STATE}:TopicPartitionState", "position", None, "the position of a fetch is not known"),
)
FAST_FETCH = (
    (f"{_FETCHER}:PartitionRecords", "__init__", _PARTITION_RECORDS, "what stands in for it is called otherwise"),
    (f"{_FETCHER}:Fetcher", "PartitionRecords", None, "what stands in for it is never called"),
    (f"{_FETCHER}:Fetcher", "MemoryRecords", None, "the bytes of a fetch are not kept"),
    (f"{_FETCHER}:MemoryRecords", "has_next", "self", "the fetcher asks what stands in for it for something else"),
    (f"{_FETCHER}:MemoryRecords", "size_in_bytes", "self", "the fetcher asks what stands in for something else"),
    (f"{_FETCHER}:MemoryRecords", "next_batch", "self", "the batches of a fetch are not reached"),
    (f"{_FETCHER}:FetchResult", "getall", "self max_records", "records are taken one by one from what gives batches"),
    (f"{_CONN}:AIOKafkaProtocol", "__init__", "self closed_fut args loop kw", "ours is made otherwise"),
    (f"{_CONN}:AIOKafkaProtocol", "connection_lost", "self exc", "nobody hears that a connection is gone"),
    (f"{_CONN}:AIOKafkaConnection", "_read", "self_ref", "what stands in for it is never called: no answer comes"),
    (f"{_CONN}:AIOKafkaConnection", "_handle_frame", "self resp", "answers reach nobody"),
    (f"{_CONN}:AIOKafkaConnection", "_protocol", None, "what has read an answer is not found"),
    (_FETCHER, "READ_UNCOMMITTED", None, "transactions are not told from other records"),
)
KERNEL = (("numba.core.options:DefaultOptions", "_nrt", None, "kernels do not compile"),)

SURFACE: Final[tuple[Private, ...]] = (
    *(Private("transport", *row) for row in TRANSPORT),
    *(Private("fast fetch", *row) for row in FAST_FETCH),
    *(Private("kernel", *row) for row in KERNEL),
)


log = logging.getLogger("citywall")


def say(use: Use, changed: Sequence[str]) -> None:
    """Warn, in one line, of what has changed and how things go on."""
    log.warning("%s; so %s (docs/development.md)", "; ".join(changed), WITHOUT[use])


def misfits(use: Use) -> list[str]:
    """Hold the installed versions against what we need → a sentence for each name that is not as it was."""
    return [said for one in SURFACE if one.use == use if (said := misfit(one)) is not None]


def misfit(one: Private) -> str | None:
    """Say what has changed about a name and what breaks by it, None = it is as we know it."""
    changed = _changed(one)
    return None if changed is None else f"{one} {changed}: {one.broken}"


def _changed(one: Private) -> str | None:
    try:
        owner = _owner(one.owner)
    except (ImportError, AttributeError):
        return "is not there any more"
    found = getattr(owner, one.name, None)
    if one.parameters is None:
        return None if hasattr(owner, one.name) or one.name in _used_by(owner) else "is not there any more"
    if found is None:
        return "is not there any more"
    taken = " ".join(signature(found).parameters)
    return None if taken == one.parameters else f"takes ({taken}), not ({one.parameters})"


def _owner(path: str) -> Any:  # noqa: ANN401 - a module, a class or an object
    module, _, name = path.partition(":")
    return getattr(import_module(module), name) if name else import_module(module)


def _used_by(owner: object) -> set[str]:
    """List the names that the code of a class uses: what its objects hold is known only there."""
    if not isclass(owner):
        return set()
    functions = [value for one in owner.__mro__ for value in vars(one).values() if isfunction(value)]
    return {name for function in functions for name in _names(function.__code__)}


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names(constant)
