"""`citywall evaluate` of a processor, over fifteen days of two stations with a few hot mornings, worked out by hand."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from deploy.terminal import cli
from deploy.trial.nearby import Nearby
from streams.city.registry import load_city
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from pathlib import Path

FIRST, DAYS = datetime(2026, 3, 1, tzinfo=UTC), 15
HOT = {"w0": {1, 8}, "w1": {5}}
"""Days on which it is 38 degrees from 10:00 to 10:40 there: level III."""
TRUTH = """entity,start_at,end_at,reported_at
w0,2026-03-09T10:00Z,2026-03-09T10:40Z,2026-03-09T10:05Z
w1,2026-03-04T10:00Z,2026-03-04T11:00Z,
d0,2026-03-04T10:00Z,2026-03-04T11:00Z,
w1,2026-05-01T10:00Z,2026-05-01T11:00Z,
"""
"""Day 8 of w0; day 3 of w1, which nothing tells; another domain's; behind the recording."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_small_city(tmp_path_factory.mktemp("recorded"), intervals_s=(1, 600))
    (path / "rules.toml").write_text("[heat]\non_delay_s = 0\noff_delay_s = 0\n", encoding="utf-8")
    lines = []
    for step in range(DAYS * 144):
        at = FIRST + step * timedelta(minutes=10)
        for sensor, days in HOT.items():
            hot = (at - FIRST).days in days and at.hour == 10 and at.minute < 40
            lines.append(
                f'{{"sensor":"{sensor}","at":"{at:%Y-%m-%dT%H:%M:%SZ}","temperature_c":{38 if hot else 20}}}\n'
            )
    (path / "weather.ndjson").write_text("".join(lines), encoding="utf-8")
    (path / "truth.csv").write_text(TRUTH, encoding="utf-8")
    return path


def evaluate(folder: Path, *more: object, name: str = "threshold") -> int:
    return cli.main(["evaluate", name, "--on", str(folder), "--lang", "en", *map(str, more)])


def test_found_by_chance_false_and_how_soon(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "r.json"
    assert evaluate(folder, "--truth", folder / "truth.csv", "--json", out) == 0
    found = json.loads(out.read_text())
    assert [found[key] for key in ("detector", "detectors", "detector_days", "raises")] == ["threshold", 2, 30, 3]
    assert [found[key] for key in ("incidents", "found", "false", "not_judged")] == [2, 1, 2, 2]
    assert found["detection_ratio"] == {"value": 0.5, "low": 0.0, "high": 1.0}
    # w0: of 7 and 14 days the first brings day 1 there; 21 are more than the recording has. w1: day 5 comes to 12 and 4
    assert (found["by_chance_ratio"]["value"], found["shifts_left_out"]) == (0.25, 0)
    assert found["above_chance_ratio"]["value"] == 0.25  # 1 - 0.5 and 0 - 0
    assert found["false_per_detector_day"]["value"] == 0.0667
    assert found["false_per_detector_day"]["low"] == 0
    assert found["time_to_detect_s"] == {"value": 60.0, "low": 60.0, "high": 60.0}  # the minute's end
    assert found["time_to_detect_from_report_s"]["value"] == -240.0
    assert (found["roc"], found["nab"]) == ([], None)
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["3 raises at 2 detectors", "incidents 2, found 1, false 2"]
    assert said[-1] == "not judged, as of other places or times: 2"


def test_what_is_decided_after_the_grace_is_not_found(folder: Path, tmp_path: Path):
    out = tmp_path / "r.json"
    assert evaluate(folder, "--truth", folder / "truth.csv", "--json", out, "--grace", "30s") == 0
    assert [json.loads(out.read_text())[key] for key in ("found", "false")] == [0, 3]


def test_an_event_is_a_line_where_a_level_rises_or_ends(folder: Path, tmp_path: Path):
    assert evaluate(folder, "--events", tmp_path / "e.csv") == 0
    with (tmp_path / "e.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(one["entity"], one["kind"], one["level"]) for one in rows] == [
        ("w0", "heat", "3"), ("w0", "heat", "0"), ("w1", "heat", "3"), ("w1", "heat", "0"), ("w0", "heat", "3"),
        ("w0", "heat", "0"),
    ]  # fmt: skip
    assert (rows[0]["at"], rows[0]["decided_at"]) == ("2026-03-02T10:00:00Z", "2026-03-02T10:01:00Z")


def test_the_same_recording_gives_the_same_bytes(folder: Path, tmp_path: Path):
    for name in ("a", "b"):
        paths = [f"--{kind}={tmp_path / f'{name}.{kind}'}" for kind in ("json", "events")]
        assert evaluate(folder, "--truth", folder / "truth.csv", *paths, f"--plot={tmp_path / f'{name}.svg'}") == 0
    for kind in ("json", "events", "svg"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("threshold", ("--threshold", "0.5"), "--threshold is for a detector with a score, such as unusual"),
        ("threshold", ("--scores", "x.csv"), "--scores is for a detector with a score"),
        ("unusual", ("--events", "x.csv"), "--events is for a processor; unusual scores series"),
        ("unusual", ("--from", "2026-03-01T00:00Z"), "--from is for a processor; unusual scores series"),
        ("threshold", ("--plot", "x.png"), "a plot is an SVG; name it x.svg"),
        ("thresold", (), "no processor is called 'thresold'; the nearest is 'threshold'"),
        ("threshold", ("--truth", "nowhere.csv"), "--truth nowhere.csv: cannot be read"),
        ("slow_traffic", (), "slow_traffic reads traffic; the folder has weather"),
    ],
)
def test_what_cannot_be_is_refused(
    folder: Path, name: str, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
):
    assert evaluate(folder, *more, name=name) == 2
    assert said in capsys.readouterr().err


def test_near_is_one_downstream_and_a_kilometre_upstream(tmp_path: Path):
    folder = write_small_city(tmp_path / "city")
    roads = json.loads((folder / "segments.geojson").read_text())
    for feature in roads["features"]:
        own = feature["properties"]
        number = int(own["id"][1:])
        own["upstream"] = {3: ["s2", "s7"], 7: ["s6"]}.get(number, [f"s{number - 1}"] if 0 < number < 6 else [])
        own["length_m"] = 900 if number == 7 else 500
    (folder / "segments.geojson").write_text(json.dumps(roads))
    near = Nearby(load_city(folder))  # s0 → s1 → s2 → s3 → s4 → s5, and s6 → s7 → s3
    assert near("s3") == {"s1", "s2", "s3", "s4", "s7"}  # s6 is 700 m from s7, and that 700 m from s3
    assert near("d4") == {"d4", "s2", "s3", "s4", "s5"}
    assert near("s0") == {"s0", "s1"}
    assert near("w0") == {"w0"}
