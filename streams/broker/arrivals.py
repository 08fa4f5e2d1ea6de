"""Record timestamps that are arrival times: the broker stamps what comes, and no sender's clock has a say in it.

A topic of an earlier version, or on a broker that lets us set nothing, keeps the senders' timestamps. Each record says
which of the two it has; of a sender's it is only sure that the record was there when it was read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from streams.contract.stage import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kafka import KafkaAdminClient

_SETTING, _BY_THE_BROKER = "message.timestamp.type", "LogAppendTime"
BY_THE_BROKER = {_SETTING: _BY_THE_BROKER}
"""The setting of a topic whose records are as old as their arrival."""
_SENT = 0
"""A record's timestamp type where its sender wrote the timestamp."""


def arrived_ms(timestamp_ms: int, timestamp_type: int, read_ms: int) -> int:
    """Return when a record came, epoch ms; -1 = it has no timestamp.

    A sender's own timestamp counts where it is not after the time of reading.
    """
    return min(timestamp_ms, read_ms) if timestamp_type == _SENT else timestamp_ms


def as_record(found: Any) -> Record:  # noqa: ANN401 - a record as aiokafka's consumer gives it
    """Return what a consumer read just now, with its arrival; the fast fetch makes some of them itself."""
    if isinstance(found, Record):
        return found
    came_ms = arrived_ms(found.timestamp, found.timestamp_type, now_ms())
    return Record(found.offset, found.key, found.value, came_ms, tuple(found.headers))


def now_ms() -> int:
    """Return the time of reading."""
    return time.time_ns() // 1_000_000


class Steady:
    """A wall clock that goes on where the machine's is set back: what waits for a time waits no longer for that."""

    def __init__(self, wall_ms: Callable[[], int] = now_ms, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_ms = wall_ms
        self._elapsed_s = elapsed_s
        self._at_ms, self._at_s = wall_ms(), elapsed_s()

    def __call__(self) -> int:
        """Return the time, epoch ms."""
        elapsed_s = self._elapsed_s()
        gone_ms = round((elapsed_s - self._at_s) * 1000)
        if (wall_ms := self._wall_ms()) >= self._at_ms + gone_ms:
            self._at_ms, self._at_s = wall_ms, elapsed_s
            return wall_ms
        return self._at_ms + gone_ms


def have_stamped(admin: KafkaAdminClient, names: Collection[str]) -> None:
    """Have the broker stamp what comes to these topics from now on, wherever it may be told so."""
    from kafka.admin import ConfigResource, ConfigResourceType
    from kafka.errors import IncompatibleBrokerVersion

    asked = [ConfigResource(ConfigResourceType.TOPIC, name, BY_THE_BROKER) for name in sender_stamped(admin, names)]
    if asked:
        try:
            admin.alter_configs(asked, raise_on_unknown=False)  # what it refuses stays as it is, and is said
        except IncompatibleBrokerVersion:
            return


def sender_stamped(admin: KafkaAdminClient, names: Collection[str]) -> tuple[str, ...]:
    """Ask which of these topics keep the senders' timestamps; one whose settings we may not see counts as one."""
    from kafka.admin import ConfigResource, ConfigResourceType
    from kafka.errors import IncompatibleBrokerVersion

    if not names:
        return ()
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, {_SETTING: None}) for name in sorted(names)]
    try:
        found = admin.describe_configs(asked, config_filter="all").get("topic", {})
    except IncompatibleBrokerVersion:
        found = {}
    values = {name: found.get(name, {}).get(_SETTING, {}).get("value") for name in sorted(names)}
    return tuple(name for name, value in values.items() if value != _BY_THE_BROKER)
