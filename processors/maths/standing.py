"""Which levels stand now, and up to when each is judged: what the zone stage tells the second level again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from processors.maths import hold
from processors.maths.places import unpacked
from streams.contract.records import LevelChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from processors.maths.levels import Levels
    from processors.maths.places import Places
    from streams.contract.level import Level


def at_sensors(levels: Levels, places: Places, sensor_of: NDArray[np.int64]) -> Iterator[LevelChange]:
    """Yield the levels of rules; `sensor_of` is (cells,) place of each one's sensor."""
    ids = msgspec.msgpack.decode(places.sensors, type=list[str])
    by_rule: Mapping[str, NDArray[np.int64]] = {
        **{rule: held.severity for rule, held in levels.holds.items()},
        **{rule: held.severity for rule, held in levels.absent.items()},
    }
    for rule, severity in by_rule.items():
        for cell in np.flatnonzero(severity > 0).tolist():
            sensor = int(sensor_of[cell])
            yield LevelChange(rule, ids[sensor], int(levels.judged_ms[sensor]), hold.level(int(severity[cell])))


def at_segments(
    kind: str, segments: bytes, reached: NDArray[np.int64], until_ms: NDArray[np.int64], levels: Sequence[Level]
) -> Iterator[LevelChange]:
    """Yield the levels of one kind: (k,) index into `levels` and up to when judged, of a register's segments."""
    ids = [one for one, *_ in unpacked(segments)]
    for place in np.flatnonzero(reached > 0).tolist():
        yield LevelChange(kind, ids[place], int(until_ms[place]), levels[int(reached[place])])
