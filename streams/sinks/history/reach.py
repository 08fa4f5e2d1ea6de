"""The way to the store: opens it, tries work on it, decides when to try again, and says once what a person must do."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from streams.errors import RefusedError, ServerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.sinks.history.store import History

RETRY_FIRST_S, RETRY_LAST_S = 0.25, 10.0
REFUSED_RETRY_S = 30.0
"""A person must act first."""
RETRY_AFTER_LAST_S = 300.0
"""A server that asks for more patience is asked again after this."""

T = TypeVar("T")

log = logging.getLogger("citywall")


def retry_s(error: ServerError, failures: int, chance: float) -> float:
    """Return how long to wait after the last of `failures` in a row; `chance`, 0 to 1, keeps retries of many apart.

    >>> [retry_s(UnreachableError("away"), failures, 1.0) for failures in (1, 2, 3, 99)]
    [0.25, 0.5, 1.0, 10.0]
    >>> retry_s(UnreachableError("away"), 3, 0.0), retry_s(UnreachableError("busy", retry_after_s=7.0), 1, 0.0)
    (0.5, 7.0)
    """
    if isinstance(error, RefusedError):
        wait_s = REFUSED_RETRY_S
    else:
        wait_s = min(RETRY_FIRST_S * 2.0 ** min(failures - 1, 20), RETRY_LAST_S)
    asked_s = error.retry_after_s if isinstance(error, UnreachableError) else 0.0
    return max(wait_s * (0.5 + chance / 2), min(asked_s, RETRY_AFTER_LAST_S))


class Reach:
    """A store that may be away.

    Invariant: after any error it is opened anew, so a file that was removed, a bucket that was deleted and a server
    that was not there at the start are all the same case.
    """

    def __init__(
        self,
        open_store: Callable[[], History],
        clock: Callable[[], float],
        chance: Callable[[], float],
        *,
        away: bool = False,
    ) -> None:
        self._open_store = open_store
        self._clock = clock
        self._chance = chance
        self._store: History | None = None
        self._failures = int(away)
        self._retry_at_s = 0.0
        self._said: set[type[ServerError]] = set()
        self.trying = False

    @property
    def away(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    @property
    def due(self) -> bool:
        """Whether it may be tried now."""
        return not self.away or self._clock() >= self._retry_at_s

    async def attempt(self, work: Callable[[History], T]) -> T | None:
        """Do work on the store, in a thread → its result, None = the store is away or refuses."""
        self.trying = True
        try:
            result = await asyncio.to_thread(self._work, work)
        except ServerError as exc:
            self._failures += 1
            self._retry_at_s = self._clock() + retry_s(exc, self._failures, self._chance())
            self._say(exc)
            await asyncio.to_thread(self.close)
            return None
        finally:
            self.trying = False
        if self.away:
            log.warning("the history is back")
        self._failures = 0
        self._said.clear()
        return result

    def close(self) -> None:
        """Let go of the store."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _work(self, work: Callable[[History], T]) -> T:
        if self._store is None:
            self._store = self._open_store()
        return work(self._store)

    def _say(self, exc: ServerError) -> None:
        kind = RefusedError if isinstance(exc, RefusedError) else UnreachableError
        if kind in self._said:
            return
        self._said.add(kind)
        if kind is RefusedError:
            log.error("%s. A person must act; all that comes is kept, and it is tried again now and then", exc)
        else:
            log.warning("%s. Keeping what comes until it is back", exc)
