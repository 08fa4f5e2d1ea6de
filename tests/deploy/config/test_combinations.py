"""Combinations among the rules of the settings and of a city: what is in force, and what is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from deploy.config import settings
from deploy.config.rules import checked, in_force
from tests.deploy.config.test_rules import COMPONENTS, SHIPPED, settled, with_rules
from tests.written_rules import RECORD

if TYPE_CHECKING:
    from pathlib import Path

KEYS = """kind = "combination"
domain = "water"
of = ["rain_heavy", "underpass_flooding"]
ii = 2
basis = "proposal"
reference = "own choice"
"""
CITY = f"[street_floods]\n{KEYS}{RECORD}"
MINE = f'[[threshold.rules]]\nname = "street_floods"\n{KEYS}{RECORD}'


def test_a_citys_combination_is_in_force_beside_the_rules_that_it_is_of(tmp_path: Path) -> None:
    found = in_force(with_rules(tmp_path, CITY), COMPONENTS)
    assert [(one["name"], one["ii"]) for one in found["combination"] or []] == [("street_floods", 2)]
    assert {one["name"]: one for one in found["threshold"] or []} == SHIPPED


def test_a_city_changes_one_number_of_a_combination_of_the_settings(tmp_path: Path) -> None:
    found = settled(tmp_path, MINE)
    domains = found.components["combination"]["domain_of"]
    assert (domains["rain_heavy"], domains["slow_traffic"]) == ("weather", "traffic")
    assert "sensor_silent" not in domains
    folder = with_rules(tmp_path / "city", "[street_floods]\non_delay_s = 300\n")
    (rule,) = in_force(folder, found.components, found.own_rules)["combination"] or []
    assert (rule["ii"], rule["on_delay_s"]) == (2, 300)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ("rain_hevy", "of: there is no rule 'rain_hevy'; the nearest is 'rain_heavy'"),
        ("street_floods", "of: 'street_floods' is a combination itself; write the rules that it is of instead"),
        ("feed_silent", "of: 'feed_silent' cannot be part of one: feed_outage does not find it in the zones of one"),
        ("sensor_silent", "of: 'sensor_silent' cannot be part of one: feed_health does not find it in the zones of"),
        ("signal_gale", "of: 'signal_gale' cannot be part of one: "),
        ("heat", "of: at least two rules, each once, are needed, and 'heat' stands there twice"),
    ],
)
def test_a_combination_of_what_cannot_stand_is_refused(tmp_path: Path, of: str, said: str) -> None:
    """The same is said of a city's file and of the settings."""
    of_city, mine = (text.replace("underpass_flooding", of).replace("rain_heavy", "heat") for text in (CITY, MINE))
    problems = [str(one) for one in checked(with_rules(tmp_path / "city", of_city), COMPONENTS).problems]
    assert any(f"rule street_floods: {said}" in one for one in problems), problems
    (tmp_path / "mine.toml").write_text(mine, encoding="utf-8")
    problems = settings.examine(tmp_path / "mine.toml", {})[1]
    assert any(f"mine.toml: [threshold] rule street_floods: {said}" in one for one in problems), problems


def test_a_rule_that_a_combination_is_of_cannot_be_switched_off_alone(tmp_path: Path) -> None:
    found = settled(tmp_path, MINE)
    folder = with_rules(tmp_path / "city", "[rain_heavy]\nenabled = false\n")
    (problem,) = checked(folder, found.components, found.own_rules).problems
    assert "rule street_floods: of: 'rain_heavy' is switched off; enable it, or take it out" in str(problem)
    both = with_rules(tmp_path / "off", "[rain_heavy]\nenabled = false\n[street_floods]\nenabled = false\n")
    assert checked(both, found.components, found.own_rules).problems == ()


def test_a_misspelt_kind_of_a_combination_is_told_the_right_one(tmp_path: Path) -> None:
    (problem,) = checked(with_rules(tmp_path, CITY.replace('"combination"', '"combinatoin"')), COMPONENTS).problems
    assert "rule street_floods: kind: one of combination is needed, not 'combinatoin'; the nearest is" in str(problem)


def test_combinations_have_no_section_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE.replace("threshold.rules", "combination.rules"), encoding="utf-8")
    (problem,) = settings.examine(tmp_path / "mine.toml", {})[1]
    assert problem.endswith('a combination is written under [[threshold.rules]], with kind = "combination"')


@pytest.mark.parametrize("of", ["[[1], { a = 2 }]", "[1, 2]", '"rain_heavy"', "3"])
def test_what_names_no_rules_is_said_once(tmp_path: Path, of: str) -> None:
    """Whatever stands there: no list of texts is refused as that, and as nothing else."""
    text = re.sub(r"^of = .*$", f"of = {of}", MINE, flags=re.MULTILINE)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    (problem,) = settings.examine(tmp_path / "mine.toml", {})[1]
    assert "rule street_floods: of: a list, each a text, is needed, not " in problem
