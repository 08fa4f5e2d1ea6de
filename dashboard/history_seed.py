"""Fills the wall's sparklines, trends and normal bands from history: at the start, each day and each hour."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING

import anyio

from dashboard.days import LONGEST, SLOT_MS, by_face
from dashboard.hub import wall_clock_ms
from dashboard.tracks import Track, band
from dashboard.vitals import fold, rows_of, trends
from streams.contract.durations import HOUR_S
from streams.errors import CityError

if TYPE_CHECKING:
    from dashboard.config import History
    from dashboard.hub import Hub
    from dashboard.vitals import Vital

LOOK_S = 2.0
AGAIN_S = float(HOUR_S)
BAND_DAYS = 7
MOST_SENSORS = 80
"""A fold over more sensors begins empty: it would cost too many reads."""

log = logging.getLogger(__name__)


async def keep_seeded(hub: Hub) -> None:
    """Seed each figure once its rows are known, and all of them when the city's day changes and once an hour."""
    done: set[str] = set()
    day_ms, begun_at_s = None, 0.0
    while True:
        if hub.mirror.clock:
            now_ms = hub.screen.now_ms(wall_clock_ms())
            if hub.screen.day_start_ms(now_ms) != day_ms or time.monotonic() - begun_at_s > AGAIN_S:
                day_ms, begun_at_s = hub.screen.day_start_ms(now_ms), time.monotonic()
                done.clear()
            await _seed_new(hub, now_ms, done)
        await asyncio.sleep(LOOK_S)


async def _seed_new(hub: Hub, now_ms: int, done: set[str]) -> None:
    """Seed what has rows and is not done; a history that cannot be read is told once and tried again in an hour."""
    screen = hub.screen
    wanted = {vital.id: vital for vital in (*screen.shown_vitals(), *trends()) if vital.id in screen.seen - done}
    done |= set(wanted)
    try:
        for vital in wanted.values():
            track = screen.sparks[vital.id]
            track.seed(await _read(hub, vital, now_ms - track.length * track.bucket_ms, now_ms))
        for vital in trends():
            if vital.id in wanted:
                await _seed_trend(hub, vital, now_ms)
    except CityError as exc:
        log.info("history cannot be read, so sparklines and trends begin empty: %s", exc)
    if wanted:
        hub.mirror.changed.add("trends")


async def _seed_trend(hub: Hub, vital: Vital, now_ms: int) -> None:
    screen = hub.screen
    start_ms = screen.day_start_ms(now_ms)
    screen.days[vital.id].seed(await _read(hub, vital, start_ms, now_ms))
    days = []
    for ago in range(1, BAND_DAYS + 1):
        first_ms, until_ms = screen.day_start_ms(now_ms, ago), screen.day_start_ms(now_ms, ago - 1)
        track = Track(SLOT_MS, LONGEST)
        track.seed(await _read(hub, vital, first_ms, until_ms))
        faces = screen.faces(first_ms)
        values = track.since(first_ms, len(faces))
        if any(value is not None for value in values):
            days.append(by_face(values, faces))
    usual = band(days)
    screen.bands[vital.id] = (start_ms, [usual[face] for face in screen.faces(start_ms)] if usual else [])


async def _read(hub: Hub, vital: Vital, from_ms: int, until_ms: int) -> list[tuple[int, float | None]]:
    """Return (time, figure) of a tile in the past."""
    entities = [entity for entity, _ in rows_of(vital, hub.mirror.metrics, hub.screen.view.city)]
    if len(entities) > MOST_SENSORS:
        return []
    return await anyio.to_thread.run_sync(_fold, hub.config.history, vital, entities, (from_ms, until_ms))


def _fold(history: History, vital: Vital, entities: list[str], span: tuple[int, int]) -> list[tuple[int, float | None]]:
    minutes: dict[int, list[float]] = {}
    for entity in entities:
        rows = history.read(vital.field, entity, span[0], span[1], vital.window_s)
        for at_ms, value in zip(rows.at_ms.tolist(), rows.value.tolist(), strict=True):
            if math.isfinite(value):
                minutes.setdefault(at_ms, []).append(value)
    return [(at_ms, round(fold(vital, minutes[at_ms]) * vital.scale, 4)) for at_ms in sorted(minutes)]
