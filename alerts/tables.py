"""Tables that can take back what was changed in them: the engine judges ahead of the chain on the state it keeps."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

K = TypeVar("K")
V = TypeVar("V")
E = TypeVar("E", bound=tuple[Any, ...])

_ABSENT: Any = object()


class Trail:
    """What was changed since it began, newest last: each the function and its arguments that take it back."""

    def __init__(self) -> None:
        self.steps: list[tuple[Any, ...]] | None = None
        """None = changes are not noted."""

    def begin(self) -> None:
        """Note what is changed from now on."""
        self.steps = []

    def note(self, back: Callable[..., object], *args: object) -> None:
        """Keep how a change is taken back, where changes are noted."""
        if self.steps is not None:
            self.steps.append((back, *args))

    def keep(self) -> None:
        """Let what was changed stand."""
        self.steps = None

    def take_back(self) -> None:
        """Undo what was changed."""
        steps, self.steps = self.steps or [], None
        for back, *args in reversed(steps):
            back(*args)


class Table(dict[K, V]):
    """A dict whose single changes are noted; their order is not restored, so nothing may depend on it."""

    def __init__(self, trail: Trail) -> None:
        super().__init__()
        self._trail = trail

    def __setitem__(self, key: K, value: V) -> None:
        """Put a value."""
        self._note(key)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: K) -> None:
        """Remove a value that is there."""
        self._note(key)
        dict.__delitem__(self, key)

    def discard(self, key: K) -> None:
        """Remove a value, if it is there."""
        if key in self:
            del self[key]

    def shorten(self, most: int) -> None:
        """Forget what has been there longest, beyond so many."""
        for key in list(islice(self, max(len(self) - most, 0))):
            del self[key]

    def _note(self, key: K) -> None:
        steps = self._trail.steps
        if steps is not None:
            old = self.get(key, _ABSENT)
            steps.append((dict.pop, self, key, None) if old is _ABSENT else (dict.__setitem__, self, key, old))


class Aged(Table[K, V]):
    """A table in which the order counts: what has been there longest comes first, also when changes were taken back."""

    def __init__(self, trail: Trail) -> None:
        super().__init__(trail)
        self._number: dict[K, int] = {}
        """Key → its place in the order in which they came."""
        self._next = 0
        self._ordered_at_end_of: list[tuple[Any, ...]] | None = None

    def __setitem__(self, key: K, value: V) -> None:
        """Put a value."""
        if key not in self:
            self._trail.note(self._number.pop, key, None)
            self._number[key] = self._next
            self._next += 1
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        """Remove a value that is there."""
        steps = self._trail.steps
        if steps is not None and self._ordered_at_end_of is not steps:
            self._ordered_at_end_of = steps
            self._trail.note(self._order)  # taken back is the newest first: this comes behind what follows
        super().__delitem__(key)
        self._trail.note(self._number.__setitem__, key, self._number.pop(key))

    def _order(self) -> None:
        rows = sorted(self.items(), key=lambda row: self._number[row[0]])
        self.clear()
        self.update(rows)


class Index(Generic[K, V]):
    """Several values by key. Changes are noted; the order of values is not restored, so nothing may depend on it."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._of: dict[K, dict[V, None]] = {}

    def of(self, key: K) -> Collection[V]:
        """Return the values of a key, in no order."""
        return self._of.get(key, {}).keys()

    def add(self, key: K, value: V) -> None:
        """Put a value that is not there."""
        self._put(key, value)
        self._trail.note(self._drop, key, value)

    def remove(self, key: K, value: V) -> None:
        """Remove a value that is there."""
        self._drop(key, value)
        self._trail.note(self._put, key, value)

    def change(self, before: set[tuple[K, V]], after: set[tuple[K, V]]) -> None:
        """Have the values of `after` where those of `before` are."""
        for key, value in before - after:
            self.remove(key, value)
        for key, value in after - before:
            self.add(key, value)

    def _put(self, key: K, value: V) -> None:
        self._of.setdefault(key, {})[value] = None

    def _drop(self, key: K, value: V) -> None:
        values = self._of[key]
        del values[value]
        if not values:
            del self._of[key]


class Queue(Generic[E]):
    """Entries by rank; those that stand no longer are passed over, and come back when changes are taken back."""

    def __init__(self) -> None:
        self._entries: list[E] = []
        self._known: set[E] = set()
        """The same: what comes again before its turn is there once."""
        self._passed: list[E] = []

    def push(self, entry: E) -> None:
        """Put an entry."""
        if entry not in self._known:
            self._known.add(entry)
            heapq.heappush(self._entries, entry)

    def first(self, stands: Callable[[E], bool]) -> E | None:
        """Return the first entry that stands, None = there is none."""
        while self._entries:
            if stands(self._entries[0]):
                return self._entries[0]
            self._passed.append(heapq.heappop(self._entries))
            self._known.discard(self._passed[-1])
        return None

    def keep(self) -> None:
        """Forget what was passed over."""
        self._passed.clear()

    def take_back(self) -> None:
        """Have back what was passed over since the last `keep`."""
        for entry in self._passed:
            self.push(entry)
        self._passed.clear()
