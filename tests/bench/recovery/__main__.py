"""`python -m tests.bench.recovery [CITY…]`: what saving state costs, and how long a start takes to have it again.

in      `sample`: the sample city, every processor as shipped, an hour of event time behind it; a number: so many
        segments with a detector each, which report every ten seconds
out     per stage: bytes written a second of event time, and what one record of the whole state each time would have
        written (`whole`); the largest state; time to look for changes where there are none; what a start reads (bytes,
        records) and how long that takes on the embedded Kafka with the decoding of the state. Nothing has been
        compacted then: the worst case
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import TopicPartition
from streams.saving import snapshots
from streams.saving import state as state_codec
from streams.saving.chains import Chain
from streams.second.second_stage import SOURCE, SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.bench.recovery.feeds import Feed, detector_feed, sample_feed
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.contract.stage import Record

WARM_UP_MINUTES = 65
"""After it as many closed windows are kept as ever will be."""
WARM_UP_STEP_MS = 10_000
SETTLE_S = 20
"""Until the chains that began with the warm-up are renewed."""
START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


@dataclass
class City:
    """The stages that keep state, on topics in memory; `now_s` is their clock and stands still."""

    feed: Feed
    bus: FakeBus
    clock: FakeClock
    stages: list[FakeHost]
    now_s: float = 0.0

    async def step(self, until_ms: int, fast: bool, wall_s: float) -> None:
        """Let a stretch of event time pass in so much wall-clock time."""
        self.clock.now_ms = until_ms
        await self.feed.put(self.bus, until_ms, fast)
        self.now_s += wall_s
        for host in self.stages:
            await host.drain()
            await host.tick()
        self.let_go()

    def let_go(self) -> None:
        """Drop the records that all have read, but for the newest: an hour of a large city is more than memory."""
        for source, log in self.bus._logs.items():
            if not source.topic.startswith(topics.state("")):
                del log[:-1]


def stages_of(folder: Path, now_s: Callable[[], float]) -> list[Any]:
    """Return zone stage and second level with every processor as `up` hosts it."""
    from deploy.config.components import discover
    from deploy.config.settings import load

    components = load().components
    hosted = [
        Hosted(name, spec, msgspec.convert(components.get(name, {}), spec.config)) for name, spec in discover().items()
    ]
    first = [one for one in hosted if not one.spec.second_level]
    second = [one for one in hosted if one.spec.second_level]
    return [ZoneStage(folder, first, now_s=now_s), SecondLevelStage(folder, second, now_s)]


def states(stage: Any) -> dict[TopicPartition, Any]:
    """Return the states that a stage saves, by input partition."""
    if isinstance(stage, ZoneStage):
        return {source: held.zones for source, held in stage._partitions.items()}
    return {SOURCE: stage._state}


async def measure(name: str, minutes: int, seconds: int, kafka: str | None) -> dict[str, Any]:
    """Run a city and return its figures; without a broker none of the start's times."""
    begins_ms = START_MS + minutes * 60_000
    with tempfile.TemporaryDirectory() as scratch:
        feed = sample_feed(START_MS) if name == "sample" else detector_feed(int(name), START_MS, Path(scratch))
        clock = FakeClock(START_MS)
        bus = FakeBus({topic.name: topic.partitions for topic in topics.all_topics()}, clock)
        city = City(feed, bus, clock, [])
        city.stages = [FakeHost(one, bus) for one in [*feed.stages, *stages_of(feed.folder, lambda: city.now_s)]]
        for host in city.stages:
            await host.start()
        for until_ms in range(START_MS, begins_ms, WARM_UP_STEP_MS):
            await city.step(until_ms + WARM_UP_STEP_MS, True, 0.0)
        for second in range(SETTLE_S):
            await city.step(begins_ms + second * 1000 + 1000, False, 1.0)
        before, cpu_s = {source: len(bus.log(*source)) for source in _state_logs(city)}, _cpu_s()
        for second in range(seconds):
            await city.step(begins_ms + (SETTLE_S + second + 1) * 1000, False, 1.0)
        cpu_s = _cpu_s() - cpu_s
        figures: dict[str, Any] = {"city": name, "minutes": minutes, "cpu_ms_a_second": round(cpu_s * 1000 / seconds)}
        for host in city.stages[len(feed.stages) :]:
            written = {source: bus.log(*source)[before[source] :] for source in before}
            figures[host.stage.name] = await _written(host.stage, written, seconds)
            if kafka is not None:
                figures[host.stage.name] |= await _recovered(host, bus, kafka)
            figures[host.stage.name] |= await _compacted(host.stage, bus)
        return figures


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _log_of(stage: Any, source: TopicPartition) -> TopicPartition:
    domain = source.topic.rpartition(".")[2] if isinstance(stage, ZoneStage) else ""
    return TopicPartition(topics.state(stage.name, domain), source.partition)


def _state_logs(city: City) -> list[TopicPartition]:
    kept = [host.stage for host in city.stages if isinstance(host.stage, ZoneStage | SecondLevelStage)]
    return [_log_of(stage, source) for stage in kept for source in states(stage)]


async def _written(
    stage: Any,
    written: dict[TopicPartition, list[Record]],
    seconds: int,
) -> dict[str, float]:
    ours, whole, largest, look_s = 0, 0.0, 0, 0.0
    for source, state in states(stage).items():
        records = [one for one in written[_log_of(stage, source)] if one.value is not None]
        saves = sum((one.key or b"").endswith(b"/0") for one in records)
        ours += sum(len(one.value or b"") for one in records)
        size = len(state_codec.encode(state))
        largest = max(largest, size)
        chain = Chain("", 0)
        full = await chain.save(FakeBus(), 0, state)
        began_s = time.process_time()
        await chain.save(FakeBus(), 0, state)
        look_s += time.process_time() - began_s
        if saves:
            whole += full / max(snapshots.pause_s(size), seconds / saves)
    return {
        "written_kb_s": round(ours / seconds / 1e3, 1),
        "whole_kb_s": round(whole / 1e3, 1),
        "largest_state_mb": round(largest / 1e6, 2),
        "look_ms": round(look_s * 1000, 2),
    }


async def _recovered(host: FakeHost, bus: FakeBus, kafka: str) -> dict[str, float]:
    from streams.broker.bus import KafkaBus
    from streams.contract.stage import Message

    real = KafkaBus(kafka)
    await real.start()
    names = [name for name in bus.bytes_put if name.startswith(topics.state(host.stage.name))]
    read: Counter[str] = Counter()
    for name in names:
        for partition in range(await bus.partition_count(name)):
            log = bus.log(name, partition)
            await real.send(Message(name, one.key or b"", one.value, partition, one.headers) for one in log)
            read["records"] += len(log)
            read["bytes"] += sum(len(one.value or b"") for one in log)
    began_s, cpu_s = time.monotonic(), _cpu_s()
    known = await host.stage.assigned(list(host.positions), real)
    took_s, cpu_s = time.monotonic() - began_s, _cpu_s() - cpu_s
    await real.stop()
    assert known == {source: offset for source, offset in host.positions.items() if source in known}
    return {
        "start_reads_mb": round(read["bytes"] / 1e6, 2),
        "start_reads_records": read["records"],
        "start_s": round(took_s, 2),
        "start_cpu_s": round(cpu_s, 2),
    }


async def _compacted(stage: Any, bus: FakeBus) -> dict[str, float]:
    """Say what a start reads once the broker has cleaned up, and at least has to: the state in one step."""
    kept = least = 0
    for source, state in states(stage).items():
        log = _log_of(stage, source)
        bus.compact(log.topic, None, log.partition)
        kept += sum(len(one.value or b"") for one in bus.log(*log))
        least += await Chain("", 0).save(FakeBus(), 0, state)
    return {"compacted_mb": round(kept / 1e6, 3), "least_mb": round(least / 1e6, 3)}


def main() -> None:
    """Print a line of JSON a city."""
    from deploy.embedded import kafka as embedded

    parser = argparse.ArgumentParser(prog="python -m tests.bench.recovery", description=__doc__)
    parser.add_argument("cities", nargs="*", default=["sample", "2000", "50000"], metavar="CITY")
    parser.add_argument("--seconds", type=int, default=120, help="of event time that are measured (default 120)")
    parser.add_argument(
        "--minutes", type=int, default=WARM_UP_MINUTES, help=f"of event time before them (default {WARM_UP_MINUTES})"
    )
    args = parser.parse_args()
    for name in args.cities:
        with (
            tempfile.TemporaryDirectory() as folder,
            embedded.running(Path(folder), Path.home() / ".cache" / "citywall", lambda _: None) as broker,
        ):
            topics.ensure_topics(broker.address)
            print(json.dumps(asyncio.run(measure(name, args.minutes, args.seconds, broker.address))), flush=True)


if __name__ == "__main__":
    main()
