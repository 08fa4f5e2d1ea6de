"""What the sensors of the other eleven domains measure: daily curves, slow noise, the weather, and what has gone wrong.

out     per kind of sensor (its id up to the first hyphen) the columns of `streams/domains/<domain>.toml`, whose
        comments name the typical values and those of levels I to IV that are aimed at here
source  own choice; levels after the standards named in those files
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.contract.durations import HOUR_MS
from streams.feeds.sample_city.simulation.rhythm import (
    CALLS_BY_HOUR,
    CROWD_BY_HOUR,
    EMERGENCY_BY_HOUR,
    METRO_BY_HOUR,
    OFFICE_BY_HOUR,
    POWER_BY_HOUR,
    SHOPPING_BY_HOUR,
    WATER_BY_HOUR,
    Moment,
    curve,
)
from streams.feeds.sample_city.simulation.weather import Weather

Floats = NDArray[np.float64]
Columns = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Scene:
    """What bears on the n sensors of one kind at a moment; arrays are (n,)."""

    now: Moment
    weather: Weather
    trait: Floats
    """Each sensor's own character, 0 to 1, for ever the same."""
    slow: Floats
    """Noise of unit size that wanders over a quarter of an hour."""
    fast: Floats
    """Noise of unit size, new with every reading."""
    strength: Floats
    """0 = all is well, 1 = its bad condition is fully there."""
    level: NDArray[np.int64]
    """Level that the condition reaches, 0 = none."""
    since_s: Floats
    """How long the condition has lasted."""
    is_caused: NDArray[np.bool_]
    """Whether the condition came along a relation, from what the sensor's place hangs on."""
    is_dead: NDArray[np.bool_]
    """Whether it has no power."""
    left_cm: Floats
    """Water that standing pumps have left there, see `Sky.left_cm`."""
    jam: Floats
    """How slow the traffic of its zone is: travel time index less 1."""
    trouble: Floats
    """How many conditions its zone has."""

    def toward(self, normal: Floats, first: float, second: float, third: float, fourth: float) -> Floats:
        """Return the normal values, drawn to what a condition of level I, II, III or IV shows."""
        aim = np.array((0.0, first, second, third, fourth))[self.level]
        return normal + (aim - normal) * self.strength

    def daily(self, by_hour: tuple[int, ...]) -> float:
        """Return the day's curve, flatter on weekends."""
        return curve(by_hour, self.now.hour) * (0.75 if self.now.weekend else 1.0)


def _metro(s: Scene) -> Columns:
    crowd = s.daily(METRO_BY_HOUR) * (1 + 0.1 * s.weather.wetness)
    lateness_s = s.toward(10 + 18 * np.abs(s.slow) + 3 * s.fast, 2_000, 1_100, 500, 240)
    headway_s = 420 - 280 * crowd + 5 * s.fast + np.maximum(lateness_s - 120, 0) * 0.4
    inflow = (600 + 9_000 * s.trait**2) * crowd * (1 + 0.06 * s.slow + 0.03 * s.fast)
    return {"lateness_s": lateness_s, "headway_s": headway_s, "inflow_persons_h": np.maximum(inflow, 0)}


def _bus(s: Scene) -> Columns:
    normal = np.minimum(15 + 60 * s.jam + 20 * s.slow + 25 * s.weather.wetness, 150)
    load = 0.18 + 0.65 * s.daily(METRO_BY_HOUR) * (0.6 + 0.5 * s.trait) + 0.03 * s.slow
    return {
        "lateness_s": s.toward(normal + 3 * s.fast, 2_000, 1_100, 500, 240),
        "headway_s": 620 - 330 * s.daily(METRO_BY_HOUR) + 20 * s.slow,
        "load_ratio": np.clip(load + 0.15 * s.strength, 0, 1.0),
    }


def _park(s: Scene) -> Columns:
    capacity = np.round(80 + 900 * s.trait**2)
    normal = np.minimum(0.28 + 0.55 * s.daily(SHOPPING_BY_HOUR) * (0.7 + 0.4 * s.trait) + 0.02 * s.slow, 0.91)
    occupied = np.round(capacity * s.toward(normal, 1.0, 1.0, 0.99, 0.965))
    return {"occupied_count": occupied, "capacity_count": capacity, "occupancy_ratio": occupied / capacity}


def _air(s: Scene) -> Columns:
    washed = 1 - 0.45 * s.weather.wetness
    normal = (24 + 14 * s.trait + 8 * np.clip(s.jam, 0, 2) + 5 * s.slow) * washed
    pm2_5 = s.toward(np.maximum(normal, 4), 520, 265, 165, 125) + 0.4 * s.fast
    sun = max(0.0, np.sin(np.pi * (s.now.hour - 6) / 13))
    return {
        "pm2_5_ug_m3": pm2_5,
        "pm10_ug_m3": pm2_5 * (1.55 + 0.2 * s.trait) + s.fast,
        "no2_ug_m3": np.maximum(22 + 14 * s.jam + 12 * s.trait + 3 * s.slow + 0.4 * s.fast, 3),
        "so2_ug_m3": np.maximum(7 + 3 * s.trait + s.slow + 0.1 * s.fast, 2),
        "o3_ug_m3": np.maximum(28 + 75 * sun * washed + 6 * s.slow + 0.6 * s.fast, 5),
        "co_mg_m3": np.maximum(0.6 + 0.25 * s.jam + 0.2 * s.trait + 0.05 * s.slow, 0.2),
    }


def _noise(s: Scene) -> Columns:
    normal = np.minimum(50 + 4 * s.trait + 11 * s.daily(CROWD_BY_HOUR) + 1.5 * s.slow + 2 * s.weather.wetness, 70)
    return {"noise_db": s.toward(normal, 88, 83, 78, 74.5) + 0.5 * s.fast}


def _station(s: Scene) -> Columns:
    sky = s.weather
    rain = np.maximum(sky.rain_mm_h * (0.45 + 0.7 * s.trait) * (1 + 0.1 * s.slow + 0.03 * s.fast), 0)
    humidity = np.clip(0.58 + 0.1 * np.cos(2 * np.pi * (s.now.hour - 4) / 24) + 0.3 * (sky.rain_mm_h > 0), 0, 0.97)
    temperature = sky.temperature_c + 0.8 * (s.trait - 0.5) + 0.3 * s.slow + 0.05 * s.fast
    return {
        "temperature_c": temperature,
        "dew_point_c": temperature - (1 - humidity) * 20,
        "humidity_ratio": humidity + 0.01 * s.slow,
        "pressure_hpa": 1_016 - 4 * (sky.rain_mm_h > 0) + 0.8 * s.slow + 0.05 * s.fast,
        "wind_m_s": np.maximum(sky.wind_m_s * (0.8 + 0.4 * s.trait) + 0.5 * s.slow + 0.2 * s.fast, 0),
        "wind_direction_deg": (95 + 40 * s.slow + 4 * s.fast) % 360,
        "visibility_m": np.maximum(16_000 - 11_000 * sky.wetness**0.5 + 900 * s.slow + 50 * s.fast, 600),
        "rain_mm_h": rain,
        "rain_3h_mm": sky.rain_3h_mm * (0.45 + 0.7 * s.trait),
    }


def _underpass(s: Scene) -> Columns:
    normal = np.maximum(0.4 + (s.weather.pond_cm + s.left_cm) * (0.5 + s.trait) + 0.3 * s.slow, 0)
    return {"depth_cm": np.maximum(s.toward(normal, 32, 18.5, 12, 6.5) + 0.1 * s.fast, 0)}


def _river(s: Scene) -> Columns:
    return {"river_level_m": s.weather.river_m - 0.3 * (s.trait - 0.5) + 0.03 * s.slow + 0.004 * s.fast}


def _main(s: Scene) -> Columns:
    draw = s.daily(WATER_BY_HOUR)
    pressure = s.toward(0.36 - 0.07 * draw - 0.03 * s.trait + 0.006 * s.slow, 0.02, 0.055, 0.088, 0.128)
    flow = (300 + 1_300 * s.trait) * (0.25 + 0.75 * draw) * (1 + 0.04 * s.slow + 0.01 * s.fast)
    change = np.where(s.is_caused, -0.5, 0.6) * s.strength  # what leaves by a burst does not come to those behind it
    return {"pressure_mpa": pressure + 0.0015 * s.fast, "flow_m3_h": flow * (1 + change)}


def _quality(s: Scene) -> Columns:
    turbid = s.toward(0.22 + 0.12 * s.trait + 0.03 * s.slow, 1.6, 1.2, 0.9, 0.86)
    return {"turbidity_ntu": turbid + 0.01 * s.fast, "chlorine_mg_l": 0.34 + 0.08 * s.trait + 0.03 * s.slow}


def _feeder(s: Scene) -> Columns:
    normal = np.minimum(0.26 + 0.36 * s.daily(POWER_BY_HOUR) * (0.7 + 0.5 * s.trait) + 0.012 * s.slow, 0.74)
    load = s.toward(normal, 1.16, 1.04, 0.94, 0.845) + 0.004 * s.fast
    return {"load_ratio": np.where(s.is_dead, 0.0, load), "voltage_ratio": _voltage(s)}


def _pump(s: Scene) -> Columns:
    return {"voltage_ratio": _voltage(s)}


def _voltage(s: Scene) -> Floats:
    return np.where(s.is_dead, 0.0, 1.0 + 0.005 * s.slow + 0.001 * s.fast)


def _substation(s: Scene) -> Columns:
    load_mw = (90 + 150 * s.trait) * s.daily(POWER_BY_HOUR) * (1 + 0.01 * s.slow + 0.002 * s.fast)
    return {
        "load_mw": load_mw * (1 - s.toward(np.zeros_like(load_mw), 0.9, 0.7, 0.4, 0.2)),
        "voltage_ratio": s.toward(1.005 + 0.006 * s.slow, 0.6, 0.885, 0.92, 0.922) + 0.001 * s.fast,
        "frequency_hz": 50 + 0.012 * s.slow + 0.003 * s.fast,
    }


def _gas(s: Scene) -> Columns:
    lel = s.toward(0.008 + 0.008 * np.abs(s.slow), 0.56, 0.29, 0.225, 0.13) + 0.002 * np.abs(s.fast)
    return {"gas_lel_ratio": lel, "gas_kpa": 200 + 6 * s.slow + s.fast - 25 * s.strength}


def _heat(s: Scene) -> Columns:
    return {"supply_c": 86 - 0.5 * (s.weather.temperature_c - 10) + 2 * s.slow + 0.2 * s.fast}


def _crowd(s: Scene) -> Columns:
    normal = 0.05 + 0.95 * s.daily(CROWD_BY_HOUR) * (0.2 + s.trait) * (1 - 0.4 * s.weather.wetness)
    density = np.maximum(s.toward(normal * (1 + 0.08 * s.slow), 5.4, 4.3, 3.3, 2.3) + 0.02 * s.fast, 0)
    return {
        "crowd_per_m2": density,
        "inflow_persons_h": 150 + 2_400 * density * (0.4 + s.trait),
        "capacity_ratio": density / 6,
    }


def _lift(s: Scene) -> Columns:
    return {"trapped_s": np.where(s.level > 0, s.since_s, 0.0)}


def _panel(s: Scene) -> Columns:
    return {"alarmed_count": np.round(s.toward(np.zeros_like(s.trait), 5, 2, 1, 1))}


def _hydrant(s: Scene) -> Columns:
    return {"hydrant_mpa": s.toward(0.29 + 0.04 * s.trait + 0.008 * s.slow, 0.06, 0.085, 0.092, 0.128) + 0.001 * s.fast}


def _brigade(s: Scene) -> Columns:
    out = np.minimum(np.round(0.4 + 0.4 * s.slow + 0.6 * s.trouble).clip(0), 5)
    return {"responding_count": out, "ready_ratio": 1 - out / 9}


def _bin(s: Scene) -> Columns:
    day_share = (s.now.at_ms / HOUR_MS / (8 + 6 * s.trait) + 10 * s.trait) % 1.0
    return {"fill_ratio": s.toward(0.05 + 0.68 * day_share, 1.05, 1.04, 1.02, 0.91) + 0.002 * s.fast}


def _cover(s: Scene) -> Columns:
    return {"tilt_deg": np.maximum(s.toward(0.8 + 0.5 * s.trait, 75, 42, 18, 14) + 0.1 * s.fast, 0)}


def _lamp(s: Scene) -> Columns:
    return {"lamp_fault_ratio": np.clip(s.toward(0.008 + 0.012 * s.trait, 0.9, 0.7, 0.56, 0.22), 0, 1)}


def _hotline(s: Scene) -> Columns:
    push = 1 + 0.9 * s.weather.wetness + 0.25 * np.minimum(s.trouble, 3) + 0.3 * np.clip(s.jam, 0, 2)
    normal = np.minimum((18 + 34 * s.trait) * s.daily(CALLS_BY_HOUR) * push * (1 + 0.08 * s.slow), 150)
    calls = s.toward(normal, 320, 290, 260, 190)
    return {
        "requests_per_h": np.maximum(calls + s.fast, 0),
        "wait_s": np.maximum(8 + 0.25 * calls + s.fast, 2),
        "on_time_ratio": np.clip(0.975 + 0.008 * s.slow, 0.93, 1),
    }


def _hall(s: Scene) -> Columns:
    office = curve(OFFICE_BY_HOUR, s.now.hour) * (not s.now.weekend)
    wait_s = s.toward(
        np.minimum(office * (240 + 420 * s.trait) * (1 + 0.15 * s.slow), 1_100), 4_200, 3_200, 2_600, 1_700
    )
    return {"wait_s": np.maximum(wait_s + 4 * s.fast, 0), "queue_count": np.round(np.maximum(wait_s, 0) / 28)}


def _hospital(s: Scene) -> Columns:
    rush = curve(EMERGENCY_BY_HOUR, s.now.hour)
    wait_s = np.minimum(350 + 1_300 * rush * (0.5 + 0.5 * s.trait) * (1 + 0.1 * s.slow), 2_600)
    return {
        "bed_ratio": s.toward(0.74 + 0.13 * s.trait + 0.008 * s.slow, 1.06, 1.04, 1.02, 0.965),
        "emergency_wait_s": np.maximum(wait_s * (1 + 0.4 * s.strength) + 5 * s.fast, 60),
        "arrivals_per_h": np.maximum((6 + 16 * s.trait) * rush * (1 + 0.1 * s.slow + 0.2 * s.weather.wetness), 0),
    }


def _ambulance(s: Scene) -> Columns:
    rush = curve(EMERGENCY_BY_HOUR, s.now.hour)
    return {
        "ambulance_ready_ratio": np.round(np.clip(0.95 - 0.3 * rush - 0.05 * s.trouble + 0.05 * s.slow, 0.35, 1) * 8)
        / 8
    }


MEASURE: dict[str, Callable[[Scene], Columns]] = {
    "metro": _metro,
    "bus": _bus,
    "park": _park,
    "air": _air,
    "noise": _noise,
    "station": _station,
    "underpass": _underpass,
    "river": _river,
    "main": _main,
    "quality": _quality,
    "feeder": _feeder,
    "pump": _pump,
    "substation": _substation,
    "gas": _gas,
    "heat": _heat,
    "crowd": _crowd,
    "lift": _lift,
    "panel": _panel,
    "hydrant": _hydrant,
    "brigade": _brigade,
    "bin": _bin,
    "cover": _cover,
    "lamp": _lamp,
    "hotline": _hotline,
    "hall": _hall,
    "hospital": _hospital,
    "ambulance": _ambulance,
}
"""Kind of sensor → what it measures."""
