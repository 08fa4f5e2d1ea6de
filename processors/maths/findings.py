"""A condition of a sensor of a feed that began or ended, as a processor tells it to itself and to the alarm engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from processors.maths import retired
from streams.contract.level import Level
from streams.contract.records import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

LEVEL: Level = 4
"""IV: what a sensor lacks is for its owner, not for a dispatcher."""


class Finding(NamedTuple):
    """A sensor's condition that began (`on`) or ended."""

    kind: str
    place: int
    at_ms: int
    known_ms: int
    """Up to where was judged when it was found."""
    on: bool
    value: float = 0.0
    limit: float = 0.0
    unit: str = ""
    retired: bool = False
    """It ended because the sensor has left."""
    column: str = ""
    """The one column that it is about, "" = the sensor as a whole."""


def detections(
    found: Iterable[Finding], where: retired.Where, sensor_ids: NDArray[np.object_]
) -> tuple[Detection, ...]:
    """Return what the alarm engine reads; `sensor_ids` by place."""
    return tuple(_detection(one, where, str(sensor_ids[one.place])) for one in found)


def _detection(one: Finding, where: retired.Where, sensor: str) -> Detection:
    if one.retired:
        return retired.end(where, one.kind, sensor, one.at_ms, one.known_ms)
    return Detection(
        city=where.city,
        domain=where.domain,
        kind=one.kind,
        entity=sensor,
        zone=where.zone,
        at_ms=one.at_ms,
        known_at_ms=one.known_ms,
        level=LEVEL if one.on else 0,
        value=one.value,
        limit=one.limit,
        unit=one.unit,
        basis="own choice",
        evidence={"column": one.column} if one.column else {},
    )
