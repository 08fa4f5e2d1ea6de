"""What a zone's segments were like when windows closed, for segments whose length or free flow was edited since.

A correction adds what came late to a window, and changes nothing else of it: the segment is the one of the close.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from processors.maths.places import unpacked
from streams.contract.records import NO_TIME_MS

if TYPE_CHECKING:
    from processors.maths.places import RoadLayout
    from processors.maths.windows import Windows


@dataclass
class Edited:
    """(e,) what segments are no more, in the order of the edits; empty where none was edited within a late limit."""

    segment: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Its place …"""
    until_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """… and up to where its windows were closed when that changed."""
    length_km: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    free_flow_km_h: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


def keep(edited: Edited, segments: bytes, layout: RoadLayout, windows: Windows) -> None:
    """Keep what segments were like in a register, and are not in its next layout; before the step moves its windows.

    What held while no window closed is needed by none: it is not kept.
    """
    registered = unpacked(segments)
    known = len(registered)
    length_km = np.array([road[1] for road in registered], np.float64)
    free_flow_km_h = np.array([road[2] for road in registered], np.float64)
    changed = (length_km != layout.length_km[:known]) | (free_flow_km_h != layout.free_flow_km_h[:known])
    if not changed.any():
        return
    until_ms, kept_ms = _closed_ms(layout, windows)[:known], np.full(known, NO_TIME_MS)
    np.maximum.at(kept_ms, edited.segment, edited.until_ms)
    segment = np.flatnonzero(changed & (until_ms > kept_ms))
    edited.segment = np.concatenate([edited.segment, segment])
    edited.until_ms = np.concatenate([edited.until_ms, until_ms[segment]])
    edited.length_km = np.concatenate([edited.length_km, length_km[segment]])
    edited.free_flow_km_h = np.concatenate([edited.free_flow_km_h, free_flow_km_h[segment]])


def _closed_ms(layout: RoadLayout, windows: Windows) -> NDArray[np.int64]:
    """Return (k,) up to where each segment's windows are closed."""
    if not windows.lags:
        return np.full(len(layout.segment_ids), windows.watermark_ms)
    closed_ms = np.full(len(layout.segment_ids), NO_TIME_MS)
    segment = layout.segment[: len(windows.passed_ms)]
    np.maximum.at(closed_ms, segment[segment >= 0], windows.passed_ms[segment >= 0])
    return closed_ms


def at_close(edited: Edited, layout: RoadLayout, end_ms: int) -> RoadLayout:
    """Return the layout with segments as they were when their windows that end then were closed."""
    later = np.flatnonzero(edited.until_ms >= end_ms)[::-1]  # of several the first edit's is written last, and stays
    if not later.size:
        return layout
    length_km, free_flow_km_h = layout.length_km.copy(), layout.free_flow_km_h.copy()
    length_km[edited.segment[later]] = edited.length_km[later]
    free_flow_km_h[edited.segment[later]] = edited.free_flow_km_h[later]
    return replace(layout, length_km=length_km, free_flow_km_h=free_flow_km_h)


def forget(edited: Edited, end_ms: int) -> None:
    """Drop what only windows need that end by then."""
    needed = edited.until_ms > end_ms
    if not needed.all():
        edited.segment, edited.until_ms = edited.segment[needed], edited.until_ms[needed]
        edited.length_km, edited.free_flow_km_h = edited.length_km[needed], edited.free_flow_km_h[needed]
