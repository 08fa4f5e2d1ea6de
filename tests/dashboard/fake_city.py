"""A generated city folder for the wall's tests: rings, radials, a warped grid, a river, sensors of twelve domains."""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path

CENTRE = (120.62, 31.18)
KM_LNG = 1 / (111.32 * math.cos(math.radians(CENTRE[1])))
KM_LAT = 1 / 110.57
DOMAINS = (
    "traffic", "transit", "parking", "environment", "weather", "water",
    "energy", "safety", "fire", "sanitation", "services", "health",
)  # fmt: skip
ZONES = [
    ("城中区", "Central"), ("钟楼区", "Bell Tower"), ("临江区", "Riverside"), ("北塘区", "Beitang"),
    ("松陵区", "Songling"), ("东湖区", "East Lake"), ("桃源区", "Taoyuan"), ("南浦区", "Nanpu"),
    ("白石区", "Baishi"), ("西陵区", "Xiling"), ("云山区", "Yunshan"), ("长桥区", "Changqiao"),
    ("高新区", "Hi-Tech"), ("空港新区", "Airport New Area"),
]  # fmt: skip
ROADS_ZH = "人民 解放 建设 新华 文昌 青年 和平 长江 太湖 学府 虹桥 凤凰 锦绣 望江 春晖 桂花 枫林 明月 清风 望海 劳动 团结 友谊 朝阳 金鸡 玉兰 杜鹃 梧桐 银杏 紫荆".split()
ROADS_EN = (
    "Renmin Jiefang Jianshe Xinhua Wenchang Qingnian Heping Changjiang Taihu Xuefu Hongqiao Fenghuang Jinxiu Wangjiang "
    "Chunhui Guihua Fenglin Mingyue Qingfeng Wanghai Laodong Tuanjie Youyi Chaoyang Jinji Yulan Dujuan Wutong Yinxing Zijing"
).split()
HALF_X, HALF_Y = 13.5, 10.0
STEP = 0.93


def write_city(folder: Path, seed: int = 7) -> Path:
    """Write the five files and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    roads = _roads(chance)
    segments = _segments(roads)
    (folder / "city.toml").write_text(
        'id = "jiangcheng"\nname_zh = "江城市"\nname_en = "Jiangcheng"\ntime_zone = "Asia/Shanghai"\n'
        'attribution = "虚构城市 · fictional city"\n',
        encoding="utf-8",
    )
    _write(folder / "zones.geojson", [_zone_feature(index) for index in range(len(ZONES))])
    _write(folder / "segments.geojson", segments)
    _write(folder / "places.geojson", _places())
    _write_sensors(folder / "sensors.csv", segments, chance)
    return folder


def _write(path: Path, features: list[dict]) -> None:
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")


def _geo(point: tuple[float, float]) -> list[float]:
    return [round(CENTRE[0] + point[0] * KM_LNG, 6), round(CENTRE[1] + point[1] * KM_LAT, 6)]


def _warp(x: float, y: float) -> tuple[float, float]:
    return (
        x + 0.35 * math.sin(y / 3.1) + 0.12 * math.sin(x * 1.3),
        y + 0.28 * math.sin(x / 3.7) + 0.1 * math.cos(y * 1.7),
    )


def _zone_of(x: float, y: float) -> int:
    radius = math.hypot(x / HALF_X, y / HALF_Y)
    angle = (math.atan2(y, x) + math.tau) % math.tau
    if radius < 0.3:
        return 0 if angle < math.pi else 1
    if radius < 0.63:
        return 2 + int(angle / (math.tau / 5))
    return 7 + int(angle / (math.tau / 7))


def _roads(chance: random.Random) -> list[tuple[str, str, str, list[tuple[float, float]]]]:
    """(name_zh, name_en, class, points): every pair of neighbouring points becomes a segment each way."""
    roads = []
    names = list(zip(ROADS_ZH, ROADS_EN, strict=True))
    rows, columns = int(HALF_Y / STEP), int(HALF_X / STEP)
    for k in range(-rows, rows + 1):
        zh, en = names[(k + rows) % len(names)]
        span = columns * math.sqrt(max(0.0, 1 - (k * STEP / HALF_Y) ** 2))
        run = [_warp(i * STEP, k * STEP) for i in range(-int(span), int(span) + 1)]
        roads.append(
            (zh + "东路", en + " East Rd", "arterial" if k % 5 == 0 else "collector" if k % 2 else "local", run)
        )
    for k in range(-columns, columns + 1):
        zh, en = names[(k + columns + 11) % len(names)]
        span = rows * math.sqrt(max(0.0, 1 - (k * STEP / HALF_X) ** 2))
        run = [_warp(k * STEP, i * STEP) for i in range(-int(span), int(span) + 1)]
        roads.append(
            (zh + "北路", en + " North Rd", "arterial" if k % 5 == 0 else "collector" if k % 2 else "local", run)
        )
    for ring, share in enumerate((0.3, 0.6, 0.92), start=1):
        count = 20 * ring
        run = [
            (HALF_X * share * math.cos(math.tau * i / count), HALF_Y * share * math.sin(math.tau * i / count))
            for i in range(count + 1)
        ]
        roads.append((f"{'一二三'[ring - 1]}环路", f"Ring Road {ring}", "expressway", run))
    for i in range(8):
        angle = math.tau * (i + 0.35) / 8 + chance.uniform(-0.08, 0.08)
        run = [
            (HALF_X * r / 10 * math.cos(angle + 0.02 * r), HALF_Y * r / 10 * math.sin(angle + 0.02 * r))
            for r in range(3, 12)
        ]
        zh, en = names[(i * 3 + 5) % len(names)]
        roads.append((zh + "高架", en + " Elevated", "expressway" if i % 2 else "arterial", run))
    return [road for road in roads if len(road[3]) > 2]


def _segments(roads: list[tuple[str, str, str, list[tuple[float, float]]]]) -> list[dict]:
    speeds = {"expressway": 80, "arterial": 60, "collector": 50, "local": 40}
    features = []
    for zh, en, road_class, points in roads:
        for way, run in (("", points), ("r", points[::-1])):
            before = None
            for index, (start, end) in enumerate(zip(run, run[1:], strict=False)):
                middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
                name = f"{len(features):04d}{way}"
                features.append(
                    {
                        "type": "Feature",
                        "geometry": {"type": "LineString", "coordinates": [_geo(start), _geo(middle), _geo(end)]},
                        "properties": {
                            "id": name, "zone": f"z{_zone_of(*middle):02d}", "name_zh": f"{zh} {index + 1} 段",
                            "name_en": f"{en} {index + 1}", "road_class": road_class,
                            "lanes": {"expressway": 4, "arterial": 3, "collector": 2, "local": 1}[road_class],
                            "length_m": round(math.dist(start, end) * 1000, 1),
                            "free_flow_km_h": speeds[road_class], "upstream": [before] if before else [],
                        },
                    }
                )  # fmt: skip
                before = name
    return features


def _zone_feature(index: int) -> dict:
    zh, en = ZONES[index]
    ring = [_geo(point) for point in _zone_outline(index)]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "properties": {"id": f"z{index:02d}", "name_zh": zh, "name_en": en},
    }


def _zone_outline(index: int) -> list[tuple[float, float]]:
    inner, outer, first, parts = (
        (0.0, 0.3, 0, 2) if index < 2 else (0.3, 0.63, 2, 5) if index < 7 else (0.63, 1.04, 7, 7)
    )
    start, width = math.tau / parts * (index - first), math.tau / parts
    arc = [start + width * i / 24 for i in range(25)]
    far = [(HALF_X * outer * math.cos(a), HALF_Y * outer * math.sin(a)) for a in arc]
    near = (
        [(HALF_X * inner * math.cos(a), HALF_Y * inner * math.sin(a)) for a in reversed(arc)] if inner else [(0.0, 0.0)]
    )
    return far + near


def _places() -> list[dict]:
    bank = [(2.4 + 1.5 * math.sin(y / 3.3) + y * 0.12, y) for y in [i * 0.4 - 16 for i in range(81)]]
    width = [0.38 + 0.14 * math.sin(y / 2.7) for _, y in bank]
    ring = [_geo((x - w, y)) for (x, y), w in zip(bank, width, strict=True)]
    ring += [_geo((x + w, y)) for (x, y), w in reversed(list(zip(bank, width, strict=True)))]
    lake = [
        (8.2 + 1.25 * math.cos(a) + 0.2 * math.sin(3 * a), 3.2 + 0.8 * math.sin(a))
        for a in [math.tau * i / 60 for i in range(60)]
    ]
    lake_ring = [_geo(point) for point in lake]
    return [
        _place("water", "澄江", "Cheng River", {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}),
        _place("water", "东湖", "East Lake", {"type": "Polygon", "coordinates": [[*lake_ring, lake_ring[0]]]}),
        _place("label", "中央车站", "Central Station", {"type": "Point", "coordinates": _geo((-1.2, 0.6))}),
    ]


def _place(kind: str, zh: str, en: str, geometry: dict) -> dict:
    return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, "name_zh": zh, "name_en": en}}


def _write_sensors(path: Path, segments: list[dict], chance: random.Random) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sensor", "domain", "zone", "segment", "lng", "lat", "interval_s", "name_zh", "name_en"])
        for feature in segments:
            properties = feature["properties"]
            lng, lat = feature["geometry"]["coordinates"][1]
            place = (properties["zone"], properties["id"], lng, lat, 30)
            writer.writerow([f"d{properties['id']}", "traffic", *place, properties["name_zh"], properties["name_en"]])
        for domain in DOMAINS[1:]:
            for index, (zh, en) in enumerate(ZONES):
                corner = _centre(index)
                lng, lat = _geo((corner[0] + chance.uniform(-1, 1), corner[1] + chance.uniform(-0.8, 0.8)))
                name = f"{domain}-{index:02d}"
                writer.writerow([name, domain, f"z{index:02d}", "", lng, lat, 60, f"{zh}监测点", f"{en} station"])


def _centre(index: int) -> tuple[float, float]:
    inner, outer, first, parts = (
        (0.0, 0.3, 0, 2) if index < 2 else (0.3, 0.63, 2, 5) if index < 7 else (0.63, 1.04, 7, 7)
    )
    angle = math.tau / parts * (index - first + 0.5)
    radius = (inner + outer) / 2
    return (HALF_X * radius * math.cos(angle), HALF_Y * radius * math.sin(angle))
