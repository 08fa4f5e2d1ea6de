"""Cut a chunk's rows into frames of one zone each, in zone order, rows in source order. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from streams.contract.frames import FrameRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.contract.frames import FrameHeader

FRAME_ROWS = 10_000


def cut(
    rows: FrameRows, mark: NDArray[np.int64], whole: FrameHeader, where: tuple[City, str], sent: Mapping[str, int]
) -> list[tuple[FrameHeader, FrameRows]]:
    """Return the frames of rows whose `sensor` holds city codes.

    Args:
        rows: of one source, checked, in source order.
        mark: (n,) the source's mark at each row.
        whole: what the headers of all frames share.
        where: city and domain.
        sent: zone id → rows sent to it before.
    """
    if not len(rows.at_ms):
        return []
    city, _ = where
    zone = city.sensor_zone[rows.sensor].astype(np.int16)  # 16 bits: numpy sorts them by radix
    order = np.argsort(zone, kind="stable")
    rows, mark, zone = rows.take(order), mark[order], zone[order]
    starts = np.flatnonzero(np.diff(zone, prepend=-1))
    frames = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(zone)], strict=True):
        code = int(zone[start])
        before = sent.get(city.zones[code].id, 0) - start
        for first in range(start, stop, FRAME_ROWS):
            last = min(first + FRAME_ROWS, stop)
            frames.append(_frame(rows.take(slice(first, last)), code, mark[last - 1], before + last, (whole, where)))
    return frames


def _frame(
    rows: FrameRows, zone: int, mark_ms: int, sent: int, of: tuple[FrameHeader, tuple[City, str]]
) -> tuple[FrameHeader, FrameRows]:
    whole, (city, domain) = of
    names = city.sensor_names[domain, zone]
    sensor = city.sensor_rank[rows.sensor]
    if len(rows.at_ms) < len(names):  # few rows: name only the sensors that they have
        there = np.zeros(len(names), bool)
        there[sensor] = True
        names = tuple(city.sensor_ids[city.sensors_of_zone[domain, zone][there]].tolist())
        sensor = (np.cumsum(there, dtype=np.int32) - 1)[sensor]
    columns = {name: values for name, values in rows.columns.items() if not np.isnan(values).all()}
    header = msgspec.structs.replace(
        whole,
        zone=city.zones[zone].id,
        first=(int(rows.offset[0]), int(rows.place[0])),
        last=(int(rows.offset[-1]), int(rows.place[-1])),
        mark_ms=int(mark_ms),
        sent=sent,
        sensors=names,
        columns=tuple(columns),
    )
    return header, FrameRows(rows.offset, rows.place, sensor, rows.at_ms, rows.lag_ms, columns)
