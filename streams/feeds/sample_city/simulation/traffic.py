"""Traffic flow on every segment: a cell transmission model, one cell a segment, stepped in numpy.

in      demand by the hour, rain, blocked lanes
out     speed_km_h, flow_veh_h, occupancy_ratio of each segment
state   vehicles on each segment
source  Daganzo 1994 (cell transmission); a free branch that bends towards capacity instead of a straight one,
        and turns that do not block each other, are our own choice, see DECISIONS
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from streams.contract.durations import MINUTE_MS
from streams.feeds.sample_city.simulation.rhythm import TRAFFIC_BY_HOUR, TRAFFIC_ON_WEEKENDS, SlowNoise, curve
from streams.feeds.sample_city.simulation.roads import SLOWED_AT_CAPACITY, lean, pull, shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.feeds.sample_city.simulation.rhythm import Moment
    from streams.feeds.sample_city.simulation.roads import Roads

STEP_S = 5.0
BEND = 1.2
"""Exponent of the free branch: speed falls with (density / critical density) ** BEND."""
VEHICLE_M = 6.5
"""Length of a vehicle and its detection zone."""
CREEP_KM_H = 4.0
PASSING_SHARE = 0.85
"""The lanes left open beside an incident carry that much of their capacity: drivers look."""
TRICKLE = 0.02
"""What gets past when all lanes are blocked, as a share of capacity."""
SMOOTH_STEPS = 4.0


@dataclass
class Traffic:
    """The vehicles of the city. Call `step` for every STEP_S of event time."""

    roads: Roads
    seed: int
    vehicles: NDArray[np.float64] = field(init=False)
    flow_veh_h: NDArray[np.float64] = field(init=False)
    speed_km_h: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with empty roads."""
        n = len(self.roads.lanes)
        self.vehicles = np.zeros(n)
        self.flow_veh_h = np.zeros(n)
        self.speed_km_h = self.roads.free_km_h.copy()
        self._appetite = SlowNoise(n, 20 * MINUTE_MS, (self.seed, 11))
        self._turning = (-1, self.roads.turning)

    @property
    def occupancy_ratio(self) -> NDArray[np.float64]:
        """(s,) share of the time that a detector is covered."""
        lane_veh_km = self.vehicles / (self.roads.length_km * self.roads.lanes)
        return np.minimum(lane_veh_km * VEHICLE_M / 1000, 1.0)

    def step(self, now: Moment, wetness: float, open_share: NDArray[np.float64]) -> None:
        """Move the vehicles on by STEP_S.

        `wetness` 0 = dry, 1 = cloudburst; `open_share`, (s,) = lanes open, 1 = all.
        """
        roads, n = self.roads, len(self.vehicles)
        density = self.vehicles / roads.length_km
        filled = np.minimum(density / roads.critical_veh_km, 1.0)
        free_km_h = roads.free_km_h * (1 - 0.18 * wetness) * (1 - SLOWED_AT_CAPACITY * filled**BEND)
        capacity = roads.capacity_veh_h * (1 - 0.12 * wetness)
        blocked = open_share < 1.0
        passing = np.where(blocked, np.maximum(open_share * PASSING_SHARE, TRICKLE), 1.0)
        sending = np.minimum(np.where(filled < 1.0, density * free_km_h, capacity), capacity * passing)
        ready = np.minimum(sending * STEP_S / 3600, self.vehicles)
        spare = (roads.jam_veh_km - density) / (roads.jam_veh_km - roads.critical_veh_km)
        room = capacity * np.clip(spare, 0.0, 1.0) * STEP_S / 3600

        heading_on = (ready * (1 - roads.ending))[roads.start] * self._routes(now)
        asked = np.bincount(roads.end, heading_on, minlength=n)
        moved = heading_on * np.minimum(room / np.maximum(asked, 1e-12), 1.0)[roads.end]
        arriving = np.bincount(roads.end, moved, minlength=n)
        leaving = ready * roads.ending + np.bincount(roads.start, moved, minlength=n)
        beginning = np.minimum(self._demand_veh_h(now) * STEP_S / 3600, room - np.minimum(arriving, room))
        self.vehicles = np.maximum(self.vehicles + arriving + beginning - leaving, 0.0)

        out_veh_h = leaving * 3600 / STEP_S
        jammed = (filled >= 1.0) | (out_veh_h < 0.95 * np.minimum(density * free_km_h, capacity)) & (density > 1.0)
        speed = np.where(jammed, np.minimum(out_veh_h / np.maximum(density, 1e-9), free_km_h), free_km_h)
        self.flow_veh_h += (out_veh_h - self.flow_veh_h) / SMOOTH_STEPS
        self.speed_km_h += (np.maximum(speed, CREEP_KM_H) - self.speed_km_h) / SMOOTH_STEPS

    def _demand_veh_h(self, now: Moment) -> NDArray[np.float64]:
        level = curve(TRAFFIC_ON_WEEKENDS if now.weekend else TRAFFIC_BY_HOUR, now.hour)
        whim = 1 + 0.12 * self._appetite.at(now.at_ms)
        return self.roads.entering_veh_h * level * np.maximum(lean(_tide(now), self.roads.centrality) * whim, 0.0)

    def _routes(self, now: Moment) -> NDArray[np.float64]:
        """Return the turning shares of this quarter of an hour."""
        quarter = now.at_ms // 900_000
        if self._turning[0] != quarter:
            weight = self.roads.turning * pull(_tide(now), self.roads.inward)[self.roads.end]
            self._turning = quarter, shares(weight, self.roads.start, len(self.vehicles))
        return self._turning[1]


def _tide(now: Moment) -> float:
    """Return 1 when the city drives in, -1 when it drives home."""
    if now.weekend:
        return 0.0
    return float(np.exp(-(((now.hour - 8) / 1.6) ** 2)) - np.exp(-(((now.hour - 18) / 1.8) ** 2)))
