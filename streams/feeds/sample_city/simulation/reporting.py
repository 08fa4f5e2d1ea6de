"""When sensors report, and how their readings are written: JSON lines for the inbox."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from streams.contract.durations import MINUTE_MS
from streams.feeds.lanes import Lane
from streams.feeds.sample_city.simulation.faults import Fault, Faults, Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from streams.feeds.sample_city.simulation.world import Group, World

DECIMALS = {
    "speed_km_h": 1,
    "flow_veh_h": 0,
    "occupancy_ratio": 3,
    "lateness_s": 0,
    "headway_s": 0,
    "wait_s": 0,
    "emergency_wait_s": 0,
    "trapped_s": 0,
    "inflow_persons_h": 0,
    "occupied_count": 0,
    "capacity_count": 0,
    "alarmed_count": 0,
    "responding_count": 0,
    "queue_count": 0,
    "visibility_m": 0,
    "wind_direction_deg": 0,
    "pressure_mpa": 4,
    "hydrant_mpa": 4,
    "voltage_ratio": 4,
    "frequency_hz": 3,
    "gas_lel_ratio": 4,
    "river_level_m": 3,
}
"""Digits after the point with which a column is sent; any other has two."""
THINNEST_MS = MINUTE_MS
"""However fast the clock, a sensor still reports once in every minute window."""


@dataclass(frozen=True)
class Cadence:
    """When the sensors of a group report: every `step_ms`, each at a moment of its own."""

    step_ms: NDArray[np.int64]
    phase_ms: NDArray[np.int64]

    @staticmethod
    def of(interval_s: Sequence[float], speed: float, seed: tuple[int, ...]) -> Cadence:
        """Plan for a clock of that speed: at most one report a wall-clock second, always one a minute of event time.

        So the load stays bounded up to speed 60, where a 1 s detector reports once a minute of event time.
        """
        interval_ms = np.asarray(interval_s) * 1000
        least_ms = min(speed * 1000, THINNEST_MS)
        step_ms = (interval_ms * np.maximum(np.ceil(least_ms / interval_ms), 1)).astype(np.int64)
        return Cadence(step_ms, (np.random.default_rng(seed).random(len(step_ms)) * step_ms).astype(np.int64))

    def due(self, from_ms: int, until_ms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (place in the group, event time) of all reports in [from_ms, until_ms), by time."""
        first = from_ms + (self.phase_ms - from_ms) % self.step_ms
        times = np.maximum(-((first - until_ms) // self.step_ms), 0)
        place = np.repeat(np.arange(len(first)), times)
        number = np.arange(len(place)) - np.repeat(np.cumsum(times) - times, times)
        at_ms = first[place] + number * self.step_ms[place]
        order = np.argsort(at_ms, kind="stable")
        return place[order], at_ms[order]


@dataclass
class Reporter:
    """Asks the world's sensors and writes down what they send, faults included."""

    world: World
    speed: float
    partition: NDArray[np.int64]
    """(sensors,) inbox partition of each sensor of the city."""
    _late: list[tuple[int, int, Lane, str]] = field(default_factory=list)
    """Heap of (when to send, number, lane, line)."""

    def __post_init__(self) -> None:
        """Plan every sensor's reports."""
        city, seed = self.world.city, self.world.seed
        self._ids = [sensor.id for sensor in city.sensors]
        self._cadence = {
            group.kind: Cadence.of(
                [city.sensors[code].interval_s for code in group.codes], self.speed, (seed, 41, number)
            )
            for number, group in enumerate(self.world.groups)
        }
        self._faults = Faults(len(self._ids), seed)
        self._templates: dict[tuple[str, ...], str] = {}
        self._number = itertools.count()

    def between(self, groups: Iterable[Group], from_ms: int, until_ms: int) -> dict[Lane, list[str]]:
        """Return the lines that those groups send for [from_ms, until_ms), and the late ones that arrive by then."""
        active = self._faults.active(until_ms)
        self._faults.forget(active)
        out: dict[Lane, list[str]] = {}
        for group in groups:
            place, at_ms = self._cadence[group.kind].due(from_ms, until_ms)
            if len(place):
                self._report(group, place, at_ms, active, out)
        while self._late and self._late[0][0] <= until_ms:
            _, _, lane, line = heapq.heappop(self._late)
            out.setdefault(lane, []).append(line)
        return out

    def _report(
        self,
        group: Group,
        place: NDArray[np.int64],
        at_ms: NDArray[np.int64],
        active: list[Fault],
        out: dict[Lane, list[str]],
    ) -> None:
        draw = np.random.default_rng((self.world.seed, 42, int(at_ms[0])))
        measured = self.world.measure(group, draw.standard_normal(len(group.codes)))
        columns = {name: values[place] for name, values in measured.items()}
        readings = Readings(group.codes[place], at_ms, columns, np.zeros(len(place), np.int64))
        readings = self._faults.spoil(readings, active, draw)
        lines = self._lines(readings)
        partitions = self.partition[readings.sensor].tolist()
        waits = readings.wait_ms.tolist()
        for line, partition, wait_ms, sent_ms in zip(lines, partitions, waits, readings.at_ms.tolist(), strict=True):
            lane = Lane(group.domain, partition)
            if wait_ms:
                heapq.heappush(self._late, (sent_ms + wait_ms, next(self._number), lane, line))
            else:
                out.setdefault(lane, []).append(line)

    def _lines(self, readings: Readings) -> list[str]:
        """Return one JSON object for each row."""
        template = self._template(readings.columns)
        columns = [values.tolist() for values in readings.columns.values()]
        rows = zip(readings.sensor.tolist(), readings.at_ms.tolist(), *columns, strict=True)
        return [template % (self._ids[sensor], *rest) for sensor, *rest in rows]

    def _template(self, columns: Mapping[str, object]) -> str:
        names = tuple(columns)
        if names not in self._templates:
            fields = "".join(f',"{name}":%.{DECIMALS.get(name, 2)}f' for name in names)
            self._templates[names] = f'{{"sensor":"%s","at":%d{fields}}}'
        return self._templates[names]
