"""The run loop: hosts one stage in a Faust worker, with its pulse, its books and its end.

A stage that cannot keep a promise (ExactnessError) ends the process at once with status 70; the supervisor starts it
again and it goes on from its last durable state.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import faust
import msgspec

from streams import surface
from streams.broker import topics
from streams.broker.bus import KafkaBus
from streams.broker.reach import wait_for
from streams.contract.stage import Chunk, Follows, MayWait, Message, TopicPartition
from streams.engine.app import app_id_of, stage_app
from streams.engine.fallen import Fallen
from streams.engine.missing import Missing
from streams.engine.reporting import Reporting
from streams.errors import CityError, ExactnessError
from streams.health.advance import LIMIT_S
from streams.health.notices import Tells
from streams.health.pulse import PULSE, Pulse
from streams.health.watchdog import Watchdog
from streams.transport.direct import Direct
from streams.transport.ordinary import Ordinary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from streams.contract.stage import Stage
    from streams.transport.delivery import Delivery, Receiver

PULSE_EVERY_S = 1.0
EXIT_BROKEN = 70
COLLECT_AFTER_OBJECTS = 50_000
"""Python would look for cycles in all that a chunk holds each 700: a fifth of a reading's cost without the kernel."""
NOISY_LOGGERS = ("aiokafka", "faust.transport", "mode")
"""They write hundreds of lines while a broker is away; the run loop writes one when it goes, one when it is back."""

log = logging.getLogger("citywall")


class Host:
    """One stage, one Faust app, one bus. Invariant: one chunk or tick at a time."""

    def __init__(
        self,
        stage: Stage,
        bootstrap: str,
        data: Path,
        part: str | None = None,
        limit_s: float = LIMIT_S,
        *,
        framed: bool = False,
    ) -> None:
        self.stage = stage
        self.bus = KafkaBus(bootstrap)
        self.pulse = Pulse(part or stage.name, stage.name, data, stage.topics, limit_s, self.bus.traffic)
        self.watchdog = Watchdog(self.pulse.part, limit_s)
        self.missing = Missing(stage, bootstrap, self.pulse.counters.lost_records)
        self._fallen = Fallen(stage)
        self._turn = asyncio.Lock()
        self._reporting = Reporting(self._send_books)
        self._follow_s = stage.follow_s if isinstance(stage, Follows) else None
        self._following: asyncio.Task[None] | None = None
        self._loading = self._absorbing = False
        """Loading: what the stage holds is half a state; so it stays, where a load is broken off, until the next."""
        self._next: dict[TopicPartition, int] = {}
        """Next offset of each partition that the stage knows."""
        self.app_id = app_id_of(stage)
        self.delivery = _delivery(self, bootstrap, stage.topics if framed else ())
        broker = f"{self.delivery.scheme}://{bootstrap}"
        self.app = stage_app(stage, broker, data, self.delivery.queued_events)
        self.delivery.connect(self.app)
        raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "value_serializer": "raw", "allow_empty": True}
        channel = self.app.topic(*stage.topics, **raw)
        self.app.agent(channel, name=f"{stage.name}-chunks")(self._chunks)
        self.app.timer(stage.tick_s, on_leader=False)(self._tick)
        self.app.timer(PULSE_EVERY_S, on_leader=False)(self._report)
        self.app.on_before_shutdown.connect(self._stop)

    async def _stop(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - Faust's signal
        async with self._turn:
            if self.bus.running:
                await self._tick_stage()
                await self.bus.stop()
        await self.delivery.stop()
        await self.missing.stop()

    async def positions(self, assigned: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Load the stage's state of the partitions → the next offset to read of each that it knows."""
        async with self._turn:
            self._loading = True
            with _or_end():
                if not self.bus.running:
                    await self.bus.start()
                with self.pulse.counters.recovering():
                    positions = await self.stage.assigned(assigned, self.bus)
            self._next = dict(positions)
            self.pulse.assigned(assigned, positions)
            self._loading = False
            return positions

    async def _chunks(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        await self.delivery.consume(stream)

    async def take(self, chunk: Chunk) -> None:
        """Work a chunk off, once there is room for it."""
        while not await self._offer(chunk):
            await asyncio.sleep(self.stage.tick_s)  # not in its turn: ticks, a rebalance and the end go on
        if self._follow_s is not None and (self._following is None or self._following.done()):
            self._following = asyncio.create_task(self._follow(self._follow_s))

    async def _follow(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._tick()

    def places(self) -> Sequence[tuple[TopicPartition, int]]:
        """Return the partitions and the next offset to absorb of each."""
        return [(partition, place.absorbed) for partition, place in self.pulse.places().items()]

    def reached(self, partition: TopicPartition, position: int) -> None:
        """Learn that nothing below an offset is left to absorb."""
        self.missing.note(partition, self.pulse.partitions[partition], position)
        self.pulse.reached(partition, position)

    def begun(self, begin: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        """Learn where each partition begins and ends: the lag is known from the start, before any fetch is answered."""
        self.pulse.assigned(list(begin), begin)
        self.pulse.beat(ends)

    def or_end(self) -> AbstractContextManager[None]:
        """Return what ends the process on an error in it."""
        return _or_end()

    async def _offer(self, chunk: Chunk) -> bool:
        async with self._turn:
            self._absorbing = True
            done = await self._absorb(chunk)
            self._absorbing = False
            return done

    async def _absorb(self, chunk: Chunk) -> bool:
        """Hand a chunk to the stage → whether it is done with."""
        if chunk.epoch != self.delivery.epoch:
            return True  # fetched before the partitions were assigned anew: it comes again from where the state stands
        self.missing.look_at(chunk, self.pulse.partitions.get(chunk.source))
        self.pulse.received(chunk)
        expected = self._next.get(chunk.source)
        with _or_end():
            if expected is not None and chunk.begin is not None and chunk.begin > expected:
                missed = f"{chunk.topic}[{chunk.partition}]: records {expected} to {chunk.begin - 1} were not delivered"
                raise ExactnessError(f"{missed}; reading again")
            await self.missing.book(self.bus)
            began_s = time.monotonic()
            settled = await self.stage.absorb(chunk, self.bus)
        if settled is None:
            return False
        self.pulse.absorbed(chunk, time.monotonic() - began_s)
        self._next[chunk.source] = max(chunk.records[-1].offset + 1, expected or 0)
        if settled:
            self._settle([chunk.source])
        return True

    async def _tick(self) -> None:
        if not self.bus.running:
            return
        async with self._turn:
            with _or_end():
                await self.missing.book(self.bus)
                await self._tick_stage()

    async def _tick_stage(self) -> None:
        if not self._loading:
            self._settle(await self.stage.tick(self.bus))

    def _settle(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            if partition in self._next:
                self.delivery.settle(partition, self._next[partition])
                self.pulse.settled(partition)

    async def _report(self) -> None:
        waits = self._waits()
        ends = self._ends()
        places = {} if waits or self._reporting.away else self.pulse.places()
        loading = self._loading or self._sharing()
        self.watchdog.judge(places, loading=loading, answer_s=self._reporting.answer_s)
        tells = self.stage if isinstance(self.stage, Tells) else None
        pulse = self.pulse.beat(ends, waits, tells, self._fallen.look(self.pulse.places(), ends))
        if self.bus.running:
            key = f"{PULSE}{self.pulse.part}"
            self._reporting.beat(lambda: {key: pulse} if self._loading else {key: pulse, **self.stage.books()})

    def _waits(self) -> str | None:
        """Return why the partitions need not advance now, None = they must."""
        if self._loading:
            return "its state"
        if self._sharing():
            return "its share of the partitions"
        return self.stage.waits() if isinstance(self.stage, MayWait) else None

    def _sharing(self) -> bool:
        """Tell whether the group shares out the partitions, and not a chunk that is still worked on holds it up."""
        return bool(self.app.rebalancing) and not self._absorbing

    def _ends(self) -> Mapping[TopicPartition, int | None]:
        return {} if self._loading or self.app.rebalancing or not self.bus.running else self.delivery.ends()

    async def _send_books(self, books: Mapping[str, Any]) -> None:
        with _or_end():
            await self.missing.book(self.bus)  # before a pulse says that nothing is left
            await self.bus.send(
                Message(topics.BOOKS, key.encode(), msgspec.json.encode(value)) for key, value in books.items()
            )


def _delivery(receiver: Receiver, bootstrap: str, framed_topics: Collection[str]) -> Delivery:
    """Return our own transport's delivery, or the ordinary one where that does not fit the installed libraries."""
    if changed := surface.misfits("transport"):
        surface.say("transport", changed)
        return Ordinary(receiver, Direct(bootstrap, receiver.app_id))
    from streams.transport.chunked import Chunked

    return Chunked(receiver, framed_topics)


def run_stage(
    stage: Stage,
    bootstrap: str,
    data: Path,
    part: str | None = None,
    limit_s: float = LIMIT_S,
    *,
    framed: bool = False,
) -> None:
    """Run the stage until SIGTERM or SIGINT; does not return.

    Args:
        stage: what to host.
        bootstrap: Kafka's HOST:PORT.
        data: the city's data folder: the pulse goes to `<data>/pulses/<part>.json`.
        part: the name of this process among the city's.
        limit_s: how long a partition with lag may stand still.
        framed: chunks hold their records as columns, `streams.transport.wire.WireRecords`, for the kernel.
    """
    gc.freeze()  # what was imported stays
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    host = Host(stage, bootstrap, data, part, limit_s, framed=framed)
    host.pulse.beat({}, "its start")
    for noisy in NOISY_LOGGERS:
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    wait_for(bootstrap, log)
    worker = faust.Worker(host.app, loglevel="WARN", quiet=True)
    worker.spinner = None
    host.watchdog.guard(worker.loop)
    worker.execute_from_commandline()


@contextmanager
def _or_end() -> Iterator[None]:
    """Leave the process at once on an error: whatever is in memory only is made again from the last durable state.

    A bug ends it too: Faust would log it, restart the agent and go on behind the chunk that was lost.
    """
    try:
        yield
    except CityError as exc:
        word = str(exc)
        _end(lambda: print(word, file=sys.stderr, flush=True))
    except Exception:  # noqa: BLE001 - the run loop's last resort, see above
        _end(traceback.print_exc)


def _end(tell: Callable[[], None]) -> NoReturn:
    """Say why and leave; leave, too, where a full disk takes no word."""
    try:
        tell()
    finally:
        os._exit(EXIT_BROKEN)
