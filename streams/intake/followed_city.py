"""The city as intake follows it: which version is in force for each source, and when the next one may be.

A source goes over between two chunks, and its state says so before the first frame made with the new version is sent;
which limits ended with that, too (`streams.intake.limits`).
What a process before this one may have sent and not noted is sent again as it was: made with the version of then.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from streams.broker import topics
from streams.city.known import Cities
from streams.contract.records import NO_TIME_MS
from streams.intake import limits
from streams.intake.limits import Ended

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.city.versions import Version
    from streams.contract.stage import Bus, TopicPartition
    from streams.domains.schema import Schema
    from streams.intake.reader import Reader
    from streams.intake.take import IntakeState

LOOK_EVERY_S = 2.0

log = logging.getLogger("citywall")


class FollowedCity:
    """Versions of the city. Invariant: a state's version is in memory, or gone for good, and then the newest serves."""

    def __init__(self, folder: Path, schemas: Mapping[str, Schema], *, kernel: bool) -> None:
        self._states: Mapping[TopicPartition, IntakeState] = {}
        self._cities = Cities(folder, lambda: {state.version for state in self._states.values()})
        self._schemas = schemas
        self._of_topic = {topics.inbox(domain): schema for domain, schema in schemas.items()}
        self._kernel = kernel
        self._before: dict[int, City] = {}
        self._floors_ms: dict[TopicPartition, tuple[City, tuple[Ended, ...], NDArray[np.int64] | None]] = {}
        self._readers: dict[int, dict[str, Reader]] = {}
        self._sent_up_to: dict[TopicPartition, int] = {}
        self._looked_at_s = float("-inf")

    async def begin(self, bus: Bus, states: Mapping[TopicPartition, IntakeState]) -> list[TopicPartition]:
        """Learn the versions of these sources' states → those whose state changed and must be saved."""
        self._states = states
        await self._cities.begin(bus)
        self._sent_up_to = dict(await bus.ends(list(states)))
        for number in {one.version for state in states.values() for one in state.ended}:
            found = await self._cities.of(str(number), bus)
            if found is not None:
                self._before[number] = found.city
        for state in states.values():
            if state.version and await self._cities.of(str(state.version), bus) is None:
                state.version = 0
        fresh = [source for source, state in states.items() if state.version == 0]
        other = [one for one, state in states.items() if state.late_limit_ms != self._of_topic[one.topic].late_limit_ms]
        longer = [one for one in other if self._put(one, states[one], self.version(states[one]))]
        return list(dict.fromkeys([*self._go_over(states, fresh), *longer]))

    async def follow(self, bus: Bus, states: Mapping[TopicPartition, IntakeState]) -> list[TopicPartition]:
        """Look for a new version now and then → the sources that go over to it: their states must be saved first."""
        if time.monotonic() - self._looked_at_s >= LOOK_EVERY_S:
            self._looked_at_s = time.monotonic()
            if await self._cities.follow(bus):
                newest = self._cities.newest
                log.warning("version %d of the city: %d sensors", newest.number, len(newest.city.sensors))
        sure = [source for source, state in states.items() if state.offset >= self._sent_up_to.get(source, 0)]
        behind = self._go_over(states, sure)
        if self._before:
            self._let_go(states)
        return behind

    def _let_go(self, states: Mapping[TopicPartition, IntakeState]) -> None:
        """Keep no city in memory of which no source needs to know the limits any more."""
        for source, state in states.items():
            state.ended = self._counting(source, state)
        named = {one.version for state in states.values() for one in state.ended}
        self._before = {number: city for number, city in self._before.items() if number in named}
        self._floors_ms = {source: found for source, found in self._floors_ms.items() if states[source].ended}

    def is_behind(self, state: IntakeState) -> bool:
        """Tell whether a newer version is known than is in force."""
        return state.version != self._cities.newest.number

    def overdue(self, source: TopicPartition, state: IntakeState, came_ms: int) -> list[TopicPartition]:
        """Return the source if it has to go over now: it has come, by the city clock, to where a move may hold.

        Whoever read it before had gone over by then; what that one may have sent goes to the same zones.
        """
        newest = self._cities.newest
        if came_ms < newest.city.reached_ms(state.version):
            return []
        self._put(source, state, newest)
        return [source]

    def floor_ms(self, source: TopicPartition, state: IntakeState) -> NDArray[np.int64] | None:
        """Return (sensors + 1,) the time up to which readings are too late by limits that have ended; None = nobody's.

        What has no say any more is taken out of `state`.
        """
        city, schema = self.version(state).city, self._of_topic[source.topic]
        state.ended = self._counting(source, state)
        of_city, of_ended, found = self._floors_ms.get(source, (None, (), None))
        if of_city is not city or of_ended != state.ended:
            each = (limits.floor_ms(one, self._before.get(one.version), city, schema) for one in state.ended)
            found = limits.highest(each)
            self._floors_ms[source] = (city, state.ended, found)
        return found

    def version(self, state: IntakeState) -> Version:
        """Return the version in force."""
        return self._cities.named(state.version)

    def reader(self, version: Version, domain: str) -> Reader | None:
        """Return what decodes a domain's records by the kernel, None where there is none."""
        if not self._kernel:
            return None
        if version.number not in self._readers:
            newest = self._cities.newest.number
            self._readers = {number: found for number, found in self._readers.items() if number == newest}
            self._readers[version.number] = _readers(self._schemas, version.city)
        return self._readers[version.number][domain]

    def _counting(self, source: TopicPartition, state: IntakeState) -> tuple[Ended, ...]:
        city, schema = self.version(state).city, self._of_topic[source.topic]
        return tuple(one for one in state.ended if not limits.is_over(one, state.reached_ms, city, schema))

    def _go_over(
        self, states: Mapping[TopicPartition, IntakeState], sources: list[TopicPartition]
    ) -> list[TopicPartition]:
        newest = self._cities.newest
        behind = [source for source in sources if states[source].version != newest.number]
        for source in behind:
            self._put(source, states[source], newest)
        return behind

    def _put(self, source: TopicPartition, state: IntakeState, version: Version) -> bool:
        """Put a version and the limits of today in force → whether those of before were smaller: they are noted."""
        schema, city = self._of_topic[source.topic], version.city
        before = self.version(state).city if state.version else None
        ended = Ended(state.version, state.late_limit_ms, state.reached_ms)
        known = state.late_limit_ms and state.reached_ms != NO_TIME_MS
        longer = bool(known) and limits.floor_ms(ended, before, city, schema) is not None
        if longer:
            state.ended = (*state.ended, ended)
            if before is not None:
                self._before[state.version] = before
        state.version, state.late_limit_ms = version.number, schema.late_limit_ms
        return longer


def _readers(schemas: Mapping[str, Schema], city: City) -> dict[str, Reader]:
    from streams.intake.reader import Reader  # numba takes half a second to import
    from streams.kernel.texts import sensor_table

    sensors = sensor_table([sensor.id for sensor in city.sensors])
    return {domain: Reader(schema.names, sensors) for domain, schema in schemas.items()}
