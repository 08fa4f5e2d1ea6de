"""Hosts what tells receivers outside of alarms: rows in, letters out, all that it remembers on one compacted topic.

A letter is sent only after it stands on that topic, and taken off after it was confirmed. What changes in one turn is
kept as a whole: a large burst takes several batches, and what a kill cut between them is taken back at the next start.
So a process that is killed forgets nothing, and sends again only what it could not know to be delivered, under the same
id. Sending takes its own threads: a receiver that hangs holds up neither rows nor other receivers.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from streams.broker import topics
from streams.broker.arrivals import Steady, now_ms
from streams.contract.stage import LINGER_S, Message, TopicPartition
from streams.engine import failpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streams.city.known import Cities
    from streams.contract.stage import Bus, Chunk, Record
    from streams.health.notices import Notice, SetAside

L = TypeVar("L")
V = TypeVar("V")
V_contra = TypeVar("V_contra", contravariant=True)

_Offsets: TypeAlias = "Mapping[TopicPartition, int]"

STATE = topics.state("notifiers")
OFFSET = b"offset/"
WHOLE = b"whole"
"""Key of the last record of all that was kept at once."""


class Dispatches(Protocol[L, V_contra]):
    """What `alerts.notifiers.dispatch.Dispatch` does; the stage knows nothing else of messages."""

    def begin(self, kept: Mapping[bytes, bytes]) -> None:
        """Go on from what was kept."""

    def stood(self, rows: Mapping[str, bytes | None], later: Iterable[str], now_ms: int) -> None:
        """Learn how all alarms stood where the rows go on, and which of them have rows after that."""

    def alarm(self, key: str, value: bytes | None, now_ms: int) -> None:
        """Take an alarm's newest row, None = it is closed."""

    def due(self, now_ms: int) -> Sequence[L]:
        """Return the letters to send now, once `changes` is kept."""

    def done(self, one: L, verdict: V_contra, now_ms: int) -> None:
        """Learn what became of a letter."""

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return what has to be kept, key and value, in this order."""

    def notes(self) -> list[bytes]:
        """Return what became of each try since the last call."""

    def notices(self) -> Sequence[Notice]:
        """Name the routes that do not deliver, and why."""


class NotifyStage(Generic[L, V]):
    """A `Stage`. Invariant: what is on its way stands on the state topic, and so does what was confirmed."""

    name = "notifiers"
    topics: tuple[str, ...] = (topics.ALARMS, topics.CITIES)
    stays_whole = True
    tick_s = 0.25
    linger_s = LINGER_S

    def __init__(
        self,
        make: Callable[[], Dispatches[L, V]],
        deliver: Callable[[L], V],
        cities: Cities,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Prepare the stage.

        Args:
            make: what judges and remembers, empty.
            deliver: sends a letter, in a thread, and says what became of it; it raises nothing.
            cities: the versions of the city; messages have the newest one's names.
            clock: wall time, epoch ms; set back, it goes on for this stage.
        """
        self._make = make
        self._deliver = deliver
        self._cities = cities
        self._clock = Steady(clock)
        self._dispatch = make()
        self._returned: deque[tuple[L, Future[V]]] = deque()
        """What threads have done."""
        self._offsets: dict[TopicPartition, int] = {}
        self._kept: dict[TopicPartition, int] = {}
        self._active = False
        self._to_read: dict[TopicPartition, int] = {}
        """How far the rows went at the start: nothing is sent before these are known."""

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Go on from the state topic, and from the rows as they stand: a new route needs them, or who was away."""
        self._dispatch = self._make()
        self._returned = deque()  # what still comes back is of the former one
        self._active = bool(partitions)
        self._offsets, self._kept, self._to_read = {}, {}, {}
        if not partitions:
            return {}
        await self._cities.begin(bus)
        kept = await _kept(bus)
        self._dispatch.begin(kept)
        known = {one: int(offset) for one in partitions if (offset := kept.get(_key(one))) is not None}
        await self._read_standing([one for one in partitions if one.topic == topics.ALARMS], known, bus)
        return known | self._offsets

    async def _read_standing(self, sources: Sequence[TopicPartition], known: _Offsets, bus: Bus) -> None:
        """Hand over how all alarms stood where reading goes on: at the first start that is the present end."""
        rows: dict[str, bytes | None] = {}
        later: list[str] = []
        for one in sources:
            records = await bus.read_all(*one)
            self._to_read[one] = records[-1].offset + 1 if records else 0
            self._offsets[one] = offset = known.get(one, self._to_read[one])
            rows |= {_alarm(record): record.value for record in records if record.offset < offset}
            later += [_alarm(record) for record in records if record.offset >= offset]
        self._dispatch.stood(rows, later, self._clock())

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take rows; they are safe after the next tick."""
        if chunk.topic == topics.CITIES:
            await self._cities.follow(bus)
        else:
            for record in chunk.records:
                self._dispatch.alarm(_alarm(record), record.value, self._clock())
        self._offsets[chunk.source] = chunk.records[-1].offset + 1
        return False

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Take what came back, keep what changed, then send what is due."""
        if not self._active:
            return ()
        while self._returned:
            one, done = self._returned.popleft()
            self._dispatch.done(one, done.result(), self._clock())
        behind = any(self._offsets[one] < end for one, end in self._to_read.items())
        letters = () if behind else self._dispatch.due(self._clock())
        advanced = {one: offset for one, offset in self._offsets.items() if self._kept.get(one) != offset}
        await bus.send(self._changed(advanced))
        self._kept |= advanced
        failpoints.reach("notifiers:kept")
        for one in letters:
            self._send(one)
        return list(advanced)

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Count nothing: each try is noted on a topic of its own."""
        return {}

    def notices(self) -> Sequence[Notice]:
        """Name the routes that do not deliver."""
        return self._dispatch.notices()

    def set_aside(self) -> Sequence[SetAside]:
        """Hold no processors."""
        return ()

    def _changed(self, advanced: Mapping[TopicPartition, int]) -> list[Message]:
        kept = [Message(STATE, key, value, partition=0) for key, value in self._dispatch.changes()]
        notes = [Message(topics.NOTIFICATIONS, b"note", value, partition=0) for value in self._dispatch.notes()]
        ends = [Message(STATE, _key(one), str(offset).encode(), partition=0) for one, offset in advanced.items()]
        return [*kept, *notes, *ends, *([_WHOLE] if kept or ends else [])]

    def _send(self, one: L) -> None:
        """Send in a thread that ends with the process: whoever hangs holds up no shutdown either."""
        returned = self._returned

        def run() -> None:
            done: Future[V] = Future()
            try:
                done.set_result(self._deliver(one))
            except BaseException as exc:  # noqa: BLE001 - raised again in the stage's turn, where it ends the process
                done.set_exception(exc)
            returned.append((one, done))

        threading.Thread(target=run, name="notifier", daemon=True).start()


_WHOLE = Message(STATE, WHOLE, b"1", partition=0)


async def _kept(bus: Bus) -> dict[bytes, bytes]:
    """Read what was kept; what stands behind the last whole is taken back there, too."""
    records = await bus.read_all(STATE, 0)
    wholes = [count for count, record in enumerate(records, 1) if record.key == WHOLE]
    count = wholes[-1] if wholes else len(records)  # without any, an earlier version has written them
    kept = {record.key or b"": record.value for record in records[:count]}
    cut = dict.fromkeys(record.key or b"" for record in records[count:])
    if cut or not wholes:
        await bus.send([*(Message(STATE, key, kept.get(key), partition=0) for key in cut), _WHOLE])
    return {key: value for key, value in kept.items() if value is not None}


def _alarm(record: Record) -> str:
    return (record.key or b"").decode(errors="replace")


def _key(one: TopicPartition) -> bytes:
    return OFFSET + f"{one.topic}:{one.partition}".encode()
