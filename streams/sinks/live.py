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
from streams.sinks.live_city import Residents, residents
from streams.sinks.live_fields import UNREADABLE
from streams.sinks.live_outcomes import PREFIX, Outcomes
from streams.sinks.live_redis import LiveRedis
from streams.sinks.live_state import NONE, LiveState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.city.known import Cities
    from streams.contract.stage import Bus, Chunk, Record, TopicPartition

PUBLISH_EVERY_S = 0.125
CLOCKS = 100
"""So many settings of the clock from before are kept: alarms that stand for weeks tell when they were raised."""
SWEEP_EVERY_S = 5.0
"""A row of a newcomer may come so long before the version that has it."""
RETRY_FIRST_S, RETRY_LAST_S = 0.25, 5.0

NAMED = ("id", "name_zh", "name_en", "time_zone", "version", "attribution")
"""What the field `city` says of the city."""

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
    topics: tuple[str, ...] = (
        *(topics.LIVE, topics.METRICS, topics.ALARMS, topics.INCIDENTS, topics.OUTCOMES),
        *(topics.BOOKS, topics.CLOCK, topics.CITIES),
    )

    def __init__(
        self,
        cities: Cities,
        redis: LiveRedis,
        about: Mapping[str, Any],
        methods: Mapping[str, str],
        shown: Mapping[str, int] = NONE,
    ) -> None:
        """Prepare the sink.

        Args:
            cities: the versions of the city; the newest one's names and residents are shown.
            redis: where to publish.
            about: `mode` and `speed`, for the field `city`.
            methods: metric → id of its method.
            shown: metrics shown for every entity, not only for zones, city and feeds → the length of their windows, s.
        """
        self._cities = cities
        self._state = LiveState(Residents(), methods, shown)
        self._outcomes = Outcomes()
        self._redis = redis
        self._about = dict(about)
        self._named: dict[str, Any] = {}
        self._swept_at = 0.0
        self._offsets: dict[str, int] = {}
        self._active = False
        self._published_at = self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S
        self._away = False
        self._fold: dict[str, Callable[[Record], None]] = {
            topics.LIVE: self._fold_live,
            topics.METRICS: self._fold_rows,
            topics.ALARMS: lambda record: self._fold_projection("a", record),
            topics.INCIDENTS: lambda record: self._fold_projection("i", record),
            topics.OUTCOMES: self._fold_outcome,
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
        await self._cities.begin(bus)
        self._state.adopt(stored.fields if stored else {})
        self._outcomes.adopt(self._state.fields)
        self._offsets = dict(stored.offsets) if stored else {}
        self._take_city()
        return {partition: self._offsets.get(_key(partition), 0) for partition in partitions}

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Fold a chunk; publish when it is time, provisional values at once: they come by the zones' clock."""
        if chunk.topic == topics.CITIES:
            if await self._cities.follow(bus):
                self._take_city()
            self._offsets[_key(chunk.source)] = chunk.records[-1].offset + 1
            return True
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
        """Publish what changed, unless the last time was just now; see now and then who has left."""
        now = time.monotonic()
        if now - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = now
            self._state.sweep()
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

    def _fold_projection(self, kind: str, record: Record) -> None:
        value = msgspec.json.decode(record.value) if record.value else None
        self._state.put(f"{kind}:{(record.key or b'').decode()}", value)

    def _fold_outcome(self, record: Record) -> None:
        if record.value:
            command_id = (record.key or b"").decode()
            self._state.put(f"{PREFIX}{command_id}", msgspec.json.decode(record.value))
            for field in self._outcomes.take(command_id):
                self._state.put(field, None)

    def _fold_book(self, record: Record) -> None:
        if record.value:
            self._state.fold_book((record.key or b"").decode(), msgspec.json.decode(record.value), record.timestamp)

    def _fold_clock(self, record: Record) -> None:
        setting = read_setting(record)
        newest = {name: one for name, one in msgspec.structs.asdict(setting).items() if one is not None}
        stood = self._state.fields.get("clock")
        before = (
            [*stood.get("earlier", ()), {name: stood[name] for name in stood if name != "earlier"}] if stood else []
        )
        earlier = [one for one in before if one["wall_ms"] < setting.wall_ms][-CLOCKS:]
        self._state.put("clock", newest | ({"earlier": earlier} if earlier else {}))
        self._state.put("city", self._named | {"speed": setting.speed})

    def _take_city(self) -> None:
        """Go over to the newest version of the city."""
        city = self._cities.newest.city
        self._state.move_to(residents(city))
        self._named = {name: getattr(city, name) for name in NAMED} | self._about
        speed = self._state.fields.get("clock", self._named).get("speed")
        self._state.put("city", self._named | {"speed": speed})

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


def _key(partition: TopicPartition) -> str:
    return f"{partition.topic}:{partition.partition}"
