"""The browsers that listen to a hub: each has a bounded queue of its own, so that a slow one costs nobody else."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

QUEUE_LENGTH = 8
TOLD_LENGTH = 100
"""Answers to one browser that wait: more than anybody asks for while their line hangs."""


class _Listener:
    """Invariant: while `_behind`, the queue is empty and the next message is a snapshot."""

    def __init__(self, browser: str) -> None:
        self.browser = browser
        self._queue: deque[str] = deque()
        self._told: deque[str] = deque(maxlen=TOLD_LENGTH)
        self._behind = True
        self._wake = asyncio.Event()

    def put(self, text: str) -> None:
        """Take a delta; one more than the queue holds makes it behind."""
        if len(self._queue) >= QUEUE_LENGTH:
            self.renew()
        elif not self._behind:
            self._queue.append(text)
            self._wake.set()

    def renew(self) -> None:
        """Begin with a snapshot again."""
        self._queue.clear()
        self._behind = True
        self._wake.set()

    def tell(self, text: str) -> None:
        """Take what is for this browser alone; no snapshot holds it."""
        self._told.append(text)
        self._wake.set()

    async def next(self, snapshot: Callable[[], str]) -> str:
        """Wait for what comes next."""
        while not (self._behind or self._queue or self._told):
            self._wake.clear()
            await self._wake.wait()
        if self._behind:
            self._behind = False
            return snapshot()
        return self._told.popleft() if self._told else self._queue.popleft()


class Listeners:
    """All of them."""

    def __init__(self) -> None:
        self._all: set[_Listener] = set()

    def __len__(self) -> int:
        """Return how many listen."""
        return len(self._all)

    async def listen(self, snapshot: Callable[[], str], browser: str) -> AsyncGenerator[str, None]:
        """Yield a snapshot, then every delta, and what is for this browser."""
        one = _Listener(browser)
        self._all.add(one)
        try:
            while True:
                yield await one.next(snapshot)
        finally:
            self._all.discard(one)

    def send(self, text: str) -> None:
        """Give a delta to all."""
        for one in self._all:
            one.put(text)

    def renew(self) -> None:
        """Have all begin with a snapshot again."""
        for one in self._all:
            one.renew()

    def tell(self, browser: str, text: str) -> None:
        """Give a message to each page of one browser."""
        for one in self._all:
            if browser and one.browser == browser:
                one.tell(text)
