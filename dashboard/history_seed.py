"""Fills the wall's sparklines, trends and normal bands from history: at the start and once an hour of event time or wall."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING

import anyio

from dashboard.hub import wall_clock_ms
from dashboard.screen import SPARK_LENGTH, SPARK_MS, TREND_LENGTH, TREND_MS
from dashboard.tracks import DAY_MS, Track, band
from dashboard.vitals import trends, vitals
from streams.errors import CityError

if TYPE_CHECKING:
    from dashboard.hub import Hub
    from dashboard.vitals import Vital

LOOK_S = 5.0
AGAIN_MS = 3_600_000
BAND_DAYS = 7
WINDOW_S = 60

log = logging.getLogger(__name__)


async def keep_seeded(hub: Hub) -> None:
    """Seed once the city's clock is known, then whenever its day changes and once an hour."""
    seeded: tuple[int, int] | None = None
    while True:
        if hub.mirror.clock:
            now_ms = hub.screen.now_ms(wall_clock_ms())
            mark = (hub.screen.day_start_ms(now_ms), now_ms // AGAIN_MS)
            if mark != seeded:
                seeded = mark
                await seed(hub, now_ms)
        await asyncio.sleep(LOOK_S if seeded else 0.2)


async def seed(hub: Hub, now_ms: int) -> None:
    """Read what there is; a history that cannot be read leaves the bands empty, and is told once."""
    screen = hub.screen
    try:
        for vital in vitals():
            if vital.of == "city" and vital.domain in screen.names:
                first = now_ms - SPARK_LENGTH * SPARK_MS
                rows = await anyio.to_thread.run_sync(_read, hub, vital, first, now_ms)
                screen.sparks[vital.id].seed(rows)
        for vital in trends():
            if vital.of == "city" and vital.domain in screen.names:
                await _seed_trend(hub, vital, now_ms)
    except CityError as exc:
        log.info("history cannot be read, so the wall begins with empty trends: %s", exc)
    hub.mirror.changed.add("trends")


async def _seed_trend(hub: Hub, vital: Vital, now_ms: int) -> None:
    screen = hub.screen
    start_ms = screen.day_start_ms(now_ms)
    screen.days[vital.id].seed(await anyio.to_thread.run_sync(_read, hub, vital, start_ms, now_ms))
    days = []
    for ago in range(1, BAND_DAYS + 1):
        first = screen.day_start_ms(now_ms, ago)
        track = Track(TREND_MS, TREND_LENGTH)
        track.seed(await anyio.to_thread.run_sync(_read, hub, vital, first, first + DAY_MS))
        values = track.since(first, TREND_LENGTH)
        if any(value is not None for value in values):
            days.append(values)
    screen.bands[vital.id] = (start_ms, band(days))


def _read(hub: Hub, vital: Vital, from_ms: int, until_ms: int) -> list[tuple[int, float | None]]:
    city = f"city:{hub.config.city.id}"
    rows = hub.config.history.read(vital.metric, city, from_ms, until_ms, WINDOW_S)
    return [
        (int(at_ms), round(float(value) * vital.scale, 4) if math.isfinite(value) else None)
        for at_ms, value in zip(rows.at_ms, rows.value, strict=True)
    ]
