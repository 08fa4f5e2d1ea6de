"""How far behind and ahead of the clock each sensor's times rightly are, from `stamps`, `delay_s` and `late_limit_s`.

A sensor's *lag* is its delay, and its interval where it stamps the begin: so long after its time a reading is on time.
Where it stamps the end, its time may be an interval ahead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.contract.durations import MINUTE_MS
from streams.domains.schema import load_schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.city.parts import Sensor
    from streams.domains.schema import Schema

BEGIN, END = "begin", "end"
FUTURE_MS = 5 * MINUTE_MS
"""A time further ahead of the city clock than this is the mistake of a clock, not a reading's or a mark's."""


class Timing(NamedTuple):
    """(sensors + 1,) each, ms; the last, index -1, is of a sensor that nobody knows."""

    lag_ms: NDArray[np.int64]
    future_ms: NDArray[np.int64]
    """So far ahead of the city clock its times may be."""
    late_limit_ms: NDArray[np.int64]
    """What is further behind its source, less its lag, is too late: never more than its domain allows."""


def timing_of(sensors: Sequence[Sensor]) -> Timing:
    """Return the timing of a city's sensors."""
    schemas = load_schemas()
    count = len(sensors) + 1
    timing = Timing(np.zeros(count, np.int64), np.full(count, FUTURE_MS), np.full(count, np.iinfo(np.int64).max))
    for code, sensor in enumerate(sensors):
        schema = schemas.get(sensor.domain)
        timing.lag_ms[code] = round(lag_s(sensor, schema) * 1000)
        if _stamps(sensor, schema) == END:
            timing.future_ms[code] = max(FUTURE_MS, round(sensor.interval_s * 1000))
        if sensor.late_limit_s is not None:
            timing.late_limit_ms[code] = round(sensor.late_limit_s * 1000)
    return timing


def lag_s(sensor: Sensor, schema: Schema | None) -> float:
    """Return how long after its time a reading of a sensor is on time."""
    return sensor.delay_s + (sensor.interval_s if _stamps(sensor, schema) == BEGIN else 0.0)


def _stamps(sensor: Sensor, schema: Schema | None) -> str:
    return sensor.stamps or ("" if schema is None else schema.stamps)


def stamps_end(sensor: Sensor) -> bool:
    """Tell whether a sensor's times are the end of what its readings speak of."""
    return _stamps(sensor, load_schemas().get(sensor.domain)) == END
