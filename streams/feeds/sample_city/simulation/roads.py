"""The road network as arrays for the traffic flow: which segment leads where, how much it carries, who drives there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.city.registry import City, Segment

CAPACITY_VEH_H = {"expressway": 1_900.0, "arterial": 900.0, "collector": 650.0, "local": 480.0}
"""Per lane; below the expressway signals take half of the green time. Own choice after HCM magnitudes."""
ENDING_PER_KM = {"expressway": 0.0, "arterial": 0.05, "collector": 0.14, "local": 0.3}
"""Share of the vehicles whose trip ends on a kilometre of road."""
APPEAL = {"expressway": 4.0, "arterial": 2.4, "collector": 1.0, "local": 0.45}
JAM_VEH_KM = 140.0
SLOWED_AT_CAPACITY = 0.45
"""At capacity traffic is that much slower than free flow."""
STRAIGHT = 1.3
"""How much more drivers go straight on than turn: weight exp(STRAIGHT * cos(turn))."""
ROUTE_ROUNDS = 24
LONGEST_ROUTE = 90
"""Segments that a trip may have."""
TIDE = 0.35
"""How strongly the morning draws drivers to the centre and the evening out of it."""
FULL_QUANTILE = 0.92
"""At the day's peak that share of the segments carries less than its capacity."""
OVERFULL = 1.05
"""No segment is asked for more than this at the peak: signals give green where it is needed …"""
LEAST_GREEN, MOST_GREEN = 0.5, 2.5
"""… up to so many times the usual, and less where it is not."""


@dataclass(frozen=True)
class Roads:
    """Arrays over segments (s,) and over movements (m,): from one segment into the next."""

    lanes: NDArray[np.float64]
    length_km: NDArray[np.float64]
    free_km_h: NDArray[np.float64]
    capacity_veh_h: NDArray[np.float64]
    critical_veh_km: NDArray[np.float64]
    """Density of the whole segment at capacity."""
    jam_veh_km: NDArray[np.float64]
    ending: NDArray[np.float64]
    """Share of the outflow whose trip ends here."""
    start: NDArray[np.int64]
    """(m,) segment that a movement leaves."""
    end: NDArray[np.int64]
    turning: NDArray[np.float64]
    """(m,) share of a segment's through traffic; sums to 1 per segment."""
    inward: NDArray[np.float64]
    """(s,) 1 = straight to the centre, -1 = straight out."""
    centrality: NDArray[np.float64]
    """(s,) 1 in the centre, 0 at the edge."""
    entering_veh_h: NDArray[np.float64]
    """(s,) trips that begin at the day's peak."""


def build(city: City) -> Roads:
    """Derive the arrays; routes and demand are balanced so that the peak fills the network as FULL_QUANTILE says."""
    segments = city.segments
    of_class = [segment.road_class for segment in segments]
    lanes = np.array([segment.lanes for segment in segments], float)
    length_km = city.length_m / 1000
    capacity = lanes * np.array([CAPACITY_VEH_H[name] for name in of_class])
    start, end = _movements(city)
    ending = 1 - np.exp(-length_km * np.array([ENDING_PER_KM[name] for name in of_class]))
    ending[np.bincount(start, minlength=len(segments)) == 0] = 1.0
    heading, inward, centrality = _geometry(segments)
    weight = np.array([APPEAL[name] for name in of_class])[end] * np.exp(
        STRAIGHT * np.cos(heading[end] - heading[start])
    )
    led_in = np.bincount(end, minlength=len(segments)) > 0
    trips = np.where(led_in, length_km * lanes * (0.4 + centrality), 0.5 * capacity / capacity.max() * 8)
    trips[(np.array(of_class) == "expressway") & led_in] = 0.0
    turning, trips = _balanced(start, end, weight, ending, trips, capacity)
    busiest = np.zeros(len(segments))
    for tide in (-1.0, 0.0, 1.0):
        routes = shares(turning * pull(tide, inward)[end], start, len(segments))
        busiest = np.maximum(busiest, _flow(trips * lean(tide, centrality), (start, end), routes, ending))
    capacity = np.clip(busiest / OVERFULL, LEAST_GREEN * capacity, MOST_GREEN * capacity)
    return Roads(
        lanes=lanes,
        length_km=length_km,
        free_km_h=city.free_flow_km_h,
        capacity_veh_h=capacity,
        critical_veh_km=capacity / (city.free_flow_km_h * (1 - SLOWED_AT_CAPACITY)),
        jam_veh_km=lanes * JAM_VEH_KM,
        ending=ending,
        start=start,
        end=end,
        turning=turning,
        inward=inward,
        centrality=centrality,
        entering_veh_h=trips,
    )


def pull(tide: float, inward: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much the tide (1 = all drive in, -1 = all drive home) draws drivers into each segment."""
    return np.exp(TIDE * tide * inward)


def lean(tide: float, centrality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how the tide shifts where trips begin."""
    return 1 - 0.3 * tide * (2 * centrality - 1)


def shares(weight: NDArray[np.float64], start: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Return each movement's share among those that leave the same segment."""
    return weight / np.bincount(start, weight, minlength=n)[start]


def _movements(city: City) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    code = city.segment_code
    pairs = [(code[other], index) for index, segment in enumerate(city.segments) for other in segment.upstream]
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _geometry(
    segments: tuple[Segment, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    ends = np.array([(*segment.line[0], *segment.line[-1]) for segment in segments])
    squeeze = math.cos(math.radians(ends[:, 1].mean()))
    x0, y0, x1, y1 = ends[:, 0] * squeeze, ends[:, 1], ends[:, 2] * squeeze, ends[:, 3]
    heading = np.arctan2(y1 - y0, x1 - x0)
    dx, dy = np.median(x0) - (x0 + x1) / 2, np.median(y0) - (y0 + y1) / 2
    away = np.hypot(dx, dy)
    return heading, np.cos(heading - np.arctan2(dy, dx)), np.clip(1 - away / np.quantile(away, 0.99), 0, 1)


def _balanced(
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    weight: NDArray[np.float64],
    ending: NDArray[np.float64],
    trips: NDArray[np.float64],
    capacity: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn drivers away from what they would overfill, then scale the trips to the network → (turning, trips)."""
    n = len(capacity)
    for _ in range(ROUTE_ROUNDS):
        turning = shares(weight, start, n)
        fullness = _flow(trips, (start, end), turning, ending) / capacity
        level = np.quantile(fullness, FULL_QUANTILE)
        weight = weight * np.minimum(1.0, 0.9 * level / fullness[end]) ** 0.5
    return turning, trips / level


def _flow(
    trips: NDArray[np.float64],
    movements: tuple[NDArray[np.int64], NDArray[np.int64]],
    turning: NDArray[np.float64],
    ending: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the flow of each segment, (s,), if nothing were ever full."""
    start, end = movements
    flow = trips
    for _ in range(LONGEST_ROUTE):
        flow = trips + np.bincount(end, (flow * (1 - ending))[start] * turning, minlength=len(trips))
    return flow
