"""Intake as a stage: one chunk of an inbox partition in flight, its frames acknowledged before its state is written."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from streams.accounts import ledger
from streams.broker import dead_letters, topics
from streams.contract.durations import MINUTE_MS
from streams.contract.frames import ALL_ZONES, LAST_PLACE, FrameHeader, encode_frame
from streams.contract.records import NO_TIME_MS
from streams.contract.stage import LINGER_S, Chunk, Message, TopicPartition
from streams.domains.schema import load_schemas
from streams.engine import failpoints
from streams.health.pulse import now_ms
from streams.intake import marks, saving
from streams.intake.delays import Delays
from streams.intake.followed_city import FollowedCity
from streams.intake.followed_clock import FollowedClock
from streams.intake.parts import parts
from streams.intake.quiet import Quiet
from streams.intake.take import Bounds, IntakeState, take

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from streams.city.versions import Version
    from streams.contract.stage import Bus, Record
    from streams.health.notices import Notice, SetAside

IDLE_EVERY_S = 1.0
IDLE_SAID_MS = MINUTE_MS
"""The state holds a quiet source's mark rounded up to this."""

log = logging.getLogger("citywall")


class IntakeStage:
    """Hosts `streams.intake.take.take` for all domains. Invariant: a state is written only after what it contains."""

    name = "intake"
    tick_s = 0.5
    linger_s = 3 * LINGER_S  # a frame costs the zones as much with four rows as with forty

    def __init__(self, city_folder: Path, *, kernel: bool = False) -> None:
        self.schemas = load_schemas()
        self.topics = tuple(topics.inbox(domain) for domain in self.schemas)
        self._domain = {topics.inbox(domain): domain for domain in self.schemas}
        self._city = FollowedCity(city_folder, self.schemas, kernel=kernel)
        self._clock = FollowedClock()
        self._quiet = Quiet()
        self._delays = Delays(self.schemas)
        self._states: dict[TopicPartition, IntakeState] = {}
        self._idle_mark_ms: dict[TopicPartition, int] = {}

    async def assigned(self, partitions: Sequence[TopicPartition], bus: Bus) -> Mapping[TopicPartition, int]:
        """Load the states of these partitions → next offsets."""
        self._states = {}
        positions = {}
        for source in partitions:
            topic = topics.state("intake", self._domain[source.topic])
            found = await saving.load(bus, topic, source.partition)
            self._states[source] = IntakeState() if found is None else found
            if found is not None:  # also one that has read nothing yet: what was deleted meanwhile it has lost
                positions[source] = found.offset
        await self._go_over(await self._city.begin(bus, self._states), bus)
        self._quiet.listen(await bus.ends(partitions))
        self._idle_mark_ms = {}
        return positions

    async def absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Take a chunk, in parts where it holds much; then it may be committed."""
        done = False
        for part in parts(chunk.records):
            done = await self._absorb(replace(chunk, records=part), bus)
        return done

    async def _absorb(self, chunk: Chunk, bus: Bus) -> bool:
        """Send frames and dead letters, then save the state → whether the chunk was for us, and new."""
        source = chunk.source
        state = self._states.get(source)
        if state is None or chunk.records[-1].offset < state.offset:
            return False
        domain = self._domain[chunk.topic]
        bounds = Bounds(await self._clock.catch_up(bus, chunk.fetched_s), now_ms())
        if self._city.is_behind(state):
            await self._go_over(self._city.overdue(source, state, _came_ms(chunk.records, bounds)), bus)
        if state.ended:
            bounds = bounds._replace(floor_ms=self._city.floor_ms(source, state))
        schema, version = self.schemas[domain], self._city.version(state)
        taken = take(chunk, state, version.city, schema, bounds, self._city.reader(version, domain))
        crossed = marks.crosses(state.mark_ms, taken.state.mark_ms)
        await bus.send(
            await self._messages(domain, version, (taken.frames, taken.mark if crossed else None), bus)
            + [dead_letters.to_message(one) for one in taken.dead]
            + [
                ledger.to_message("intake", domain, source.partition, start_ms, msgspec.to_builtins(hour))
                for start_ms, hour in taken.settled.items()
            ]
        )
        failpoints.reach("intake:frames_acked")
        await self._save(source, taken.state, bus)
        failpoints.reach("intake:state_acked")
        self._states[source] = taken.state
        if not taken.state.is_marked:
            self._delays.heard(domain, (rows.lag_ms for _, rows in taken.frames))
        self._quiet.heard(source, taken.came_ms, taken.raised_by, taken.moved_by)
        if self._has_silent_marks(source, self._quiet.came_unmarked_s(source, taken.state.offset)):
            await self._give_up_marks(source, bus)
        stands_ms = None if taken.state.is_marked else self._quiet.stands_at(source, taken.state.offset)
        if stands_ms is not None:
            await self._send_idle_mark(source, taken.state, stands_ms, bus)
        return True

    async def _save(self, source: TopicPartition, state: IntakeState, bus: Bus) -> None:
        topic = topics.state("intake", self._domain[source.topic])
        await bus.send([saving.to_message(topic, source.partition, state)])

    async def _go_over(self, sources: Sequence[TopicPartition], bus: Bus) -> None:
        """Save that sources have gone over to a version; tell its zones, some of them new, how far they have come."""
        for source in sources:
            state = self._states[source]
            await self._save(source, state, bus)
            if state.mark_ms != NO_TIME_MS:
                await self._tell_mark(source, state, state.mark_ms, bus)

    async def _messages(
        self, domain: str, version: Version, of: tuple[Sequence[tuple[FrameHeader, Any]], FrameHeader | None], bus: Bus
    ) -> list[Message]:
        """Return the records of frames, and behind them of a mark, if any, wherever they have not told it."""
        topic, (frames, mark) = topics.readings(domain), of
        count = await bus.partition_count(topic)
        messages = [
            encode_frame(topic, version.partition(domain, header.zone, count), header, rows) for header, rows in frames
        ]
        if mark is None:
            return messages
        untold = marks.untold([header for header, _ in frames], mark.mark_ms, version.homes(domain), count)
        return messages + [encode_frame(topic, partition, mark, None) for partition in untold]

    async def tick(self, bus: Bus) -> Sequence[TopicPartition]:
        """Go over to a new version of the city; let quiet sources pass on the city clock."""
        await self._go_over(await self._city.follow(bus, self._states), bus)
        await self._pass_quiet_times(bus)
        return ()

    async def _pass_quiet_times(self, bus: Bus) -> None:
        """Let sources without marks of which nothing comes go on with the clock; give up the marks of the others."""
        quiet = self._quiet.candidates()
        if not quiet:
            return
        read = {source: self._states[source].offset for source in quiet}
        wall_ms = now_ms()  # of before the ends: what is not read yet came later
        for source in self._quiet.confirmed(await self._ends(bus, quiet), read):
            state = self._states[source]
            if self._has_silent_marks(source, self._quiet.unmarked_s(source)):
                await self._give_up_marks(source, bus)
            if not state.is_marked:
                await self._send_idle_mark(source, state, wall_ms, bus)

    async def _ends(self, bus: Bus, sources: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        await self._clock.catch_up(bus, math.inf)  # what began after this worker has set it since
        return await bus.ends(sources)

    def _has_silent_marks(self, source: TopicPartition, unmarked_s: float) -> bool:
        """Tell whether its marks, which have stood still for so long, are to be given up: never those of a replay."""
        state = self._states[source]
        silence_s = self.schemas[self._domain[source.topic]].mark_silence_s
        return state.is_marked and not state.exact and unmarked_s >= silence_s

    async def _give_up_marks(self, source: TopicPartition, bus: Bus) -> None:
        state = self._states[source]
        state.given_up = True  # said before it is acted upon, so that no crash forgets it
        await self._save(source, state, bus)
        log.warning("%s[%d]: the marks of its feed stand still; going on without them", *source)
        await self._tell_mark(source, state, state.mark_ms, bus)

    async def _send_idle_mark(self, source: TopicPartition, state: IntakeState, wall_ms: int, bus: Bus) -> None:
        """Let a source that says nothing of it go on with the clock to where that wall time was."""
        disorder_ms = self.schemas[self._domain[source.topic]].disorder_ms
        mark_ms = max(self._clock.city.at(wall_ms) - disorder_ms, state.mark_ms)
        if mark_ms < self._idle_mark_ms.get(source, NO_TIME_MS) + IDLE_EVERY_S * 1000:
            return
        if mark_ms > state.idle_ms:  # said before it is true, so that no crash forgets it, and once a minute
            state.idle_ms = -(-mark_ms // IDLE_SAID_MS) * IDLE_SAID_MS
            await self._save(source, state, bus)
        await self._tell_mark(source, state, mark_ms, bus)
        self._idle_mark_ms[source] = mark_ms

    async def _tell_mark(self, source: TopicPartition, state: IntakeState, mark_ms: int, bus: Bus) -> None:
        version = self._city.version(state)
        mark = _mark(source, state, version, mark_ms)
        await bus.send(await self._messages(self._domain[source.topic], version, ((), mark), bus))

    def _limit_ms(self, source: TopicPartition, state: IntakeState) -> int:
        """Return how long after their hour its readings may come, at most."""
        domain, city = self._domain[source.topic], self._city.version(state).city
        return self.schemas[domain].late_limit_ms + city.longest_lag_ms.get(domain, 0)

    def notices(self) -> Sequence[Notice]:
        """Return what a person has to know of the feeds."""
        return self._delays.notices()

    def set_aside(self) -> Sequence[SetAside]:
        """Return nothing: it hosts no processors."""
        return ()

    def books(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the counters of each inbox partition."""
        return {
            f"intake:{self._domain[source.topic]}:{source.partition}": {
                "stage": "intake",
                "domain": self._domain[source.topic],
                "partition": source.partition,
                "offset": state.offset,
                "mark_ms": state.reached_ms,
                "limit_ms": self._limit_ms(source, state),
                "hours": {str(start_ms): msgspec.to_builtins(hour) for start_ms, hour in state.hours.items()},
                "counts": {
                    "readings_in": state.readings_in,
                    "dead_lettered": state.dead_lettered,
                    "sent": sum(state.sent.values()),
                    "unknown_fields": state.unknown_fields,
                    "refused_values": state.refused_values,
                    "first_at_ms": state.first_at_ms,
                    "last_at_ms": state.last_at_ms,
                },
            }
            for source, state in self._states.items()
        }


def _came_ms(records: Sequence[Record], bounds: Bounds) -> int:
    """Return when the last of them came, by the city clock."""
    stamp_ms = records[-1].timestamp
    return bounds.clock.at(bounds.read_ms if stamp_ms < 0 else stamp_ms)


def _mark(source: TopicPartition, state: IntakeState, version: Version, mark_ms: int) -> FrameHeader:
    last = (state.offset - 1, LAST_PLACE)
    return FrameHeader(
        city=version.city.id,
        zone=ALL_ZONES,
        version=version.city.version,
        source=source.partition,
        first=last,
        last=last,
        mark_ms=mark_ms,
    )
