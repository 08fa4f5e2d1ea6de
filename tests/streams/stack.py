"""Intake, zone stage and second level together on topics in memory, for tests: fed, cut, crashed, shared by workers.

What must never differ is `export` (the rows of `citywall export`, from a real history), `found` (the detections) and
`books`.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from deploy.config.components import discover
from deploy.terminal.table import table_of, write_csv
from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import NO_TIME_MS, Rows
from streams.contract.spec import Hosted
from streams.contract.stage import Message, TopicPartition
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.sinks.history.sqlite import SqliteHistory
from streams.zone.zone_stage import ZoneStage
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from streams.contract.stage import Stage

MINUTE_MS = 60_000
START_MS = 1_699_999_980_000
"""A whole minute: 2023-11-14T22:13:00Z."""
INBOX = topics.inbox("traffic")
READINGS = topics.readings("traffic")

Fed: TypeAlias = "tuple[int, bytes, tuple[tuple[str, bytes], ...]]"
"""Inbox partition, value, headers."""


class CrashError(Exception):
    """Stands for the end of a process."""


def partitions(readings: int = 2) -> dict[str, int]:
    """Return partition counts of traffic's topics: two of the inbox, so many of the readings."""
    return {
        INBOX: 2,
        topics.state("intake", "traffic"): 2,
        READINGS: readings,
        topics.state("zone", "traffic"): readings,
    }


def reading(sensor: int, at_ms: int, **columns: float) -> dict[str, Any]:
    """Return a detector's reading; speed and flow have defaults."""
    return {"sensor": f"d{sensor}", "at": at_ms, "speed_km_h": 40, "flow_veh_h": 360, **columns}


def fed(partition: int, *rows: dict[str, Any]) -> Fed:
    """Return an inbox record of one reading, or of several in an array."""
    return partition, json.dumps(rows[0] if len(rows) == 1 else rows).encode(), ()


def mark(at_ms: int, *which: int) -> list[Fed]:
    """Return marks for these inbox partitions; for both when none is named."""
    return [(one, b"", (("mark", b"%d" % at_ms),)) for one in which or (0, 1)]


def feed(chance: random.Random, with_marks: bool) -> list[Fed]:
    """Make about 250 readings of ten minutes, dirt included; marks close the hour at the end."""
    records: list[Fed] = []
    for second in range(0, 600, 4):
        for _ in range(chance.randint(0, 3)):
            sensor = chance.randrange(8)
            at_ms = START_MS + second * 1000 + chance.randrange(4000)
            if chance.random() < 0.1:
                at_ms -= chance.choice([3_000, 30_000, 200_000])
            row = reading(sensor, at_ms, speed_km_h=chance.randint(5, 90), flow_veh_h=chance.randint(0, 900))
            rows = [row] if chance.random() < 0.8 else [row, {**row, "at": at_ms + 1}]
            records += [fed(sensor % 2, *rows)] * chance.choice([1, 1, 1, 2])
        if chance.random() < 0.05:
            nobody = b'{"sensor":"nobody","at":%d}' % START_MS
            records.append((chance.randrange(2), chance.choice([b"rubbish", b"[]", nobody]), ()))
        if with_marks and second % 20 == 0:
            records += mark(START_MS + second * 1000 - 10_000)
    return [*records, *mark(START_MS + 4 * 3_600_000)] if with_marks else records


class Team:
    """Workers of one stage. Invariant: each partition is with one of them, whatever a zombie still believes."""

    def __init__(self, make: Callable[[], Stage], bus: FakeBus, size: int, *, framed: bool = False) -> None:
        self.bus = bus
        self._framed = framed
        self._make = make
        self._size = size
        self.committed: Counter[TopicPartition] = Counter()
        self.hosts: list[FakeHost] = []

    async def start(self, chance: random.Random | None = None) -> None:
        """Begin anew with all that is in memory forgotten; `chance` deals the partitions, else in turn."""
        self.hosts = [FakeHost(self._make(), self.bus, self.committed, framed=self._framed) for _ in range(self._size)]
        await self.deal(chance)

    async def deal(self, chance: random.Random | None = None, zombie: FakeHost | None = None) -> None:
        """Hand the partitions out anew; a zombie does not hear of it and goes on with what it had."""
        told = [host for host in self.hosts if host is not zombie]
        hands: list[list[TopicPartition]] = [[] for _ in told]
        for number, source in enumerate(await self.sources()):
            hands[chance.randrange(len(told)) if chance else number % len(told)].append(source)
        for host, hand in zip(told, hands, strict=True):
            await host.start(hand)

    async def sources(self) -> list[TopicPartition]:
        """List every partition of the stage's topics."""
        names = self.hosts[0].stage.topics
        return [TopicPartition(name, n) for name in names for n in range(await self.bus.partition_count(name))]

    def books(self) -> dict[str, Any]:
        """Return the books of all workers."""
        return {key: book for host in self.hosts for key, book in host.stage.books().items()}


class Stack:
    """The three stages on one bus."""

    def __init__(
        self, folder: Path, records: Iterable[Fed], readings: int = 2, workers: int = 1, *, kernel: bool = False
    ) -> None:
        self.folder = folder
        self.bus = FakeBus(partitions(readings), FakeClock(START_MS + 11 * MINUTE_MS))
        self.put(records)
        hosted = [Hosted(name, spec, spec.config()) for name, spec in discover().items()]
        first = [one for one in hosted if not one.spec.second_level]
        second = [one for one in hosted if one.spec.second_level]
        self.intake = Team(lambda: IntakeStage(folder, kernel=kernel), self.bus, workers, framed=kernel)
        self.zone = Team(lambda: ZoneStage(folder, first, kernel=kernel), self.bus, workers)
        self.second = Team(lambda: SecondLevelStage(folder, second), self.bus, 1)
        self.teams = (self.intake, self.zone, self.second)

    def put(self, records: Iterable[Fed]) -> None:
        """Send inbox records."""
        for partition, value, headers in records:
            self.bus.put(Message(INBOX, b"", value, partition, headers))

    async def start(self, chance: random.Random | None = None) -> None:
        """Start every worker, with nothing in memory."""
        for team in self.teams:
            await team.start(chance)

    async def drain(self) -> None:
        """Read everything to its end."""
        for team in self.teams:
            for host in team.hosts:
                await host.drain()

    async def wander(self, chance: random.Random, at_most: int = 25, *, rebalance: bool = False) -> None:
        """Read everything to its end in random chunks, order and pace, with ticks between; a crash is a new start."""
        while True:
            hosts = [host for team in self.teams for host in team.hosts if host.behind()]
            if not hosts:
                return
            host = chance.choice(hosts)
            try:
                await host.deliver(*chance.choice(host.behind()), at_most=chance.randint(1, at_most))
                if chance.random() < 0.1:
                    await chance.choice(hosts).tick()
                if rebalance and chance.random() < 0.03:
                    await chance.choice(self.teams[:2]).deal(chance)
            except CrashError:
                await self.start(chance)

    def crash_now_and_then(self, chance: random.Random, share: float = 0.01) -> None:
        """Let processes end before some of their sends."""

        def maybe_crash(_: Message) -> None:
            if chance.random() < share:
                raise CrashError

        self.bus.before_send = maybe_crash

    def outcome(self) -> dict[str, Any]:
        """Return what no trouble may change."""
        return {"export": export(self.bus, self.folder), "found": found(self.bus), "books": self.books()}

    def books(self) -> dict[str, Any]:
        """Return intake's and the zones' counters, summed over partitions and workers."""
        total: Counter[str] = Counter()
        for book in self.intake.books().values():
            counts = book["counts"]
            total.update({"readings_in": counts["readings_in"], "sent": counts["sent"], **counts["dead_lettered"]})
        for host in self.zone.hosts:
            for state in zones_of(host):
                for one in state.counts.values():
                    total.update(in_frames=one.in_frames, duplicates=one.duplicates, conflicts=one.conflicts)
                    total.update(too_late=one.too_late, repeated_values=one.repeated_values)
                for name, dropped in state.dropped.items():
                    total.update({f"{name}: {reason}": count for reason, count in dropped.items()})
                total.update({f"{name}: used": count for name, count in state.used.items()})
        return {name: count for name, count in sorted(total.items()) if count}


def zones_of(host: FakeHost) -> list[Any]:
    """Return the states of traffic's zones that a worker of the zone stage holds."""
    stage = host.stage
    assert isinstance(stage, ZoneStage)
    held = [held for source, held in stage._partitions.items() if source.topic == READINGS]
    return [state for one in held for state in one.zones.values()]


def export(bus: FakeBus, folder: Path) -> dict[str, str]:
    """Return what `citywall export` writes of each metric and window, from a history that took all metrics in order."""
    return exported([record.value or b"" for record in bus.log(topics.METRICS)], folder)


def exported(frames: Sequence[bytes], folder: Path) -> dict[str, str]:
    """Return the CSV of each metric and window after a history took these frames in order."""
    path = folder / "history.sqlite"
    for old in folder.glob("history.sqlite*"):
        old.unlink()
    history = SqliteHistory(path)
    try:
        history.write(Rows.concat([decode_metrics(value).rows for value in frames]))
        files = {}
        for metric in history.metrics():
            for window_s in (60, 3600):
                rows = history.read(metric, window_s=window_s, provisional=True)
                if len(rows):
                    file = io.StringIO()
                    write_csv(table_of(rows, None, None), file)
                    files[f"{metric} {window_s}"] = file.getvalue()
        return files
    finally:
        history.close()


def found(bus: FakeBus) -> list[str]:
    """Return the distinct detections, sorted: a repeat is the same text."""
    return sorted({(record.value or b"").decode() for record in bus.log(topics.DETECTIONS)})


def rows_of(stack: Stack, topic: str = topics.METRICS, entity: str = "s0") -> list[tuple[int, int, float]]:
    """Return (window in minutes from START_MS, revision, speed) of every row of a segment's speed, in order."""
    told = []
    for record in stack.bus.log(topic):
        rows = decode_metrics(record.value or b"").rows
        keep = (rows.entity == entity) & (rows.metric == "speed_km_h") & (rows.window_s == 60)
        minutes = ((rows.at_ms[keep] - START_MS) // MINUTE_MS).tolist()
        told += zip(minutes, rows.revision[keep].tolist(), rows.value[keep].round(9).tolist(), strict=True)
    return told


def watermarks(stack: Stack) -> set[int]:
    """Return the watermarks of traffic's zones that have one, in seconds from START_MS."""
    found = {state.watermark_ms for host in stack.zone.hosts for state in zones_of(host)}
    return {(one - START_MS) // 1000 for one in found if one != NO_TIME_MS}


async def started(folder: Path, records: list[Fed]) -> Stack:
    stack = Stack(folder, records)
    await stack.start()
    return stack
