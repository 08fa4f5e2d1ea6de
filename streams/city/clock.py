"""The city clock: event time at a wall time and its speed, as records of `city.clock.v1`."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.contract.stage import Record


MOST_SPEED = 1e9
"""A clock that is faster leaves every calendar within minutes."""


class ClockSetting(msgspec.Struct, frozen=True, kw_only=True):
    """Event time `at_ms` at wall time `wall_ms`, going on at `speed`, never past `until_ms`.

    In a record `wall_ms` is what its sender took for the time: the record's arrival counts in its place.
    """

    at_ms: int
    wall_ms: int
    speed: float
    until_ms: int | None = None

    def at(self, wall_ms: int) -> int:
        """Return the event time at a wall time, both epoch ms."""
        event_ms = self.at_ms + int((wall_ms - self.wall_ms) * self.speed)
        return event_ms if self.until_ms is None else min(event_ms, self.until_ms)


@dataclass(frozen=True)
class CityClock:
    """All settings of a run, oldest first; before the first, and without any, event time is wall time."""

    settings: tuple[ClockSetting, ...] = ()

    def at(self, wall_ms: int) -> int:
        """Return the event time in force at a wall time."""
        setting = self._in_force(wall_ms)
        return wall_ms if setting is None else setting.at(wall_ms)

    def until(self, wall_ms: int) -> int | None:
        """Return the end of the event time in force at a wall time, None = it has none."""
        setting = self._in_force(wall_ms)
        return None if setting is None else setting.until_ms

    def _in_force(self, wall_ms: int) -> ClockSetting | None:
        index = bisect.bisect_right(self.settings, wall_ms, key=lambda setting: setting.wall_ms) - 1
        return self.settings[index] if index >= 0 else None


def read_clock(records: Iterable[Record]) -> CityClock:
    """Fold the records of `city.clock.v1` into a clock; one that is not understood is left out.

    The sender's clock has no say in it: a setting counts from its record's arrival.
    """
    settings = []
    for record in records:
        try:
            settings.append(read_setting(record))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return CityClock(tuple(sorted(settings, key=lambda setting: setting.wall_ms)))


def read_setting(record: Record) -> ClockSetting:
    """Return what a record sets, from its arrival on.

    Raises msgspec.DecodeError or UnicodeDecodeError where it is no setting.
    """
    setting = msgspec.json.decode(record.value or b"", type=ClockSetting)
    return setting if record.timestamp < 0 else msgspec.structs.replace(setting, wall_ms=record.timestamp)
