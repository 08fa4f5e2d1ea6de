"""A random walk over two alarm engines that are given the same, and what must hold behind every record."""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.checkpoint import TABLES
from alerts.commands import Shelve, Undo
from alerts.engine import Engine
from alerts.events import Done, Event, Finding, Refused, Retired, TimeReached
from alerts.journal import Record, unseal
from alerts.moving import UNDO_MS
from alerts.reading import UNSIGNED
from alerts.roles import may
from alerts.signing import signed
from alerts.state import State
from streams.alarms.order import Input
from streams.broker.topics import COMMANDS
from streams.city.scope import Scope
from tests.alerts.walk_inputs import Inputs
from tests.alerts.walk_invariants import check_state
from tests.alerts.writing import KEY, keyed_engine

HOUR_MS = 3_600_000
LONGEST_H = {"dispatcher": 2, "supervisor": 12}
"""So long each may shelve."""
OF_REFUSALS = ("outcomes", "keys", "counts", "times")
"""What a refusal changes."""
QUIET = ("updated", "lowered", "cleared", "latched", "normal", "behind", "evidence", "ended", "future")
"""Changes by which an alarm gets no new revision, but for where it is."""

Tables = dict[str, dict[Any, Any]]


def tables(engine: Engine) -> Tables:
    """Return all that an engine holds."""
    return {name: dict(getattr(engine._state, name)) for name in TABLES}


class Walk:
    """Two engines, the journal that the first one writes, and what came."""

    def __init__(self, seed: int) -> None:
        self.inputs = Inputs(seed)
        self.random = self.inputs.random
        self.engine, self.other = keyed_engine(), keyed_engine()
        self.journal: list[bytes] = []
        self.causes: set[str] = set()
        """Alarms that have ever been an incident's cause."""
        self._waiting: list[Input] = []
        self._ends: dict[str, int] = {}
        """Topic → next offset."""
        self._versions: dict[int, Scope] = {}
        self._answered: set[str] = set()
        self._time_ms = 0

    def go(self, steps: int) -> None:
        """Walk, end all that stands, and replay what was journaled."""
        for _ in range(steps):
            self.inputs.wait()
            for _ in range(1 if self.random.random() < 0.8 else self.random.randint(1, 4)):
                self._give(*self.inputs.next(self.engine._state))
            if self.random.random() < 0.15 and self._judge_in_vain():
                continue
            self._take_all()
            if self.random.random() < 0.05:
                self._resume()
        self._end_all()
        self._replay()

    def _give(self, topic: str, one: object, key: bytes = b"") -> None:
        offset = self._ends.get(topic, 0)
        self._ends[topic] = offset + 1
        value = one if isinstance(one, bytes) or one is None else None
        if isinstance(one, Scope):
            self._versions[offset] = one
            for engine in (self.engine, self.other):
                engine.learn(offset, one)
        elif one == b"tick":
            value = self.engine.tick("t")
        elif one is not None and value is None:
            value = msgspec.json.encode(one)
            if topic == COMMANDS:
                value = signed(value, key or (KEY if self.random.random() < 0.98 else b"no"))
        self._waiting.append(Input(topic, offset, value, max(self.inputs.now_ms, 0)))

    def _judge_in_vain(self) -> bool:
        """Judge what waits and maybe drop it → whether it goes on waiting."""
        self.engine.judge(self._waiting, whole=True)
        if self.random.random() < 0.5:
            self.engine._drop_ahead()
        return self.random.random() < 0.5

    def _take_all(self) -> None:
        self.engine._drop_ahead()
        while todo := [one for one in self._waiting if one.offset >= self.engine.covers.get(one.topic, 0)]:
            before, undoable = tables(self.engine), dict(self.engine._state.undoable)
            value = self.engine.judge(todo, whole=True)
            assert value is not None
            self.journal.append(value)
            assert self.engine.fold(value) == self.other.fold(value), "the rows of two engines"
            after = tables(self.engine)
            assert after == tables(self.other), "the tables of two engines"
            opened = unseal(value)
            assert opened is not None
            record = opened[0]
            self._check_record(record)
            if len(record.events) == 1:
                check_event(self.engine._state, record.events[0], before, after, undoable)
            due_ms = self.engine.next_due_ms
            assert due_ms is None or due_ms > self.engine._state.now_ms, ("overdue", due_ms)
        self._waiting = []

    def _check_record(self, record: Record) -> None:
        for event, at_ms in zip(record.events, record.times_ms, strict=True):
            assert at_ms >= self._time_ms, ("time goes back", event)
            self._time_ms = at_ms
            if isinstance(event, Finding) and event.placed is not None:
                self.causes.add(event.placed.cause)
            if isinstance(event, Done):
                check_allowed(event)
            if isinstance(event, Done) or (isinstance(event, Refused) and event.reason != UNSIGNED):
                command = event.command.id if isinstance(event, Done) else event.id
                assert command not in self._answered, ("answered twice", event)
                self._answered.add(command)
        state = self.engine._state
        self.causes |= {one.cause for one in (*state.incidents.values(), *state.ended.values())}
        check_state(state, self.causes)

    def _resume(self) -> None:
        """Have an engine that goes on from a checkpoint take the place of one of the two."""
        resumed = keyed_engine()
        resumed.resume(dict(self.engine.checkpoint(len(self.journal)).records(b"a")))
        assert tables(resumed) == tables(self.engine), "the tables of a checkpoint"
        ours, theirs = self.engine._state.groups, resumed._state.groups
        assert dict(theirs.places) == dict(ours.places), "places"
        assert dict(theirs.desk_places) == dict(ours.desk_places), "places at desks"
        assert resumed.next_due_ms == self.engine.next_due_ms
        for offset, scope in self._versions.items():
            resumed.learn(offset, scope)
        if self.random.random() < 0.5:
            self.engine = resumed
        else:
            self.other = resumed

    def _end_all(self) -> None:
        """Whatever stands, somebody can end it."""
        self._take_all()
        self.inputs.now_ms = max(self.inputs.now_ms, self.engine._state.now_ms) + 2 * UNDO_MS
        for alarm in sorted(self.engine._state.open):
            one = self.engine._state.open.get(alarm)
            if one is not None:
                self._give(COMMANDS, self.inputs.commands.end(alarm, one.city), KEY)
                self._take_all()
        self.inputs.now_ms += UNDO_MS
        self._give(COMMANDS, b"tick")
        self._take_all()
        assert not self.engine._state.open, ("cannot be ended", dict(self.engine._state.open))
        assert not self.engine._state.incidents

    def _replay(self) -> None:
        reader = keyed_engine()
        for value in self.journal:
            assert reader.fold(value) is not None, "a record that does not replay"
        assert tables(reader) == tables(self.engine), "the tables of a replay"


def check_allowed(event: Done) -> None:
    """Nobody does what their role may not."""
    command = event.command
    assert may(command.role, command.action, getattr(command, "for_ms", 0) or 0), ("may not", command)
    if isinstance(command, Shelve):
        assert command.for_ms <= LONGEST_H[command.role] * HOUR_MS, ("too long", command)


def check_event(state: State, event: Event, before: Tables, after: Tables, undoable: dict[str, Any]) -> None:
    """What one event alone may change."""
    if isinstance(event, Refused):
        for name in before.keys() - set(OF_REFUSALS):
            assert before[name] == after[name], ("a refusal changes", name)
    if isinstance(event, Done) and isinstance(event.command, Undo):
        was = undoable[event.command.command]
        assert was.who == event.command.who, ("of another", event)
        assert state.now_ms <= was.at_ms + UNDO_MS, ("too late", event)
    for alarm in before["open"].keys() - after["open"].keys():
        check_closed(event, before["open"][alarm], after)
    for alarm in before["open"].keys() & after["open"].keys():
        check_changed(state, event, before["open"][alarm], after["open"][alarm])
    if isinstance(event, Finding) and event.detection.level == 1 and event.change in {"raised", "risen", "returned"}:
        assert after["open"][event.alarm].level == 1, ("level I is lost", event)


def check_closed(event: Event, was: Any, after: Tables) -> None:
    """Only its own end closes an alarm; one of level I was seen by somebody, or never shown."""
    assert was.id in after["closed"], ("lost", was)
    assert isinstance(event, Finding | TimeReached | Retired), ("closed by", event)
    assert event.alarm == was.id, ("closed by another's", event)
    if isinstance(event, Finding):
        assert event.change == "cleared", event
        assert was.level > 1 or was.taken is not None or was.unseen, ("level I gone unseen", was)
    elif isinstance(event, TimeReached):
        assert event.what in {"closed", "calmed"}, event


def check_changed(state: State, event: Event, was: Any, one: Any) -> None:
    """A revision tells that what a person saw is no longer so; who has to look at it has to from now on."""
    more, own = one.revision - was.revision, getattr(event, "alarm", "") == one.id
    assert more >= 0, ("an earlier revision", event)
    if isinstance(event, Finding) and event.change in QUIET:
        assert more == 0 or was.zone != one.zone, ("a revision", event)
    elif isinstance(event, Finding) and own and event.change == "risen":
        assert (more > 0, one.taken, one.waiting_since_ms) == (True, None, state.now_ms), ("risen", one)
    elif not isinstance(event, Finding):
        assert more in {0, 1}, ("two revisions", event)
    if isinstance(event, Done) and own:
        assert more == (event.command.action not in {"note", "warn"}), ("a command's revision", event)
    if isinstance(event, TimeReached) and own and event.what == "lapsed":
        assert (one.taken, one.waiting_since_ms) == (None, event.at_ms), ("lapsed", one)
    elif was.waiting_since_ms != one.waiting_since_ms:
        assert one.waiting_since_ms == state.now_ms, ("waits since", one)
        assert more > 0 or one.id in getattr(event, "blinding", ()), ("waits unseen", event)
    if was.covers and not one.covers:
        assert one.waiting_since_ms == state.now_ms, ("uncovered", one)
