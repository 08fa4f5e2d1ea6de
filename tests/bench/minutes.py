"""The job on columns: open minutes as sums per segment, folded with bincount; for contestants on numpy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.bench.job import FREE_FLOW_KM_H, LATE_MS, MIN_SPEED_KM_H, MINUTE_MS, SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass
class Minutes:
    """The open minutes of one partition: start → (3, SEGMENTS) sums of flow, flow / speed and count."""

    open: dict[int, Any] = field(default_factory=dict)
    newest_ms: int = 0
    offset: int = 0
    """Next offset to fold."""

    def fold(
        self,
        at_ms: NDArray[np.int64],
        segment: NDArray[np.int64],
        speed_km_h: NDArray[np.float64],
        flow_veh_h: NDArray[np.float64],
    ) -> None:
        """Add readings, (n,) each."""
        speed_km_h = np.maximum(speed_km_h, MIN_SPEED_KM_H)
        minute = at_ms // MINUTE_MS * MINUTE_MS
        for start in np.unique(minute).tolist():
            mine = minute == start
            sums = self.open.setdefault(start, np.zeros((3, SEGMENTS)))
            for index, weight in enumerate((flow_veh_h, flow_veh_h / speed_km_h, None)):
                sums[index] += np.bincount(segment[mine], None if weight is None else weight[mine], SEGMENTS)
        self.newest_ms = max(self.newest_ms, int(at_ms.max()))

    def close(self) -> Iterator[bytes]:
        """Take out the minutes that are complete → their results."""
        complete = [start for start in self.open if start + MINUTE_MS <= self.newest_ms - LATE_MS]
        for start in sorted(complete):
            yield from results(start, *self.open.pop(start))


def results(
    start: int, flow: NDArray[np.float64], flow_by_speed: NDArray[np.float64], count: NDArray[np.float64]
) -> Iterator[bytes]:
    """Write one minute's results, (SEGMENTS,) each."""
    for segment in np.flatnonzero(count).tolist():
        tti = max(FREE_FLOW_KM_H * flow_by_speed[segment] / flow[segment], 1.0)
        yield json.dumps({"segment": segment, "at_ms": start, "tti": tti, "count": int(count[segment])}).encode()
