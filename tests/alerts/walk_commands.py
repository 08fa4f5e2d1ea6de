"""What people command on a random walk, allowed or not, of alarms and incidents that stand and of some that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from alerts.commands import (
    Acknowledge,
    Assign,
    Command,
    End,
    Escalate,
    Fold,
    Lift,
    Note,
    Reset,
    Restore,
    Shelve,
    Split,
    Suppress,
    TakeOut,
    Unacknowledge,
    Undo,
    Unshelve,
    Warn,
    Where,
)
from streams.city.windows import Weekly, Window

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from alerts.state import State

Fields: TypeAlias = dict[str, Any]

FOR_MS = (1, 1000, 5000, 60_000, 600_000, 7_200_000, 7_200_001, 43_200_000, 43_200_001)
"""Of shelves and acknowledgements: some are longer than anybody may."""
ROLES = ("viewer", "operator", "dispatcher", "supervisor", "engineer", "administrator", "auditor", "")
DESKS = ("traffic", "water", "rest", "nix")
NOBODY = "nix"


class Commands:
    """Makes commands, each with an id of its own, but for those that come twice."""

    def __init__(
        self, chance: random.Random, entities: Sequence[str], domains: Sequence[str], kinds: Sequence[str]
    ) -> None:
        self._random = chance
        self._where = {"zone": ("z1", "z2", NOBODY), "domain": domains, "kind": kinds, "entity": entities}
        self._said: list[Command] = []
        self._keys: list[str] = []
        self._count = 0
        self._makers: tuple[Callable[[State, int], Command], ...] = (
            *([self._of_alarm] * 11),
            *([self._of_incident, self._of_place, self._of_command, self._fold, self._undo] * 2),
        )

    def any(self, state: State, now_ms: int) -> Command:
        """Return what somebody commands; now and then what came before comes again."""
        if self._said and self._random.random() < 0.04:
            again: Command = self._one_of(self._said)
            return again
        command: Command = self._one_of(self._makers)(state, now_ms)
        self._said.append(command)
        return command

    def undo(self, command: str, who: str) -> Undo:
        """Return the undo of a command by somebody."""
        return Undo(command=command, **self._said_by() | {"who": who, "role": "supervisor"})

    def end(self, alarm: str, city: str) -> End:
        """Return the end of an alarm by one who may."""
        return End(alarm=alarm, **self._said_by() | {"city": city, "role": "supervisor", "key": ""})

    def _one_of(self, values: Sequence[Any]) -> Any:
        return self._random.choice(values)

    def _said_by(self, role: str = "supervisor") -> Fields:
        self._count += 1
        return {
            "id": f"k{self._count}",
            "city": "c" if self._random.random() < 0.97 else "other",
            "who": self._one_of(("李敏", "王", "Zoe")),
            "desk": "2",
            "role": self._one_of(ROLES) if self._random.random() < 0.15 else role,
            "why": "w",
            "key": self._key() if self._random.random() < 0.2 else "",
        }

    def _key(self) -> str:
        key: str = self._one_of(self._keys) if self._keys and self._random.random() < 0.3 else f"key{self._count}"
        self._keys.append(key)
        return key

    def _alarm(self, state: State) -> Fields:
        """Return which alarm is meant, and the revision that was seen of it."""
        closed = list(state.closed)[-3:] if self._random.random() < 0.1 else []
        alarm = self._one_of([*sorted(state.open), *closed, NOBODY])
        revision = None
        if self._random.random() < 0.4 and alarm in state.open:
            revision = max(1, state.open[alarm].revision + self._one_of((0, 0, 0, -1, 1)))
        return {"alarm": alarm, "revision": revision}

    def _of_alarm(self, state: State, now_ms: int) -> Command:
        kind = self._one_of(
            (Acknowledge, Acknowledge, Unacknowledge, Note, Warn, End, Assign, Escalate, Reset, Shelve, Unshelve, Split)
        )
        more: Fields = {}
        role = "supervisor"
        if kind is Acknowledge:
            seen_level = self._one_of((None, None, 1, 2, 3, 4))
            more = {"seen_level": seen_level, "for_ms": self._one_of((None, self._one_of(FOR_MS)))}
        elif kind is Warn:
            more = {"message": "m", "status": "Test"}
        elif kind in (Assign, Escalate):
            more = {"to": self._one_of(DESKS)}
        elif kind is Shelve:
            more, role = {"for_ms": self._one_of(FOR_MS)}, self._one_of(("dispatcher", "supervisor"))
        command: Command = kind(**self._said_by(role), **self._alarm(state), **more)
        return command

    def _of_incident(self, state: State, now_ms: int) -> Command:
        incident = self._one_of([*sorted(state.incidents), NOBODY])
        if self._random.random() < 0.3:
            return Unacknowledge(incident=incident, **self._said_by())
        for_ms = self._one_of((None, self._one_of(FOR_MS)))
        return Acknowledge(incident=incident, for_ms=for_ms, **self._said_by())

    def _fold(self, state: State, now_ms: int) -> Command:
        into = self._one_of([*sorted(state.open), *sorted(state.incidents), *list(state.ended)[-2:], NOBODY])
        return Fold(into=into, **self._said_by(), **self._alarm(state))

    def _of_place(self, state: State, now_ms: int) -> Command:
        named = {name: self._one_of(of) for name, of in self._where.items() if self._random.random() < 0.35}
        where = Where(**named)
        if self._random.random() < 0.5:
            return TakeOut(where=where, **self._said_by("engineer"))
        for_ms = self._one_of(FOR_MS)
        windows = (
            Window(until_ms=now_ms + for_ms),
            Window(from_ms=now_ms + self._one_of((-1000, 1000, 60_000)), until_ms=now_ms + for_ms),
            Window(weekly=Weekly(since="22:00", until="06:00")),
            Window(weekly=Weekly(since="fri 18:00", until="sun 18:00"), until_ms=now_ms + for_ms * 10),
            Window(),
            Window(weekly=Weekly(since="06:00", until="06:00")),
        )
        return Suppress(where=where, window=self._one_of(windows), **self._said_by())

    def _of_command(self, state: State, now_ms: int) -> Command:
        command = self._one_of([*sorted(state.covers), NOBODY])
        if self._random.random() < 0.5:
            return Lift(command=command, **self._said_by())
        return Restore(command=command, **self._said_by("engineer"))

    def _undo(self, state: State, now_ms: int) -> Command:
        command = self._one_of([*list(state.undoable)[-4:], *list(state.outcomes)[-2:], NOBODY])
        was = state.undoable.get(command)
        said = self._said_by()
        return Undo(command=command, **said | ({} if was is None else {"who": was.who}))
