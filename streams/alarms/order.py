"""The inputs of several topics in the order of their arrival: one and the same for whoever reads them, at any pace."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Input(NamedTuple):
    """One record of an input topic."""

    topic: str
    offset: int
    value: bytes | None
    arrived_ms: int = 0
    """Append time."""


class _Barrier(NamedTuple):
    """What had come when the ends were asked for, and these ends."""

    newest: tuple[int, int, int]
    ends: Mapping[str, int]


class Order:
    """Hands out an input only after every topic was read as far as it went when the input was there already.

    What came to another topic since then came later. Topics of one arrival come in the order in which they are named.
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self._rank = {topic: rank for rank, topic in enumerate(topics)}
        self._waiting: list[Input] = []
        self._read: dict[str, int] = {}
        """Topic → one above the last record seen."""
        self._newest_ms: dict[str, int] = {}
        self._barrier: _Barrier | None = None

    @property
    def waits(self) -> bool:
        """Whether something has come that was not handed out."""
        return bool(self._waiting)

    @property
    def asks(self) -> bool:
        """Whether the ends of the topics are needed, for what has come since they were asked for."""
        return self._barrier is None and bool(self._waiting)

    @property
    def newest_ms(self) -> int:
        """Arrival of the newest that was not handed out."""
        return self._waiting[-1].arrived_ms

    def begin(self, topic: str, offset: int) -> None:
        """Read a topic from there."""
        self._read[topic] = offset

    def take(self, topic: str, inputs: Iterable[Input], end: int) -> None:
        """Take the next records of a topic, of which the last is below `end`; those that were seen are passed over."""
        for one in inputs:
            if one.offset >= self._read.get(topic, 0):
                arrived_ms = max(one.arrived_ms, self._newest_ms.get(topic, 0))
                self._newest_ms[topic] = arrived_ms
                insort(self._waiting, one._replace(arrived_ms=arrived_ms), key=self._place)
        self._read[topic] = max(self._read.get(topic, 0), end)

    def know(self, ends: Mapping[str, int]) -> None:
        """Take where the topics end, asked for after all that is waiting had come."""
        self._barrier = _Barrier(self._place(self._waiting[-1]), ends)

    def ready(self) -> list[Input]:
        """Return the next inputs in order, none while a topic is not read far enough."""
        barrier = self._barrier
        if barrier is None or any(self._read.get(topic, 0) < end for topic, end in barrier.ends.items()):
            return []
        self._barrier = None
        count = bisect_right(self._waiting, barrier.newest, key=self._place)
        found, self._waiting = self._waiting[:count], self._waiting[count:]
        return found

    def cover(self, covers: Mapping[str, int]) -> None:
        """Pass over what lies below these offsets, topic by topic: others have judged it."""
        self._waiting = [one for one in self._waiting if one.offset >= covers.get(one.topic, 0)]
        for topic in self._rank:
            self._read[topic] = max(self._read.get(topic, 0), covers.get(topic, 0))

    def _place(self, one: Input) -> tuple[int, int, int]:
        return one.arrived_ms, self._rank[one.topic], one.offset
