"""Sensors that have been moved to another zone or segment: from when on each is where it is, and where it was. Pure.

A window of an entity belongs to one zone, and a sensor's part of it to one segment. So a move holds from a minute of
event time on that no reading can have reached when it is published; what is older counts where the sensor was, however
late it comes. Each version says which moves a reading may still meet, its own and those of versions before, so that
nobody has to know those.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from streams.city.parts import Zone
from streams.city.timing import FUTURE_MS
from streams.contract.durations import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from numpy.typing import NDArray

    from streams.city.parts import Segment, Sensor
    from streams.city.registry import City
    from streams.contract.frames import FrameRows

NEVER_MS = 2**62
KEPT_MS = 48 * HOUR_MS
"""A move is told for so long: no reading is later, and an inbox that nobody read for a day is read all the same."""


class Move(msgspec.Struct, frozen=True, array_like=True):
    """Readings of a sensor of before a time belong to the zone, and to the segment, where it was."""

    version: int
    """The version of the city that moved it."""
    until_ms: int
    """Start of a minute: with it the sensor is where that version has it."""
    sensor: str
    zone: str
    segment: str = ""
    """"" = it watched none."""
    over_ms: int = NEVER_MS
    """The watermark with which it is over at the latest, however lags are edited after it; NEVER_MS = as they say."""


class Moves(NamedTuple):
    """The moves of a version and of those before it, oldest first; and the segments they name that have left."""

    moves: tuple[Move, ...] = ()
    left: tuple[Segment, ...] = ()


NO_MOVES = Moves()


def next_moves(before: City, after: City, number: int, now_ms: int) -> Moves:
    """Return the moves that the version of that number has to tell; who leaves the city may come back elsewhere.

    `now_ms` is a time of the city clock by which every part has surely gone over to it.
    """
    kept = _kept(before, now_ms)
    held = {(one.sensor, one.until_ms) for one in kept}
    found = []
    for domain, codes in _moved(before, after).items():
        latest_ms = int(before.former[domain].until_ms.max()) if domain in before.former else 0
        ahead_ms = int(before.timing.future_ms[codes].max())
        until_ms = max(-(-(now_ms + ahead_ms) // MINUTE_MS) * MINUTE_MS, latest_ms)
        for sensor in (before.sensors[code] for code in codes):
            if (sensor.id, until_ms) not in held:  # else it has not been there for a minute
                found.append(Move(number, until_ms, sensor.id, *_where(before, sensor)))
    named = {one.segment for one in (*kept, *found)} - after.segment_code.keys()
    known = (*before.segments, *before.moves.left)
    return Moves((*kept, *found), tuple(one for one in known if one.id in named))


def _kept(before: City, now_ms: int) -> tuple[Move, ...]:
    """Return the moves of before that a reading may still meet.

    Where zones may have gone over by now, they have for good: no lag that is edited later takes them back.
    """
    of_domains = before.former.values()
    passed_ms = {one: at_ms for of in of_domains for one, at_ms in zip(of.moves, of.passed_ms.tolist(), strict=True)}
    kept = []
    for one in before.moves.moves:
        over_ms = passed_ms.get(one, one.until_ms)
        if one.until_ms > now_ms - KEPT_MS:
            kept.append(msgspec.structs.replace(one, over_ms=over_ms) if over_ms <= now_ms + FUTURE_MS else one)
    return tuple(kept)


def _moved(before: City, after: City) -> dict[str, list[int]]:
    """Return, by domain, the codes in `before` of the sensors that are elsewhere now, or have left the city."""
    now = {sensor.id: (sensor.domain, *_where(after, sensor)) for sensor in after.sensors}
    found = defaultdict[str, list[int]](list)
    for code, sensor in enumerate(before.sensors):
        there = now.get(sensor.id)
        if there is None or (there[0] == sensor.domain and there[1:] != _where(before, sensor)):
            found[sensor.domain].append(code)
    return found


def _where(city: City, sensor: Sensor) -> tuple[str, str]:
    """Return the ids of a sensor's zone and segment."""
    return city.zones[sensor.zone].id, city.segments[sensor.segment].id if sensor.segment >= 0 else ""


@dataclass(frozen=True, eq=False)
class Former:
    """What a version tells of the moves of one domain's sensors, (k,) by move; it equals itself only."""

    city: City
    domain: str
    moves: tuple[Move, ...]

    @cached_property
    def code(self) -> NDArray[np.int64]:
        """(k,) the sensor's code in the city."""
        return np.array([self.city.sensor_code[one.sensor] for one in self.moves], np.int64)

    @cached_property
    def until_ms(self) -> NDArray[np.int64]:
        """(k,) see `Move`."""
        return np.array([one.until_ms for one in self.moves], np.int64)

    @cached_property
    def passed_ms(self) -> NDArray[np.int64]:
        """(k,) the watermark at which the last window of before is closed, of the sensor and of its roads."""
        lag_ms, segment = self.city.timing.lag_ms[:-1], self.city.sensor_segment
        of_segment = np.zeros(len(self.city.segments) + 1, np.int64)  # the last: of none
        np.maximum.at(of_segment, segment, lag_ms)
        of_segment[-1] = 0
        code, before = self.code, [self.city.segment_code.get(one.segment, -1) for one in self.moves]
        longest_ms = np.maximum(of_segment[segment[code]], of_segment[before])
        over_ms = np.array([one.over_ms for one in self.moves], np.int64)
        return np.minimum(self.until_ms + np.maximum(lag_ms[code], longest_ms), over_ms)

    @cached_property
    def own_ms(self) -> NDArray[np.int64]:
        """(k,) the same of the sensor alone: from there on it is asked for where it has been moved to."""
        own_ms: NDArray[np.int64] = np.minimum(self.until_ms + self.city.timing.lag_ms[self.code], self.passed_ms)
        return own_ms

    @cached_property
    def last_ms(self) -> int:
        """The watermark with which all of them are over."""
        return int(self.passed_ms.max())

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """Ids of the city's zones, and behind them of those that have left."""
        return tuple(dict.fromkeys([*self.city.zone_code, *(one.zone for one in self.moves)]))

    @cached_property
    def _groups(self) -> list[tuple[int, int, NDArray[np.bool_]]]:
        """(until, index of the zone, (sensors,) who), newest version first."""
        zone = {name: index for index, name in enumerate(self.zones)}
        found: dict[tuple[int, int, int], NDArray[np.bool_]] = {}
        for code, one in zip(self.code.tolist(), self.moves, strict=True):
            key = (one.version, one.until_ms, zone[one.zone])
            found.setdefault(key, np.zeros(len(self.city.sensors), bool))[code] = True
        return [(key[1], key[2], who) for key, who in sorted(found.items(), key=lambda one: -one[0][0])]

    @cached_property
    def _cities(self) -> dict[bytes, City]:
        return {}

    def zone_at(self, sensor: NDArray[np.int32], at_ms: NDArray[np.int64]) -> NDArray[np.int32] | None:
        """Return (n,) index in `zones` of the zone that each reading belongs to; None = all to where it is now."""
        met = self._met(sensor, at_ms)
        if met is None:
            return None
        zone = np.array([index for _, index, _ in self._groups], np.int32)
        return np.where(met >= 0, zone[met], self.city.sensor_zone[sensor])

    def until_of(self, names: Sequence[str], rows: FrameRows) -> NDArray[np.int64] | None:
        """Return (n,) to when the sensor of each row of a frame was where it was at the row's time.

        NEVER_MS = it is there now; None = all are.
        """
        if self._over(rows.at_ms):
            return None
        codes = [self.city.sensor_code.get(name, -1) for name in names]  # who is unknown is refused by whoever reads
        met = self._met(np.array(codes)[rows.sensor], rows.at_ms)
        return None if met is None else np.array([*(until_ms for until_ms, _, _ in self._groups), NEVER_MS])[met]

    def _over(self, at_ms: NDArray[np.int64]) -> bool:
        return not len(at_ms) or int(at_ms.min()) >= int(self.until_ms.max())

    def _met(self, sensor: NDArray[np.integer[Any]], at_ms: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return (n,) index in `_groups` of the first move that was yet to come for each reading, -1 = none."""
        if self._over(at_ms):
            return None
        met = np.full(len(at_ms), -1)
        for index, (until_ms, _, who) in enumerate(self._groups):
            met[who[sensor] & (at_ms < until_ms)] = index
        return met if (met >= 0).any() else None

    def reached_ms(self, version: int) -> int:
        """Return the time of the city clock from which on readings may be of where later versions moved a sensor."""
        later = np.array([one.version > version for one in self.moves])
        if not later.any():
            return NEVER_MS
        return int((self.until_ms - self.city.timing.future_ms[self.code])[later].min())

    def stops_ms(self, watermark_ms: int, zone: str, step_ms: int) -> list[int]:
        """List the watermarks above one that a zone has to stop at, rising: where a move of it is over, and a step on.

        So no cadence of the watermark changes what is closed by which city, and when the zone hears who has left.
        """
        pending = self.passed_ms + step_ms > watermark_ms
        if not pending.any() or zone not in self._touched(pending):
            return []
        passed_ms = self.passed_ms[pending]
        stops = {*self.own_ms[pending].tolist(), *passed_ms.tolist(), *(passed_ms + step_ms).tolist()}
        return sorted(stop for stop in stops if stop > watermark_ms)

    def city_at(self, watermark_ms: int, zone: str) -> City:
        """Return the city by which a zone closes windows after a watermark: what is not over yet is undone."""
        pending = self.passed_ms > watermark_ms
        if not pending.any() or zone not in self._touched(pending):
            return self.city
        return self._undone(pending, self.own_ms <= watermark_ms)

    def city_of(self, start_ms: int) -> City:
        """Return the city as it is in the minute that starts then."""
        pending = self.until_ms > start_ms
        return self._undone(pending, ~pending) if pending.any() else self.city

    def _undone(self, pending: NDArray[np.bool_], alone: NDArray[np.bool_]) -> City:
        """Return the city without the pending moves; those over for their sensor `alone` have it asked for there."""
        key = pending.tobytes() + (pending & alone).tobytes()
        if key not in self._cities:
            undone = [self.moves[place] for place in np.flatnonzero(pending).tolist()]
            over = {self.moves[place] for place in np.flatnonzero(pending & alone).tolist()}
            self._cities[key] = moved_back(self.city, undone, over)
        return self._cities[key]

    def _touched(self, pending: NDArray[np.bool_]) -> set[str]:
        places = np.flatnonzero(pending).tolist()
        now = {self.city.zones[self.city.sensors[self.code[place]].zone].id for place in places}
        return now | {self.moves[place].zone for place in places}


def moved_back(city: City, moves: Sequence[Move], over: Set[Move] = frozenset()) -> City:
    """Return the city with these sensors where their first move found them; codes of sensors are the same.

    Where later ones found them, and where they are now, they arrive. `over`: the moves behind which they are asked for.
    """
    gone = [one for one in dict.fromkeys(move.zone for move in moves) if one not in city.zone_code]
    zones = (*city.zones, *(Zone(one, one, one) for one in gone))
    segments = (*city.segments, *city.moves.left)
    zone_code = {zone.id: code for code, zone in enumerate(zones)}
    segment_code = {segment.id: code for code, segment in enumerate(segments)}
    sensors, arriving = list(city.sensors), defaultdict[tuple[str, int], set[int]](set)
    asked = {code: sensors[code].zone for code in (city.sensor_code[move.sensor] for move in moves)}
    for move in reversed(moves):
        code = city.sensor_code[move.sensor]
        later = sensors[code]
        arriving[later.domain, later.zone].add(code)
        segment = segment_code.get(move.segment, -1)
        sensors[code] = replace(later, zone=zone_code[move.zone], segment=segment)
        if move not in over:
            asked[code] = zone_code[move.zone]
    told = {of: sorted(code for code in codes if sensors[code].zone != of[1]) for of, codes in arriving.items()}
    return replace(
        city,
        zones=zones,
        segments=segments,
        sensors=tuple(sensors),
        moves=NO_MOVES,
        arriving={of: codes for of, codes in told.items() if codes},
        elsewhere={code: zone for code, zone in asked.items() if zone != sensors[code].zone},
    )


def former(city: City) -> dict[str, Former]:
    """Return what a city's version tells of moves, by domain; a domain without is not there."""
    found: dict[str, list[Move]] = {}
    for one in city.moves.moves:
        code = city.sensor_code.get(one.sensor)
        if code is not None:
            found.setdefault(city.sensors[code].domain, []).append(one)
    return {domain: Former(city, domain, tuple(moves)) for domain, moves in found.items()}


def in_minute(city: City, domain: str, start_ms: int) -> City:
    """Return the city as it is for a domain in the minute that starts then."""
    moved = city.former.get(domain)
    return city if moved is None else moved.city_of(start_ms)
