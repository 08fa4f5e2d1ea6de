"""The alarm engine: judges runs of inputs into journal records, and folds those into the alarms.

in      city.detections.v1, city.commands.v1, city.cities.v1, city.clock.v1 (as `Input`, in the order of arrival);
        city.journal.v1, its own records as they come back
out     one journal record a run; projections for city.alarms.v1, city.incidents.v1 and city.outcomes.v1 of what a
        record of the chain changed
state   the journal's fold: open alarms; newest detection of each (city, entity, kind); newest outcomes, closed alarms;
        beside it what the versions of the city have that the journal covers or is about to
drops   bad_detection, bad_command, bad_clock: journaled as `unreadable`; a journal record that does not follow the head
        is void, one with a wrong hash broken: both are counted
source  ISA-18.2 / IEC 62682 (alarm states); the chain: own design, docs/alarms.md

Time is an input: the engine's is the arrival of its newest input, and what is due by then happens first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from alerts.apply import apply, as_before, as_then
from alerts.checkpoint import Checkpoint, newest
from alerts.commands import Tick, Undo
from alerts.earlier import ENGINE_TIMES
from alerts.events import Cause, Done, Refused
from alerts.figures import Figures
from alerts.inputs import event_of
from alerts.journal import VERSION, Head, Record, hash_of, seal, unseal
from alerts.judge import judge_time, judge_version, next_due
from alerts.moving import ImpossibleError
from alerts.projection import projected
from alerts.signing import signed
from alerts.state import State
from streams.alarms.projected import Row
from streams.broker.topics import ALARMS, CITIES, INCIDENTS, OUTCOMES
from streams.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from alerts.events import Event
    from streams.alarms.order import Input
    from streams.city.scope import Scope

VERSION_BYTES = 256 * 1024
"""So much of what a version ends and raises goes into one record; a larger one takes several."""


class Judged(NamedTuple):
    """An event, the input that caused it (None = time did) and the engine time."""

    event: Event
    cause: Cause | None
    at_ms: int


class Ahead(NamedTuple):
    """A record that was judged and is not in the chain yet; the state holds it already."""

    value: bytes
    record: Record


class Engine:
    """Alarms folded from a journal. Invariant: but for what is judged ahead, the state is what the chain says."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key
        """Signs commands; without one none is taken."""
        self.head = Head()
        self.covers: Mapping[str, int] = {}
        """Topic → next offset: the chain holds what every input below did."""
        self._state = State()
        self._ahead: Ahead | None = None
        self._scopes: dict[int, Scope] = {}
        """Offset of a version, rising → what it has; the newest that the chain covers, and later ones."""
        self._figures = Figures()
        self._outside = {"void": 0, "broken": 0}

    def resume(self, records: Mapping[bytes, bytes]) -> int:
        """Go on from the newest checkpoint among these → the journal's next offset, 0 = from the beginning.

        Whether it is of this journal shows in the record before that offset: `is_head`.
        """
        found = newest(records)
        if found is None:
            return 0
        mark, self._state = found
        self.head, self.covers = mark.head, mark.covers
        return mark.offset

    def is_head(self, value: bytes | None) -> bool:
        """Tell whether a journal record is the newest of what the engine holds."""
        opened = unseal(value) if value is not None else None
        return opened is not None and opened[1] == self.head.hash

    def checkpoint(self, offset: int) -> Checkpoint:
        """Return what stands, to be written as a checkpoint; `offset`: of the journal record folded last, plus one."""
        self._drop_ahead()
        return Checkpoint(self._state, self.head, self.covers, offset)

    def begin(self, topic: str, offset: int) -> None:
        """Where the chain does not say up to where that topic is judged: up to here. The next record says so."""
        self.covers = {topic: offset, **self.covers}

    def learn(self, offset: int, scope: Scope) -> None:
        """Take what the version at that offset has, before it is judged; in the order of the topic."""
        self._scopes[offset] = scope

    def tick(self, tick_id: str) -> bytes:
        """Return the command that says that time has passed."""
        return signed(msgspec.json.encode(Tick(id=tick_id)), self._key)

    @property
    def next_due_ms(self) -> int | None:
        """Engine time at which something happens by itself, None = nothing does."""
        due = next_due(self._state)
        return None if due is None else due.at_ms

    def judge(self, inputs: Sequence[Input], *, whole: bool) -> bytes | None:
        """Return the record that would follow the head, None when the inputs change nothing.

        `inputs` are all that the head does not cover, or as many of them as one record takes (`whole`): then there is
        a record in any case. None, too, while the chain covers a version of the city that was not learned yet.
        """
        self._drop_ahead()
        if self.covers.get(CITIES, 0) > max(self._scopes, default=-1) + 1:
            return None
        self._state.begin()
        covers = dict(self.covers)
        now_ms = self._state.now_ms
        found: list[Judged] = []
        for one in inputs:
            now_ms = max(now_ms, one.arrived_ms)
            found += self._due(now_ms)
            mine, done = self._judge(one, covers.get(CITIES, 0), now_ms)
            found += mine
            if not done:
                break
            covers[one.topic] = one.offset + 1
        found += self._due(now_ms)  # what closing held back, and an input has let go of, may be overdue
        if not found and not whole:
            self._state.take_back()
            return None
        record = Record(
            seq=self.head.seq + 1,
            previous=self.head.hash,
            events=tuple(one.event for one in found),
            causes=tuple(one.cause for one in found),
            times_ms=tuple(one.at_ms for one in found),
            covers=covers,
            version=VERSION,
        )
        self._ahead = Ahead(seal(record), record)
        return self._ahead.value

    def fold(self, value: bytes | None) -> Mapping[Row, bytes | None] | None:
        """Take the journal's next record → the projections it changed (None = no more), None: it is not of the chain.

        Raises as `take` does.
        """
        record = self.take(value)
        return None if record is None else {row: self._row(row) for row in sorted(self._changed(record))}

    def take(self, value: bytes | None) -> Record | None:
        """Take the journal's next record → what it holds, None: it is not of the chain.

        Raises FrameError for a sealed one that this version does not understand, or that tells of what cannot be.
        """
        opened = self._opened(value)
        if opened is None:
            self._outside["broken"] += 1
            return None
        record, digest = opened
        if not self.head.follows(record):
            self._outside["void"] += 1
            return None
        if self._ahead is not None and record is self._ahead.record:
            self._state.keep()
            self._ahead = None
        else:
            self._drop_ahead()
            self._apply(record)
        self.head = Head(record.seq, digest)
        self.covers = record.covers
        in_force = self._covered_version(self.covers.get(CITIES, 0))
        self._scopes = {offset: scope for offset, scope in self._scopes.items() if offset >= in_force}
        return record

    def rows(self) -> set[Row]:
        """Return the row of every open alarm and incident, and of every command that is remembered."""
        self._drop_ahead()
        state = self._state
        tables = ((ALARMS, state.open), (INCIDENTS, state.incidents), (OUTCOMES, state.outcomes))
        return {Row(topic, one) for topic, table in tables for one in table}

    def projection(self, row: Row) -> bytes | None:
        """Return a row as the chain says, None when there is none."""
        self._drop_ahead()
        return self._row(row)

    def ended(self, key: str) -> bytes | None:
        """Return an alarm or incident as it ended, None when it is not remembered."""
        one = self._state.closed.get(key) or self._state.ended.get(key)
        return None if one is None else projected(one)

    def counts(self) -> dict[str, int]:
        """Count the journal's events by name, and the records outside the chain."""
        return {**self._state.counts, **self._outside}

    def load(self, now_ms: int) -> Mapping[str, Any]:
        """Return the load of the operators, in figures."""
        return self._figures.of(self._state, now_ms)

    def _opened(self, value: bytes | None) -> tuple[Record, str] | None:
        """Return a record and its hash, None where it is none; its own newest one need not be read again."""
        if value is None:
            return None
        if self._ahead is not None and value == self._ahead.value:
            return self._ahead.record, hash_of(value)
        return unseal(value)

    def _drop_ahead(self) -> None:
        if self._ahead is not None:
            self._state.take_back()
            self._ahead = None

    def _apply(self, record: Record) -> None:
        self._state.begin()
        self._state.version = record.version
        try:
            for event, at_ms in zip(record.events, record.times_ms, strict=True):
                as_before(self._state, event, record.version)
                apply(self._state, event, at_ms)
                as_then(self._state, event, at_ms, record.version)
                if record.version >= ENGINE_TIMES:
                    self._state.reach(at_ms)
        except ImpossibleError as exc:
            self._state.take_back()
            raise FrameError(f"the journal's record {record.seq} cannot be: {exc}; nothing was changed") from exc
        finally:
            self._state.version = VERSION
        self._state.keep()

    def _due(self, now_ms: int) -> Iterator[Judged]:
        while (event := judge_time(self._state, now_ms)) is not None:
            at_ms = max(event.at_ms, self._state.now_ms)
            apply(self._state, event, at_ms)
            self._state.reach(at_ms)
            yield Judged(event, None, at_ms)

    def _judge(self, one: Input, versions_end: int, now_ms: int) -> tuple[list[Judged], bool]:
        """Apply what the input does → the events, and whether these are all."""
        found: list[Judged] = []
        size_bytes = 0
        for event in self._events(one, self._scopes.get(self._covered_version(versions_end)), now_ms):
            size_bytes += len(msgspec.json.encode(event)) if one.topic == CITIES else 0
            if found and size_bytes > VERSION_BYTES:
                return found, False
            found.append(Judged(event, Cause(one.topic, one.offset), now_ms))
            apply(self._state, event, now_ms)
            self._state.reach(now_ms)
        return found, True

    def _events(self, one: Input, scope: Scope | None, now_ms: int) -> Iterable[Event]:
        """Return what an input does, each event of it judged when those before it are applied."""
        if one.topic == CITIES:
            return judge_version(self._state, self._scopes[one.offset])
        event = event_of(self._state, one, scope, self._key, now_ms)
        return [] if event is None else [event]

    def _covered_version(self, end: int) -> int:
        """Return the offset of the newest version below `end`, -1 = none is known."""
        return max((offset for offset in self._scopes if offset < end), default=-1)

    def _changed(self, record: Record) -> set[Row]:
        rows = {Row(ALARMS, one) for one in self._state.changed}
        rows |= {Row(INCIDENTS, one) for one in self._state.groups.changed}
        for event in record.events:
            if isinstance(event, Refused):
                rows.add(Row(OUTCOMES, event.id))
            elif isinstance(event, Done):
                rows.add(Row(OUTCOMES, event.command.id))
                if isinstance(event.command, Undo):
                    rows.add(Row(OUTCOMES, event.command.command))
        return rows

    def _row(self, row: Row) -> bytes | None:
        if row.topic == OUTCOMES:
            outcome = self._state.outcomes.get(row.key)
            return None if outcome is None else msgspec.json.encode(outcome)
        one = self._state.open.get(row.key) if row.topic == ALARMS else self._state.incidents.get(row.key)
        return None if one is None else projected(one)
