"""`citywall new`: what it writes passes as it stands, in a tree whose whole test command stays green; a domain, too."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from deploy.commands import new
from deploy.config import settings
from processors.maths.combined import KIND
from processors.maths.rules import Rule
from streams.errors import SettingError
from tests.copied_tree import ROOT, copied_tree

NAME = "fresh_thing"
RULES = [of for of in new.ABOUT if of != new.LEVEL]
DOMAIN = """\
domain = "noise"
zh = "噪声"
en = "Noise"

[columns.level_db]
zh = "声级"
en = "Sound level"
unit = "dB"
range = [0, 160]
data_class = "public"
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with one new component of each kind, and a thirteenth domain."""
    tree = copied_tree(tmp_path_factory.mktemp("new") / "citywall")
    for kind in new.PLACES:
        new.write(kind, NAME, tree)
    for of in RULES:
        new.write("rule", f"{NAME}_{of}", tree, of)
    (tree / "streams" / "domains" / "noise.toml").write_text(DOMAIN, encoding="utf-8")
    return tree


def passes(tree: Path, *command: str) -> str:
    """Run a module in the tree → what it said."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return done.stdout


@pytest.mark.timeout(300)
def test_the_whole_suite_is_collected_with_what_is_new(tree: Path):
    found = passes(tree, "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    for place in ("processors", "streams/feeds", "alerts/rules"):
        assert f"tests/{place}/test_{NAME}.py::" in found
    for of in RULES:
        assert f"tests/alerts/rules/test_{NAME}_{of}.py::" in found


@pytest.mark.timeout(600)
def test_what_is_new_passes_its_tests_and_the_contracts(tree: Path):
    suites = ("tests/processors", "tests/streams/feeds", "tests/alerts/rules", "tests/alerts/test_kinds.py")
    said = passes(tree, "pytest", "-q", "-p", "no:cacheprovider", *suites, "-k", f"{NAME} or kinds or shipped")
    assert "passed" in said


@pytest.mark.timeout(600)
def test_a_thirteenth_domain_is_one_file(tree: Path):
    of_city = [f"tests/streams/feeds/sample_city/test_{name}.py" for name in ("generator", "reports")]
    suites = (*of_city, "tests/streams/contract", "tests/streams/broker/test_topics.py")
    wall = ("tests/dashboard/test_texts.py", "tests/dashboard/test_vitals.py", "tests/dashboard/test_mirror.py")
    passes(tree, "pytest", "-q", "-p", "no:cacheprovider", *suites, *wall)


@pytest.mark.timeout(600)
def test_the_tree_keeps_to_the_house_style(tree: Path):
    passes(tree, "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture")


@pytest.mark.parametrize("name", ["Queue", "queue-length", "../queue", "", "2fast", "queue__length"])
def test_a_name_that_is_not_fit_is_refused(tmp_path: Path, name: str):
    with pytest.raises(SettingError, match="lower-case word"):
        new.write("processor", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_not_overwritten(tmp_path: Path):
    new.write("feed", "roof", tmp_path)
    with pytest.raises(SettingError, match="stands there already"):
        new.write("feed", "roof", tmp_path)


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("processor", "class", "word of Python"),
        ("feed", "import", "word of Python"),
        ("processor", "workers", "section of the settings"),
        ("processor", "utils", "does not say what is inside"),
        ("feed", "common", "does not say what is inside"),
        ("processor", "speed", "gives the metric speed_km_h, and there is one already"),
        ("processor", "maths", "processors/maths stands there already"),
        ("feed", "replay", "streams/feeds/replay stands there already"),
        ("rule", "heat", "heat.toml stands there already"),
        ("rule", "slow_traffic", "slow_traffic.toml stands there already"),
    ],
)
def test_a_name_that_would_break_the_tree_is_refused(kind: str, name: str, reason: str):
    before = sorted(ROOT.glob("*/**/*.toml"))
    with pytest.raises(SettingError, match=reason):
        new.write(kind, name, ROOT)
    assert sorted(ROOT.glob("*/**/*.toml")) == before


def test_two_new_rules_are_not_called_the_same(tmp_path: Path):
    for name in ("wind_gusts", "wind_squalls"):
        new.write("rule", name, tmp_path)
    texts = [(tmp_path / new.RULES / f"{name}.toml").read_text() for name in ("wind_gusts", "wind_squalls")]
    titles = [tomllib.loads(text)["record"]["title"] for text in texts]
    assert titles == [{"zh": "新规则1", "en": "Wind gusts"}, {"zh": "新规则2", "en": "Wind squalls"}]


def test_every_kind_of_rule_can_be_written():
    """Those that people can name: the kinds of `Rule`, and the combination."""
    assert set(new.ABOUT) == {*get_args(get_type_hints(Rule)["kind"]), KIND}


@pytest.mark.parametrize("of", new.ABOUT)
def test_a_new_rule_counts_once_its_record_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str):
    """It is off as it is written; enabled, what its record lacks is named with file and field, and no more is wrong."""
    path, _ = new.write("rule", "wind_gusts", tmp_path, of)
    for member in ("rain_heavy", "wind_strong"):
        shutil.copy(ROOT / new.RULES / f"{member}.toml", path.parent)
    monkeypatch.setattr(settings.shipped, "FOLDER", path.parent)
    found, problems = settings.examine(None, {})
    assert problems == []
    rules = [*found.components["threshold"]["rules"], *found.components["combination"]["rules"]]
    assert [one["enabled"] for one in rules if one["name"] == "wind_gusts"] == [False]
    path.write_text(path.read_text().replace("enabled = false", "enabled = true"))
    _, problems = settings.examine(None, {})
    lacking = [f"{key}.{lang}" for key in ("owner", "cause", "consequence", "action") for lang in ("zh", "en")]
    said = f"{path}: [threshold] rule wind_gusts: record."
    assert problems == [f"{said}{way}: a text is needed; nothing stands there" for way in lacking]
