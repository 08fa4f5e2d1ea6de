"""How `unusual` stands on labelled traffic of the Twin Cities: floors under what it has reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.terminal import cli

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "nab_realTraffic"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"NAB's files are missing: put them into {DATA}")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("report") / "report.json"
    assert cli.main(["evaluate", "unusual", "--on", str(DATA), "--truth", str(DATA / "windows.json"), *to(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def to(path: Path) -> list[str]:
    return ["--json", str(path), "--lang", "en"]


def test_one_threshold_finds_every_window_and_hardly_anything_else(report):
    assert report["nab"]["value"] >= 88
    assert report["nab"]["found"] == report["nab"]["windows"] == 3
    assert report["nab"]["false_rows"] <= 3


def test_the_threshold_that_ships_finds_them_too(report, tmp_path: Path):
    given = ["--threshold", "0.5", *to(tmp_path / "given.json")]
    assert cli.main(["evaluate", "unusual", "--on", str(DATA), "--truth", str(DATA / "windows.json"), *given]) == 0
    found = json.loads((tmp_path / "given.json").read_text(encoding="utf-8"))["nab"]
    assert found["found"] == 3
    assert found["false_rows"] <= 12
    assert found["threshold_origin"] == "given"
    assert found["threshold_set_on"] == []
