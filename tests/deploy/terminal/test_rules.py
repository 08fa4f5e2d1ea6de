"""`citywall rules`: all rules in force, where each value comes from, and the record in the terminal's language."""

from __future__ import annotations

import doctest
import json
from typing import TYPE_CHECKING, Any

import pytest

from alerts.rules.shipped import shipped
from deploy.config import settings
from deploy.terminal import cli, rules_screen
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.written_rules import RECORD

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = shipped()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home in which no city was started, and a terminal that speaks English."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CITYWALL_CONFIG", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def said(capsys: pytest.CaptureFixture[str], *args: object, code: int = 0) -> str:
    assert cli.main(["rules", *map(str, args)]) == code
    shown = capsys.readouterr()
    return shown.out if code == 0 else shown.err


def listed(capsys: pytest.CaptureFixture[str], *args: object) -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(said(capsys, "list", "--json", *args))}


def city(folder: Path, rules: str) -> Path:
    write_small_city(folder)
    (folder / "rules.toml").write_text(rules, encoding="utf-8")
    return folder


def test_all_that_ships_is_there_whole_and_by_default(capsys):
    found = listed(capsys)
    assert set(found) == set(SHIPPED)
    assert found["heat"] | {"origins": {}} == {
        **SHIPPED["heat"], "name": "heat", "processor": "threshold", "enabled": True, "sense": "above", "i": None,
        "grace_s": None, "latching": False, "schedule": None, "kind": "level", "over_s": None, "at": None,
        "origins": {},
    }  # fmt: skip
    assert found["slow_traffic"]["processor"] == "slow_traffic"
    assert {origin for one in found.values() for origin in one["origins"].values()} == {"default"}


def test_one_number_of_a_city_changes_one_rule(capsys, tmp_path: Path):
    before = listed(capsys)
    after = listed(capsys, "--city", city(tmp_path / "city", "[heat]\niv = 36\n"))
    heat = {**before["heat"], "iv": 36.0, "origins": {**before["heat"]["origins"], "iv": "city"}}
    assert after == {**before, "heat": heat}


def test_one_number_of_a_rule_that_a_processor_judges_by_itself(capsys, tmp_path: Path):
    before = listed(capsys)
    assert before["sensor_silent"]["silent_delay_s"] == 120.0
    after = listed(capsys, "--city", city(tmp_path / "city", "[sensor_silent]\nsilent_delay_s = 300\n"))
    silent = before["sensor_silent"]
    silent = {**silent, "silent_delay_s": 300, "origins": {**silent["origins"], "silent_delay_s": "city"}}
    assert after == {**before, "sensor_silent": silent}
    config = tmp_path / "mine.toml"
    config.write_text("[feed_health]\nsilent_delay_s = 240\n")
    found = listed(capsys, "--config", config)["sensor_silent"]
    assert (found["silent_delay_s"], found["origins"]["silent_delay_s"]) == (240.0, "settings")
    folder = city(tmp_path / "off", "[sensor_silent]\nenabled = false\n")
    assert listed(capsys, "--city", folder)["sensor_silent"]["enabled"] is False


def test_each_value_says_which_layer_had_the_last_word(capsys, tmp_path: Path):
    config = tmp_path / "mine.toml"
    config.write_text('[[threshold.rules]]\nname = "heat"\niv = 36\niii = 38\n')
    folder = city(tmp_path / "city", '[heat]\niii = 39\nrecord.title.en = "Hot"\n')
    heat = listed(capsys, "--city", folder, "--config", config)["heat"]
    ways = ("iv", "iii", "ii", "record.title.en", "record.title.zh")
    assert [heat["origins"][way] for way in ways] == ["settings", "city", "default", "city", "default"]


def test_a_started_city_is_told_as_it_is_in_force(capsys, tmp_path: Path):
    """The settings it was started with count, and its folder in force, not the one that somebody is just breaking."""
    (tmp_path / "mine.toml").write_text('[[threshold.rules]]\nname = "heat"\niv = 36\n')
    chosen = settings.load(tmp_path / "mine.toml", {})
    data = tmp_path / "data"
    data.mkdir()
    run_of(
        data,
        city=city(tmp_path / "kept", "[noise_high]\nenabled = false\n"),
        city_edited=city(tmp_path / "edited", "[heat\n"),
        components=chosen.components,
        own_rules=chosen.own_rules,
    ).write()
    found = listed(capsys, "--data", data)
    assert (found["heat"]["iv"], found["heat"]["origins"]["iv"]) == (36, "settings")
    assert (found["noise_high"]["enabled"], found["noise_high"]["origins"]["enabled"]) == (False, "city")


def test_a_folder_that_cannot_be_used_is_refused_with_its_problems(capsys, tmp_path: Path):
    folder = city(tmp_path / "city", "[heat]\niv = 'warm'\n")
    assert "rules.toml: rule heat: iv: a number is needed, not 'warm'" in said(capsys, "list", "--city", folder, code=2)


def test_the_list_is_one_line_a_rule(capsys, tmp_path: Path):
    fog = '[fog]\ndomain = "weather"\ncolumn = "visibility_m"\nsense = "below"\niv = 1000\nbasis = "local"\n'
    fog += f'reference = "own choice"\n{RECORD}'
    folder = city(tmp_path / "city", f"{fog}[noise_high]\nenabled = false\n")
    lines = said(capsys, "list", "--city", folder).splitlines()
    assert len(lines) == len(SHIPPED) + 2
    cells = {line.split()[0]: [cell.strip() for cell in line.split("  ") if cell] for line in lines}
    assert cells["fog"] == ["fog", "Dense fog", "weather visibility_m", "IV < 1000 m", "Police", "city"]
    assert cells["noise_high"][3] == "off"
    assert cells["slow_traffic"][2:4] == ["slow_traffic", "IV, III, II"]


@pytest.mark.parametrize("language", ["zh_CN.UTF-8", "C.UTF-8"])
@pytest.mark.parametrize("name", SHIPPED)
def test_each_that_ships_can_be_shown(name: str, language: str, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", language)
    shown, of = said(capsys, "show", name), "zh" if language.startswith("zh") else "en"
    assert SHIPPED[name]["record"]["action"][of] in shown
    reference = SHIPPED[name]["reference"]
    assert f"; {reference if isinstance(reference, str) else reference[of]}\n" in shown


def test_the_list_says_of_what_the_limits_are(capsys, tmp_path: Path):
    common = f'domain = "water"\ncolumn = "pressure_mpa"\nsense = "below"\nbasis = "local"\nreference = "x"\n{RECORD}'
    drop = f'[drop]\nkind = "change"\nover_s = 300\niv = -0.05\n{common}'
    often = f'[often]\nkind = "count"\nover_s = 600\nat = 0.2\niv = 3\n{common}'
    lines = said(capsys, "list", "--city", city(tmp_path / "city", drop + often)).splitlines()
    cells = {line.split()[0]: [cell.strip() for cell in line.split("  ") if cell] for line in lines}
    assert cells["drop"][2:4] == ["water pressure_mpa, change in 5 min", "IV < -0.05 MPa"]
    missing = f'[missing]\nkind = "absence"\niv = 600\n{common}'.replace('sense = "below"\n', "")
    folder = city(tmp_path / "other", missing)
    (line,) = [one for one in said(capsys, "list", "--city", folder).splitlines() if one.startswith("missing")]
    assert [cell.strip() for cell in line.split("  ") if cell][2:4] == [
        "water pressure_mpa, time without a value", "IV ≥ 600 s",
    ]  # fmt: skip
    unusual = city(tmp_path / "third", f'[unusual]\nkind = "deviation"\niv = -0.1\n{common}')
    (line,) = [one for one in said(capsys, "list", "--city", unusual).splitlines() if one.startswith("unusual")]
    assert [cell.strip() for cell in line.split("  ") if cell][2:4] == [
        "water pressure_mpa, deviation from usual", "IV < -0.1 MPa",
    ]  # fmt: skip
    shown = said(capsys, "show", "missing", "--city", folder)
    assert "600" in shown
    assert "off_delay_s" not in shown
    assert cells["often"][2:4] == ["water pressure_mpa, minutes beyond its limit in 10 min", "IV ≥ 3"]


def test_a_rule_is_shown_with_its_record_in_the_language_of_the_terminal(capsys, monkeypatch, tmp_path: Path):
    record = SHIPPED["underpass_flooding"]["record"]
    english = said(capsys, "show", "underpass_flooding")
    assert f"action: {record['action']['en']}" in english
    assert "time to respond: 5 min" in english
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    chinese = said(capsys, "show", "underpass_flooding")
    assert f"处置：{record['action']['zh']}" in chinese
    assert "响应时限：5 分钟" in chinese
    folder = city(tmp_path / "city", '[slow_traffic.record.owner]\nzh = "路政"\n')
    assert "责任部门：路政 (城市)" in said(capsys, "show", "slow_traffic", "--city", folder)


@pytest.mark.parametrize(
    ("args", "reason"),
    [(("show",), "show: name a rule"), (("show", "haet"), "haet: no rule is called so; the nearest is 'heat'")],
)
def test_what_cannot_be_shown_is_said(capsys, args, reason):
    assert reason in said(capsys, *args, code=2)


def test_examples_in_the_docstrings():
    failed, tried = doctest.testmod(rules_screen)
    assert (failed, tried > 0) == (0, True)
