"""`citywall new`: what it writes passes as it stands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.commands import new
from streams.errors import SettingError

ROOT = Path(__file__).resolve().parents[2]
TREE = ("streams", "processors", "alerts", "deploy", "tests")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree, to write into."""
    for folder in TREE:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "tests"),
    [
        ("processor", ["tests/processors/test_contract.py"]),
        ("feed", ["tests/streams/feeds/test_feed_contract.py"]),
        ("rule", ["tests/alerts/test_kinds.py"]),
    ],
)
def test_what_is_written_passes(tree: Path, kind: str, tests: list[str]):
    written = new.write(kind, "fresh_thing", tree)
    own = next(path for path in written if path.name.startswith("test_"))
    alone = run(tree, "pytest", "-q", "-p", "no:cacheprovider", str(own))
    assert alone.returncode == 0, alone.stdout
    for suite in tests:
        only = ["-k", "fresh_thing"] if "contract" in suite else []
        found = run(tree, "pytest", "-q", "-p", "no:cacheprovider", suite, *only)
        assert found.returncode == 0, found.stdout
    checked = [str(path) for path in written if path.suffix == ".py"]
    typed = [path for path in checked if "/test_" not in path]
    tools = [["ruff", "check"], ["ruff", "format", "--check"], *([["mypy"]] if typed else [])]
    for tool in tools:
        found = run(tree, *tool, *(typed if tool[0] == "mypy" else checked))
        assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", ["Queue", "queue-length", "../queue", "", "2fast", "queue__length"])
def test_a_name_that_is_not_fit_is_refused(tmp_path: Path, name: str):
    with pytest.raises(SettingError, match="lower-case word"):
        new.write("processor", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_not_overwritten(tmp_path: Path):
    new.write("feed", "roof", tmp_path)
    with pytest.raises(SettingError, match="stands there already"):
        new.write("feed", "roof", tmp_path)
