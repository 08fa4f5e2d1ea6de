"""The whole simulated city at one event time: weather, what is wrong, the traffic; and what its sensors would say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from streams.contract.durations import MINUTE_MS
from streams.feeds.sample_city.simulation import roads
from streams.feeds.sample_city.simulation.consequences import PUMP_STOPPED, WITHOUT_POWER
from streams.feeds.sample_city.simulation.departments import MEASURE, Scene
from streams.feeds.sample_city.simulation.happenings import Happening, Schedule
from streams.feeds.sample_city.simulation.rhythm import SlowNoise, moment
from streams.feeds.sample_city.simulation.traffic import STEP_S, Traffic
from streams.feeds.sample_city.simulation.weather import Sky

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.feeds.sample_city.simulation.departments import Columns
    from streams.feeds.sample_city.simulation.rhythm import Moment
    from streams.feeds.sample_city.simulation.weather import Weather

STEP_MS = int(STEP_S * 1000)
WARM_UP_MS = 90 * MINUTE_MS
"""Empty roads fill, and the queues of earlier incidents build up, in that time."""
SLOW_MS = 15 * MINUTE_MS
DARK_SHARE = 0.7
"""Junctions without power carry that much of their traffic."""
WET_ROAD_CM = 15.0
"""Water that closes half of an underpass; see CLOSED_ROAD_CM."""
CLOSED_ROAD_CM = 25.0
DETECTOR = "det"


@dataclass(frozen=True)
class Group:
    """The sensors of one kind."""

    kind: str
    domain: str
    codes: NDArray[np.int64]
    """(n,) index into `City.sensors`."""
    zone: NDArray[np.int32]
    segment: NDArray[np.int32]
    trait: NDArray[np.float64]
    slow: SlowNoise
    place: dict[str, int]
    """Sensor id → index in the group."""


@dataclass
class World:
    """The simulated city; `advance` moves it on, `measure` asks its sensors. Time never goes back."""

    city: City
    seed: int
    at_ms: int
    requested: list[Happening] = field(default_factory=list)
    """Road incidents that a person asked for."""

    def __post_init__(self) -> None:
        """Begin some time before `at_ms` and run up to it."""
        self._zone = ZoneInfo(self.city.time_zone)
        self.groups = _groups(self.city, self.seed)
        self._sky = Sky(self.seed)
        self._schedule = Schedule(self.city, self.seed, self._sky)
        self.traffic = Traffic(roads.build(self.city), self.seed)
        self._signals = np.array([segment.road_class != "expressway" for segment in self.city.segments])
        start_ms = self.at_ms
        self.at_ms = start_ms // STEP_MS * STEP_MS - WARM_UP_MS
        self._look()
        self.advance(start_ms)

    def advance(self, to_ms: int) -> None:
        """Let the city live on until an event time."""
        while self.at_ms + STEP_MS <= to_ms:
            self.at_ms += STEP_MS
            self._look()
            self.traffic.step(self.now, self.weather.wetness, self._open_share())
            self._forget()

    def measure(self, group: Group, fast: NDArray[np.float64]) -> Columns:
        """Return what each sensor of a group says now; `fast` is (n,) noise of unit size."""
        if group.kind == DETECTOR:
            return self._detect(group, group.slow.at(self.at_ms), fast)
        if group.kind not in self._scenes:
            self._scenes[group.kind] = Scene(
                now=self.now,
                weather=self.weather,
                trait=group.trait,
                slow=group.slow.at(self.at_ms),
                fast=fast,
                jam=self._jam()[group.zone],
                trouble=self._trouble[group.zone],
                **self._conditions(group),
            )
        return MEASURE[group.kind](replace(self._scenes[group.kind], fast=fast))

    def strike(self, happening: list[Happening]) -> None:
        """Let this be wrong in the city, and nothing else."""
        self.happening = happening
        codes = [self.city.zone_code[one.zone] for one in happening if not one.cause]
        self._trouble = np.bincount(np.array(codes, np.int64), minlength=len(self.city.zones)).astype(float)
        self._forget()

    def _forget(self) -> None:
        """Let go of what was worked out for the moment before."""
        self._scenes: dict[str, Scene] = {}
        self._jams: NDArray[np.float64] | None = None

    def _look(self) -> None:
        """See what time it is, what the weather is like and what is wrong."""
        self.now: Moment = moment(self.at_ms, self._zone)
        self.weather: Weather = self._sky.at(self.at_ms, self.now.hour, self.now.day_of_year)
        self._stood = self._schedule.lately(self.at_ms, PUMP_STOPPED)
        asked = [one for one in self.requested if one.from_ms <= self.at_ms < one.until_ms]
        self.strike([*self._schedule.active(self.at_ms), *asked])

    def _open_share(self) -> NDArray[np.float64]:
        """Return each segment's open lanes, (s,), 1 = all: after incidents, floods and outages."""
        share = np.ones(len(self.city.segments))
        for one in self.happening:
            if one.what == "incident":
                code = self.city.segment_code[one.where]
                share[code] = min(share[code], max(1 - one.lanes / self.city.segments[code].lanes, 0.0))
            elif one.what == "power_outage" and one.level <= 2:  # noqa: PLR2004 - levels I and II darken the signals
                dark = self._signals & (self.city.segment_zone == self.city.zone_code[one.zone])
                share[dark] = np.minimum(share[dark], DARK_SHARE)
        for group in self.groups:
            if group.kind == "underpass":
                depth_cm = self.measure(group, np.zeros(len(group.codes)))["depth_cm"]
                left = np.where(depth_cm >= CLOSED_ROAD_CM, 0.0, np.where(depth_cm >= WET_ROAD_CM, 0.5, 1.0))
                np.minimum.at(share, group.segment, left)
        return share

    def _detect(self, group: Group, slow: NDArray[np.float64], fast: NDArray[np.float64]) -> Columns:
        """Return what road detectors say: means over about a minute, with their errors."""
        at = group.segment
        speed = self.traffic.speed_km_h[at] * (0.97 + 0.06 * group.trait + 0.02 * slow + 0.025 * fast)
        flow = self.traffic.flow_veh_h[at] * (1 + 0.03 * slow) + np.sqrt(self.traffic.flow_veh_h[at] * 12) * fast
        occupancy = self.traffic.occupancy_ratio[at] * (1 + 0.03 * slow - 0.04 * fast)
        return {
            "speed_km_h": np.maximum(speed, 1.0),
            "flow_veh_h": np.maximum(flow, 0.0),
            "occupancy_ratio": np.clip(occupancy, 0.0, 1.0),
        }

    def _conditions(self, group: Group) -> dict[str, NDArray[Any]]:
        """Return what of a scene comes from the happenings."""
        n = len(group.codes)
        strength, level, since_s = np.zeros(n), np.zeros(n, np.int64), np.zeros(n)
        is_caused, is_dead = np.zeros(n, bool), np.zeros(n, bool)
        for one in self.happening:
            place = group.place.get(one.where)
            if place is None or not one.level:
                continue
            if one.what in WITHOUT_POWER:
                is_dead[place] = True
            elif level[place] == 0 or (one.level, -one.strength(self.at_ms)) < (level[place], -strength[place]):
                strength[place] = one.strength(self.at_ms)
                level[place] = one.level
                since_s[place] = (self.at_ms - one.from_ms) / 1000
                is_caused[place] = bool(one.cause)
        return {
            "strength": strength,
            "level": level,
            "since_s": since_s,
            "is_caused": is_caused,
            "is_dead": is_dead,
            "left_cm": self._left_cm(group),
        }

    def _left_cm(self, group: Group) -> NDArray[np.float64]:
        """Return the water, (n,), that pumps which stand, or stood lately, have left at what they drain."""
        left_cm = np.zeros(len(group.codes))
        for one in self._stood:
            for relation in self.city.dependence.leaving.get(one.where, ()):
                place = group.place.get(relation.target)
                if place is not None and relation.relation == "drains":
                    left_cm[place] = max(left_cm[place], self._sky.left_cm(one.from_ms, one.until_ms, self.at_ms))
        return left_cm

    def _jam(self) -> NDArray[np.float64]:
        """Return each zone's travel time index less 1, weighted by traffic."""
        if self._jams is not None:
            return self._jams
        traffic, zone, n = self.traffic, self.city.segment_zone, len(self.city.zones)
        driven = traffic.flow_veh_h * traffic.roads.length_km + 1e-6
        taken = np.bincount(zone, driven / traffic.speed_km_h, minlength=n)
        free = np.bincount(zone, driven / traffic.roads.free_km_h, minlength=n)
        self._jams = np.maximum(taken / free - 1, 0.0)
        return self._jams


def _groups(city: City, seed: int) -> list[Group]:
    """Sort the sensors by kind; a kind that the simulation does not know stays silent."""
    members: dict[str, list[int]] = {}
    for index, sensor in enumerate(city.sensors):
        kind = sensor.id.split("-")[0]
        if kind in MEASURE or kind == DETECTOR:
            members.setdefault(kind, []).append(index)
    groups = []
    for number, (kind, codes) in enumerate(members.items()):
        trait = np.random.default_rng((seed, 61, number)).random(len(codes))
        groups.append(
            Group(
                kind=kind,
                domain=city.sensors[codes[0]].domain,
                codes=np.array(codes),
                zone=city.sensor_zone[codes],
                segment=city.sensor_segment[codes],
                trait=trait,
                slow=SlowNoise(len(codes), SLOW_MS, (seed, 62, number)),
                place={city.sensors[code].id: place for place, code in enumerate(codes)},
            )
        )
    return groups
