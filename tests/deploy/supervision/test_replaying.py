"""When a replay is done: every part has absorbed everything, and knows it."""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from deploy.config import settings
from deploy.supervision import replaying
from deploy.supervision.pulses import PartitionPulse, PartPulse
from deploy.supervision.replaying import HOSTED, all_absorbed
from deploy.supervision.stack import shows_enough
from deploy.terminal import cli
from streams.errors import CityFileError
from streams.feeds.replay import saved
from tests.small_city import write_small_city

ENDED_MS = 1_000_000
DONE = PartPulse("x", 7, ENDED_MS + 1, [PartitionPulse("city.inbox.v1.traffic", 0, "g", 9, 9, 0, 0.0)])


@pytest.mark.parametrize(
    ("intake", "absorbed"),
    [
        ({}, True),
        ({"partitions": []}, True),  # other workers have them
        ({"partitions": [], "waits": "its start"}, False),  # it knows of no lag yet
        ({"partitions": [PartitionPulse("city.inbox.v1.traffic", 0, "g", 8, 9, 1, 0.0)]}, False),
        ({"at_ms": ENDED_MS}, False),  # a pulse from before the end of the files
    ],
)
def test_a_replay_is_done_once_every_part_is_at_work_and_behind_with_nothing(intake, absorbed):
    found = dict.fromkeys(HOSTED, DONE) | {"intake": msgspec.structs.replace(DONE, **intake)}
    assert all_absorbed(found, ENDED_MS) is absorbed


def test_a_part_without_a_pulse_is_waited_for():
    assert not all_absorbed(dict.fromkeys(HOSTED[1:], DONE), ENDED_MS)


@pytest.mark.parametrize(("silent_s", "at_rest_s"), [(0.0, 3.0), (4.0, 4.0), (60.0, 60.0)])
def test_a_part_that_tells_nothing_is_waited_for(tmp_path: Path, monkeypatch, silent_s: float, at_rest_s: float):
    """`processors_second` works on a whole day at once: its last pulse, of before, says that nothing waits."""
    (tmp_path / replaying.DONE_FILE).touch()
    begun_s = (tmp_path / replaying.DONE_FILE).stat().st_mtime + 1.0
    now_s = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now_s[0], time=lambda: begun_s + now_s[0])
    monkeypatch.setattr(replaying, "time", clock)

    def pulse(part: str) -> PartPulse:
        told_s = now_s[0] if part != "processors_second" or now_s[0] >= silent_s else 0.0
        return msgspec.structs.replace(DONE, at_ms=int((begun_s + told_s) * 1000))

    monkeypatch.setattr(replaying.pulses, "read", lambda _: {part: pulse(part) for part in HOSTED})
    watch = replaying.Watch(print, stay=False, report=None)
    run: Any = SimpleNamespace(data_path=tmp_path)
    while not watch._is_quiet(run, now_s[0]):
        now_s[0] += 0.5
    assert now_s[0] == at_rest_s


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A city folder with two inbox records."""
    folder = write_small_city(tmp_path / "recorded")
    lines = [{"sensor": "d0", "at": f"2026-03-01T08:0{minute}:00Z", "speed_km_h": 30} for minute in (0, 1)]
    (folder / "traffic.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder laid out like a clone of CityBench/Benchmark: one link, in a file of its own."""
    folder = tmp_path / "clone"
    (folder / "streams").mkdir(parents=True)
    link = {
        "REPORT_ID": 158324, "POINT_1_NAME": 1, "POINT_2_NAME": 2, "POINT_1_LAT": 56.1, "POINT_1_LNG": 10.1,
        "POINT_2_LAT": 56.2, "POINT_2_LNG": 10.2, "DISTANCE_IN_METERS": 900, "NDT_IN_KMH": 50,
    }  # fmt: skip
    (folder / "meta.csv").write_text(f"{','.join(link)}\n{','.join(map(str, link.values()))}\n")
    header = "avgMeasuredTime,avgSpeed,TIMESTAMP,vehicleCount,REPORT_ID"
    (folder / "streams/AarhusTrafficData158324.stream").write_text(f"{header}\n60,54,2014-09-30T08:00:00,3,158324\n")
    return folder


@pytest.mark.parametrize(
    ("which", "city", "rows"), [("recorded", "small", {"traffic": 2}), ("files", "aarhus", {"traffic": 1})]
)
def test_either_kind_of_folder_is_prepared(
    request: pytest.FixtureRequest, tmp_path: Path, which: str, city: str, rows: dict[str, int]
):
    folder = request.getfixturevalue(which)
    args = argparse.Namespace(dir=folder, city=None, at=None, until=None, speed="max", no_open=True)
    said: list[str] = []
    wanted = replaying.prepare(args, settings.load(environment={}), tmp_path / "data", said.append)
    assert replaying.city_id(folder, None) == wanted.city_id == city
    plan = saved.load(wanted.city_folder)
    assert plan.rows == rows
    assert [row.sensor for row in plan.read()] == (["d0", "d0"] if which == "recorded" else ["aarhus-link-158324"])
    assert said == [*(f"found {line}" for line in plan.found), *(f"left out {line}" for line in plan.left_out)]


@pytest.mark.parametrize("which", ["recorded", "files"])
def test_a_city_from_elsewhere_is_copied_without_what_else_lies_there(
    request: pytest.FixtureRequest, tmp_path: Path, which: str
):
    city = write_small_city(tmp_path / "own")
    data = city / "data"  # in the city's own folder: a copy of all of it would never end
    (city / "plan.json").write_text("{}")
    folder = request.getfixturevalue(which)
    args = argparse.Namespace(dir=folder, city=city, at=None, until=None, speed="max", no_open=True)
    wanted = replaying.prepare(args, settings.load(environment={}), data, lambda line: None)
    assert wanted.city_id == "small"
    assert saved.load(wanted.city_folder).folder == str(folder)


@pytest.mark.parametrize("report", ["no/such/folder.json", "."])
def test_a_report_that_cannot_be_written_is_refused_before_anything_begins(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], report: str
):
    data = tmp_path / "data"
    options = ["--report", str(tmp_path / report), "--data", str(data), "--port", "0", "--no-open"]
    assert cli.main(["replay", str(recorded), *options]) == cli.MISUSED
    assert f"--report {tmp_path / report}: no file can be written there" in capsys.readouterr().err
    assert not data.exists()


def test_a_folder_with_nothing_of_either_kind_says_what_is_taken(tmp_path: Path):
    with pytest.raises(
        CityFileError, match=r"no <domain>\.ndjson with inbox records, and no file has the columns of links"
    ):
        replaying.city_id(tmp_path, None)


@pytest.mark.parametrize(
    ("status", "states", "mode", "enough"),
    [
        ("ok", ["live"], "replay", True),
        ("down", ["late", "unheard"], "replay", True),  # its rows came in one burst, a while ago
        ("down", ["unheard"], "replay", False),  # nothing to see yet
        ("down", [], "replay", False),
        ("down", ["late"], "live", False),
        ("ok", ["live", "late"], "simulated", True),
    ],
)
def test_a_replay_is_announced_once_its_wall_shows_any_value(status, states, mode, enough):
    domains = {str(number): {"state": state} for number, state in enumerate(states)}
    assert shows_enough({"status": status, "domains": domains}, mode) is enough
