"""Both languages say everything; vendored files are what the list says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.labels import messages
from dashboard.operator_form import check
from dashboard.vendor import FOLDER, HASHES, PACKAGES, digest, vendored

PACKAGE = Path(__file__).parents[2] / "dashboard"
SCRIPTS = sorted((PACKAGE / "assets" / "wall").glob("*.js"))


def test_both_languages_have_the_same_keys_and_gaps():
    found = messages()
    assert set(found["zh"]) == set(found["en"])
    for key, zh in found["zh"].items():
        assert sorted(re.findall(r"{\w+}", zh)) == sorted(re.findall(r"{\w+}", found["en"][key])), key
        assert zh.strip(), key
        assert found["en"][key].strip(), key


def test_every_text_that_the_page_names_exists():
    known = set(messages()["zh"])
    named = set()
    for path in SCRIPTS:
        named |= set(re.findall(r'\bt\("([\w.]+)"[,)]', path.read_text(encoding="utf-8")))
    for path in PACKAGE.glob("*.py"):
        named |= set(re.findall(r'(?:text|_i18n)\("([\w.]+)"\)', path.read_text(encoding="utf-8")))
        named |= set(re.findall(r'\("(fact\.\w+)"', path.read_text(encoding="utf-8")))
    assert len(named) > 50
    assert named - known == set()


def test_every_action_has_a_name_and_a_word_for_when_it_is_done():
    source = (PACKAGE / "assets" / "wall" / "actions.js").read_text(encoding="utf-8")
    actions = re.findall(r'name: "(\w+)"', source)
    assert len(actions) > 10
    assert {f"{part}.{action}" for part in ("action", "did") for action in actions} - set(messages()["zh"]) == set()


def test_no_script_or_style_names_an_outside_address():
    for path in [*SCRIPTS, *(PACKAGE / "assets").rglob("*.css")]:
        outside = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8"))
        assert [address for address in outside if "www.w3.org" not in address] == [], path.name


def test_no_text_stands_in_a_script():
    for path in SCRIPTS:
        assert re.findall(r"[\u4e00-\u9fff]", path.read_text(encoding="utf-8")) == [], path.name


def test_vendored_files_are_what_the_list_says():
    lines = (FOLDER / HASHES).read_text(encoding="utf-8").split("\n")
    assert [f"{digest(path)}  {path.relative_to(FOLDER).as_posix()}" for path in vendored()] == lines[:-1]
    for package in PACKAGES:
        assert (FOLDER / package.folder / "LICENSE").exists()


@pytest.mark.parametrize(
    ("who", "desk", "operator", "problem"),
    [
        (" 李娜 ", "2", {"who": "李娜", "desk": "2"}, ""),
        ("", "2", None, "Please give a name of at most 64 characters."),
        ("Li", None, None, "Please give a desk of at most 64 characters."),
        ("x" * 65, "2", None, "Please give a name of at most 64 characters."),
    ],
)
def test_an_operator_has_a_name_and_a_desk(who, desk, operator, problem):
    assert check(who, desk, "en") == (operator, problem)
