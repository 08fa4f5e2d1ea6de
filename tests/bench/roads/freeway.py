"""A freeway of 76 stations that report every 5 minutes, and the collisions on it that a police logged.

Vehicles flow as in the cell transmission model: cells of 400 m, each passes on what it holds at free speed, what it can
carry, and what the next one has room for. Demand has two peaks on workdays, one on days off, and differs from day to
day; capacity wavers; lane drops and busy ramps jam on most workdays, at times of their own; a standing queue lets out
8 % less. Loops are wrong as in life: noise that grows in dense traffic, gaps, dead and stuck stations.

Of the collisions a part takes capacity away; the others, as the shoulder is wide, show nowhere. The log has each some
minutes before or after its effect, and names the next station now and then.

source  Daganzo 1994 (the model); noise compared with four days of 207 loops in Los Angeles; the rest: own choice
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STATIONS, CELLS_A_STATION, CELL_KM = 76, 2, 0.4
STEP_S, REPORT_S, DAY_S = 12, 300, 86_400
STEPS_A_REPORT = REPORT_S // STEP_S
REPORTS_A_DAY = DAY_S // REPORT_S
LANES, LANE_VEH_H, WAVE_KM_H, QUEUE_LETS_OUT = 4.0, 2050.0, 18.0, 0.92
VEHICLE_KM = 0.007
"""Of road that a loop sees of each vehicle, its own length included."""
COLLISIONS_A_DAY, SLOWING_RATIO = 5.0, 54 / 140
WEEKDAYS, SATURDAY = 7, 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Road:
    """(cells,) what they can carry, veh/h; their free speed; vehicles a km where they stand. (ramps,) what comes on."""

    capacity_veh_h: Floats
    free_km_h: Floats
    jam_veh_km: Floats
    ramps: NDArray[np.intp]
    on_veh_h: Floats
    off_ratio: Floats


class Collision(NamedTuple):
    """One of them; where it slows nobody, `lasts_s` is 0."""

    day: int
    at_s: float
    cell: int
    lasts_s: float
    left_ratio: float
    """Of the capacity."""
    logged_s: float
    """When the police have it, seconds of its day."""
    station: int
    """Where they have it."""


class Recorded(NamedTuple):
    """(days * reports a day, stations) as the loops tell it, NaN = nothing."""

    speed_km_h: Floats
    flow_veh_h: Floats
    occupancy_ratio: Floats
    collisions: list[Collision]


def record(seed: int, days: int) -> Recorded:
    """Let a freeway live for so many days; the first is a Monday. The same seed gives the same."""
    rng = np.random.default_rng(seed)
    road = _road(rng)
    collisions = _collisions(rng, days)
    density = 5.0 * LANES + np.zeros(len(road.capacity_veh_h))
    wavers = np.ones(len(road.capacity_veh_h))
    speeds, flows = [], []
    for day in range(days):
        today = [one for one in collisions if one.day == day]
        speed, flow, density, wavers = _day(rng, road, _demand(rng, day), today, (density, wavers))
        speeds.append(speed)
        flows.append(flow)
    return _measured(rng, np.concatenate(speeds), np.concatenate(flows), collisions)


def _road(rng: np.random.Generator) -> Road:
    cells = STATIONS * CELLS_A_STATION
    lanes = np.full(cells, LANES)
    for begin in rng.choice(np.arange(12, cells - 8), 8, replace=False).tolist():
        lanes[begin : begin + 4] = 3.35
    free_km_h = rng.normal(106, 4, cells).clip(95, 112)
    capacity = LANE_VEH_H * lanes
    ramps = np.arange(5, cells, 7)
    on, off = rng.uniform(350, 1100, len(ramps)), rng.uniform(0.04, 0.1, len(ramps))
    return Road(capacity, free_km_h, capacity / free_km_h + capacity / WAVE_KM_H, ramps, on, off)


def _demand(rng: np.random.Generator, day: int) -> Floats:
    """Return (steps,) the demand of a day as a share of the worst: it comes earlier or later, and more or less."""
    return _shape(day, rng.normal(0, 0.16)) * rng.normal(1, 0.045)


def _shape(day: int, late_h: float = 0.0) -> Floats:
    hour = np.arange(DAY_S // STEP_S) * STEP_S / 3600 - late_h
    if day % WEEKDAYS >= SATURDAY:
        return 0.25 + 0.62 * _bell(hour, 14.5, 4.2)
    peaks = 0.72 * _bell(hour, 7.9, 1.5) + 0.74 * _bell(hour, 17.2, 2.1)
    return 0.22 + peaks + 0.5 * _bell(hour, 12.5, 3.6)


def _bell(hour: Floats, middle: float, width: float) -> Floats:
    return np.asarray(np.exp(-(((hour - middle) / width) ** 2)))


def _collisions(rng: np.random.Generator, days: int) -> list[Collision]:
    """Draw them, more where there is more traffic."""
    found = []
    for _ in range(round(COLLISIONS_A_DAY * days)):
        day = int(rng.integers(days))
        shape = _shape(day)
        at_s = float(rng.choice(len(shape), p=shape / shape.sum()) * STEP_S)
        cell = int(rng.integers(4, STATIONS * CELLS_A_STATION - 2))
        lasts_s = float(np.clip(np.exp(rng.normal(np.log(32), 0.55)), 10, 120) * 60)
        slows = rng.random() < SLOWING_RATIO
        logged_s = at_s + 60 * float(np.clip(rng.normal(3, 7), -8, 22))
        station = int(np.clip(cell // CELLS_A_STATION + rng.choice([-1, 0, 1], p=[0.2, 0.6, 0.2]), 0, STATIONS - 1))
        left = float(rng.uniform(0.3, 0.85))
        found.append(Collision(day, at_s, cell, lasts_s if slows else 0.0, left, logged_s, station))
    return found


def _day(
    rng: np.random.Generator, road: Road, demand: Floats, today: list[Collision], begun: tuple[Floats, Floats]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return (reports, stations) speed and flow of a day, then how it ends: density and wavering of the cells."""
    density, wavers = begun
    at = np.arange(STATIONS) * CELLS_A_STATION
    speed, flow = np.empty((2, REPORTS_A_DAY, STATIONS))
    ramps = rng.normal(1, 0.1, len(road.ramps))
    for report in range(REPORTS_A_DAY):
        wavers = 1 + 0.75 * (wavers - 1) + rng.normal(0, 0.028, len(wavers))
        ramps = 1 + 0.8 * (ramps - 1) + rng.normal(0, 0.06, len(ramps))
        left = np.ones(len(density))
        for one in today:
            if one.at_s <= report * REPORT_S < one.at_s + one.lasts_s:
                left[one.cell] = min(left[one.cell], one.left_ratio)
        passed, held = np.zeros((2, len(density)))
        for step in range(report * STEPS_A_REPORT, (report + 1) * STEPS_A_REPORT):
            out, density = _step(road, road.capacity_veh_h * wavers * left, density, demand[step], ramps)
            passed, held = passed + out, held + density
        speed[report] = (passed / held)[at]
        flow[report] = passed[at] / STEPS_A_REPORT
    return speed, flow, density, wavers


def _step(road: Road, capacity: Floats, density: Floats, demand: float, ramps: Floats) -> tuple[Floats, Floats]:
    """Return (cells,) the flow out of each, and the density behind the step."""
    share = density * road.free_km_h / road.capacity_veh_h
    sends = np.minimum(density * road.free_km_h * (1 - 0.12 * np.minimum(share, 1) ** 4), capacity)
    sends = np.where(share > 1.25, sends * QUEUE_LETS_OUT, sends)
    takes = np.minimum(capacity, (road.jam_veh_km - density).clip(0) * WAVE_KM_H)
    between = np.minimum(sends[:-1], takes[1:])
    enters = np.append(min(demand * LANE_VEH_H * LANES * 0.86, takes[0]), between)
    leaves = np.append(between, sends[-1])
    density = density + STEP_S / 3600 / CELL_KM * (enters - leaves)
    room = (takes[road.ramps] - enters[road.ramps]).clip(80)
    comes = np.minimum(road.on_veh_h * demand * ramps, room)
    density[road.ramps] += STEP_S / 3600 / CELL_KM * (comes - road.off_ratio * leaves[road.ramps])
    return leaves, density.clip(0.3, road.jam_veh_km)


def _measured(rng: np.random.Generator, speed: Floats, flow: Floats, collisions: list[Collision]) -> Recorded:
    """Return what loops make of it."""
    share = speed / np.percentile(speed, 90, axis=0)
    spread = np.select([share > 0.92, share > 0.8, share > 0.5], [0.025, 0.08, 0.16], 0.15)
    shakes = np.zeros(speed.shape)
    for report in range(1, len(speed)):
        shakes[report] = 0.55 * shakes[report - 1] + 0.835 * rng.normal(0, 1, STATIONS)
    waves = 0.9 * shakes + 0.4 * np.roll(shakes, -1, axis=1)
    occupancy = (flow / speed / LANES * VEHICLE_KM * rng.normal(1, 0.04, speed.shape)).clip(0, 1)
    told = (speed * (1 + spread * waves) + rng.normal(0, 0.8, speed.shape)).clip(4, 130)
    flow = (flow * rng.normal(1, 0.03, speed.shape)).clip(0)
    lost = rng.random(speed.shape) < 0.01
    for _ in range(len(speed) // REPORTS_A_DAY):
        station, first = int(rng.integers(STATIONS)), int(rng.integers(len(speed)))
        lost[first : first + int(rng.exponential(60)), station] = True
        if rng.random() < 0.15:
            station = int(rng.integers(STATIONS))
            for values in (told, flow, occupancy):
                values[first : first + 150, station] = values[first, station]
    found = [np.where(lost, np.nan, values) for values in (told, flow, occupancy)]
    return Recorded(found[0], found[1], found[2], collisions)
