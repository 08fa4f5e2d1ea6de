"""`citywall city check` names every problem of a folder, counts what is there and ends with 1 if there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deploy.terminal import cli
from tests.city_edits import far_city, head, sensor
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the small city in a place where nothing is odd about it."""
    found = write_small_city(tmp_path / "city")
    far_city(found)
    return found


def test_a_good_folder_ends_with_0_and_its_counts(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["city", "check", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "小城 Small: zones 4, segments 8, sensors 13 (sensors by domain: traffic 9, weather 4)",
        "can be used: problems 0, notices 0",
    ]


def test_all_problems_come_at_once_and_notices_behind(folder: Path, capsys: pytest.CaptureFixture[str]):
    sensor("d10,traffic,z0,,10.1,48.1,1,,")(folder)
    sensor("d11,wether,z0,,10.1,560,1e30,,")(folder)
    head("Asia/Shanghai", "Europe/Kopenhagen")(folder)
    assert cli.main(["city", "check", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("'")[0].partition(" cannot")[0] for line in lines[:4]] == [
        f"{folder}/city.toml: city: time_zone: IANA knows no time zone ",
        f"{folder}/sensors.csv: line 16, sensor d11: domain: ",
        f"{folder}/sensors.csv: line 16, sensor d11: lat: latitude 560",
        f"{folder}/sensors.csv: line 16, sensor d11: interval_s: 1e+30",
    ]
    assert lines[4].startswith(f"notice: {folder}/sensors.csv: line 15, sensor d10: lng, lat: 10.1, 48.1 is ")
    assert lines[-1] == "cannot be used: problems 4, notices 1"


def test_json_has_each_part_of_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]):
    sensor("d10,traffic,z0,,10.1,48.1,1,,")(folder)
    sensor("d11,traffic,z0,,10.1,56.1,never,,")(folder)
    assert cli.main(["city", "check", str(folder), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["city"] == "small"
    (problem,) = found["problems"]
    assert problem == {
        "file": f"{folder}/sensors.csv",
        "place": "line 16, sensor d11",
        "field": "interval_s",
        "value": "'never'",
        "sentence": f"{folder}/sensors.csv: line 16, sensor d11: interval_s: a number is needed, not 'never'",
    }
    assert [one["place"] for one in found["notices"]] == ["line 15, sensor d10"]
    assert found["counts"]["sensors_by_domain"] == {"traffic": 11, "weather": 4}


def test_a_city_whose_name_is_no_text_is_told_all_the_same(folder: Path, capsys: pytest.CaptureFixture[str]):
    head('"small"', r'"\u0007"')(folder)
    head('"Small"', r'"\u0007"')(folder)
    assert cli.main(["city", "check", str(folder)]) == 1
    assert cli.main(["city", "check", str(folder), "--json"]) == 1
    assert "U+0007" in capsys.readouterr().out
