"""What the wall is given: the city, where its live state is, and the two ways out (commands, history)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dashboard.telemetry.metric import Process
    from streams.city.registry import City
    from streams.contract.alarm_events import AlarmEvent, AlarmsWanted, EventsWanted, Moment, Raised
    from streams.contract.name import Name
    from streams.contract.records import Rows


async def _unchanged() -> City:
    """Wait for ever: this city is never edited."""
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # nobody ends it


Mode = Literal["live", "simulated", "replay"]


class History(Protocol):
    """Where the last 24 hours and alarms of before come from, a store of `streams/sinks/history`.

    Called in a thread, so it may block.
    """

    def read(self, metric: str, entity: str | None, from_ms: int, until_ms: int, window_s: int) -> Rows:
        """Return the final rows whose window starts in [from, until), sorted by entity, then time."""

    def alarms(self, wanted: AlarmsWanted, limit: int, after: Raised | None = None) -> list[dict[str, Any]]:
        """Return alarms as they were last seen, each with `closed`, the newest raise first; those behind `after`."""

    def alarm_events(self, wanted: EventsWanted, limit: int, after: Moment | None = None) -> list[AlarmEvent]:
        """Return events of alarms, the newest first; those behind `after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long the wall waits for what it has asked for."""

    sending_s: float = 15.0
    """How long an acknowledgement may stay `sending` before the row says that nobody confirmed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WallConfig:
    """Everything `create_app` needs."""

    city: City
    """As it is when the wall begins."""
    redis: str
    """Address of the live state: `host:port`, or a URL `redis://…`."""
    send_command: Callable[[bytes], Awaitable[None]]
    """Send one record to the command topic; returns once it is acknowledged, raises when it cannot be."""
    history: History
    build: str
    """Id of what runs; a page that meets another one reloads itself."""
    mode: Mode = "live"
    """Shown until the live state says it."""
    started_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    """Wall-clock time of this start of the stack: data received before it proves nothing."""
    limits: Limits = field(default_factory=Limits)
    troubles: Callable[[], Sequence[Name]] = tuple
    """What is to be said of the city's processes, in both languages: what stands still; asked once a second."""
    processes: Callable[[], Sequence[Process]] = tuple
    """The city's processes as their supervisor sees them, for `/metrics`; none without a supervisor."""
    hosts: tuple[str, ...] = ()
    """Host names under which the wall may be reached besides the loopback ones."""
    next_city: Callable[[], Awaitable[City]] = _unchanged
    """Wait for a version of the city other than the one returned before (at first: than `city`), and return it."""
