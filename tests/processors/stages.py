"""Stages on a bus in memory, over a log of the contract's city: chunks of any size and order, deaths between sends."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.broker import topics
from streams.contract.metric_frames import decode_metrics, encode_metrics
from streams.contract.records import Detection
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.domains.schema import load_schemas
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.processors import contract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from streams.contract.records import MetricFrame
    from streams.contract.spec import Spec

ADMISSION = ("in_frames", "duplicates", "conflicts", "too_late", "repeated_values")
CRASH_SHARE = 0.2
MOST_RECORDS = 20


class CrashError(Exception):
    """Stands for the end of a process."""


class Hosting(NamedTuple):
    """A processor, the domain it is tried with, and the folder of the city."""

    name: str
    spec: Spec
    domain: str
    city: Path

    @property
    def hosted(self) -> list[Hosted]:
        return [Hosted(self.name, self.spec, contract.shipped_config(self.name, self.spec))]


class Sent(NamedTuple):
    """What a feed sends: a reading (its sensor says where), or a mark for every partition."""

    sensor: int
    value: bytes
    mark_ms: int | None = None


def feed_of(domain: str, log: Sequence[contract.Row]) -> list[Sent]:
    """What a feed would send for a log of the zone `north`: readings, and marks where the log's watermark moves."""
    names = load_schemas()[domain].names
    mark_ms = contract.START_MS - 2 * contract.LATE_LIMIT_MS
    sent = [Sent(0, b"", mark_ms)]
    for row in log:
        values = {name: value for name, value in zip(names, row.values, strict=True) if value == value}
        reading = {"sensor": f"{domain}-north-{row.sensor}", "at": row.at_ms, **values}
        sent.append(Sent(row.sensor, json.dumps(reading).encode()))
        if row.watermark_ms > mark_ms:
            mark_ms = row.watermark_ms
            sent.append(Sent(0, b"", mark_ms))
    end_ms = contract.end_of(log)
    return [*sent, Sent(0, b"", end_ms - 90_000), Sent(0, b"", end_ms)]


def first_level(
    hosting: Hosting, sent: Sequence[Sent], partitions: tuple[int, int], chance: random.Random, crashes: int = 0
) -> dict[str, Any]:
    """Run intake and zone stage over it, with so many partitions of inbox and readings → rows, detections, books."""
    inbox, readings = topics.inbox(hosting.domain), topics.readings(hosting.domain)
    states = {topics.state(stage, hosting.domain): n for stage, n in zip(("intake", "zone"), partitions, strict=True)}
    bus = FakeBus({inbox: partitions[0], readings: partitions[1], **states}, FakeClock(contract.START_MS + 10**8))
    for one in sent:
        if one.mark_ms is None:
            bus.put(Message(inbox, b"", one.value, one.sensor % partitions[0]))
            continue
        for partition in range(partitions[0]):
            bus.put(Message(inbox, b"", b"", partition, (("mark", b"%d" % one.mark_ms),)))

    def hosts() -> list[FakeHost]:
        return [FakeHost(IntakeStage(hosting.city), bus), FakeHost(ZoneStage(hosting.city, hosting.hosted), bus)]

    _, zone = asyncio.run(run(bus, hosts, chance, crashes))
    return {**_yielded(bus), "books": dict(_books(hosting, zone))}


def second_level(
    hosting: Hosting, frames: Sequence[MetricFrame], chance: random.Random, crashes: int = 0
) -> dict[str, Any]:
    """Run the second level over frames of metrics → its rows and detections."""
    bus = FakeBus(clock=FakeClock(contract.START_MS + 10**8))
    for frame in frames:
        zone = contract.CITY.zones[frame.zone].id
        bus.put(Message(topics.METRICS, b"", encode_metrics(contract.CITY.id, frame, zone), 0))

    def hosts() -> list[FakeHost]:
        return [FakeHost(SecondLevelStage(hosting.city, hosting.hosted), bus)]

    asyncio.run(run(bus, hosts, chance, crashes, most_records=3))
    return _yielded(bus, len(frames))


async def run(
    bus: FakeBus,
    hosts: Callable[[], list[FakeHost]],
    chance: random.Random,
    crashes: int,
    most_records: int = MOST_RECORDS,
) -> list[FakeHost]:
    """Deliver until nothing waits; a process that dies is started anew, all of them, from what is durable."""
    running = await _started(bus, hosts)
    while True:
        waiting = [
            (host, source)
            for host in running
            for source in host.positions
            if len(bus.log(*source)) > host.positions[source]
        ]
        if not waiting:
            return running
        if crashes:
            bus.before_send = _crashing(chance)
        host, source = chance.choice(waiting)
        try:
            await host.deliver(*source, at_most=chance.randint(1, most_records))
            await host.tick()
        except CrashError:
            crashes -= 1
            running = await _started(bus, hosts)


async def _started(bus: FakeBus, hosts: Callable[[], list[FakeHost]]) -> list[FakeHost]:
    bus.before_send = None
    running = hosts()
    for host in running:
        await host.start()
    return running


def _crashing(chance: random.Random) -> Callable[[Message], None]:
    def before_send(_: Message) -> None:
        if chance.random() < CRASH_SHARE:
            raise CrashError

    return before_send


def _yielded(bus: FakeBus, after: int = 0) -> dict[str, Any]:
    """Return the newest row of each identity, and what was found, repeats taken once."""
    rows: dict[Any, tuple[Any, ...]] = {}
    for record in bus.log(topics.METRICS)[after:]:
        found = contract.Outcome(rows=[decode_metrics(record.value or b"").rows])
        for identity, row in found.by_identity():
            if identity not in rows or row[0] >= rows[identity][0]:
                rows[identity] = row
    said = {record.value for record in bus.log(topics.DETECTIONS)}
    return {"rows": rows, "said": sorted(msgspec.json.decode(value, type=Detection).identity for value in said)}


def _books(hosting: Hosting, zone: FakeHost) -> Counter[str]:
    books: Counter[str] = Counter()
    stage = zone.stage
    assert isinstance(stage, ZoneStage)
    for held in stage._partitions.values():
        for state in held.zones.values():
            books.update({name: sum(getattr(one, name) for one in state.counts.values()) for name in ADMISSION})
            books.update({f"dropped {reason}": count for reason, count in state.dropped.get(hosting.name, {}).items()})
            books["used"] += state.used.get(hosting.name, 0)
    return +books


def write_city(folder: Path) -> Path:
    """Write the contract's city as a folder."""
    city = contract.CITY
    folder.mkdir(parents=True, exist_ok=True)
    head = {"id": city.id, "name_zh": city.name_zh, "name_en": city.name_en, "time_zone": city.time_zone}
    (folder / "city.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in head.items()))
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    zones = [({"id": one.id, "name_zh": one.name_zh, "name_en": one.name_en}, square) for one in city.zones]
    segments = [
        (
            {
                "id": one.id, "zone": city.zones[one.zone].id, "name_zh": "路", "name_en": "Road", "lanes": one.lanes,
                "road_class": one.road_class, "length_m": one.length_m, "free_flow_km_h": one.free_flow_km_h,
                "upstream": one.upstream,
            },
            {"type": "LineString", "coordinates": one.line},
        )
        for one in city.segments
    ]  # fmt: skip
    for name, features in (("zones", zones), ("segments", segments)):
        (folder / f"{name}.geojson").write_text(_collection(features), encoding="utf-8")
    lines = ["sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en,delay_s"]
    for one in city.sensors:
        segment = city.segments[one.segment].id if one.segment >= 0 else ""
        lines.append(f"{one.id},{one.domain},{city.zones[one.zone].id},{segment},0,0,{one.interval_s},,,{one.delay_s}")
    (folder / "sensors.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _collection(features: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> str:
    found = [{"type": "Feature", "properties": properties, "geometry": shape} for properties, shape in features]
    return json.dumps({"type": "FeatureCollection", "features": found})
