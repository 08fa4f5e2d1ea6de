"""Times in which alarms are suppressed by design: once, or every day or week at the city's own clock. Pure.

    once      from_ms until until_ms, epoch ms of the city
    weekly    from "fri 18:00" until "sun 18:00"; "22:00" until "06:00" is each day; the later one may be the next day's

Both ends are local times of the city's time zone; a local time that the change to summer time leaves out is taken as
that many minutes after the change, one that comes twice as its first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Annotated, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)
WEEK_DAYS = len(DAYS)

Moment: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^(({'|'.join(DAYS)}) )?([01]\d|2[0-3]):[0-5]\d$")]
Time: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class Weekly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """From one local time until another, each week, or each day where no day is named."""

    since: Moment
    until: Moment

    @property
    def is_odd(self) -> bool:
        """Whether only one end names a day, or both are the same."""
        return (" " in self.since) != (" " in self.until) or self.since == self.until

    @property
    def outside(self) -> Weekly:
        """All other times."""
        return Weekly(since=self.until, until=self.since)


def odd_schedule(schedule: Weekly | None) -> str:
    """Say why a schedule could never hold, "" = it can."""
    if schedule is None or not schedule.is_odd:
        return ""
    said = f"from {schedule.since!r} until {schedule.until!r}"
    return f"{said} is no time; name a day in both or in none, and two moments"


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When; what is not said has no bound."""

    from_ms: Time | None = None
    """City time; so `until_ms`."""
    until_ms: Time | None = None
    weekly: Weekly | None = None
    time_zone: str = ""
    """Of the city, IANA; the engine writes it in."""

    @property
    def fault(self) -> str:
        """Why there can be no such window, "" = there can."""
        if self.until_ms is None and self.weekly is None:
            return "no_end"
        if self.from_ms is not None and self.until_ms is not None and self.from_ms >= self.until_ms:
            return "ends_before_it_begins"
        return "odd_week" if self.weekly is not None and self.weekly.is_odd else ""


def holds(window: Window, city_ms: int) -> bool:
    """Tell whether a time of the city lies in the window; its end does not.

    >>> night = Window(weekly=Weekly(since="22:00", until="06:00"), time_zone="UTC")
    >>> [holds(night, hour * 3_600_000) for hour in (5, 6, 21, 22)]
    [True, False, False, True]
    """
    if window.from_ms is not None and city_ms < window.from_ms:
        return False
    if window.until_ms is not None and city_ms >= window.until_ms:
        return False
    return window.weekly is None or any(first <= city_ms < last for first, last in _around(window, city_ms))


def ever_holds(window: Window, city_ms: int) -> bool:
    """Tell whether the window holds then or later.

    >>> friday = Weekly(since="fri 18:00", until="fri 20:00")  # 1970 begins on a Thursday
    >>> [ever_holds(Window(until_ms=day * 86_400_000, weekly=friday, time_zone="UTC"), 0) for day in (1, 2)]
    [False, True]
    """
    at_ms: int | None = city_ms if window.from_ms is None else max(city_ms, window.from_ms)
    while at_ms is not None and not holds(window, at_ms):
        at_ms = next_change_ms(window, at_ms)
    return at_ms is not None


def next_change_ms(window: Window, city_ms: int) -> int | None:
    """Return the first time after `city_ms` at which it may begin or end, None = it never does again."""
    if window.until_ms is not None and city_ms >= window.until_ms:
        return None
    bounds = [one for one in (window.from_ms, window.until_ms) if one is not None]
    later = [one for one in chain(bounds, *_around(window, city_ms)) if one > city_ms]
    return min(later, default=None)


def _around(window: Window, city_ms: int) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of each turn of a weekly window from the one before that time to the one after."""
    if window.weekly is None:
        return
    zone = ZoneInfo(window.time_zone or "UTC")
    day = datetime.fromtimestamp(city_ms / 1000, zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    every = WEEK_DAYS if " " in window.weekly.since else 1
    for turn in (-1, 0, 1):
        first = _at(day + turn * every * DAY, window.weekly.since)
        last = _at(day + turn * every * DAY, window.weekly.until)
        last += every * DAY if last <= first else timedelta()
        yield _epoch_ms(first, zone), _epoch_ms(last, zone)


def _at(day: datetime, moment: str) -> datetime:
    """Return the moment of the week, or of the day, in which that day is."""
    name, _, clock = moment.rpartition(" ")
    hour, minute = clock.split(":")
    days = DAYS.index(name) - day.weekday() if name else 0
    return day + days * DAY + timedelta(hours=int(hour), minutes=int(minute))


def _epoch_ms(local: datetime, zone: ZoneInfo) -> int:
    return int(local.replace(tzinfo=zone).timestamp() * 1000)
