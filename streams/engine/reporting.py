"""What a hosted stage tells Kafka once a second, and what the answers tell: whether Kafka is there, and how quick."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

AWAY_AFTER_BEATS = 4

log = logging.getLogger("citywall")


class Reporting:
    """Sends books, and none before the ones before are acknowledged."""

    def __init__(
        self,
        send: Callable[[Mapping[str, Any]], Coroutine[Any, Any, None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._clock = clock
        self._sending: asyncio.Task[None] | None = None
        self._silent_beats = 0
        self._asked_at_s = self._answered_s = 0.0

    @property
    def away(self) -> bool:
        """Whether Kafka has not answered for several beats."""
        return self._silent_beats >= AWAY_AFTER_BEATS

    @property
    def answer_s(self) -> float:
        """How long Kafka takes to acknowledge a record: others than those that the stage waits for."""
        return max(self._answered_s, self._clock() - self._asked_at_s if self._is_sending() else 0.0)

    def beat(self, books: Callable[[], Mapping[str, Any]]) -> None:
        """Send the books of now, unless others are under way."""
        if self._is_sending():
            self._silent_beats += 1
            if self._silent_beats == AWAY_AFTER_BEATS:
                log.warning("Kafka does not answer; waiting for it")
            return
        if self.away:
            log.warning("Kafka is back")
        self._silent_beats = 0
        self._asked_at_s = self._clock()
        self._sending = asyncio.create_task(self._ask(books()))

    def _is_sending(self) -> bool:
        return self._sending is not None and not self._sending.done()

    async def _ask(self, books: Mapping[str, Any]) -> None:
        await self._send(books)
        self._answered_s = self._clock() - self._asked_at_s
