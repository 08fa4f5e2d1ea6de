"""How sensors fail: silent, stuck, spiking, late, sent twice, with a wrong clock; by a seeded schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.contract.durations import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.feeds.sample_city.simulation.departments import Columns

SHORTEST_MIN, LONGEST_MIN = 10, 60

FAULTS_AN_HOUR = {"silent": 5.0, "stuck": 3.0, "spiking": 2.5, "late": 5.0, "twice": 5.0, "clock": 1.5}
"""Sensors in all the city that begin to fail so in an hour; each for SHORTEST_MIN to LONGEST_MIN minutes."""
SPIKE_SHARE = 0.02
TWICE_SHARE = 0.3
CLOCK_SHARE = 0.05
"""Share of a faulty sensor's readings that show the fault."""
CLOCK_ERRORS_MS = (2 * HOUR_MS, -3 * HOUR_MS, 61 * 8_766 * HOUR_MS)
LATE_MS = (15_000, 90_000)


class Fault(NamedTuple):
    """One sensor's fault for a while, in event time."""

    kind: str
    sensor: int
    from_ms: int
    until_ms: int


@dataclass
class Readings:
    """Readings of one group, row by row. `wait_ms` is how much later than the others a row is sent."""

    sensor: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    columns: Columns
    wait_ms: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Readings:
        """Return some of the rows, in the order given."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Readings(self.sensor[rows], self.at_ms[rows], columns, self.wait_ms[rows])


@dataclass
class Faults:
    """The faults of `sensors` sensors."""

    sensors: int
    seed: int
    _hours: dict[int, tuple[Fault, ...]] = field(default_factory=dict)
    _held: dict[int, tuple[float, ...]] = field(default_factory=dict)
    """Sensor that is stuck → the values it stands at."""

    def active(self, at_ms: int) -> list[Fault]:
        """Return the faults in force at an event time."""
        hour = at_ms // HOUR_MS
        self._hours = {known: found for known, found in self._hours.items() if abs(known - hour) <= 1}
        near = [*self._of_hour(hour - 1), *self._of_hour(hour)]
        return [fault for fault in near if fault.from_ms <= at_ms < fault.until_ms]

    def spoil(self, readings: Readings, active: list[Fault], draw: np.random.Generator) -> Readings:
        """Return the readings as faulty sensors send them."""
        for fault in active:
            rows = np.flatnonzero(readings.sensor == fault.sensor)
            if len(rows):
                readings = self._one(fault, readings, rows, draw)
        return readings

    def forget(self, active: list[Fault]) -> None:
        """Let go of the values of sensors that are no longer stuck."""
        stuck = {fault.sensor for fault in active if fault.kind == "stuck"}
        self._held = {sensor: held for sensor, held in self._held.items() if sensor in stuck}

    def _one(self, fault: Fault, readings: Readings, rows: NDArray[np.int64], draw: np.random.Generator) -> Readings:
        chance = draw.random(len(rows))
        if fault.kind == "silent":
            return readings.take(np.flatnonzero(readings.sensor != fault.sensor))
        if fault.kind == "twice":
            again = rows[chance < TWICE_SHARE]
            return readings.take(np.concatenate([np.arange(len(readings.at_ms)), again]))
        if fault.kind == "stuck":
            held = self._held.setdefault(fault.sensor, tuple(float(v[rows[0]]) for v in readings.columns.values()))
            for values, value in zip(readings.columns.values(), held, strict=True):
                values[rows] = value
        elif fault.kind == "spiking":
            for values in readings.columns.values():
                values[rows[chance < SPIKE_SHARE]] *= draw.uniform(4, 12)
        elif fault.kind == "late":
            readings.wait_ms[rows] = draw.integers(*LATE_MS, len(rows))
        else:
            error_ms = CLOCK_ERRORS_MS[fault.sensor % len(CLOCK_ERRORS_MS)]
            readings.at_ms[rows[chance < CLOCK_SHARE]] += error_ms
        return readings

    def _of_hour(self, hour: int) -> tuple[Fault, ...]:
        if hour not in self._hours:
            draw = np.random.default_rng((self.seed, 51, hour))
            found = []
            for kind, rate in FAULTS_AN_HOUR.items():
                for _ in range(draw.poisson(rate)):
                    from_ms = hour * HOUR_MS + int(draw.integers(0, HOUR_MS))
                    lasts_ms = int(draw.integers(SHORTEST_MIN, LONGEST_MIN)) * MINUTE_MS
                    found.append(Fault(kind, int(draw.integers(0, self.sensors)), from_ms, from_ms + lasts_ms))
            self._hours[hour] = tuple(found)
        return self._hours[hour]
