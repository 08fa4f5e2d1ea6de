"""A publisher in the place of the live sink: fills Redis as docs/architecture.md says and moves the fake city on."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.contract.records import ROW_TYPES, Rows
from streams.contract.spec import column_metric

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from streams.city.registry import City
    from streams.contract.alarm_events import AlarmEvent

CHANGE = """
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch then epoch = ARGV[1]; redis.call('HSET', KEYS[2], 'epoch', epoch) end
local seq = redis.call('HINCRBY', KEYS[2], 'seq', 1)
local set, del = cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local parts = {}
for field, value in pairs(set) do
  redis.call('HSET', KEYS[1], field, value)
  parts[#parts + 1] = cjson.encode(field) .. ':' .. value
end
for _, field in ipairs(del) do redis.call('HDEL', KEYS[1], field) end
local gone = #del > 0 and cjson.encode(del) or '[]'
local numbered = '{"epoch":"' .. epoch .. '","seq":' .. seq
redis.call('PUBLISH', ARGV[4], numbered .. ',"set":{' .. table.concat(parts, ',') .. '},"del":' .. gone .. '}')
return seq
"""
SENSOR_METRICS = {
    "transit": ("lateness_s", 38.0, 20.0),
    "parking": ("occupancy_ratio", 0.66, 0.15),
    "environment": ("pm2_5_ug_m3", 32.0, 9.0),
    "weather": ("depth_cm", 0.8, 0.5),
    "water": ("pressure_mpa", 0.31, 0.03),
    "energy": ("load_ratio", 0.61, 0.08),
    "safety": ("crowd_per_m2", 0.9, 0.4),
    "fire": ("hydrant_mpa", 0.28, 0.02),
    "sanitation": ("fill_ratio", 0.42, 0.2),
    "services": ("requests_per_h", 34.0, 8.0),
    "health": ("bed_ratio", 0.81, 0.05),
}
SHOWN_SENSORS = {"weather": "underpass", "energy": "feeder", "safety": "crowd", "services": "hotline"}
"""Domain → kind of those sensors whose own rows the wall folds."""
ALARMS = [
    ("slow_traffic", "traffic", 1, "speed_km_h", 9.4, 22.0, "km/h"),
    ("underpass_flooding", "weather", 1, "depth_cm", 27.0, 25.0, "cm"),
    ("slow_traffic", "traffic", 2, "speed_km_h", 14.2, 22.0, "km/h"),
    ("crowd_dense", "safety", 2, "crowd_per_m2", 4.2, 4.0, "1/m²"),
    ("feeder_overload", "energy", 2, "load_ratio", 1.012, 1.0, ""),
    ("pm2_5_high", "environment", 3, "pm2_5_ug_m3", 162.0, 150.0, "µg/m³"),
    ("slow_traffic", "traffic", 3, "speed_km_h", 19.7, 24.5, "km/h"),
    ("parking_full", "parking", 3, "occupancy_ratio", 0.99, 0.98, ""),
    ("water_pressure_low", "water", 3, "pressure_mpa", 0.09, 0.1, "MPa"),
    ("sensor_silent", "environment", 4, "", 312.0, 180.0, "s"),
    ("bin_overfull", "sanitation", 4, "fill_ratio", 0.87, 0.85, ""),
    ("requests_surge", "services", 4, "requests_per_h", 171.0, 160.0, "1/h"),
]
"""(kind, domain, level, column, value, limit, unit)"""


def daily(at_ms: int) -> float:
    """Return the strength of the rush at that time, 0 to 1, peaks at 08:15 and 18:00 local (UTC+8)."""
    hour = (at_ms / 3_600_000 + 8) % 24
    return (
        0.95 * math.exp(-(((hour - 8.25) / 1.3) ** 2))
        + math.exp(-(((hour - 18) / 1.6) ** 2))
        + 0.35 * math.exp(-(((hour - 13) / 4) ** 2))
    )


def city_speed_km_h(at_ms: int) -> float:
    """Return the fake city's mean speed at a time."""
    return 44.0 - 15.0 * min(1.0, daily(at_ms)) + 0.8 * math.sin(at_ms / 97_000)


class FakeHistory:
    """Yesterday and before, as the history store would tell it; of alarms, what a test put in."""

    def __init__(self) -> None:
        self.ended: list[dict[str, Any]] = []
        self.events: list[AlarmEvent] = []  # the newest first

    def read(self, metric, entity, from_ms, until_ms, window_s) -> Rows:
        step_ms = window_s * 1000
        times = range(-(-from_ms // step_ms) * step_ms, until_ms, step_ms)
        values = [fake_value(metric, at_ms, _noise(at_ms, entity or "")) for at_ms in times]
        columns = {
            "entity": [entity] * len(times), "metric": [metric] * len(times), "at_ms": list(times),
            "window_s": [window_s] * len(times), "value": values, "coverage_ratio": [0.98] * len(times),
        }  # fmt: skip
        return Rows(**{name: np.array(columns.get(name, [0] * len(times)), kind) for name, kind in ROW_TYPES.items()})

    def alarm_events(self, wanted, limit, after=None) -> list:
        return [one for one in self.events if wanted.takes(one)][:limit]

    def alarms(self, wanted, limit, after=None) -> list:
        return [one for one in self.ended if wanted.takes(one)][:limit]


def _noise(at_ms: int, entity: str) -> float:
    return math.sin(at_ms / 61_000 + len(entity)) * 0.5 + math.sin(at_ms / 911_000 + (at_ms // 86_400_000) * 2.1)


def fake_value(metric: str, at_ms: int, noise: float) -> float:
    """Return a plausible value of a metric."""
    rush = min(1.0, daily(at_ms))
    known = {
        "speed_km_h": city_speed_km_h(at_ms) + 0.9 * noise,
        "tti_ratio": 1.15 + 0.75 * rush + 0.05 * noise,
        "tpi": 1.0 + 3.6 * rush + 0.25 * noise,
        "delay_s": 40 + 300 * rush + 10 * noise,
    }
    if metric in known:
        return known[metric]
    usual = {name: (mean, spread) for name, mean, spread in SENSOR_METRICS.values()}
    mean, spread = usual.get(metric, (1.0, 0.1))
    return mean * (0.8 + 0.4 * rush) + 0.4 * spread * noise


class FakeFeed:
    """Moves one fake city: `fill` once, then `tick` as often as wanted."""

    def __init__(self, city: City, redis: Redis, seed: int = 7, start_ms: int | None = None) -> None:
        self.city, self.redis, self.chance = city, redis, random.Random(seed)
        self.offset_ms = 0 if start_ms is None else start_ms - int(time.time() * 1000)
        self.mode, self.speed = "simulated", 1.0
        self.heat = [self.chance.random() ** 3 for _ in city.segments]
        self.alarms: dict[str, dict[str, Any]] = {}
        self.silent: set[str] = set()
        self.dead: set[str] = set()  # parts without pulse
        self.interval_s: float | None = None  # of every domain's sensors; None = as the city file says
        self._script = redis.register_script(CHANGE)
        self._hot_spots()

    def _hot_spots(self) -> None:
        slow = [index for index, segment in enumerate(self.city.segments) if segment.road_class == "expressway"]
        for start in self.chance.sample(slow, min(4, len(slow))):
            for index in range(start, min(start + 5, len(self.heat))):
                self.heat[index] = 2.6 + self.chance.random() * 2.4
        for index in self.chance.sample(range(len(self.heat)), len(self.heat) // 60):
            self.heat[index] = 1.5 + 2 * self.chance.random()

    def now_ms(self) -> int:
        """Return the fake city's clock."""
        return int(time.time() * 1000) + self.offset_ms

    async def change(self, fields: dict[str, Any], gone: tuple[str, ...] = ()) -> None:
        """Write fields and publish the delta in one Lua call."""
        city = self.city.id
        keys = [f"citywall:{city}:state", f"citywall:{city}:head"]
        values = {field: json.dumps(value, ensure_ascii=False) for field, value in fields.items()}
        args = [
            f"e{self.chance.getrandbits(32):08x}",
            json.dumps(values),
            json.dumps(list(gone)),
            f"citywall:{city}:deltas",
        ]
        await self._script(keys=keys, args=args)

    async def fill(self) -> None:
        """Write everything once."""
        now = self.now_ms()
        fields: dict[str, Any] = {"city": self._city(), "clock": self._clock()}
        for index in range(len(self.city.segments)):
            fields[f"s:{self.city.segments[index].id}"] = self._segment(index, now)
        fields |= self._metrics(now) | self._feeds(now) | self._parts() | self._first_alarms(now)
        await self.change(fields)

    async def tick(self, share: float = 0.1) -> None:
        """Move on: a share of the segments, the metrics, the sources and the pulses."""
        now = self.now_ms()
        chosen = self.chance.sample(range(len(self.city.segments)), max(1, int(len(self.city.segments) * share)))
        fields = {f"s:{self.city.segments[index].id}": self._segment(index, now) for index in chosen}
        fields |= self._metrics(now) | self._feeds(now) | self._parts() | {"clock": self._clock()}
        await self.change(fields)

    async def run(self, share: float = 0.1, interval_s: float = 1.0) -> None:
        """Tick for ever."""
        while True:
            await self.tick(share)
            await asyncio.sleep(interval_s)

    def _city(self) -> dict[str, Any]:
        city = self.city
        return {
            "id": city.id, "name_zh": city.name_zh, "name_en": city.name_en, "time_zone": city.time_zone,
            "version": city.version, "attribution": city.attribution, "mode": self.mode, "speed": self.speed,
        }  # fmt: skip

    def _clock(self) -> dict[str, Any]:
        return {"at_ms": self.now_ms(), "wall_ms": int(time.time() * 1000), "speed": self.speed}

    def _segment(self, index: int, now: int) -> list[Any]:
        segment = self.city.segments[index]
        tti = max(1.0, 1.0 + 0.28 * self.chance.random() + self.heat[index] * (0.25 if self.heat[index] < 1 else 0.72))
        return [
            now - 2000,
            round(tti, 3),
            round(segment.free_flow_km_h / tti, 1),
            0 if self.chance.random() < 0.5 else 1,
        ]

    def _metric(self, metric: str, value: float, domain: str, now: int) -> dict[str, Any]:
        return {
            "at_ms": now // 60_000 * 60_000, "window_s": 60, "value": round(value, 4), "coverage_ratio": 0.97,
            "state": 0, "method": f"fake-{metric}", "domain": domain,
        }  # fmt: skip

    def _metrics(self, now: int) -> dict[str, Any]:
        fields = {}
        for metric in ("speed_km_h", "tti_ratio", "tpi", "delay_s"):
            value = fake_value(metric, now, self.chance.uniform(-1, 1))
            fields[f"m:{metric}:city:{self.city.id}"] = self._metric(metric, value, "traffic", now)
        for domain, (metric, _, _) in SENSOR_METRICS.items():
            if domain in self.silent:
                continue
            value = fake_value(metric, now, self.chance.uniform(-1, 1))
            field = f"m:{column_metric(domain, metric)}:city:{self.city.id}"
            fields[field] = self._metric(metric, value, domain, now)
        for sensor in self.city.sensors:
            if sensor.id.startswith(SHOWN_SENSORS.get(sensor.domain, "-")) and sensor.domain not in self.silent:
                metric = SENSOR_METRICS[sensor.domain][0]
                value = fake_value(metric, now, self.chance.uniform(-1, 1))
                fields[f"m:{metric}:{sensor.id}"] = self._metric(metric, value, sensor.domain, now)
        return fields

    def _feeds(self, now: int) -> dict[str, Any]:
        wall = int(time.time() * 1000)
        domains = {sensor.domain for sensor in self.city.sensors} - self.silent
        new = {"at_ms": now - 1500, "received_ms": wall, "silent_ratio": 0.01, "interval_s": self.interval_s}
        return {f"f:{domain}": new for domain in sorted(domains)}

    async def beat(self) -> None:
        await self.change(self._parts())

    def _parts(self) -> dict[str, Any]:
        now = int(time.time() * 1000)
        partitions = [
            {
                "topic": "city.inbox.v1.traffic",
                "partition": 0,
                "group": "intake",
                "absorbed": 9,
                "end": 9,
                "lag_records": 12,
                "lag_s": 0.2,
            }
        ]
        parts = {}
        for part, rate in (("intake", 1240.0), ("processors", 1238.0), ("alarms", 0.4), ("sinks", 960.0)):
            if part in self.dead:
                continue
            rates = {"in_per_s": round(rate * self.chance.uniform(0.96, 1.04), 1)}
            parts[f"p:{part}"] = {"part": part, "pid": 1, "at_ms": now, "partitions": partitions, "rates": rates}
        dead = {"undecodable": 3, "unknown_sensor": 41, "future": 7, "out_of_range": 128, "too_late": 2}
        counts = {"readings_in": now * 12 // 10, "dead_lettered": dead}
        parts["b:intake:traffic:0"] = {"counts": counts}
        return parts

    def _first_alarms(self, now: int) -> dict[str, Any]:
        for number in range(24):
            shape = ALARMS[number % len(ALARMS)]
            age_ms = int(1000 * self.chance.choice([12, 45, 130, 400, 900, 2600]))
            self.raise_alarm(shape, now - age_ms, number)
        for name in list(self.alarms)[12::3]:
            taken = {"acknowledged_by": "陈静", "acknowledged_desk": "2 号台", "acknowledged_at_ms": now - 9000}
            self.alarms[name] |= taken | {"acknowledged": True, "standing": "acknowledged"}
        return {f"a:{name}": alarm for name, alarm in self.alarms.items()}

    def raise_alarm(self, shape: tuple[Any, ...], at_ms: int, number: int) -> dict[str, Any]:
        """Make an alarm of one of the shapes in ALARMS; write it with `change`."""
        kind, domain, level, column, value, limit, unit = shape
        if domain == "traffic":
            hot = [index for index, heat in enumerate(self.heat) if heat > 2]
            place = self.city.segments[hot[number % len(hot)]]
        else:
            kind_of = SHOWN_SENSORS.get(domain, "")
            found = [one for one in self.city.sensors if one.domain == domain and one.id.startswith(kind_of)]
            place = found[number * 5 % len(found)]
        name = f"A{number:05d}"
        self.alarms[name] = {
            "id": name, "city": self.city.id, "domain": domain, "kind": kind, "entity": place.id,
            "zone": self.city.zones[place.zone].id, "level": level, "state": "active", "acknowledged": False,
            "acknowledged_by": None, "acknowledged_desk": None, "acknowledged_at_ms": None, "why": None,
            "raised_at_ms": at_ms, "updated_at_ms": at_ms, "cleared_at_ms": None, "value": value, "limit": limit,
            "unit": unit, "basis": "own choice", "evidence": {"column": column} if column else {}, "count": 1,
            "standing": "unacknowledged", "revision": 1,
            "waiting_since_ms": at_ms, "changed_by": {"what": "raised", "who": "", "desk": "", "at_ms": at_ms},
        }  # fmt: skip
        return self.alarms[name]
