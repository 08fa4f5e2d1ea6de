"""Wait for what another thread, process or server does: ask until it is so, and fail with what can be told of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Found = TypeVar("Found")

WITHIN_S = 60.0
"""For a machine that is shared."""
PROCESSES_WITHIN_S = 300.0
"""For what starts processes: alone seconds, minutes where fifty others want the machine."""
ASK_EVERY_S = 0.05


def in_time() -> str:
    return "it did not happen in time"


def until(
    condition: Callable[[], Found],
    within_s: float = WITHIN_S,
    *,
    every_s: float = ASK_EVERY_S,
    said: Callable[[], Any] = in_time,
    meanwhile: Callable[[], object] = bool,
) -> Found:
    """Ask until it is true → what it was; `meanwhile` is done before it is asked again, `said` tells a failure."""
    deadline_s = time.monotonic() + within_s
    while not (found := condition()):
        meanwhile()
        assert time.monotonic() < deadline_s, said()
        time.sleep(every_s)
    return found


async def _nothing() -> None:
    pass


async def until_async(
    condition: Callable[[], Found],
    within_s: float = WITHIN_S,
    *,
    every_s: float = ASK_EVERY_S,
    said: Callable[[], Any] = in_time,
    meanwhile: Callable[[], Awaitable[object]] = _nothing,
) -> Found:
    """Do the same and let the loop run."""
    deadline_s = time.monotonic() + within_s
    while not (found := condition()):
        await meanwhile()
        assert time.monotonic() < deadline_s, said()
        await asyncio.sleep(every_s)
    return found
