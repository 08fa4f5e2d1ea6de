"""The sensors of the sample city: a detector on every road segment, and what the other departments have in each zone.

A sensor's kind is its id up to the first hyphen; the simulated feed goes by it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.contract.name import Name
from streams.feeds.sample_city.generator import terrain
from streams.feeds.sample_city.generator.names import RIVER, ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from streams.feeds.sample_city.generator.segments import Piece
    from streams.feeds.sample_city.generator.terrain import Point

DETECTOR_INTERVAL_S = {"expressway": 1, "arterial": 1, "collector": 10, "local": 20}


@dataclass(frozen=True, slots=True)
class Kind:
    """Sensors of one kind, so many in each zone."""

    kind: str
    domain: str
    per_zone: int
    interval_s: int
    name: Name


KINDS = (
    Kind("metro", "transit", 3, 10, Name("地铁站", "Metro station")),
    Kind("bus", "transit", 4, 10, Name("公交线路", "Bus line")),
    Kind("park", "parking", 5, 30, Name("停车场", "Car park")),
    Kind("air", "environment", 2, 30, Name("空气站", "Air station")),
    Kind("noise", "environment", 3, 10, Name("噪声点", "Noise meter")),
    Kind("station", "weather", 1, 10, Name("气象站", "Weather station")),
    Kind("underpass", "weather", 2, 10, Name("下穿通道", "Underpass")),
    Kind("main", "water", 4, 10, Name("供水管网", "Water main")),
    Kind("quality", "water", 1, 60, Name("水质点", "Water quality")),
    Kind("feeder", "energy", 4, 5, Name("馈线", "Feeder")),
    Kind("substation", "energy", 1, 5, Name("变电站", "Substation")),
    Kind("gas", "energy", 4, 10, Name("燃气阀井", "Gas well")),
    Kind("heat", "energy", 1, 60, Name("换热站", "Heat exchange")),
    Kind("crowd", "safety", 3, 10, Name("人群密度", "Crowd camera")),
    Kind("lift", "safety", 3, 30, Name("电梯", "Lift")),
    Kind("panel", "fire", 4, 10, Name("消防主机", "Fire panel")),
    Kind("hydrant", "fire", 3, 60, Name("消火栓", "Hydrant")),
    Kind("brigade", "fire", 1, 30, Name("消防站", "Fire station")),
    Kind("bin", "sanitation", 5, 60, Name("垃圾箱", "Bin")),
    Kind("cover", "sanitation", 4, 60, Name("井盖", "Manhole cover")),
    Kind("lamp", "sanitation", 3, 60, Name("路灯回路", "Lamp circuit")),
    Kind("hotline", "services", 1, 30, Name("12345 热线", "12345 hotline")),
    Kind("hall", "services", 1, 30, Name("政务大厅", "Service hall")),
    Kind("hospital", "health", 2, 30, Name("医院", "Hospital")),
    Kind("ambulance", "health", 1, 30, Name("急救站", "Ambulance station")),
)
ON_ROAD = frozenset({"underpass"})
"""Kinds that watch a road segment."""
RIVER_GAUGES = 6
PUMP = Kind("pump", "energy", 0, 10, Name("排水泵站", "Drainage pump"))
"""One beside every underpass; its cabinet reports the voltage of its supply."""


def rows(random: Random, pieces: Sequence[Piece]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of `sensors.csv`, in the order of its columns; of several with one name each but one a number."""
    named = Counter[str]()
    for *row, zh, en in _rows(random, pieces):
        named[en] += 1
        number = f"({named[en]})"
        yield (*row, zh, en) if named[en] == 1 else (*row, f"{zh} {number}", f"{en} {number}")


def _rows(random: Random, pieces: Sequence[Piece]) -> Iterator[tuple[str, ...]]:
    for piece in pieces:
        lng, lat = _placed(piece.line[len(piece.line) // 2])
        interval = str(DETECTOR_INTERVAL_S[piece.road_class])
        name = piece.name
        yield f"det-{piece.id}", "traffic", ZONES[piece.zone][0], piece.id, lng, lat, interval, name.zh, name.en
    pumps = []
    for zone, (zone_id, zone_name) in enumerate(ZONES):
        here = [piece for piece in pieces if piece.zone == zone and piece.road_class != "expressway"]
        for kind in KINDS:
            for number, piece in enumerate(random.sample(here, kind.per_zone), start=1):
                place, middle = f"{zone_id}-{number}", piece.line[len(piece.line) // 2]
                if kind.kind in ON_ROAD:
                    pumps.append(_row(PUMP, place, zone_name, piece, middle))
                else:
                    middle = middle[0] + random.uniform(-90.0, 90.0), middle[1] + random.uniform(-90.0, 90.0)
                yield _row(kind, place, zone_name, piece, middle)
    yield from _gauges()
    yield from pumps  # last, so that what stood there before them keeps its line


def _row(kind: Kind, place: str, zone: Name, piece: Piece, point: Point) -> tuple[str, ...]:
    lng, lat = _placed(point)
    zh = f"{zone.zh} {piece.road.zh} {kind.name.zh}"
    en = f"{kind.name.en}, {piece.road.en}, {zone.en}"
    segment = piece.id if kind.kind in ON_ROAD else ""
    return f"{kind.kind}-{place}", kind.domain, place.rsplit("-", 1)[0], segment, lng, lat, str(kind.interval_s), zh, en


def _gauges() -> Iterator[tuple[str, ...]]:
    inside = [point for point in terrain.river_line() if terrain.in_city(point)]
    for number in range(1, RIVER_GAUGES + 1):
        point = inside[len(inside) * (2 * number - 1) // (2 * RIVER_GAUGES)]
        zone_id, zone = ZONES[terrain.zone_of(point)]
        lng, lat = _placed(point)
        zh, en = f"{RIVER.zh} {zone.zh} {number} 号水位站", f"River gauge {number}, {RIVER.en}, {zone.en}"
        yield f"river-{number}", "weather", zone_id, "", lng, lat, "30", zh, en


def _placed(point: Point) -> tuple[str, str]:
    lng, lat = terrain.to_lng_lat(point)
    return f"{lng:.5f}", f"{lat:.5f}"
