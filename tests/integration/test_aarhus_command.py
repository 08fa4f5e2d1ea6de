"""`citywall replay` of a day of Aarhus: its export equals pandas, its books balance, and kills change not a byte."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.integration import aarhus_pandas as plain

ROOT = Path(__file__).resolve().parents[2]
DAY = "2014-08-20"
RELATIVE = 1e-6
KILLED = ("feeds", "intake", "processors", "processors_second", "sinks_history")
KILLS = 8
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def data():
    if not plain.DATA.is_dir():
        pytest.skip(f"the files of Aarhus are missing: put CityPulse's into {plain.DATA}")
    return plain.DATA


def start(*words):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    return subprocess.Popen([sys.executable, "-m", "deploy", *map(str, words)], env=env, cwd=ROOT)


def command(*words):
    with start(*words) as process:
        return process.wait(300)


def export(folder, metric, window):
    out = folder / f"{metric}-{window}.csv"
    assert (
        command("export", metric, "--window", window, "--format", "csv", "--out", out, "--data", folder / "data") == 0
    )
    return out


@pytest.fixture(scope="module")
def replayed(data, tmp_path_factory):
    """A folder with `data` and `report.json` of a run at full speed."""
    folder = tmp_path_factory.mktemp("max")
    options = ("--speed", "max", "--no-open", "--port", 0, "--report", folder / "report.json")
    assert command("replay", data, *options, "--data", folder / "data") == 0
    return folder


def test_export_of_an_hour_of_a_link_is_what_pandas_says(replayed):
    found = pd.read_csv(export(replayed, "tti_ratio", "1h"), dtype={"entity": str}).dropna(subset="value")
    found = found[~found["entity"].str.contains(":")]
    assert set(found["state"]) == {"final"}
    assert set(found["method"]) == {"tti"}
    at = pd.to_datetime(found["at"], utc=True).dt.tz_localize(None).astype("datetime64[us]")
    found = found.set_index([found["entity"].rename("link"), at.rename("at")])["value"]
    expected = plain.measured(plain.sums(plain.travel(plain.rows_of(DAY, plain.ALL_LINKS)), "link", "h"))["tti_ratio"]
    assert len(found) == len(expected) > 0
    both = pd.DataFrame({"found": found, "expected": expected})
    assert not both.isna().to_numpy().any()
    far = both[(both["found"] - both["expected"]).abs() > RELATIVE * both["expected"]]
    assert far.empty, far.head().to_string()


def test_report_counts_the_rows_of_the_files_and_the_audit_agrees(replayed):
    rows = len(plain.rows_of(DAY, plain.ALL_LINKS)) + len(plain.rows_of(DAY, plain.WEATHER))
    report = json.loads((replayed / "report.json").read_bytes())
    assert (report["readings_in"], report["in_frames"], report["duplicates"]) == (rows, rows, 0)
    assert report["dead_lettered"] == {}
    assert command("audit", "--data", replayed / "data") == 0


def test_another_speed_and_kills_export_the_same_bytes(data, replayed, tmp_path):
    chance = random.Random(20140820)
    options = ("--speed", 3600, "--no-open", "--port", 0, "--report", tmp_path / "report.json")
    kills = 0
    with start("replay", data, *options, "--data", tmp_path / "data") as replay:
        until = time.monotonic() + 600
        while replay.poll() is None and time.monotonic() < until:
            time.sleep(chance.uniform(1, 4))
            kills += kills < KILLS and kill_one(tmp_path / "data", chance)
        assert replay.wait(60) == 0
    assert kills > KILLS // 2
    assert json.loads((tmp_path / "report.json").read_bytes()) == json.loads((replayed / "report.json").read_bytes())
    for metric, window in (("tti_ratio", "1h"), ("tti_ratio", "1m"), ("delay_s", "1h"), ("tpi", "1m")):
        assert export(tmp_path, metric, window).read_bytes() == export(replayed, metric, window).read_bytes()


def kill_one(data, chance):
    """Kill a running part, once the clock of the replay runs → whether one was there."""
    try:
        parts = json.loads((data / "supervisor.json").read_bytes())["parts"]
    except (OSError, ValueError):
        return False
    running = [part for part in parts if part["name"] in KILLED and part["state"] == "running" and part["pid"]]
    if len(running) < len(KILLED):
        return False
    try:
        os.kill(chance.choice(running)["pid"], signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
