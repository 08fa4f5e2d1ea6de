"""The last sensor of a zone, or the zone itself, leaves: the city tells each of its windows once, and goes on."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.config.components import discover
from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.contract.spec import Hosted
from streams.contract.stage import Message, Record
from streams.intake import followed_city
from streams.second.second_stage import SECOND_LEVEL, SecondLevelStage
from tests.fakes import FakeHost
from tests.processors.contract import shipped_config
from tests.streams.moving import MINUTE_MS, START_MS, Life, lived, road_city

BEGIN, EDITED, END = 57, 60, 64
"""Minutes: three of an hour and four of the next, which has begun when the city is edited."""
EDITED_MS = START_MS + EDITED * MINUTE_MS + 3_000
BOTH_KM_H = 30.0  # 2 / (1 / 60 + 1 / 20): a road counts by its mean flow, however few its readings are
READINGS = {57: 12, 58: 12, 59: 12, 60: 7, 61: 6, 62: 6}
"""Minute → how many there are of it; the last one is not over."""
MINUTES = {at: [("", 0, count, BOTH_KM_H if at <= EDITED else 60.0)] for at, count in READINGS.items()}
HOUR = [(0, 0, 36, BOTH_KM_H)]


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_city, "LOOK_EVERY_S", 0.0)


def without_sensor(folder: Path) -> None:
    path = folder / "sensors.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(one for one in lines if not one.startswith("d1,")) + "\n", encoding="utf-8")


def without_zone(folder: Path) -> None:
    without_sensor(folder)
    for name in ("zones", "segments"):
        path = folder / f"{name}.geojson"
        found = json.loads(path.read_text(encoding="utf-8"))
        del found["features"][1]
        path.write_text(json.dumps(found), encoding="utf-8")


def readings() -> Iterator[tuple[int, dict[str, Any]]]:
    """Every 10 s: d0 at 60 km/h; d1 at 20, until it leaves."""
    for at_ms in range(START_MS + BEGIN * MINUTE_MS, START_MS + END * MINUTE_MS, 10_000):
        yield at_ms, {"sensor": "d0", "at": at_ms, "speed_km_h": 60, "flow_veh_h": 600}
        if at_ms < EDITED_MS:
            yield at_ms + 1, {"sensor": "d1", "at": at_ms, "speed_km_h": 20, "flow_veh_h": 600}


def hours(life: Life) -> list[tuple[int, int, int, float]]:
    rows = life.rows("speed_km_h", 3600)
    return [(row.minute, row.revision, row.count, row.value) for row in rows if row.entity == "city:small"]


@pytest.mark.parametrize("edit", [without_sensor, without_zone])
@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_the_city_tells_the_last_windows_of_a_zone_once(tmp_path: Path, edit: Callable[[Path], None], cut: int):
    life = lived(Life(road_city(tmp_path), "traffic", cut=cut), readings(), {EDITED_MS: edit})
    assert life.of("city:small", "speed_km_h") == MINUTES
    assert hours(life) == HOUR


@pytest.mark.parametrize("edit", [without_sensor, without_zone])
def test_no_order_of_the_zones_frames_changes_what_the_city_tells(tmp_path: Path, edit: Callable[[Path], None]):
    life = lived(Life(road_city(tmp_path), "traffic"), readings(), {EDITED_MS: edit})
    log = life.bus.log(topics.METRICS)
    frames = [one for one in log if decode_metrics(one.value or b"").zone != SECOND_LEVEL]
    for first in ("z0", "z1", ""):
        asyncio.run(second_level(life, in_order(frames, first)))
        assert life.of("city:small", "speed_km_h") == MINUTES, first
        assert hours(life) == HOUR, first


def test_a_zone_that_has_left_does_not_delay_a_city_whose_sensors_send_late(tmp_path: Path):
    """Both are 20 s behind: a minute is over when the last reading is 25 s, 5 of them disorder, after it."""
    folder = road_city(tmp_path)
    path = folder / "sensors.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([f"{head},delay_s", *(f"{one},20" for one in lines)]) + "\n", encoding="utf-8")
    life = lived(Life(folder, "traffic", cut=1), readings(), {EDITED_MS: without_sensor})
    assert life.of("city:small", "speed_km_h") == MINUTES
    frames = [decode_metrics(one.value or b"") for one in life.bus.log(topics.METRICS)]
    told = [one for one in frames if one.zone == SECOND_LEVEL and "city:small" in one.rows.entity.tolist()]
    assert [one.watermark_ms - int(one.rows.at_ms.max()) for one in told] == [MINUTE_MS + 25_000] * len(MINUTES)


def in_order(frames: list[Record], first: str) -> list[Record]:
    """Once both zones have been heard of, one tells all before the other, or they mingle."""
    of_zone = {zone: [one for one in frames if one.key == zone.encode()] for zone in ("z0", "z1")}
    mingled = random.Random(7).sample([one.key.decode() for one in frames], len(frames))
    zones = sorted(mingled, key=lambda zone: zone != first) if first else mingled
    return [of_zone[zone].pop(0) for zone in ("z0", "z1", *zones) if of_zone[zone]]


async def second_level(life: Life, frames: list[Record]) -> None:
    """Have a second level that knows nothing yet take these frames."""
    for topic in (topics.METRICS, topics.state("second")):
        life.bus.log(topic).clear()
    for one in frames:
        life.bus.put(Message(topics.METRICS, one.key, one.value, 0, one.headers))
    hosted = [Hosted(name, spec, shipped_config(name, spec)) for name, spec in discover().items()]
    host = FakeHost(SecondLevelStage(life.folder, [one for one in hosted if one.spec.second_level]), life.bus)
    await host.start()
    await host.drain()
