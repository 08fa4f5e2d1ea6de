"""Tables that can take back what was changed in them: the engine judges ahead of the chain on the state it keeps."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")

_ABSENT: Any = object()


class Trail:
    """What was changed since it began, newest last: each the function and its arguments that take it back."""

    def __init__(self) -> None:
        self._steps: list[tuple[Any, ...]] | None = None

    def begin(self) -> None:
        """Note what is changed from now on."""
        self._steps = []

    def note(self, back: Callable[..., object], *args: object) -> None:
        """Keep how a change is taken back, where changes are noted."""
        if self._steps is not None:
            self._steps.append((back, *args))

    def keep(self) -> None:
        """Let what was changed stand."""
        self._steps = None

    def take_back(self) -> None:
        """Undo what was changed."""
        steps, self._steps = self._steps or [], None
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
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        """Remove a value that is there."""
        self._note(key)
        super().__delitem__(key)

    def discard(self, key: K) -> None:
        """Remove a value, if it is there."""
        if key in self:
            del self[key]

    def shorten(self, most: int) -> None:
        """Forget what has been there longest, beyond so many."""
        for key in list(islice(self, max(len(self) - most, 0))):
            del self[key]

    def _note(self, key: K) -> None:
        old = self.get(key, _ABSENT)
        if old is _ABSENT:
            self._trail.note(dict.pop, self, key, None)
        else:
            self._trail.note(dict.__setitem__, self, key, old)
