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
    city, domain = where
    moved = city.former.get(domain)
    before = None if moved is None else moved.zone_at(rows.sensor, rows.at_ms)
    zone = (city.sensor_zone[rows.sensor] if before is None else before).astype(np.int16)  # 16 bits: sorted by radix
    order = np.argsort(zone, kind="stable")
    rows, mark, zone = rows.take(order), mark[order], zone[order]
    starts = np.flatnonzero(np.diff(zone, prepend=-1))
    frames = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(zone)], strict=True):
        code = int(zone[start])
        name = city.zones[code].id if moved is None else moved.zones[code]
        sent_before = sent.get(name, 0) - start
        for first in range(start, stop, FRAME_ROWS):
            last = min(first + FRAME_ROWS, stop)
            head = msgspec.structs.replace(whole, zone=name, mark_ms=int(mark[last - 1]), sent=sent_before + last)
            frames.append(_frame(rows.take(slice(first, last)), head, (code, *where)))
    return frames


def _frame(rows: FrameRows, head: FrameHeader, where: tuple[int, City, str]) -> tuple[FrameHeader, FrameRows]:
    names, sensor = _named(rows.sensor, where)
    columns = {name: values for name, values in rows.columns.items() if not np.isnan(values).all()}
    header = msgspec.structs.replace(
        head,
        first=(int(rows.offset[0]), int(rows.place[0])),
        last=(int(rows.offset[-1]), int(rows.place[-1])),
        sensors=names,
        columns=tuple(columns),
    )
    return header, FrameRows(rows.offset, rows.place, sensor, rows.at_ms, rows.lag_ms, columns)


def _named(codes: NDArray[np.int32], where: tuple[int, City, str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the names that a frame of a zone gives, and (n,) index of each row's sensor in them."""
    zone, city, domain = where
    if domain in city.former and (zone >= len(city.zones) or (city.sensor_zone[codes] != zone).any()):
        there, index = np.unique(codes, return_inverse=True)  # rows of sensors that are elsewhere now
        return tuple(city.sensor_ids[there].tolist()), index.astype(np.int32)
    names = city.sensor_names[domain, zone]
    sensor = city.sensor_rank[codes]
    if len(codes) >= len(names):
        return names, sensor
    here = np.zeros(len(names), bool)  # few rows: name only the sensors that they have
    here[sensor] = True
    names = tuple(city.sensor_ids[city.sensors_of_zone[domain, zone][here]].tolist())
    return names, (np.cumsum(here, dtype=np.int32) - 1)[sensor]
