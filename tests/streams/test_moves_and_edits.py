"""What is edited around a move: slow neighbours, delays, and a line that is cut out and put back elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.broker import topics
from streams.contract.metric_frames import decode_metrics
from streams.intake import followed_city
from streams.zone import zone_stage
from tests.city_edits import properties
from tests.streams.moving import (
    HOLDS,
    MINUTE_MS,
    MOVED_MS,
    START_MS,
    Life,
    fire_city,
    lived,
    panels,
    road_city,
    roads,
    to_segment,
)

SLOW = "d9,traffic,z{},s{},0,0,10,,,900"
EDITED_MS = START_MS + 12 * MINUTE_MS
"""Some two minutes after a move at 3:25 holds."""


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_city, "LOOK_EVERY_S", 0.0)


def edited(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = folder / "sensors.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *change(lines)]) + "\n", encoding="utf-8")


def delayed_city(folder: Path, *more: str) -> Path:
    """d0 on s0 in z0 and d1 on s1 in z1, without delays, and others that may have one."""
    road_city(folder)
    edited(folder, lambda lines: [*(f"{one},0" for one in lines), *more])
    path = folder / "sensors.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("name_en", "name_en,delay_s"), encoding="utf-8")
    return folder


def with_slow(readings: list[tuple[int, dict[str, Any]]], since_ms: int = 0) -> list[tuple[int, dict[str, Any]]]:
    """Let d9 say what d0 does, a quarter of an hour later."""
    of_d0 = [(ms, row) for ms, row in readings if row["sensor"] == "d0" and ms >= since_ms]
    return [*readings, *((ms + 900_000, {**row, "sensor": "d9"}) for ms, row in of_d0)]


def silent(life: Life) -> set[str]:
    return {one.entity for one in life.found() if one.kind == "sensor_silent"}


@pytest.mark.parametrize("road", [0, 1])
def test_who_leaves_or_joins_a_road_with_a_slow_detector_is_missed_nowhere(tmp_path: Path, road: int):
    """d1 is hung on s0 in z0 while d9, 15 min behind, watches that road or its old one, which wait for it."""
    folder = delayed_city(tmp_path, SLOW.format(road, road))
    life = lived(Life(folder, "traffic"), with_slow(roads(30)), {MOVED_MS: to_segment("d1", "s0")})
    assert "d1" not in silent(life)
    told = life.of("s1", "speed_km_h") if road == 0 else life.of("s0", "speed_km_h")
    assert {rows[0][1] for rows in told.values()} == {0}
    assert len(told) >= HOLDS


@pytest.mark.parametrize("road", [0, 1])
def test_a_slow_detector_beside_who_was_moved_takes_nobody_back(tmp_path: Path, road: int):
    """d9, 15 min behind, is added two minutes after d1 has gone over from s1 in z1 to s0 in z0."""
    edits = {
        MOVED_MS: to_segment("d1", "s0"),
        EDITED_MS: lambda folder: edited(folder, lambda lines: [*lines, SLOW.format(road, road)]),
    }
    readings = with_slow(roads(40), EDITED_MS)
    life = lived(Life(delayed_city(tmp_path), "traffic"), readings, edits)
    assert "d1" not in silent(life)
    assert {rows[0][0] for rows in life.of("s0", "speed_km_h").values()} == {"z0"}
    assert {rows[0][0] for minute, rows in life.of("s1", "speed_km_h").items() if minute < HOLDS} == {"z1"}


@pytest.mark.parametrize("gap_s", [10, 30])
def test_a_line_that_is_cut_out_and_put_back_in_another_zone_is_a_move(tmp_path: Path, gap_s: int):
    """f1 is gone for a while at 3:25, as between two saves of an editor, and then in z0; what came then is refused."""
    edits = {
        MOVED_MS: lambda folder: edited(folder, lambda lines: [one for one in lines if not one.startswith("f1,")]),
        MOVED_MS + gap_s * 1000: lambda folder: edited(folder, lambda lines: [*lines, "f1,fire,z0,,0,0,10,,"]),
    }
    life = lived(Life(fire_city(tmp_path), "fire"), panels(), edits)
    told = life.of("f1", "alarmed_count")
    refused = gap_s // 10
    assert told[3] == [("z1", 0, 6 - refused, (3 - refused) * 6 / (6 - refused))]
    assert {minute: [row[:3] for row in rows] for minute, rows in told.items() if minute != 3} == {
        minute: [("z1" if minute < HOLDS else "z0", 0, 6)] for minute in range(19) if minute != 3
    }
    counts = life.balance()
    assert (counts["in"], counts["taken"], counts["refused"]) == (240, 240 - refused, refused)


def test_a_road_that_is_moved_has_values_at_once_all_the_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """s1 goes over to z0 at 10:00; all tick at whole minutes, and its newest reading but one is then 20 s old."""
    monkeypatch.setattr(zone_stage, "LIVE_EVERY_S", 0.0)
    monkeypatch.setattr(zone_stage, "LIVE_PAUSE_FACTOR", 0.0)
    ticks = {START_MS + minute * MINUTE_MS: lambda _: None for minute in range(1, 16)}
    edits = {**ticks, MOVED_MS: properties("segments", 1, zone="z0")}
    life = lived(Life(road_city(tmp_path), "traffic"), roads(), edits)
    frames = [decode_metrics(one.value or b"").rows for one in life.bus.log(topics.LIVE)]
    newest = {
        (int(rows.at_ms[at]) - START_MS) // 1000
        for rows in frames
        for at in range(len(rows))
        if (rows.entity[at], rows.metric[at]) == ("s1", "speed_km_h")
    }
    assert {minute * 60 + 50 for minute in range(15)} <= newest
