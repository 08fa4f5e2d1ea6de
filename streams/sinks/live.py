"""The live sink: folds every output into the newest values and publishes what changed to Redis, 8 times a second."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import msgspec

from streams.broker import topics
from streams.city.clock import read_setting
from streams.contract.metric_frames import decode_metrics
from streams.contract.stage import LINGER_S
from streams.errors import FrameError, UnreachableError
from streams.sinks.live_fields import UNREADABLE
from streams.sinks.live_redis import LiveRedis
from streams.sinks.live_state import LiveState

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from streams.city.registry import City
    from streams.contract.stage import Bus, Chunk, Record, TopicPartition

PUBLISH_EVERY_S = 0.125
RETRY_FIRST_S, RETRY_LAST_S = 0.25, 5.0

log = logging.getLogger("citywall")


class LiveSink:
    """Hosts a `LiveState`.

    Invariant: the memory holds everything taken so far, so a Redis that was away or lost its keys is filled from it. It
    never waits for Redis: what cannot be published stays marked as changed.
    """

    name = "live"
    tick_s = PUBLISH_EVERY_S
    shows_newest = True
    linger_s = 0.4 * LINGER_S  # it folds what comes at little cost; a person waits for it
    topics: tuple[str, ...] = (topics.LIVE, topics.METRICS, topics.ALARMS, topics.BOOKS, topics.CLOCK)

    def __init__(
        self,
        city: City,
        redis: LiveRedis,
        about: Mapping[str, Any],
        methods: Mapping[str, str],
        shown: Container[str] = (),
    ) -> None:
        """Prepare the sink.

        Args:
            city: its segments have fields of their own.
            redis: where to publish.
            about: `mode` and `speed`, for the field `city`.
            methods: metric → id of its method.
            shown: metrics shown for every entity, not only for zones, city and feeds.
        """
        self._state = LiveState(city.segment_code, methods, shown, intervals_s(city))
        self._redis = redis
        self._city = {
            name: getattr(city, name) for name in ("id", "name_zh", "name_en", "time_zone", "version", "attribution")
        }
        self._city |= about
        self._offsets: dict[str, int] = {}
        self._active = False
        self._published_at = self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S
        self._away = False
        self._fold: dict[str, Callable[[Record], None]] = {
            topics.LIVE: self._fold_live,
            topics.METRICS: self._fold_rows,
            topics.ALARMS: self._fold_alarm,
            topics.BOOKS: self._fold_book,
            topics.CLOCK: self._fold_clock,
        }

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Go on from what Redis holds of this run, or fold the topics from their beginning."""
        self._active = bool(partitions)
        try:
            stored = await self._redis.load()
        except UnreachableError as exc:
            self._lost(exc)
            stored = None
        self._state.adopt(stored.fields if stored else {})
        self._offsets = dict(stored.offsets) if stored else {}
        self._state.put("city", self._city | {"speed": self._state.fields.get("clock", self._city).get("speed")})
        return {partition: self._offsets.get(_key(partition), 0) for partition in partitions}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Fold a chunk; publish when it is time, provisional values at once: they come by the zones' clock."""
        fold = self._fold[chunk.topic]
        for record in chunk.records:
            try:
                fold(record)
            except (FrameError, *UNREADABLE, LookupError, TypeError, AttributeError) as exc:
                self._state.drop(chunk.topic, f"offset {record.offset}", exc)
        self._offsets[_key(chunk.source)] = chunk.records[-1].offset + 1
        await self._publish(0.0 if chunk.topic == topics.LIVE else PUBLISH_EVERY_S)
        return True

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Publish what changed, unless the last time was just now."""
        await self._publish(PUBLISH_EVERY_S)
        return ()

    async def _publish(self, pause_s: float) -> None:
        """Publish what changed, unless the last time was less than a pause ago or Redis is given a rest."""
        now = time.monotonic()
        if self._active and self._state.changed and now >= max(self._published_at + pause_s, self._retry_at):
            self._published_at = now
            fields, deleted = self._state.take()
            try:
                if not await self._redis.publish(fields, deleted, self._offsets):
                    await self._redis.begin(self._state.everything(), self._offsets)
                self._found()
            except UnreachableError as exc:
                self._state.give_back(fields, deleted)
                self._lost(exc)

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Count nothing: what it shows is counted where it is made."""
        return {}

    def _fold_rows(self, record: Record) -> None:
        if record.value:
            frame = decode_metrics(record.value)
            self._state.fold_rows(frame.domain, frame.rows)

    def _fold_live(self, record: Record) -> None:
        """Take provisional rows: the zones make them of new readings only, so they tell when those came."""
        if record.value:
            frame = decode_metrics(record.value)
            self._state.fold_rows(frame.domain, frame.rows, record.timestamp)

    def _fold_alarm(self, record: Record) -> None:
        value = msgspec.json.decode(record.value) if record.value else None
        self._state.put(f"a:{(record.key or b'').decode()}", value)

    def _fold_book(self, record: Record) -> None:
        if record.value:
            self._state.fold_book((record.key or b"").decode(), msgspec.json.decode(record.value), record.timestamp)

    def _fold_clock(self, record: Record) -> None:
        setting = read_setting(record)
        clock = msgspec.structs.asdict(setting)
        self._state.put(
            "clock", clock if setting.until_ms is not None else {k: v for k, v in clock.items() if k != "until_ms"}
        )
        self._state.put("city", self._city | {"speed": setting.speed})

    def _lost(self, exc: UnreachableError) -> None:
        if not self._away:
            log.warning("%s. Going on without: nothing is lost", exc)
        self._retry_s = min(2 * self._retry_s, RETRY_LAST_S) if self._away else RETRY_FIRST_S
        self._away = True
        self._retry_at = time.monotonic() + self._retry_s

    def _found(self) -> None:
        if self._away:
            log.warning("Redis is back")
        self._away = False


def intervals_s(city: City) -> dict[str, float]:
    """Return how often each sensor reports, and of each segment the fastest sensor that watches it."""
    found = {sensor.id: sensor.interval_s for sensor in city.sensors}
    for sensor in city.sensors:
        if sensor.segment >= 0:
            segment = city.segments[sensor.segment].id
            found[segment] = min(sensor.interval_s, found.get(segment, sensor.interval_s))
    return found


def _key(partition: TopicPartition) -> str:
    return f"{partition.topic}:{partition.partition}"
