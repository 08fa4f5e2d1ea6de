"""The run loop: hosts one stage in a Faust worker, with its pulse, its books and its end.

A stage that cannot keep a promise (ExactnessError) ends the process at once with status 70; the supervisor starts it
again and it goes on from its last durable state.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import faust
import msgspec
from faust.transport.drivers import TRANSPORTS
from faust.types import TP

from streams import topics
from streams.engine import transport
from streams.engine.bus import KafkaBus
from streams.engine.pulse import Pulse
from streams.engine.stage import Chunk, Message, TopicPartition
from streams.errors import CityError, ExactnessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams.engine.stage import Stage

PULSE_EVERY_S = 1.0
SESSION_S = 6.0
EXIT_BROKEN = 70
QUEUED_CHUNKS = 16
MAX_FETCH_BYTES = 2 * 2**20
AWAY_AFTER_BEATS = 4
NOISY_LOGGERS = ("aiokafka", "faust.transport", "mode")
"""They write hundreds of lines while a broker is away; the run loop writes one when it goes, one when it is back."""

log = logging.getLogger("citywall")


class Host:
    """One stage, one Faust app, one bus. Invariant: one chunk or tick at a time."""

    def __init__(self, stage: Stage, bootstrap: str, data: Path, part: str | None = None) -> None:
        self.stage = stage
        self.bus = KafkaBus(bootstrap)
        self.pulse = Pulse(part or stage.name, stage.name, data)
        self._turn = asyncio.Lock()
        self._reporting: asyncio.Task[None] | None = None
        self._silent_beats = 0
        self._next: dict[TopicPartition, int] = {}
        """Next offset of each partition that the stage knows."""
        self.app = _app(stage, bootstrap, data)
        channel = self.app.topic(*stage.topics, key_type=bytes, value_type=bytes, value_serializer="raw")
        self.app.agent(channel, name=f"{stage.name}-chunks")(self._chunks)
        self.app.timer(stage.tick_s, on_leader=False)(self._tick)
        self.app.timer(PULSE_EVERY_S, on_leader=False)(self._report)
        self.app.positions = self._positions
        self.app.on_before_shutdown.connect(self._stop)

    async def _stop(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - Faust's signal
        async with self._turn:
            if self.bus.running:
                self._settle(await self.stage.tick(self.bus))
                await self.bus.stop()

    def _consumer(self) -> transport.Consumer:
        return cast("transport.Consumer", self.app.consumer)

    async def _positions(self, assigned: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        async with self._turn:
            with _or_end():
                if not self.bus.running:
                    await self.bus.start()
                positions = await self.stage.assigned(assigned, self.bus)
            self._next = dict(positions)
            self.pulse.assigned(assigned, positions)
            return positions

    async def _chunks(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        async for chunk in stream:
            async with self._turn:
                await self._absorb(chunk)

    async def _absorb(self, chunk: Chunk) -> None:
        if chunk.epoch != self._consumer().epoch:
            return  # fetched before the partitions were assigned anew: it comes again from where the state stands
        self.pulse.received(chunk)
        expected = self._next.get(chunk.source)
        with _or_end():
            if expected is not None and chunk.begin is not None and chunk.begin > expected:
                missed = f"{chunk.topic}[{chunk.partition}]: records {expected} to {chunk.begin - 1} were not delivered"
                raise ExactnessError(f"{missed}; reading again")
            settled = await self.stage.absorb(chunk, self.bus)
        self.pulse.absorbed(chunk)
        self._next[chunk.source] = max(chunk.records[-1].offset + 1, expected or 0)
        if settled:
            self._settle([chunk.source])

    async def _tick(self) -> None:
        if not self.bus.running:
            return
        async with self._turn:
            with _or_end():
                self._settle(await self.stage.tick(self.bus))

    def _settle(self, partitions: Sequence[TopicPartition]) -> None:
        settled = self._consumer().settled
        for partition in partitions:
            if partition in self._next:
                settled[TP(*partition)] = self._next[partition]

    async def _report(self) -> None:
        if not self.bus.running:
            return
        ends = {partition: self._consumer().highwater(TP(*partition)) for partition in self.pulse.partitions}
        pulse = self.pulse.beat(ends)
        if self._reporting is not None and not self._reporting.done():
            self._silent_beats += 1
            if self._silent_beats == AWAY_AFTER_BEATS:
                log.warning("Kafka does not answer; waiting for it")
            return
        if self._silent_beats >= AWAY_AFTER_BEATS:
            log.warning("Kafka is back")
        self._silent_beats = 0
        books = {f"pulse:{self.pulse.part}": pulse, **self.stage.books()}
        self._reporting = asyncio.create_task(self._send_books(books))

    async def _send_books(self, books: Mapping[str, Any]) -> None:
        with _or_end():
            await self.bus.send(
                Message(topics.BOOKS, key.encode(), msgspec.json.encode(value)) for key, value in books.items()
            )


class StageApp(faust.App):
    """A Faust app whose consumer asks `positions` where to start; see `streams.engine.transport`."""

    positions: Any = None


def _app(stage: Stage, bootstrap: str, data: Path) -> StageApp:
    TRANSPORTS.aliases["chunked"] = "streams.engine.transport:Transport"
    if not transport.install_fast_fetch():
        log.warning("this aiokafka has no place for the fast fetch: going on without it")
    (data / "faust").mkdir(parents=True, exist_ok=True)
    return StageApp(
        f"citywall-{stage.name}",
        broker=f"chunked://{bootstrap}",
        store="memory://",
        datadir=str(data / "faust" / stage.name),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=QUEUED_CHUNKS,
        stream_recovery_delay=0.0,
        table_standby_replicas=0,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=SESSION_S / 3,
        broker_commit_interval=2.8,
        broker_check_crcs=True,
        consumer_max_fetch_size=MAX_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        worker_redirect_stdouts=False,
    )


def run_stage(stage: Stage, bootstrap: str, data: Path, part: str | None = None) -> None:
    """Run the stage until SIGTERM or SIGINT; does not return.

    `data` is the city's data folder: the pulse goes to `<data>/pulses/<part>.json`.
    """
    host = Host(stage, bootstrap, data, part)
    for noisy in NOISY_LOGGERS:
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    worker = faust.Worker(host.app, loglevel="WARN", quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


@contextmanager
def _or_end() -> Iterator[None]:
    """Leave the process at once on an error: whatever is in memory only is made again from the last durable state.

    A bug ends it too: Faust would log it, restart the agent and go on behind the chunk that was lost.
    """
    try:
        yield
    except CityError as exc:
        print(exc, file=sys.stderr, flush=True)
        os._exit(EXIT_BROKEN)
    except Exception:  # noqa: BLE001 - the run loop's last resort, see above
        traceback.print_exc()
        os._exit(EXIT_BROKEN)
