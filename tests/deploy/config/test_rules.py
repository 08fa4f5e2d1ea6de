"""A city's `rules.toml` beside the settings: what is in force, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.config import settings
from deploy.config.rules import checked, in_force
from streams.city.folder import read_folder
from streams.errors import CityFileError
from tests.small_city import write_small_city

if TYPE_CHECKING:
    from pathlib import Path

    from streams.city.folder import Folder

COMPONENTS = settings.load(environment={}).components
WHOLE = """[fog_dense]
domain = "weather"
column = "visibility_m"
sense = "below"
iv = 1000
basis = "local"
reference = "own choice"
"""


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


def test_processors_without_rules_raise_what_they_find(tmp_path: Path) -> None:
    found = in_force(read_folder(write_small_city(tmp_path)), COMPONENTS)
    assert found["slow_traffic"] is None
    assert set(found) == set(COMPONENTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[heat]\niv = 'warm'\n", "rule heat: Expected `float | null`, got `str`"),
        ("[heat]\niv = 38\n", "rule heat: from iv to i the limits must get stricter"),
        ("[heat]\ncolumn = 'temperature'\n", "rule heat: column: weather has no column 'temperature'; the nearest is"),
        ("[mild]\niv = 3\n", "rule mild: Object missing required field"),
        ("[heat]\nifv = 3\n", "rule heat: Object contains unknown field `ifv`"),
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


def test_a_folder_with_good_rules_counts_them(tmp_path: Path) -> None:
    found = checked(with_rules(tmp_path, WHOLE + "[heat]\nenabled = false\n"), COMPONENTS)
    assert (found.problems, found.counts["rules"]) == ((), 2)
