"""The alarm engine: judges runs of detections and commands into journal records, and folds those into the alarms.

in      city.detections.v1, city.commands.v1, city.cities.v1 (as `Input`); city.journal.v1, its own records as they
        come back
out     one journal record a run; projections for city.alarms.v1 of what a record of the chain changed
state   the journal's fold: open alarms; newest detection of each (city, entity, kind); newest commands, closed alarms;
        beside it what the versions of the city have that the journal covers or is about to
drops   bad_detection, bad_command: journaled as `unreadable`; a journal record that does not follow the head is void,
        one with a wrong hash broken: both are counted
source  ISA-18.2 / IEC 62682 (alarm states); the chain: own design, docs/alarms.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from alerts.journal import VERSION, Head, Record, seal, unseal
from alerts.lifecycle import judge_command, judge_detection, judge_version
from alerts.records import TIME_END_MS, Cause, Command, Unreadable
from alerts.state import State, apply
from streams.broker.topics import CITIES, DETECTIONS
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.records import Alarm, Event
    from streams.alarms.alarm_stage import Input
    from streams.city.scope import Scope

INPUT_BYTES = 64 * 1024
"""A longer input is unreadable: a journal record has to fit into its topic."""

VERSION_BYTES = 256 * 1024
"""So much of what a version ends and raises goes into one record; a larger one takes several."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Engine:
    """Alarms folded from a journal. Invariant: the state is what the chain up to `head` says; no input changes it."""

    def __init__(self) -> None:
        self.head = Head()
        self.covers: Mapping[str, int] = {}
        """Topic → next offset: the chain holds what every input below did."""
        self._state = State()
        self._scopes: dict[int, Scope] = {}
        """Offset of a version, rising → what it has; the newest that the chain covers, and later ones."""
        self._outside = {"void": 0, "broken": 0}

    def begin(self, topic: str, offset: int) -> None:
        """Where the chain does not say up to where that topic is judged: up to here. The next record says so."""
        self.covers = {topic: offset, **self.covers}

    def learn(self, offset: int, scope: Scope) -> None:
        """Take what the version at that offset has, before it is judged; in the order of the topic."""
        self._scopes[offset] = scope

    def judge(self, inputs: Sequence[Input], *, whole: bool) -> bytes | None:
        """Return the record that would follow the head, None when the inputs change nothing.

        `inputs` are all that the head does not cover, or as many of them as one record takes (`whole`): then there is
        a record in any case. None, too, while the chain covers a version of the city that was not learned yet.
        """
        if self.covers.get(CITIES, 0) > max(self._scopes, default=-1) + 1:
            return None
        state = self._state.copy()
        events: list[Event] = []
        causes = []
        covers = dict(self.covers)
        for one in inputs:
            found, done = self._judge(state, one, covers.get(CITIES, 0))
            events += found
            causes += [Cause(one.topic, one.offset)] * len(found)
            if not done:
                break
            covers[one.topic] = one.offset + 1
        if not events and not whole:
            return None
        return seal(
            Record(
                seq=self.head.seq + 1,
                previous=self.head.hash,
                events=tuple(events),
                causes=tuple(causes),
                covers=covers,
                version=VERSION,
            )
        )

    def fold(self, value: bytes | None) -> Mapping[str, bytes | None] | None:
        """Take the journal's next record → the projections it changed by alarm id (None = closed).

        None for a record that is not of the chain.
        Raises FrameError for a sealed one that this version does not understand.
        """
        opened = unseal(value) if value is not None else None
        if opened is None:
            self._outside["broken"] += 1
            return None
        record, digest = opened
        if not self.head.follows(record):
            self._outside["void"] += 1
            return None
        for event in record.events:
            apply(self._state, event)
        self.head = Head(record.seq, digest)
        self.covers = record.covers
        in_force = self._covered_version(self.covers.get(CITIES, 0))
        self._scopes = {offset: scope for offset, scope in self._scopes.items() if offset >= in_force}
        changed = {event.alarm for event in record.events if not isinstance(event, Unreadable) and event.alarm}
        return {alarm: self._projection(alarm) for alarm in sorted(changed)}

    def projections(self) -> dict[str, bytes]:
        """Return the projection of every open alarm."""
        return {alarm_id: _encode(alarm) for alarm_id, alarm in self._state.open.items()}

    def ended(self, alarm_id: str) -> bytes | None:
        """Return a closed alarm as it ended, None when it is not remembered."""
        alarm = self._state.closed.get(alarm_id)
        return None if alarm is None else _encode(alarm)

    def counts(self) -> dict[str, int]:
        """Count the journal's events by name, and the records outside the chain."""
        return {**self._state.counts, **self._outside}

    def _judge(self, state: State, one: Input, versions_end: int) -> tuple[list[Event], bool]:
        """Apply what the input does → the events, and whether these are all."""
        if one.topic == CITIES:
            return _of_version(state, self._scopes[one.offset])
        event = _judge(state, one, self._scopes.get(self._covered_version(versions_end)))
        if event is None:
            return [], True
        apply(state, event)
        return [event], True

    def _covered_version(self, end: int) -> int:
        """Return the offset of the newest version below `end`, -1 = none is known."""
        return max((offset for offset in self._scopes if offset < end), default=-1)

    def _projection(self, alarm_id: str) -> bytes | None:
        alarm = self._state.open.get(alarm_id)
        return None if alarm is None else _encode(alarm)


def _encode(alarm: Alarm) -> bytes:
    return msgspec.json.encode(alarm)


def _of_version(state: State, scope: Scope) -> tuple[list[Event], bool]:
    found: list[Event] = []
    size_bytes = 0
    done = True
    for event in judge_version(state, scope):
        size_bytes += len(msgspec.json.encode(event))
        if found and size_bytes > VERSION_BYTES:
            done = False
            break
        found.append(event)
    for one in found:
        apply(state, one)
    return found, done


def _judge(state: State, one: Input, scope: Scope | None) -> Event | None:
    if one.topic == DETECTIONS:
        detection = _detection(one.value)
        return Unreadable(reason="bad_detection") if detection is None else judge_detection(state, detection, scope)
    command = _command(one.value)
    return Unreadable(reason="bad_command") if command is None else judge_command(state, command)


def _detection(value: bytes | None) -> Detection | None:
    """Decode a detection; evidence that is unknown (null) is left out."""
    try:
        raw = msgspec.json.decode(_bounded(value))
        if isinstance(raw, dict) and isinstance(raw.get("evidence"), dict):
            raw["evidence"] = {name: found for name, found in raw["evidence"].items() if found is not None}
        found = msgspec.convert(raw, Detection)
    except UNREADABLE:
        return None
    return found if 0 <= found.at_ms < TIME_END_MS else None


def _command(value: bytes | None) -> Command | None:
    try:
        return replace(msgspec.json.decode(_bounded(value), type=Command), verified=False)
    except UNREADABLE:
        return None


def _bounded(value: bytes | None) -> bytes:
    """Return what may be decoded: nothing, which is no JSON, for a missing or too long value."""
    return value if value is not None and len(value) <= INPUT_BYTES else b""
