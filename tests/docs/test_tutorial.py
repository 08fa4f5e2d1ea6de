"""The tutorial is run as it stands, in a copy of the tree: its commands, edits and output, and its tile on the wall."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.asyncio.client import connect

from tests.copied_tree import ROOT, copied_tree
from tests.waiting import until

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
DATA = ROOT.parent / "shared" / "data" / "aarhus_citypulse"
"""Files laid out like those that the page has cloned."""
pytestmark = pytest.mark.timeout(900)


class Block(NamedTuple):
    """A fenced block of the page."""

    kind: str
    text: str


BLOCKS = [Block(*found) for found in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


class Reader:
    """Someone who does what the page says, in a tree of their own."""

    def __init__(self, place: Path) -> None:
        self.tree = copied_tree(place / "citywall")
        # the same environment, and no path of this machine in the tree
        (self.tree / "citywall").write_text('#!/bin/sh\nexec "$THE_PYTHON" -m deploy "$@"\n')
        (self.tree / "citywall").chmod(0o755)
        if DATA.is_dir():
            (self.tree / "Benchmark").symlink_to(DATA)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(self.tree),
            "THE_PYTHON": sys.executable,
            "XDG_STATE_HOME": str(place),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            cwd=self.tree,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        return done.stdout

    def edit(self, text: str) -> None:
        """Put each statement of a Python block in the place of the one with its name."""
        path = self.tree / text.splitlines()[0].removeprefix("# ")
        for name, wanted in statements(text).items():
            source = path.read_text(encoding="utf-8")
            standing = statements(source)
            assert source.count(standing[name]) == 1, f"{path.name} has no {name}"
            path.write_text(source.replace(standing[name], wanted), encoding="utf-8")


def statements(source: str) -> dict[str, str]:
    """Name → the text of each statement at the top level that has one; "" = the text that describes the module."""
    found = {}
    for node in ast.parse(source).body:
        text = ast.get_source_segment(source, node) or ""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = text
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = text
        elif isinstance(node, ast.Expr):
            found.setdefault("", text)
    return found


def compare(said: str, shown: str) -> None:
    """Every line that the page shows was said, in that order; what differs from run to run is not shown."""
    lines = iter([line.split() for line in said.splitlines()])
    for line in shown.splitlines():
        assert line.split() in lines, f"the page shows {line!r}; said was\n{said}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("reader"))


def test_the_page_does_what_it_says(reader: Reader):
    said = ""
    for kind, text in BLOCKS:
        if kind == "python":
            reader.edit(text)
        elif kind == "toml":
            name, _, table = text.partition("\n")
            path = reader.tree / name.removeprefix("# ")
            head, _, rest = path.read_text(encoding="utf-8").partition("[[vital]]")
            path.write_text(f"{head}{table}\n[[vital]]{rest}", encoding="utf-8")
        elif kind == "output":
            compare(said, text)
        elif text.startswith("git clone") or ("Benchmark" in text and not DATA.is_dir()):
            continue
        elif text != "./citywall up\n":
            said = reader.run(text)
    assert (reader.tree / "first" / "crawl.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_suite_takes_what_was_written(reader: Reader):
    suites = "tests/architecture tests/dashboard/test_vitals.py tests/processors/test_crawl.py"
    said = reader.run(f'"$THE_PYTHON" -m pytest -v -p no:cacheprovider {suites}')
    assert "tests/processors/test_crawl.py::" in said


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the files of Aarhus are missing: put them into {DATA}")
def test_the_real_city_was_drawn(reader: Reader):
    assert "Crawling share" in (reader.tree / "first" / "aarhus.svg").read_text(encoding="utf-8")


def test_the_tile_is_on_the_wall(reader: Reader, tmp_path: Path):
    log = tmp_path / "up.log"
    words = [str(reader.tree / "citywall"), "up", "--no-open", "--port", "0", "--data", str(tmp_path / "data")]
    with log.open("wb") as output:
        up = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, cwd=reader.tree, env=reader.environment)
    try:
        until(lambda: up.poll() is not None or "http://" in log.read_text(), 300, every_s=0.2, said=log.read_text)
        address = re.search(r"^(http://\S+/)$", log.read_text(), re.M)
        assert address is not None, log.read_text()
        tile = asyncio.run(asyncio.wait_for(first_tile(address[1]), 300))
        assert tile["domain"] == "traffic"
        assert 0 <= tile["value"] <= 100
    finally:
        up.send_signal(signal.SIGTERM)
        assert up.wait(90) == 0


async def first_tile(wall: str) -> dict[str, object]:
    """Watch the wall until the tile of the page has a value; it stands first."""
    async with connect(wall.replace("http:", "ws:") + "stream", max_size=None, origin=wall.rstrip("/")) as socket:
        async for text in socket:
            tiles = json.loads(text).get("vitals") or [{}]
            if tiles[0].get("id") == "crawl" and tiles[0].get("value") is not None:
                return tiles[0]
    raise AssertionError("the wall hung up")


def test_every_block_is_known():
    assert {block.kind for block in BLOCKS} == {"sh", "output", "python", "toml"}
    assert sum(block.text == "./citywall up\n" for block in BLOCKS) == 1
