"""A small city of some hours, from its inbox to its history, for the tests of the audit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from deploy.config.components import discover
from streams.accounts.stages import Ledger, domains_of
from streams.broker import topics
from streams.city.registry import load_city
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake.intake_stage import IntakeStage
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streams.contract.spec import Spec
    from streams.sinks.history.store import History

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
START_MS = 472_222 * HOUR_MS
SPECS = discover()
PARTITIONS = {
    topic: 2
    for topic in (
        topics.inbox("traffic"),
        topics.readings("traffic"),
        topics.state("intake", "traffic"),
        topics.state("zone", "traffic"),
    )
}
HOURS = 5
EXPECTED = {
    # hour: read, in frames, duplicates, dead letters; 12 stamps an hour of 8 detectors are 96 readings
    0: (96 + 3, 96 + 1, 1, {"unknown_sensor": 1}),  # a repeat, a late one, one of nobody
    1: (96, 96, 0, {}),
    2: (96 + 1, 96, 0, {"too_late": 1}),  # of minute 1, when its source was at 3:00: the oldest allowed is 2:00
    3: (96, 96, 0, {}),
    4: (96, 96, 0, {}),
    5: (1, 0, 0, {"undecodable": 1}),  # it has no time; it was sent at 5:30
}


def traffic(sensor: str, minute: int) -> bytes:
    reading = {"sensor": sensor, "at": START_MS + minute * MINUTE_MS, "speed_km_h": 40 + minute % 7, "flow_veh_h": 300}
    return json.dumps(reading).encode()


def fill(bus: FakeBus) -> None:
    """Five hours of eight detectors and four weather stations, every five minutes, with what EXPECTED says."""

    def put(domain: str, value: bytes, partition: int = 0, mark_ms: int | None = None) -> None:
        headers = () if mark_ms is None else (("mark", b"%d" % mark_ms),)
        bus.put(Message(topics.inbox(domain), b"", value, partition, headers))

    extras = {
        30: [(traffic("nobody", 30), 0)],
        65: [(traffic("d0", 55), 0)],  # again, over the edge of the hour
        70: [(traffic("d1", 58), 1)],  # late: its source has passed 1:10
        180: [(traffic("d2", 1), 0)],
        200: [(b"rubbish", 1)],
    }
    for minute in range(0, HOURS * 60, 5):
        mark_ms = START_MS + minute * MINUTE_MS
        for partition in (0, 1):
            put("traffic", b"", partition, mark_ms)
        put("weather", b"", 0, mark_ms)
        for value, partition in extras.get(minute, []):
            put("traffic", value, partition)
        for index in range(8):
            put("traffic", traffic(f"d{index}", minute), index % 2)
        for index in range(4):
            values = {"temperature_c": 20.5} if index else {"temperature_c": 19.0, "humidity_ratio": 0.5}
            put("weather", json.dumps({"sensor": f"w{index}", "at": mark_ms, **values}).encode())
    for partition in (0, 1):
        put("traffic", b"", partition, START_MS + 9 * HOUR_MS)
    put("weather", b"", 0, START_MS + 9 * HOUR_MS)


class Stack:
    """Intake, zone stage and history sink on one bus; `restart` forgets all that was in memory."""

    def __init__(self, city: Path, history: History) -> None:
        self.city, self.history = city, history
        self.spill: Spill | None = None
        self.specs: Mapping[str, Spec] = SPECS
        """The processors that the audit knows: those whose files are there."""
        self.bus = FakeBus(PARTITIONS, FakeClock(START_MS + 5 * HOUR_MS + 30 * MINUTE_MS))
        fill(self.bus)

    async def restart(self, specs: Mapping[str, Spec] = SPECS, data: Path | None = None) -> None:
        hosted = [Hosted(name, spec, spec.config()) for name, spec in specs.items() if not spec.second_level]
        self.intake = FakeHost(IntakeStage(self.city), self.bus)
        self.zone = FakeHost(ZoneStage(self.city, hosted, data=data), self.bus)
        if self.spill is not None:
            self.spill.close()
        self.spill = Spill(self.city.parent / "history.spill")
        self.sink = FakeHost(HistorySink(lambda: self.history, self.spill), self.bus)
        self.hosts = [self.intake, self.zone, self.sink]
        for host in self.hosts:
            await host.start()

    def report(self, host: FakeHost) -> None:
        """Send a stage's books, as the run loop does."""
        for key, book in host.stage.books().items():
            self.bus.put(Message(topics.BOOKS, key.encode(), msgspec.json.encode(book), 0))

    async def drain(self) -> None:
        for host in self.hosts:
            await host.drain()
            await host.tick()
            self.report(host)
        await self.sink.drain()
        await self.sink.tick()

    def ledger(self) -> Ledger:
        history = self.history
        domains = domains_of(load_city(self.city))

        def held(metric: str, entity: str, window_s: int, at_ms: int) -> tuple[int, int] | None:
            rows = history.read(metric, entity, at_ms, at_ms + 1, window_s)
            return (int(rows.revision[0]), int(rows.count[0])) if len(rows) else None

        return Ledger(history.books(), history.hours(), history.counts, history.books, self.specs, domains, held)
