"""`citywall city calendar YEAR` writes a year's official days into the folder and leaves the other years alone."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from deploy.terminal import cli
from streams.city.china_days import official_days
from streams.city.registry import load_city
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("year", "holidays", "workdays"),
    [(2024, 1 + 8 + 3 + 5 + 1 + 3 + 7, 8), (2025, 1 + 8 + 3 + 5 + 3 + 8, 5), (2026, 3 + 9 + 3 + 5 + 3 + 3 + 7, 6)],
)
def test_a_year_has_the_days_of_its_notice(year: int, holidays: int, workdays: int):
    days = official_days(year)
    kinds = list(days.values())
    assert (kinds.count("holiday"), kinds.count("workday")) == (holidays, workdays)
    assert all(day.weekday() >= 5 for day, kind in days.items() if kind == "workday")  # a weekend given up


def test_it_stands_in_the_folder_beside_the_other_years(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = write_small_city(tmp_path / "city")
    (folder / "calendar.csv").write_text("date,kind\n2030-01-02,holiday\n2026-03-03,holiday\n")
    assert cli.main(["city", "calendar", "2026", "--city", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}/calendar.csv: 39 official days of 2026\n"
    found = load_city(folder).calendar
    assert found[date(2026, 10, 10)] == "workday"
    assert found[date(2026, 2, 23)] == "holiday"
    assert found[date(2030, 1, 2)] == "holiday"
    assert date(2026, 3, 3) not in found


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["2099", "--city", "{}"], "2099: the official days of 2024 to "),
        (["next", "--city", "{}"], "'next': a year is needed, such as 2026"),
        (["2026"], "--city DIR: name the city folder"),
        (["2026", "--city", "{}/nowhere"], "/nowhere: name the city folder"),
    ],
)
def test_what_it_cannot_do_is_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = write_small_city(tmp_path / "city")
    assert cli.main(["city", "calendar", *(word.format(folder) for word in words)]) == 2
    assert sentence in capsys.readouterr().err
    assert not (folder / "calendar.csv").exists()


def test_a_calendar_that_is_wrong_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = write_small_city(tmp_path / "city")
    (folder / "calendar.csv").write_text("date,kind\n1.1.2030,holiday\n")
    assert cli.main(["city", "calendar", "2026", "--city", str(folder)]) == 2
    assert "calendar.csv: line 2, date 1.1.2030: date: a day as 2026-10-01 is needed" in capsys.readouterr().err
    assert (folder / "calendar.csv").read_text() == "date,kind\n1.1.2030,holiday\n"
