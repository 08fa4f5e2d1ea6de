"""How far back a source's readings are taken: by the clock, and when its limits are raised. Pure.

A sensor's *reach* is its domain's late limit and its own lag: what is further behind its source is too late, and
forgotten by the windows and books behind. Where a new version of the city, or a domain's file, makes it longer, what
was too late by then stays so: its late readings alone would become the whole value of a window that nobody remembers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.domains.schema import Schema
    from streams.intake.marks import Arrivals


class Ended(msgspec.Struct, frozen=True):
    """Limits that ended when a source had come to `mark_ms`, and were smaller for some sensor than those after them."""

    version: int
    """The city's."""
    late_limit_ms: int
    """The domain's."""
    mark_ms: int


def floor_ms(ended: Ended, before: City | None, city: City, schema: Schema) -> NDArray[np.int64] | None:
    """Return (sensors + 1,) the time up to which each sensor's readings are too late, NO_TIME_MS where it raised none.

    `before` is the city whose limits ended, None = nobody has it any more. Whom it did not have, has today's lag.
    None: no sensor's reach is longer now.
    """
    lag_ms = city.timing.lag_ms
    was_ms = _lag_then_ms(before, city, schema.domain) + ended.late_limit_ms
    longer = was_ms < lag_ms + schema.late_limit_ms
    return np.where(longer, ended.mark_ms - was_ms, NO_TIME_MS) if longer.any() else None


def _lag_then_ms(before: City | None, city: City, domain: str) -> NDArray[np.int64]:
    lag_ms = city.timing.lag_ms
    if before is None or before is city or not (before.longest_lag_ms.get(domain) or city.longest_lag_ms.get(domain)):
        return lag_ms
    lag_ms = lag_ms.copy()
    for code in np.flatnonzero(city.sensors_of_domain.get(domain, np.empty(0, bool))).tolist():
        then = before.sensor_code.get(city.sensors[code].id)
        if then is not None:
            lag_ms[code] = before.timing.lag_ms[then]
    return lag_ms


def is_over(ended: Ended, reached_ms: int, city: City, schema: Schema) -> bool:
    """Tell whether by today's limits, too, all is too late that was so then, now that the source has come so far."""
    longest_ms = schema.late_limit_ms + city.longest_lag_ms.get(schema.domain, 0)
    return reached_ms - longest_ms >= ended.mark_ms - ended.late_limit_ms


def highest(floors_ms: Iterable[NDArray[np.int64] | None]) -> NDArray[np.int64] | None:
    """Return the highest of several, each (sensors + 1,); None where there is none."""
    there = [one for one in floors_ms if one is not None]
    return np.maximum.reduce(there) if there else None


def behind_clock(
    record: NDArray[np.integer[Any]], due_ms: NDArray[np.int64], came: Arrivals, schema: Schema
) -> NDArray[np.int64] | None:
    """Return (n,) how far each row is behind the mark that a punctual source would have; None: none by too much.

    `record` is (n,) the record of each row, `due_ms` (n,) its time and its sensor's lag.
    """
    over_ms = came.over_ms - schema.disorder_ms
    latest_ms, oldest_ms = int(over_ms.max(initial=NO_TIME_MS)), int(due_ms.min(initial=-NO_TIME_MS))
    if latest_ms - oldest_ms <= schema.late_limit_ms:
        return None
    behind_ms: NDArray[np.int64] = over_ms[record] - due_ms
    return behind_ms


def after_quiet(lag_ms: NDArray[np.int64], idle_lag_ms: NDArray[np.int64], late_limit_ms: int) -> NDArray[np.int64]:
    """Return (n,) lags behind the source, of rows so far behind the mark of a quiet time.

    That mark only refuses, it makes nothing late: what it has passed by more than the late limit may have been
    forgotten by the windows that it closed.
    """
    return np.where(idle_lag_ms > late_limit_ms, np.maximum(lag_ms, idle_lag_ms), lag_ms)


def beyond(lag_ms: NDArray[np.int64], short_ms: NDArray[np.int64], late_limit_ms: int) -> NDArray[np.int64]:
    """Return (n,) lags, of rows that are `short_ms` (n,) older than what is taken as far beyond the late limit."""
    return np.where(short_ms > 0, np.maximum(lag_ms, late_limit_ms + short_ms), lag_ms)
