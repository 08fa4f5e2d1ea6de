"""The replay of a folder laid out like Aarhus': how the contract of feeds runs it, and what the module offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.feeds import aarhus
from streams.feeds.replay import saved
from tests.streams.feeds.promises import Lives

if TYPE_CHECKING:
    from pathlib import Path

META = (
    "POINT_1_NAME,POINT_2_NAME,NDT_IN_KMH,POINT_1_POSTAL_CODE,POINT_1_LAT,POINT_1_LNG,"
    "POINT_2_LAT,POINT_2_LNG,ROAD_TYPE,REPORT_ID,DISTANCE_IN_METERS"
)
LINKS, STAMPS = 40, 30
SCRIPT = """
import sys, threading
from pathlib import Path
from streams.feeds.replay import running, saved
folder, kafka, speed = sys.argv[1:]
planned = saved.load(Path(folder) / "city")
running.run_replay(planned, kafka, speed=float(speed) if speed else None, data=Path(folder), stop=threading.Event())
"""


def prepare(folder: Path) -> Path:
    """Forty links, a row each every ten seconds for five minutes, weather beside them; one row stands there twice."""
    files = folder / "files"
    files.mkdir()
    links = [f"{i},{i + 1},50,8000,56.1,{10 + i / 100},56.1,{10 + (i + 1) / 100},ROAD,{i},500" for i in range(LINKS)]
    (files / "meta.csv").write_text("\n".join([META, *links]))
    stamps = [f"2020-01-01T00:{s // 6:02}:{s % 6}0" for s in range(STAMPS)]
    rows = [f"{10 + i},{stamp},{s},60,{i}" for i in range(LINKS) for s, stamp in enumerate(stamps)]
    (files / "traffic.csv").write_text(
        "\n".join(["avgSpeed,TIMESTAMP,vehicleCount,avgMeasuredTime,REPORT_ID", *rows, rows[7]])
    )
    (files / "weather.csv").write_text("hum,tempm,wspdm,TIMESTAMP\n56,18,7.2,2020-01-01T00:02:00\n")
    aarhus.prepare(files, folder / "city")
    return folder / "city"


LIVES = Lives(
    prepare=prepare,
    command=lambda folder, kafka, speed: ["-c", SCRIPT, str(folder), kafka, "" if speed is None else str(speed)],
    speeds=(None, 40.0),
)


def test_a_plan_survives_its_file(tmp_path: Path):
    city = prepare(tmp_path)
    plan = saved.load(city)
    assert plan.rows == {"traffic": LINKS * STAMPS + 1, "weather": 1}
    assert len(plan.read()) == LINKS * STAMPS + 2
