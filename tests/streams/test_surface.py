"""The private surface: each name is as we know it, each change would be told, nothing is used that is not listed."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from pathlib import Path

import pytest

from streams import surface
from streams.surface import SURFACE, Private

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("streams", "processors", "alerts", "dashboard", "deploy")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
THEIRS = ("faust", "mode", "aiokafka", "numba")
PUBLIC = {
    "aiokafka.AIOKafkaConsumer",
    "aiokafka.AIOKafkaProducer",
    "aiokafka.TopicPartition",
    "aiokafka.structs.TopicPartition",
    "faust.types.TP",
    "faust.types.Message",
    "numba.config",
    "numba.extending.register_jitable",
    "numba.njit",
}
"""What their documentation offers of the modules that we import from, errors aside."""
DOCUMENTED = {"_replace", "_asdict"}
"""Of every NamedTuple."""
LISTED = {one.name for one in SURFACE}


@pytest.mark.parametrize("one", SURFACE, ids=str)
def test_a_private_name_is_as_we_know_it(one: Private) -> None:
    assert surface.misfit(one) is None, f"{surface.misfit(one)}; see docs/development.md"


@pytest.mark.parametrize("one", SURFACE, ids=str)
def test_each_change_is_told_with_what_breaks(one: Private) -> None:
    gone = one._replace(name=f"{one.name}_as_it_was")
    assert surface.misfit(gone) == f"{gone} is not there any more: {one.broken}"
    elsewhere = one._replace(owner="aiokafka.elsewhere:Class")
    assert "is not there any more" in (surface.misfit(elsewhere) or "")
    if one.parameters is not None:
        other = one._replace(parameters=f"{one.parameters} more")
        assert surface.misfit(other) == f"{one} takes ({one.parameters}), not ({one.parameters} more): {one.broken}"


def test_every_use_has_names_and_a_way_on() -> None:
    assert {one.use for one in SURFACE} == set(surface.WITHOUT)


def test_what_no_method_of_a_class_uses_any_more_is_missed() -> None:
    """What an object holds is known from the code of its class alone."""

    class Later:
        def __init__(self) -> None:
            self._kept = [one._inner for one in ()]

    assert {"_kept", "_inner"} <= surface._used_by(Later)
    assert "_thread" not in surface._used_by(Later)


def overriding() -> list[str]:
    """Names of our methods that stand in for those of a class of theirs."""
    found = []
    for path in MODULES:
        if not touches_theirs(path):
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        classes = [one for one in vars(module).values() if inspect.isclass(one)]
        for ours in [one for one in classes if one.__module__ == module.__name__]:
            bases = [base for base in ours.__mro__ if base.__module__.split(".")[0] in THEIRS]
            methods = [name for name, value in vars(ours).items() if inspect.isfunction(value)]
            found += [name for name in methods if any(name in vars(base) for base in bases)]
    return [name for name in found if not (name.startswith("__") and name.endswith("__"))]


def test_everything_overridden_is_listed() -> None:
    found = overriding()
    assert "_getmany" in found
    assert set(found) - LISTED == set()


def own_names(tree: ast.Module) -> set[str]:
    """Names that a module's own classes and functions have, and what they keep under `self`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)  # a field
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_name(node.value, "self"):
            found.add(node.attr)
    return found


def is_name(node: ast.expr, *names: str) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def imported(tree: ast.Module) -> dict[str, str]:
    """What a module calls the modules that it imports, and where they come from."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(one.asname or one.name): one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {(one.asname or one.name): f"{node.module}.{one.name}" for one in node.names}
    return found


def touches_theirs(path: Path) -> bool:
    """Whether objects of theirs may be handled in a file."""
    origins = imported(ast.parse(path.read_text(encoding="utf-8"))).values()
    return any(one.split(".")[0] in THEIRS or one.startswith("streams.engine") for one in origins)


def private_reads(tree: ast.Module) -> set[str]:
    """Names with an underscore that a module reads of something that is neither its own nor Python's."""
    own, modules = own_names(tree), imported(tree)
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr in DOCUMENTED:
            continue
        if node.attr.startswith("__"):
            continue
        origin = modules.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
        if node.attr not in own and origin.split(".")[0] not in sys.stdlib_module_names:
            found.add(node.attr)
    return found


def test_nothing_private_is_read_that_is_not_listed() -> None:
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES if touches_theirs(path)}
    found = {name: private_reads(tree) for name, tree in trees.items()}
    assert {"_fetch_records", "_max_poll_records"} <= found["lingering.py"]
    assert "_fetcher" in found["chunks.py"]
    others = {name: reads - LISTED for name, reads in found.items()}
    assert {name: reads for name, reads in others.items() if reads} == {}


def test_nothing_of_their_modules_is_imported_that_is_neither_documented_nor_listed() -> None:
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in THEIRS:
                found |= {f"{node.module}.{one.name}" for one in node.names}
    assert {"aiokafka.consumer.fetcher", "aiokafka.conn"} <= found
    listed = {one.owner.replace(":", ".") for one in SURFACE} | {str(one) for one in SURFACE}
    modules = {one.owner.partition(":")[0] for one in SURFACE}
    unlisted = found - listed - modules - PUBLIC
    assert {one for one in unlisted if ".errors." not in one} == set()


def test_a_scan_sees_a_new_private_name() -> None:
    tree = ast.parse("def f(consumer):\n    return consumer._thread._new_one, consumer.public, len(consumer._thread)\n")
    assert private_reads(tree) == {"_thread", "_new_one"}
    assert private_reads(ast.parse("import os\nos._exit(0)\n")) == set()


@pytest.mark.parametrize("use", surface.WITHOUT)
def test_the_warning_is_one_line_that_names_what_changed(use: surface.Use, caplog: pytest.LogCaptureFixture) -> None:
    surface.say(use, ["a.b is not there any more: x", "a.c takes (d), not (e): y"])
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("a.b is not there any more: x; a.c takes (d), not (e): y; so ")
    assert "\n" not in said
