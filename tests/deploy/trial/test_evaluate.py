"""`citywall evaluate unusual`, on series of a few days with a jump each."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from deploy.terminal import cli

if TYPE_CHECKING:
    from pathlib import Path

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
ROWS, JUMP = 600, {"a": 400, "b": 500}
TEN_MINUTES = timedelta(minutes=10)


def stamp(row: int) -> str:
    return f"{FIRST + row * TEN_MINUTES:%Y-%m-%d %H:%M:%S}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two series about 60 that fall to 5 once, and the windows around that."""
    path = tmp_path_factory.mktemp("series")
    for number, (name, jump) in enumerate(JUMP.items()):
        value = np.random.default_rng(number).normal(60, 2, ROWS)
        value[jump] = 5
        lines = [f"{stamp(row)},{one:.2f}" for row, one in enumerate(value)]
        (path / f"{name}.csv").write_text("\n".join(["timestamp,value", *lines, ""]))
    windows = {f"kind/{name}.csv": [[stamp(jump), stamp(jump + 29)]] for name, jump in JUMP.items()}
    (path / "windows.json").write_text(json.dumps(windows))
    return path


def evaluate(folder: Path, *more: str) -> int:
    return cli.main(["evaluate", "unusual", "--on", str(folder), "--lang", "en", *more])


def report(folder: Path, out: Path, *more: str) -> dict:
    assert evaluate(folder, "--truth", str(folder / "windows.json"), "--json", str(out), *more) == 0
    return json.loads(out.read_text(encoding="utf-8"))


def test_both_jumps_are_found_with_one_threshold_of_these_files_and_of_the_other(folder: Path, tmp_path: Path):
    found = report(folder, tmp_path / "r.json")
    nab = found["nab"]
    assert (found["incidents"], found["found"], nab["false_rows"]) == (2, 2, 0)
    assert (nab["value"], nab["set_on_the_others"]["value"]) == (100, 100)
    assert nab["threshold_set_on"] == ["a", "b"]
    assert [one["entity"] for one in nab["set_on_the_others"]["files"]] == ["a", "b"]
    assert found["detection_ratio"] == {"value": 1, "low": 1, "high": 1}


def test_a_threshold_given_is_kept_to(folder: Path, tmp_path: Path):
    nab = report(folder, tmp_path / "r.json", "--threshold", "1")["nab"]
    assert (nab["threshold"], nab["threshold_origin"], nab["found"], nab["value"]) == (1, "given", 0, 0)


def test_scores_are_a_line_a_value_and_empty_in_the_first_day(folder: Path, tmp_path: Path):
    assert evaluate(folder, "--scores", str(tmp_path / "s.csv")) == 0
    with (tmp_path / "s.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["entity", "metric", "at", "score"]
    assert len(rows) == 2 * ROWS
    assert rows[0] == {"entity": "a", "metric": "value", "at": "2026-03-02T00:00:00Z", "score": ""}
    assert all(one["score"] == "" for one in rows[:150])
    assert all(0 <= float(one["score"]) < 1 for one in rows[150:ROWS])
    highest = max(rows[150:ROWS], key=lambda one: float(one["score"]))
    assert highest["at"] == f"{FIRST + JUMP['a'] * TEN_MINUTES:%Y-%m-%dT%H:%M:%SZ}"


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = []
    for name in ("one", "two"):
        report(folder, tmp_path / f"{name}.json", "--scores", str(tmp_path / f"{name}.csv"))
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    for ending in ("json", "csv"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_what_the_truth_does_not_know_is_scored_and_not_judged(folder: Path, tmp_path: Path):
    (tmp_path / "t.csv").write_text(f"entity,start_at,end_at\na,{stamp(JUMP['a'])},{stamp(JUMP['a'] + 29)}\n")
    assert evaluate(folder, "--truth", str(tmp_path / "t.csv"), "--json", str(tmp_path / "r.json")) == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert (found["not_judged"], found["incidents"], found["found"]) == (["b"], 1, 1)
    assert found["nab"]["set_on_the_others"] is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", "timestamp\n2026-03-02\n", "no column value"),
        ("x.csv", "timestamp,value\nnever,1\n", "row 1: 'never'"),
        ("x.csv", "timestamp,value\n2026-03-02,1\n2026-03-03,many\n", "row 2:"),
        ("x.txt", "", "no series"),
    ],
)
def test_what_cannot_be_read_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, said: str
):
    (tmp_path / name).write_text(content)
    assert evaluate(tmp_path) == cli.MISUSED
    assert said in capsys.readouterr().err


def test_an_unknown_detector_a_missing_folder_and_a_truth_of_others_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["evaluate", "unusal", "--on", str(folder)]) == cli.MISUSED
    assert "unusual" in capsys.readouterr().err
    assert evaluate(tmp_path / "nowhere") == cli.MISUSED
    assert "nowhere" in capsys.readouterr().err
    (tmp_path / "t.json").write_text('{"z.csv": [["2026-03-02", "2026-03-03"]]}')
    assert evaluate(folder, "--truth", str(tmp_path / "t.json")) == cli.MISUSED
    assert "it tells of z; --on has a, b" in capsys.readouterr().err


def test_the_scores_are_drawn_the_same_each_time(folder: Path, tmp_path: Path):
    for name in ("a.svg", "b.svg"):
        assert evaluate(folder, "--plot", str(tmp_path / name)) == 0
    drawn = (tmp_path / "a.svg").read_bytes()
    assert drawn == (tmp_path / "b.svg").read_bytes()
    assert drawn.count(b"<path") >= len(JUMP)
