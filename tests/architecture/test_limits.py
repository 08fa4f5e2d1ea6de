"""House style that no linter knows: sizes, names, and what may stand in the tree."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("streams", "processors", "alerts", "dashboard", "deploy")

MODULE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 6
FORBIDDEN_STEMS = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
FORBIDDEN_CLASSES = re.compile(r"(Manager|Helper|Utils?)$")
BARE_EXEMPTION = re.compile(r"#\s*(noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|type:\s*ignore(\[[\w,\s-]+\])?)\s*$")
MACHINE_PATHS = re.compile(r"(?<![\w.~])/(?:work|farm|root|tmp/lab|home/\w+)/")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".sh", ".yml", ".yaml", ".js", ".css", ".html", ".txt", ""}


def tree() -> list[Path]:
    """Every file of the project; what tools leave behind is not its own."""
    inside = [path for folder in (*PACKAGES, "tests", "docs", ".ci") for path in (ROOT / folder).rglob("*")]
    return sorted(path for path in (*ROOT.iterdir(), *inside) if path.is_file() and "__pycache__" not in path.parts)


FILES = tree()
MODULES = [path for path in FILES if path.suffix == ".py"]
COMMANDS = [path for path in MODULES if path.parent == ROOT / "deploy" / "commands" and path.stem != "__init__"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([arg for arg in args if arg.arg not in {"self", "cls"}])


def test_modules_are_short():
    lines = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_functions_are_short():
    lines = {f"{named(path)}:{one.name}": code_lines(one) for path in MODULES for one in functions(path)}
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES} == {}


def test_functions_take_few_parameters():
    ours = [path for path in MODULES if not path.is_relative_to(ROOT / "tests")]  # pytest's are fixtures and columns
    taken = {f"{named(path)}:{one.name}": parameters(one) for path in ours for one in functions(path)}
    assert {name: count for name, count in taken.items() if count > PARAMETERS} == {}


def test_names_say_what_is_inside():
    classes = [
        (path, node.name) for path in MODULES for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)
    ]
    assert [named(path) for path in MODULES if path.stem in FORBIDDEN_STEMS] == []
    assert [f"{named(path)}:{name}" for path, name in classes if FORBIDDEN_CLASSES.search(name)] == []


def test_every_exemption_has_its_reason():
    bare = [
        f"{named(path)}:{number}: {line.strip()}"
        for path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if BARE_EXEMPTION.search(line)
    ]
    assert bare == []


def test_every_package_says_what_belongs_there():
    folders = {path.parent for path in MODULES if path.relative_to(ROOT).parts[0] in PACKAGES}
    silent = [
        named(folder)
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file() or ast.get_docstring(parsed(folder / "__init__.py")) is None
    ]
    assert silent == []


def test_no_path_of_a_machine_stands_in_the_tree():
    found = [
        f"{named(path)}:{number}"
        for path in FILES
        if path.suffix in TEXT_SUFFIXES and path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATHS.search(line)
    ]
    assert found == []


def test_the_changelog_begins_with_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert versions[0] == project["version"]


@pytest.mark.parametrize("path", COMMANDS, ids=named)
def test_importing_a_command_is_cheap(path: Path):
    heavy = {"numpy", "faust", "aiokafka", "kafka", "dash", "plotly", "pyarrow", "redis", "influxdb_client"}
    program = f"import importlib, sys; importlib.import_module('deploy.commands.{path.stem}'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy & set(done.stdout.split()) == set()


@pytest.mark.parametrize("path", COMMANDS, ids=named)
def test_a_command_offers_what_the_command_line_needs(path: Path):
    command = importlib.import_module(f"deploy.commands.{path.stem}")
    assert isinstance(command.SUMMARY, str)
    assert not command.SUMMARY.endswith(".")
    assert callable(command.add_arguments)
    assert callable(command.run)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_with_hashes_and_names_no_registry(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    pinned = text.count("==") - text.count("_python_version ==")
    assert pinned >= 50
    assert "://" not in text
    assert "--index" not in text
    unhashed = re.findall(r"^([\w.-]+==\S+)(?:\s*;[^\\\n]*)?\n(?!\s+--hash)", text, re.M)
    assert unhashed == []


def test_the_development_lock_holds_all_of_the_other():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==[^\\\n]+", (ROOT / name).read_text(encoding="utf-8"), re.M))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_locks_pin_what_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    missing = [one for one in asked if re.sub(r"\[.*?\]", "", one) + " " not in lock]
    assert missing == []
