"""The alarm engine: judges runs of detections and commands into journal records, and folds those into the alarms.

in      city.detections.v1, city.commands.v1 (as `Input`); city.journal.v1, its own records as they come back
out     one journal record a run; projections for city.alarms.v1 of what a record of the chain changed
state   the journal's fold: open alarms; newest detection of each (city, entity, kind); newest commands, closed alarms
drops   bad_detection, bad_command: journaled as `unreadable`; a journal record that does not follow the head is void,
        one with a wrong hash broken: both are counted
source  ISA-18.2 / IEC 62682 (alarm states); the chain: own design, docs/alarms.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from alerts.journal import VERSION, Head, Record, seal, unseal
from alerts.lifecycle import State, apply, judge_command, judge_detection
from alerts.records import TIME_END_MS, Cause, Command, Unreadable
from streams.broker.topics import DETECTIONS
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.records import Alarm, Event
    from streams.alarms.alarm_stage import Input

INPUT_BYTES = 64 * 1024
"""A longer input is unreadable: a journal record has to fit into its topic."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Engine:
    """Alarms folded from a journal. Invariant: the state is what the chain up to `head` says; no input changes it."""

    def __init__(self) -> None:
        self.head = Head()
        self.covers: Mapping[str, int] = {}
        """Topic → next offset: the chain holds what every input below did."""
        self._state = State()
        self._outside = {"void": 0, "broken": 0}

    def judge(self, inputs: Sequence[Input], *, whole: bool) -> bytes | None:
        """Return the record that would follow the head, None when the inputs change nothing.

        `inputs` are all that the head does not cover, or as many of them as one record takes (`whole`): then there is
        a record in any case.
        """
        state = self._state.copy()
        events = []
        causes = []
        covers = dict(self.covers)
        for one in inputs:
            covers[one.topic] = one.offset + 1
            event = _judge(state, one)
            if event is not None:
                apply(state, event)
                events.append(event)
                causes.append(Cause(one.topic, one.offset))
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

    def _projection(self, alarm_id: str) -> bytes | None:
        alarm = self._state.open.get(alarm_id)
        return None if alarm is None else _encode(alarm)


def _encode(alarm: Alarm) -> bytes:
    return msgspec.json.encode(alarm)


def _judge(state: State, one: Input) -> Event | None:
    if one.topic == DETECTIONS:
        detection = _detection(one.value)
        return Unreadable(reason="bad_detection") if detection is None else judge_detection(state, detection)
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
