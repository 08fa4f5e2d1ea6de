"""A city's `rules.toml` beside the settings: what is in force, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deploy.config import settings
from deploy.config.rules import checked, in_force
from streams.city.folder import read_folder
from streams.errors import CityFileError
from streams.feeds.signals.standing import JUDGE
from tests.small_city import write_small_city
from tests.written_rules import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from streams.city.folder import Folder
    from streams.city.versions import Rules

COMPONENTS = settings.load(environment={}).components
WHOLE = """[fog_dense]
domain = "weather"
column = "visibility_m"
sense = "below"
iv = 1000
basis = "local"
reference = "own choice"
"""
WHOLE += RECORD


def with_rules(folder: Path, text: str) -> Folder:
    write_small_city(folder)
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    return read_folder(folder)


def test_one_number_of_one_rule_changes_and_the_rest_stays(tmp_path: Path) -> None:
    before = in_force(read_folder(write_small_city(tmp_path)), COMPONENTS)["threshold"] or []
    after = in_force(with_rules(tmp_path, "[heat]\niv = 36\n" + WHOLE), COMPONENTS)["threshold"] or []
    assert [one["name"] for one in after] == [*(one["name"] for one in before), "fog_dense"]
    changed = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    assert [(old["iv"], new["iv"]) for old, new in changed] == [(35, 36)]
    assert [{**new, "iv": 35} for _, new in changed] == [old for old, _ in changed]


def heat(rules: Rules) -> dict[str, Any]:
    (found,) = [one for one in rules["threshold"] or [] if one["name"] == "heat"]
    return dict(found)


def test_a_level_that_is_false_is_none_of_the_rule_in_city_and_settings(tmp_path: Path) -> None:
    before = heat(in_force(read_folder(write_small_city(tmp_path)), COMPONENTS))
    after = heat(in_force(with_rules(tmp_path, "[heat]\niv = false\n"), COMPONENTS))
    (tmp_path / "mine.toml").write_text('[[threshold.rules]]\nname = "heat"\niv = false\n', encoding="utf-8")
    mine = settings.load(tmp_path / "mine.toml", {}).components
    assert "iv" not in after
    assert {**after, "iv": 35} == before
    assert heat({"threshold": mine["threshold"]["rules"]}) == {**after, "iv": None}


def test_processors_without_rules_raise_what_they_find(tmp_path: Path) -> None:
    found = in_force(read_folder(write_small_city(tmp_path)), COMPONENTS)
    assert found["congestion"] is None
    assert [one["name"] for one in found["slow_traffic"] or []] == ["slow_traffic"]
    assert set(found) == {*COMPONENTS, JUDGE}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[heat]\niv = 'warm'\n", "rules.toml: rule heat: iv: a number is needed, not 'warm'"),
        ("[heat]\niv = '36'\n", "rule heat: iv: a number is needed, not '36'; write 36"),
        ("[heat]\niv = '36,5'\n", "rule heat: iv: a number is needed, not '36,5'; write 36.5"),
        ("[heat]\niv = true\n", "rule heat: iv: a number is needed, not true"),
        ("[heat]\niv = nan\n", "rule heat: iv: a finite number is needed, not nan; leave the key out"),
        ("[heat]\non_delay_s = -1\n", "rule heat: on_delay_s: a number from 0 is needed, not -1"),
        ("[heat]\ngrace_s = -1\n", "rule heat: grace_s: a number from 0 is needed, not -1"),
        ("[heat]\nenabled = 'no'\n", "rule heat: enabled: true or false is needed, not 'no'"),
        ("[heat]\nsense = 'abov'\n", "sense: one of above, below is needed, not 'abov'; the nearest is 'above'"),
        ("[heat]\nreference = 3\n", "rule heat: reference: a text or a table with zh, en is needed, not 3"),
        ("[heat]\nname = 'heat'\n", "rule heat: name: the section's name is the rule's; take this away"),
        ("[heat]\ndomain = 'wether'\n", "rule heat: domain: there is none called 'wether'; the nearest is 'weath"),
        ("[heat]\niv = false\niii = false\nii = false\n", "rule heat: at least one of iv, iii, ii, i is needed"),
        ("[slow_traffic]\niv = false\n", "rule slow_traffic: iv: there is no such key"),
        ("[heat]\niv = 38\n", "the limits must get stricter (above), not iv = 38, iii = 37, ii = 40"),
        ("[heat]\ncolumn = 'temperature'\n", "rule heat: column: weather has no column 'temperature'; the nearest is"),
        (
            "[mild]\niv = 3\n",
            "rule mild: there is no rule 'mild'; a rule of one's own needs domain, column, basis, reference, record",
        ),
        ("[heatt]\niv = 36\n", "rule heatt: there is no rule 'heatt'; did you mean 'heat'? If not, it needs"),
        ("[Heat]\niv = 36\n", "rule Heat: there is no rule 'Heat'; did you mean 'heat'? If not, it needs"),
        ("[heat]\niiv = 3\n", "rule heat: iiv: there is no such key; the nearest is 'iv'"),
        ("[heat]\nwarm = 3\n", "rule heat: warm: there is no such key; there are enabled, domain, column, sense, kind"),
        ("heat = 3\n", "rules.toml: heat: a section is needed, not 3: a rule's name in brackets"),
        ("[heat\n", "rules.toml: is no TOML"),
    ],
)
def test_what_no_processor_can_judge_is_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = with_rules(tmp_path, text)
    (problem,) = checked(folder, COMPONENTS).problems
    assert said in str(problem)
    with pytest.raises(CityFileError):
        in_force(folder, COMPONENTS)


def test_every_problem_of_every_rule_is_said_at_once(tmp_path: Path) -> None:
    text = "[heatt]\niv = '36'\nivv = 3\n[heat]\niv = true\nsense = 3\n" + WHOLE.replace("weather", "wether")
    text += "[fog]\n" + WHOLE.partition("\n")[2].replace("visibility_m", "visib").replace("iv =", "iv = 9\niii =")
    found = checked(with_rules(tmp_path, text), COMPONENTS).problems
    assert [(one.place, one.field, one.value) for one in found] == [
        ("rule heatt", "", ""),
        ("rule heatt", "iv", "'36'"),
        ("rule heatt", "ivv", "3"),
        ("rule heat", "iv", "true"),
        ("rule heat", "sense", "3"),
        ("rule fog_dense", "domain", "'wether'"),
        ("rule fog", "column", "'visib'"),
        ("rule fog", "", ""),
    ]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("iv = 'x'\nii = 999\n", ["iv", "ii"]),
        ("iv = 'x'\nfoo = 3\nii = 999\non_delay_s = 999999\n", ["iv", "foo", "on_delay_s", "ii"]),
        ("iii = 'x'\nii = 45\n", ["iii"]),
        ("kind = 'chnage'\niv = -5\n", ["kind"]),  # nobody knows of what the limit is
    ],
)
def test_what_is_wrong_with_the_numbers_of_a_rule_is_said_beside_what_is_no_number(
    tmp_path: Path, text: str, fields: list[str]
) -> None:
    found = checked(with_rules(tmp_path, f"[heat]\n{text}"), COMPONENTS).problems
    assert [one.field for one in found] == fields


def test_a_folder_with_good_rules_counts_them(tmp_path: Path) -> None:
    found = checked(with_rules(tmp_path, WHOLE + "[heat]\nenabled = false\n"), COMPONENTS)
    assert (found.problems, found.counts["rules"]) == ((), 2)


SHIPPED = {one["name"]: one for one in COMPONENTS["threshold"]["rules"]}


def settled(folder: Path, text: str) -> settings.Settings:
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return settings.load(folder / "mine.toml", {})


def test_one_rule_in_the_settings_leaves_all_others_as_they_ship(tmp_path: Path) -> None:
    found = settled(tmp_path, '[[threshold.rules]]\nname = "heat"\niv = 36\n')
    after = {one["name"]: one for one in found.components["threshold"]["rules"]}
    assert after == {**SHIPPED, "heat": {**SHIPPED["heat"], "iv": 36}}
    assert found.own_rules == {"heat": {"iv": 36}}


def test_the_city_lies_over_the_settings_and_they_over_what_ships(tmp_path: Path) -> None:
    found = settled(tmp_path, '[[threshold.rules]]\nname = "heat"\niv = 36\niii = 38\n')
    folder = with_rules(tmp_path / "city", "[heat]\niii = 39\n[noise_high]\nenabled = false\n")
    after = {one["name"]: one for one in in_force(folder, found.components, found.own_rules)["threshold"] or []}
    heat, noise = {**SHIPPED["heat"], "iv": 36, "iii": 39}, {**SHIPPED["noise_high"], "enabled": False}
    assert after == {**SHIPPED, "heat": heat, "noise_high": noise}


FOG = WHOLE.partition("\n")[2]


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("fog", FOG.replace(RECORD, ""), "rule fog: record: a rule is enabled with its record only; write [record]"),
        ("fog", FOG.replace('zh = "封路", ', ""), "rule fog: record.action.zh: a text is needed; nothing stands there"),
        ("fog", FOG.replace('"Fog"', '""'), "rule fog: record.cause.en: a text is needed; nothing stands there"),
        ("fog", FOG.replace("= 900", "= 0"), "record.time_to_respond_s: a whole number above 0 is needed, not 0"),
        (
            "fog",
            FOG.replace("owner", "ownr"),
            "rule fog: record.owner: a table with zh, en is needed; nothing stands there",
        ),
        ("fog", FOG.replace("owner", "ownr"), "rule fog: record.ownr: there is no such key; the nearest is 'owner'"),
        (
            "heat",
            "record = 3",
            "rule heat: record: a table with title, owner, time_to_respond_s, cause, consequence, action is needed",
        ),
        ("heat", "record.owner.en = 3", "rule heat: record.owner.en: a text is needed, not 3"),
        ("slow_traffic", "iv = 3", "rule slow_traffic: iv: there is no such key; there are enabled, latching, sched"),
    ],
)
def test_no_rule_is_enabled_without_its_record(tmp_path: Path, name: str, keys: str, said: str) -> None:
    """The same is said of a city's file and of the settings."""
    of_city = [str(one) for one in checked(with_rules(tmp_path / "city", f"[{name}]\n{keys}"), COMPONENTS).problems]
    assert any(said in one for one in of_city), of_city
    mine = tmp_path / "mine.toml"
    mine.write_text(f'[[threshold.rules]]\nname = "{name}"\n{keys}', encoding="utf-8")
    found, problems = settings.examine(mine, {})
    assert found is None
    assert any(said in one and one.startswith(f"{mine}: [threshold] ") for one in problems), problems


def test_what_is_not_enabled_may_lack_its_record(tmp_path: Path) -> None:
    folder = with_rules(tmp_path, WHOLE.replace(RECORD, "enabled = false\n"))
    assert checked(folder, COMPONENTS).problems == ()


def test_the_city_cannot_enable_what_the_settings_left_unrecorded(tmp_path: Path) -> None:
    fog = WHOLE.replace("[fog_dense]", '[[threshold.rules]]\nname = "fog_dense"').replace(RECORD, "enabled = false\n")
    found = settled(tmp_path, fog)
    folder = with_rules(tmp_path / "city", "[fog_dense]\nenabled = true\n")
    (problem,) = checked(folder, found.components, found.own_rules).problems
    assert (problem.place, problem.field) == ("rule fog_dense", "record")


def test_a_city_names_its_own_owner_of_what_a_processor_finds(tmp_path: Path) -> None:
    folder = with_rules(tmp_path, '[slow_traffic.record.owner]\nzh = "路政"\nen = "Road authority"\n')
    found = in_force(folder, COMPONENTS)
    assert [one["enabled"] for one in found["slow_traffic"] or []] == [True]
    assert {one["name"]: one for one in found["threshold"] or []} == SHIPPED
