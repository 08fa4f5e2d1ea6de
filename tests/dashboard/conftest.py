"""The sample city, and a small city of two segments whose values are easy to work out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.config import WallConfig
from streams.city.registry import City, Segment, Sensor, Zone, load_city
from tests.dashboard.fake_feed import FakeHistory

SAMPLE_CITY = Path(__file__).parents[2] / "streams" / "feeds" / "sample_city" / "folder"


@pytest.fixture(scope="session")
def sample_city() -> City:
    return load_city(SAMPLE_CITY)


def road(name: str, length_m: float, free_flow_km_h: float, line: tuple[tuple[float, float], ...]) -> Segment:
    return Segment(name, 0, f"{name}路（东至西）", f"{name} Road", "arterial", 2, length_m, free_flow_km_h, (), line)


@pytest.fixture
def city() -> City:
    return City(
        id="duo",
        name_zh="双城",
        name_en="Duo",
        time_zone="Asia/Shanghai",
        attribution="",
        zones=(Zone("east", "东区", "East District"), Zone("west", "西区", "West District")),
        segments=(
            road("A", 1000, 60, ((120.0, 30.0), (120.01, 30.0))),
            road("A2", 500, 30, ((120.01, 30.0), (120.01, 30.01))),
        ),
        sensors=(
            Sensor("det-1", "traffic", 0, 0, 120.0, 30.0, 10, "甲线圈", "Loop A"),
            Sensor("underpass-1", "weather", 1, -1, 120.005, 30.005, 60, "西区下穿", "Underpass"),
        ),
    )


@pytest.fixture
def config(city: City) -> WallConfig:
    async def send(_: bytes) -> None: ...

    return WallConfig(
        city=city, redis="127.0.0.1:1", send_command=send, history=FakeHistory(), build="b1", started_ms=0
    )


def an_alarm(name: str = "a1", **changed: object) -> dict:
    alarm = {
        "id": name, "city": "duo", "domain": "traffic", "kind": "slow_traffic", "entity": "A", "zone": "east",
        "level": 2, "state": "active", "acknowledged": False, "acknowledged_by": None, "acknowledged_desk": None,
        "acknowledged_at_ms": None, "why": None, "raised_at_ms": 1000, "updated_at_ms": 1000, "cleared_at_ms": None,
        "value": 12.0, "limit": 24.0, "unit": "km/h", "basis": "own choice", "evidence": {}, "count": 1,
    }  # fmt: skip
    return alarm | changed
