"""The run of the sample city's feed: what the simulation reports goes out as it is due, once, with marks behind it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.broker.topics import TRUTH, inbox
from streams.city.clock import ClockSetting
from streams.city.registry import load_city
from streams.domains.schema import all_domains
from streams.errors import RefusedError
from streams.feeds.lanes import Lane, send_mark
from streams.feeds.producer import connected, flush, set_clock, wall_ms
from streams.feeds.sample_city.incident_requests import Position, read_position, take_up, write_position
from streams.feeds.sample_city.simulation.reporting import Reporter
from streams.feeds.sample_city.simulation.world import DETECTOR, World

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from kafka import KafkaProducer
    from numpy.typing import NDArray

    from streams.city.registry import City

SEED = 1
TICK_S = 0.25
"""Road detectors are sent that often; the other sensors, and the marks, every SLOW_TICKS ticks."""
SLOW_TICKS = 4
CATCH_UP_S = 600.0
"""What a pause of up to this much wall-clock time held back is sent after it; of a longer one only the end."""
STEP_S = 2.0
"""While it catches up it goes on by that much wall-clock time at once."""
ACKNOWLEDGED_WITHIN_S = 100.0
MARK_BEHIND_S = 2.0
"""Wall-clock time by which the marks stay behind, so that what others send into the same partitions is not late."""

_log = logging.getLogger(__name__)


@dataclass
class _Feed:
    """One run. Invariant: what was due before `sent_ms` is acknowledged, but for what is late on purpose."""

    world: World
    reporter: Reporter
    producer: KafkaProducer
    lanes: list[Lane]
    data: Path
    city_folder: Path
    sent_ms: int
    pending: list[Any] = field(default_factory=list)
    """Futures of what was sent since the last mark."""
    told: set[str] = field(default_factory=set)
    """Happenings that stand in the truth."""

    def __post_init__(self) -> None:
        """Part the detectors, which are sent more often, from the rest."""
        self.detectors_ms = self.sent_ms
        self._detectors = [group for group in self.world.groups if group.kind == DETECTOR]
        self._others = [group for group in self.world.groups if group.kind != DETECTOR]

    def tick(self, until_ms: int) -> None:
        """Send what the road detectors report before an event time."""
        self.world.advance(until_ms)
        self._send(self.reporter.between(self._detectors, self.detectors_ms, until_ms))
        self.detectors_ms = until_ms

    def settle(self, until_ms: int) -> None:
        """Send everything before an event time, wait until Kafka has it, and mark it."""
        self.world.requested = take_up(self.data, self.world.city, until_ms)
        self.tick(until_ms)
        self._send(self.reporter.between(self._others, self.sent_ms, until_ms))
        self._tell_truth()
        self._acknowledged()
        self.mark(until_ms)

    def mark(self, at_ms: int) -> None:
        """Note that all readings before an event time are sent, and mark what is a little older in every partition."""
        mark_ms = at_ms - int(MARK_BEHIND_S * 1000 * self.reporter.speed)
        for lane in self.lanes:
            send_mark(self.producer, lane, mark_ms)
        flush(self.producer, ACKNOWLEDGED_WITHIN_S)
        self.sent_ms = at_ms
        write_position(self.data, Position(city_folder=str(self.city_folder), sent_ms=at_ms))

    def _send(self, lines: Mapping[Lane, list[str]]) -> None:
        for lane, found in lines.items():
            value = "\n".join(found).encode()
            self.pending.append(self.producer.send(lane.topic, value=value, partition=lane.partition))

    def _tell_truth(self) -> None:
        happening = {one.id: one for one in self.world.happening}
        key = self.world.city.id.encode()
        for one in happening.keys() - self.told:
            self.pending.append(self.producer.send(TRUTH, key=key, value=msgspec.json.encode(happening[one])))
        self.told = set(happening)

    def _acknowledged(self) -> None:
        flush(self.producer, ACKNOWLEDGED_WITHIN_S)
        for future in self.pending:
            future.get(timeout=ACKNOWLEDGED_WITHIN_S)
        self.pending.clear()


def run_sample_city(
    city_folder: Path,
    bootstrap: str,
    *,
    data: Path,
    stop: threading.Event,
    speed: float = 1.0,
    start_at: datetime | None = None,
) -> None:
    """Feed the city until `stop` is set. Event time begins at `start_at` (default: now), or where an earlier run ended.

    Raises CityFileError, UnreachableError, RefusedError; ExactnessError when a record was not acknowledged: restart.
    """
    city = load_city(city_folder)
    begun_ms = wall_ms()
    wanted_ms = begun_ms if start_at is None else int(start_at.timestamp() * 1000)
    sent_ms, clock = begin(read_position(data), ClockSetting(at_ms=wanted_ms, wall_ms=begun_ms, speed=speed))
    with connected(bootstrap, batch_bytes=2**18, linger_ms=5) as producer:
        counts = {domain: _partitions(producer, domain) for domain in all_domains()}
        world = World(city, SEED, sent_ms)
        feed = _Feed(
            world=world,
            reporter=Reporter(world, speed, _partition_of(city, counts)),
            producer=producer,
            lanes=[Lane(domain, number) for domain in counts for number in range(counts[domain])],
            data=data,
            city_folder=city_folder.resolve(),
            sent_ms=sent_ms,
        )
        if start_at is None:  # making the world took a while
            now_ms = wall_ms()
            clock = msgspec.structs.replace(clock, at_ms=clock.at(now_ms), wall_ms=now_ms)
        clock = set_clock(producer, city.id, clock, ACKNOWLEDGED_WITHIN_S)
        feed.mark(sent_ms)
        _log.info("the sample city %s runs from %d ms at speed %g", city.name_en, sent_ms, speed)
        _run(feed, clock, stop)


def begin(position: Position | None, wanted: ClockSetting) -> tuple[int, ClockSetting]:
    """Return (event time from which to send, clock): never before what an earlier run sent.

    After a short pause it sends what it missed; where the earlier run was ahead, the clock goes on from there.
    """
    if position is None:
        return wanted.at_ms, wanted
    if position.sent_ms >= wanted.at_ms:
        return position.sent_ms, msgspec.structs.replace(wanted, at_ms=position.sent_ms)
    return max(position.sent_ms, wanted.at_ms - _catch_up_ms(wanted.speed)), wanted


def _run(feed: _Feed, clock: ClockSetting, stop: threading.Event) -> None:
    """Follow the clock: detectors at every tick, everything and a mark at every SLOW_TICKS; faster when behind."""
    ticks = 0
    while not stop.is_set():
        began_s = time.monotonic()
        now_ms = clock.at(wall_ms())
        if now_ms - feed.sent_ms > _catch_up_ms(clock.speed):
            _log.warning("the feed stood still; %d s of event time are left out", (now_ms - feed.sent_ms) // 1000)
            feed.mark(now_ms - _catch_up_ms(clock.speed))
            feed.detectors_ms = feed.sent_ms
        step_ms = int(STEP_S * 1000 * max(clock.speed, 1.0))
        behind = now_ms - feed.sent_ms > step_ms
        ticks += 1
        if behind or ticks % SLOW_TICKS == 0:
            feed.settle(min(now_ms, feed.sent_ms + step_ms))
        elif now_ms > feed.detectors_ms:
            feed.tick(now_ms)
        if not behind:
            stop.wait(max(began_s + TICK_S - time.monotonic(), 0.0))


def _catch_up_ms(speed: float) -> int:
    return int(CATCH_UP_S * 1000 * max(speed, 1.0))


def _partitions(producer: KafkaProducer, domain: str) -> int:
    found = producer.partitions_for(inbox(domain))
    if not found:
        raise RefusedError(f"Kafka has no topic {inbox(domain)}; start the city with `citywall up`, which makes it")
    return len(found)


def _partition_of(city: City, counts: Mapping[str, int]) -> NDArray[np.int64]:
    """Return each sensor's partition, (sensors,): where Kafka's own partitioner would put it by its id."""
    from kafka.partitioner.default import murmur2

    hashes = [int(murmur2(sensor.id.encode()) & 0x7FFFFFFF) for sensor in city.sensors]
    return np.array([value % counts.get(one.domain, 1) for value, one in zip(hashes, city.sensors, strict=True)])
