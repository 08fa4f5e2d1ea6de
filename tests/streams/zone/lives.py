"""Lives of the zone stage on one log, for tests: what other processors, or Kafka, have left to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.intake.intake_stage import IntakeStage
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost, FakeReader
from tests.streams.stack import INBOX, READINGS, START_MS, Fed, partitions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streams.contract.spec import Spec


class Kept(FakeBus):
    """Kafka has deleted the readings below an offset."""

    begin = 0

    def reader(self, topic: str, partition: int, offset: int) -> FakeReader:
        kept = self.begin if topic == READINGS else 0
        return FakeReader([record for record in self.log(topic, partition) if record.offset >= kept], offset)


class City:
    """Intake has read everything; the zone stage reads half of it in one life, the rest in the next."""

    def __init__(self, folder: Path, records: Sequence[Fed]) -> None:
        self.folder = folder
        self.bus = Kept(partitions(), FakeClock(START_MS + 5 * 3_600_000))
        for partition, value, headers in records:
            self.bus.put(Message(INBOX, b"", value, partition, headers))

    async def frames(self) -> None:
        intake = FakeHost(IntakeStage(self.folder), self.bus)
        await intake.start()
        while any([await intake.deliver(INBOX, one, at_most=7) for one in (0, 1)]):
            pass

    def stage(self, specs: Mapping[str, Spec], **more: Any) -> FakeHost:
        """Return a zone stage for which time stands still: what is rebuilt is there at once."""
        hosted = [Hosted(name, spec, spec.config()) for name, spec in specs.items()]
        return FakeHost(ZoneStage(self.folder, hosted, **{"now_s": lambda: 0.0, **more}), self.bus)

    async def life(self, specs: Mapping[str, Spec], frames: int = 1_000_000, **more: Any) -> FakeHost:
        """Take so many frames of each partition, up to a dozen in one go, with a tick after each."""
        host = self.stage(specs, **more)
        await host.start()
        while frames > 0:
            if not any([await host.deliver(READINGS, one, at_most=min(frames, 12)) for one in (0, 1)]):
                break
            frames -= 12
            await host.tick()
        return host

    def sent(self, topic: str = topics.METRICS) -> list[Any]:
        return [(record.key, record.value, tuple(record.headers)) for record in self.bus.log(topic)]
