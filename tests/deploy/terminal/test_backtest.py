"""`citywall rules backtest`: what a rule and another version of it would have done over a city's history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.terminal import cli
from streams.sinks.history.opening import open_history
from tests.deploy.terminal.test_dead_letters import data_folder
from tests.small_city import write_small_city
from tests.streams.sinks.rows import row, rows_of
from tests.written_rules import RECORD

if TYPE_CHECKING:
    from pathlib import Path

SPAN = ("--from", "2014-08-20", "--until", "2014-08-21")
MINUTES, START_MS = 60, 1_408_492_800_000
HOT = [("w0", minute, 36.0 if 5 <= minute < 25 else 30.0) for minute in range(MINUTES)]
"""Above 35 for twenty minutes: `heat` raises IV after ten, at 00:15, and ends it thirty after the last, at 00:55."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    data_folder(tmp_path)
    write_small_city(tmp_path / "city")
    history = open_history(tmp_path / "history.sqlite")
    history.write(rows_of(*(row(entity, minute, value, metric="temperature_c") for entity, minute, value in HOT)))
    history.close()
    return tmp_path


def backtest(capsys: pytest.CaptureFixture[str], data: Path, *words: object, code: int = 0) -> str:
    assert cli.main(["rules", "backtest", *map(str, words), "--data", str(data)]) == code
    shown = capsys.readouterr()
    return shown.out if code != cli.MISUSED else shown.err


def versions(capsys: pytest.CaptureFixture[str], data: Path, *words: object, code: int = 0) -> list[dict[str, Any]]:
    return json.loads(backtest(capsys, data, "heat", *SPAN, *words, "--json", code=code))["versions"]


def flood(data: Path) -> Path:
    """Make four places hot and cold in turn all day, and write a version of the rule that takes each for an alarm."""
    history = open_history(data / "history.sqlite")
    values = [(f"w{n}", minute, 36.0 if minute % 2 else 30.0) for n in range(4) for minute in range(1440)]
    history.write(rows_of(*(row(entity, minute, value, metric="temperature_c") for entity, minute, value in values)))
    history.close()
    file = data / "nervous.toml"
    file.write_text("[rule]\non_delay_s = 0\noff_delay_s = 0\ndead_band = 0\n", encoding="utf-8")
    return file


def test_what_the_rule_in_force_would_have_done(data: Path, capsys: pytest.CaptureFixture[str]):
    (found,) = versions(capsys, data)
    assert (found["version"], found["alarms_count"], found["by_level"]) == (
        "in_force", 1, {"1": 0, "2": 0, "3": 0, "4": 1},
    )  # fmt: skip
    assert (found["first_at_ms"] - 1_408_492_800_000, found["longest_s"], found["longest_at"]) == (
        900_000,
        2400.0,
        "w0",
    )
    assert (found["sensors"], found["minutes"], found["broken"]) == (1, 60, [])
    assert found["average_in_10min"] == 0.0069  # 1 / 144


@pytest.mark.parametrize("section", ["rule", "heat"])
def test_two_versions_stand_side_by_side(data: Path, capsys: pytest.CaptureFixture[str], section: str):
    file = data / "mine.toml"
    file.write_text(f"[{section}]\niv = 36.5\n[{section}.record]\ncause = 1\n", encoding="utf-8")
    before, after = versions(capsys, data, "--against", file)
    assert (before["alarms_count"], after["alarms_count"], after["rule"]["iv"], after["rule"]["iii"]) == (
        1,
        0,
        36.5,
        37,
    )
    lines = backtest(capsys, data, "heat", *SPAN, "--against", file, "--lang", "zh").splitlines()
    assert lines[0].split() == ["现行", "另一版本"]
    assert next(line for line in lines if line.startswith("报警数")).split()[1:] == ["1", "0"]


def test_what_breaks_the_load_limits_is_refused_but_for_a_reason(data: Path, capsys: pytest.CaptureFixture[str]):
    """Four places, 720 raises each in 144 windows: 20 in 10 minutes, where 2 are the most on average and 10 at all."""
    file = flood(data)
    before, after = versions(capsys, data, "--against", file, code=1)
    assert before["alarms_count"] == 0
    assert (after["alarms_count"], after["average_in_10min"], after["worst_in_10min"], after["flood_ratio"]) == (
        2880, 20.0, 20.0, 1.0,
    )  # fmt: skip
    said = backtest(capsys, data, "heat", *SPAN, "--against", file, "--lang", "en", code=1)
    assert "refused: with the other rules it breaks the load limits of a desk: 20 alarms of a desk in 10 min on" in said
    anyway = ("--against", file, "--anyway", "a drill")
    assert "taken anyway, because: a drill" in backtest(capsys, data, "heat", *SPAN, *anyway, "--lang", "en")
    assert json.loads(backtest(capsys, data, "heat", *SPAN, *anyway, "--json"))["anyway"] == "a drill"


def happened(data: Path, kind: str, count: int, closed: bool = True) -> None:
    """So many alarms of a kind, of as many places, all at 00:11."""
    history = open_history(data / "history.sqlite")
    at_ms, ids = START_MS + 660_000, [f"{kind}-{number}" for number in range(count)]
    rows = [{"id": one, "domain": "weather", "kind": kind, "entity": one, "zone": "z0", "level": 3, "state": "cleared",
             "raised_at_ms": at_ms, "updated_at_ms": at_ms + 1} for one in ids]  # fmt: skip
    history.write_alarms([(one["id"], json.dumps(one)) for one in rows])
    if closed:
        history.write_alarms([(one, None) for one in ids])
    history.close()


@pytest.mark.parametrize("closed", [True, False])
def test_the_load_is_judged_with_the_alarms_of_the_other_rules(
    data: Path, capsys: pytest.CaptureFixture[str], closed: bool
):
    """One of `heat` at 00:15; of others ten within the same ten minutes, which alone are no flood."""
    happened(data, "wind_strong", 9, closed)
    (found,) = versions(capsys, data)
    assert (found["together"]["alarms_count"], found["together"]["worst_in_10min"], found["broken"]) == (10, 10, [])
    happened(data, "rain_heavy", 1, closed)
    for beside in ("heat", "sensor_silent"):  # what it was itself, and what operators do not see
        happened(data, beside, 9, closed)
    (found,) = versions(capsys, data, code=1)
    assert (found["alarms_count"], found["together"]["alarms_count"]) == (1, 11)
    assert [one["en"] for one in found["broken"]] == ["11 alarms of a desk in one window of 10 min, at most 10"]


def test_what_really_happened_says_how_good_it_is(data: Path, capsys: pytest.CaptureFixture[str]):
    """Told at 00:15, ten minutes after it began; one place was never told, and nobody was told for nothing."""
    file = data / "truth.csv"
    file.write_text(
        "entity,start_at,end_at\nw0,2014-08-20T00:05Z,2014-08-20T00:25Z\nw1,2014-08-20T03:00Z,2014-08-20T04:00Z\n"
    )
    (found,) = versions(capsys, data, "--truth", file)
    assert found["truth"] == {
        "truths_count": 2, "found_count": 1, "detection_ratio": 0.5, "false_count": 0, "false_ratio": 0.0,
        "false_per_detector_day": 0.0, "time_to_detect_s": 600.0,
    }  # fmt: skip
    said = backtest(capsys, data, "heat", *SPAN, "--truth", file, "--lang", "zh")
    assert "平均检出时间" in said
    assert "600 s" in said


def test_the_desks_share_the_load(data: Path, capsys: pytest.CaptureFixture[str]):
    _, after = versions(capsys, data, "--against", flood(data), "--desks", 10, "--anyway", "a drill")
    assert (after["average_in_10min"], after["worst_in_10min"], after["flood_ratio"]) == (2.0, 2.0, 0.0)


def test_outside_of_its_schedule_a_rule_loads_nobody(data: Path, capsys: pytest.CaptureFixture[str]):
    """00:15 UTC is 08:15 in Shanghai."""
    file = data / "night.toml"
    file.write_text('[heat]\nschedule = { from = "20:00", until = "06:00" }\n', encoding="utf-8")
    before, after = versions(capsys, data, "--against", file)
    assert (before["alarms_count"], before["outside_schedule_count"]) == (1, 0)
    assert (after["alarms_count"], after["outside_schedule_count"]) == (0, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["heat"], "say from when until when"),
        (["heat", "--from", "2014-08-21", "--until", "2014-08-20"], "the second one later"),
        ([*SPAN], "backtest: name a rule"),
        (["slow_traffic", *SPAN], "the processor slow_traffic judges it from the readings themselves"),
        (["signal_gale", *SPAN], "signals brings it as an authority decided it"),
        (["wind_strong", *SPAN], "no minutes of wind_m_s (weather) at all"),
        (
            ["heat", "--from", "2014-09-20", "--until", "2014-09-21"],
            "no minutes of temperature_c (weather) of that time",
        ),
        (["heat", *SPAN, "--against", "{data}/none"], "cannot be read"),
        (["heat", *SPAN, "--against", "{data}/city/city.toml"], "it needs a section [heat], or [rule]"),
        (["heat", *SPAN, "--against", "{data}/odd.toml"], "rule heat: from iv to i the limits must get stricter"),
        (["heat", *SPAN, "--anyway", " "], "a reason is needed"),
        (["heat", *SPAN, "--truth", "{data}/none"], "--truth"),
    ],
)
def test_what_cannot_be_tried_is_said_in_a_sentence(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
):
    (data / "odd.toml").write_text("[heat]\niv = 50\n", encoding="utf-8")
    assert said in backtest(capsys, data, *(word.format(data=data) for word in words), code=cli.MISUSED)


RAINY = [("w0", minute, 60.0 if 5 <= minute < 25 else 0.0) for minute in range(MINUTES)]
WET_AND_HOT = f"""[dry_hot]
domain = "weather"
column = "temperature_c"
iv = 35
basis = "local"
reference = "own choice"
{RECORD}
[rains]
domain = "weather"
column = "rain_mm_h"
iv = 30
basis = "local"
reference = "own choice"
{RECORD}
[sultry]
kind = "combination"
domain = "weather"
of = ["dry_hot", "rains"]
iii = 2
basis = "local"
reference = "own choice"
{RECORD}"""


def test_a_combination_is_judged_by_what_its_rules_make_of_the_history(data: Path, capsys: pytest.CaptureFixture[str]):
    """Both hold from minute 5 on, are known at 00:06 each, and so is that they stand together; one is enough for IV."""
    history = open_history(data / "history.sqlite")
    history.write(rows_of(*(row(entity, minute, value, metric="rain_mm_h") for entity, minute, value in RAINY)))
    history.close()
    (data / "city" / "rules.toml").write_text(WET_AND_HOT, encoding="utf-8")
    file = data / "mine.toml"
    file.write_text('[sultry]\niii = 1\nof = ["dry_hot", "heat"]\n', encoding="utf-8")
    words = ("sultry", *SPAN, "--city", data / "city", "--against", file, "--json")
    before, after = json.loads(backtest(capsys, data, *words))["versions"]
    assert (before["alarms_count"], before["by_level"]["3"], before["first_at_ms"]) == (1, 1, START_MS + 6 * 60_000)
    assert (before["longest_at"], before["sensors"], before["minutes"]) == ("zone:z0", 1, 2 * MINUTES)
    assert (after["alarms_count"], after["first_at_ms"]) == (1, START_MS + 6 * 60_000)
    file.write_text('[sultry]\nof = ["dry_hot", "slow_traffic"]\n', encoding="utf-8")
    assert "slow_traffic judges it from the readings themselves" in backtest(capsys, data, *words, code=cli.MISUSED)


def test_rules_are_listed_with_what_a_combination_is_of(data: Path, capsys: pytest.CaptureFixture[str]):
    (data / "city" / "rules.toml").write_text(WET_AND_HOT, encoding="utf-8")
    assert cli.main(["rules", "list", "--city", str(data / "city"), "--lang", "en"]) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("sultry ")]
    assert "dry_hot + rains, in one zone" in line
    assert "III ≥ 2  " in line
