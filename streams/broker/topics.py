"""Every Kafka topic of CityWall: the one table of names, partitions, retention and compaction, and how they are made.

`v1` is part of a name; a breaking change makes a `v2`. Partition counts are fixed when a topic is created: read them
back with `partition_counts`, never from here.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.broker import arrivals
from streams.broker.reach import listens
from streams.contract.durations import DAY_MS, MINUTE_MS
from streams.domains.schema import all_domains, load_schemas
from streams.errors import RefusedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kafka import KafkaAdminClient

    from streams.domains.schema import Schema

LIVE = "city.live.v1"
METRICS = "city.metrics.v1"
DETECTIONS = "city.detections.v1"
COMMANDS = "city.commands.v1"
JOURNAL = "city.journal.v1"
ALARMS = "city.alarms.v1"
INCIDENTS = "city.incidents.v1"
CASES = "city.cases.v1"
OUTCOMES = "city.outcomes.v1"
CHECKPOINTS = "city.checkpoints.v1"
NOTIFICATIONS = "city.notifications.v1"
BOOKS = "city.books.v1"
CLOCK = "city.clock.v1"
CITIES = "city.cities.v1"
TRUTH = "city.truth.v1"
DEAD_LETTERS = "city.dead_letters.v1"

REPLAY = "city.replay.v1"
"""Empty; there where a replay has filled a Kafka, so that the next one may empty it and `up` keeps off."""

INBOX_MAX_BYTES = 8 * 2**20
"""The largest inbox record a department may send."""

_MIB = 2**20

DEAD_LETTER_MAX_BYTES = 9 * _MIB
"""A dead letter keeps so much of what came: all of what an inbox takes, not all of what may be inflated from it."""
_OVERHEAD = 64 * 1024
"""Room for a record's key, headers and batch."""

SNAPSHOT_MAX_BYTES = 8 * _MIB
"""The largest record of a state; a larger state comes in parts (`streams.saving.chains`)."""

_ALREADY_EXISTS = 36
_NAME = re.compile(r"city\.inbox\.[A-Za-z0-9._-]+")


def inbox(domain: str) -> str:
    """Name the topic that departments and feeds write to."""
    return f"city.inbox.v1.{domain}"


def readings(domain: str) -> str:
    """Name the topic of checked frames, keyed by zone."""
    return f"city.readings.v1.{domain}"


def state(stage: str, domain: str = "") -> str:
    """Name the topic of a stage's snapshots; it has as many partitions as that stage's input topic."""
    return f"city.state.v1.{stage}.{domain}" if domain else f"city.state.v1.{stage}"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it is created."""

    name: str
    partitions: int = 1
    configs: Mapping[str, str] = field(default_factory=dict)


def all_topics(partitions: Mapping[str, int] | None = None) -> tuple[Topic, ...]:
    """List every topic; `partitions` (domain → count) replaces the counts of inbox and readings; unnamed ones get 1."""
    topics = [
        topic
        for domain, schema in load_schemas().items()
        for topic in _of_domain(schema, schema.partitions if partitions is None else partitions.get(domain, 1))
    ]
    return (*topics, *_of_city())


def _of_domain(schema: Schema, partitions: int) -> Iterator[Topic]:
    domain, size_mib = schema.domain, schema.retained_mib
    kept = _deleted(DAY_MS // 4, size_mib, INBOX_MAX_BYTES + _OVERHEAD)
    yield Topic(inbox(domain), partitions, kept | arrivals.BY_THE_BROKER)
    yield Topic(readings(domain), partitions, kept)
    yield Topic(state("intake", domain), partitions, _SNAPSHOTS)
    yield Topic(state("zone", domain), partitions, _SNAPSHOTS)


def _of_city() -> Iterator[Topic]:
    yield Topic(LIVE, configs=_deleted(MINUTE_MS, 64, INBOX_MAX_BYTES, segment_ms=MINUTE_MS // 2))
    yield Topic(METRICS, configs=_deleted(DAY_MS, 256, INBOX_MAX_BYTES))
    yield Topic(DETECTIONS, configs=_deleted(7 * DAY_MS, 64) | arrivals.BY_THE_BROKER)
    yield Topic(COMMANDS, configs=_deleted(7 * DAY_MS, 64) | arrivals.BY_THE_BROKER)
    yield Topic(JOURNAL, configs=_KEPT | arrivals.BY_THE_BROKER)
    yield Topic(ALARMS, configs=_COMPACTED)
    yield Topic(INCIDENTS, configs=_COMPACTED)
    yield Topic(CASES, configs=_COMPACTED)
    yield Topic(CHECKPOINTS, configs=_COMPACTED)
    yield Topic(OUTCOMES, configs=_deleted(7 * DAY_MS, 64))
    yield Topic(NOTIFICATIONS, configs=_deleted(90 * DAY_MS, 64) | arrivals.BY_THE_BROKER)
    yield Topic(BOOKS, configs=_COMPACTED | {"cleanup.policy": "compact,delete", "retention.ms": str(14 * DAY_MS)})
    yield Topic(CITIES, configs=_COMPACTED | _LARGE | arrivals.BY_THE_BROKER)
    yield Topic(CLOCK, configs=_KEPT | arrivals.BY_THE_BROKER)
    yield Topic(TRUTH, configs=_deleted(7 * DAY_MS, 64))
    yield Topic(DEAD_LETTERS, configs=_deleted(7 * DAY_MS, 256, DEAD_LETTER_MAX_BYTES + _OVERHEAD))
    yield Topic(state("second"), configs=_SNAPSHOTS)
    yield Topic(state("signals"), configs=_COMPACTED | _LARGE)
    yield Topic(state("notifiers"), configs=_COMPACTED | {"max.message.bytes": str(SNAPSHOT_MAX_BYTES)})


def _deleted(
    retention_ms: int, size_mib: int, max_bytes: int = _MIB, *, segment_ms: int = 10 * MINUTE_MS
) -> dict[str, str]:
    """Keep for a time, and never more than a size (per partition); segments small enough that both are kept to."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention_ms),
        "retention.bytes": str(size_mib * _MIB),
        "segment.ms": str(segment_ms),
        "segment.bytes": str(max(size_mib // 8, 16) * _MIB),
        "max.message.bytes": str(max_bytes),
    }


_COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": str(8 * _MIB),
    "segment.ms": str(5 * MINUTE_MS),
    "min.cleanable.dirty.ratio": "0.2",
    "delete.retention.ms": str(10 * MINUTE_MS),
}
"""The newest value of each key; a tombstone stays long enough for a reader that was away."""

_KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}

_LARGE = {"max.message.bytes": str(SNAPSHOT_MAX_BYTES + _OVERHEAD), "segment.bytes": str(2 * SNAPSHOT_MAX_BYTES)}
"""A segment takes the largest record."""

_SNAPSHOTS = {
    "cleanup.policy": "compact",
    "segment.bytes": str(2 * SNAPSHOT_MAX_BYTES),  # Kafka refuses a record that is larger than a segment
    "segment.ms": str(MINUTE_MS),
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "1000",
    "max.message.bytes": str(SNAPSHOT_MAX_BYTES),
}
"""Most records are soon worthless: clean often, so that disk and restart stay small."""


def ensure_topics(
    bootstrap: str, partitions: Mapping[str, int] | None = None, *, replication: int = -1, timeout_s: float = 30.0
) -> tuple[str, ...]:
    """Create the topics that are missing and wait until all can be used → the names created.

    Where a topic of an earlier version keeps the senders' timestamps, the broker is told to stamp what comes from now
    on; it may refuse (`sender_stamped`).
    `replication` -1: as many copies as the broker makes by default.
    Raises UnreachableError when the broker does not answer, RefusedError when it will not create one.
    """
    wanted = all_topics(partitions)
    with _Admin(bootstrap, timeout_s) as admin:
        present = set(admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in present]
        if missing:
            _create(admin, missing, replication)
        admin.wait_for_topics([topic.name for topic in wanted], timeout_ms=timeout_s * 1000)
        arrivals.have_stamped(admin, _stamped_by_the_broker(wanted) & present)
    return tuple(topic.name for topic in missing)


def sender_stamped(bootstrap: str, timeout_s: float = 10.0) -> tuple[str, ...]:
    """Ask the broker which topics keep the senders' timestamps, though records there should be as old as their arrival.

    Raises UnreachableError when it does not answer.
    """
    with _Admin(bootstrap, timeout_s) as admin:
        return arrivals.sender_stamped(admin, _stamped_by_the_broker(all_topics()) & set(admin.list_topics()))


def _stamped_by_the_broker(wanted: Iterable[Topic]) -> set[str]:
    return {topic.name for topic in wanted if arrivals.BY_THE_BROKER.items() <= topic.configs.items()}


def begin_replay(bootstrap: str, timeout_s: float = 30.0) -> None:
    """Remove what an earlier replay left on this Kafka, and mark it as a replay's.

    Raises RefusedError when it holds a city that no replay made.
    """
    ours = {topic.name for topic in all_topics()}
    with _Admin(bootstrap, timeout_s) as admin:
        present = set(admin.list_topics())
        left = ours & present
        if left and REPLAY not in present:
            raise RefusedError(
                f"Kafka at {bootstrap} holds a city of `up`; a replay begins with an empty Kafka: give another --kafka"
            )
        if left:
            admin.delete_topics(sorted(left))
            _wait_gone(admin, left, time.monotonic() + timeout_s)
        _create(admin, [Topic(REPLAY)], -1)


def refuse_replays_kafka(bootstrap: str, timeout_s: float = 30.0) -> None:
    """Raise RefusedError when a replay has filled this Kafka: its readings are no city's present."""
    with _Admin(bootstrap, timeout_s) as admin:
        if REPLAY in admin.list_topics():
            raise RefusedError(f"Kafka at {bootstrap} holds a replay; give another --kafka, or remove its topics")


def _wait_gone(admin: KafkaAdminClient, names: set[str], deadline: float) -> None:
    while names & set(admin.list_topics()):
        if time.monotonic() > deadline:
            raise RefusedError(f"Kafka does not remove an earlier replay's topics: {', '.join(sorted(names)[:3])} …")
        time.sleep(0.1)


def partition_counts(bootstrap: str, timeout_s: float = 10.0) -> dict[str, int]:
    """Ask the broker how many partitions each topic has."""
    with _Admin(bootstrap, timeout_s) as admin:
        return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}


def domain_of() -> dict[str, str]:
    """Return each inbox and readings topic → its domain."""
    return {name(domain): domain for name in (inbox, readings) for domain in all_domains()}


def unread_topics(present: Iterable[str]) -> tuple[str, ...]:
    """Pick the topics that look like an inbox but that no part of this version reads."""
    ours = {inbox(domain) for domain in all_domains()}
    return tuple(sorted(name for name in present if _NAME.fullmatch(name) and name not in ours))


def _create(admin: KafkaAdminClient, topics: list[Topic], replication: int) -> None:
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": dict(topic.configs),
        }
        for topic in topics
    }
    answer = admin.create_topics(wanted, raise_errors=False)
    for topic in answer["topics"]:
        if topic["error_code"] not in {0, _ALREADY_EXISTS}:
            raise RefusedError(
                f"Kafka refused to create the topic {topic['name']}: {topic.get('error_message')}; "
                "give the account the right to create topics, or create it by hand"
            )


class _Admin:
    """An admin client that is closed at the end and whose errors are ours."""

    def __init__(self, bootstrap: str, timeout_s: float) -> None:
        self._bootstrap = bootstrap
        self._timeout_s = timeout_s

    def __enter__(self) -> Any:  # noqa: ANN401 - kafka-python ships no types
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                listens(self._bootstrap)  # the client would leave its socket open where nobody listens
                self._client = KafkaAdminClient(bootstrap_servers=self._bootstrap)
            except (KafkaError, OSError) as exc:
                if time.monotonic() > deadline:
                    raise UnreachableError(
                        f"no Kafka answers at {self._bootstrap} ({exc}); start it, or give the right --kafka HOST:PORT"
                    ) from exc
                time.sleep(0.2)
            else:
                return self._client

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        from kafka.errors import KafkaError

        self._client.close()
        if isinstance(error, KafkaError):
            raise UnreachableError(f"Kafka at {self._bootstrap} did not answer in time: {error}") from error
