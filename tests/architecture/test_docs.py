"""What the pages say exists does exist: paths, links, commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.terminal import cli, reference

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOPS = ("streams", "processors", "alerts", "dashboard", "deploy", "tests", "docs", ".ci")

OUR_PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, TOPS))})/[\w./-]*)`")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
OUTSIDE = re.compile(r"(?<!\]\()(?<![\w./])(?:\.\./)+[\w./-]*")
"""A way up that is no link: commands are run in the checkout's root."""
COMMAND = re.compile(r"(?:`|^)\./citywall ([a-z]+)", re.M)


def mentions(pattern: re.Pattern[str]) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found in pattern.findall(page.read_text(encoding="utf-8")):
            yield page, found


def test_paths_exist():
    assert [f"{page.name}: {path}" for page, path in mentions(OUR_PATH) if not (ROOT / path).exists()] == []


def test_links_lead_somewhere():
    assert [f"{page.name}: {link}" for page, link in mentions(LINK) if not (page.parent / link).exists()] == []


def test_nothing_points_beside_the_checkout():
    beside = [f"{page.name}: {path}" for page, path in mentions(OUTSIDE)]
    beside += [
        f"{page.name}: {link}"
        for page, link in mentions(LINK)
        if not (page.parent / link).resolve().is_relative_to(ROOT)
    ]
    assert beside == []


def test_commands_exist():
    names = {*cli.command_names(), "help"}
    assert [f"{page.name}: {name}" for page, name in mentions(COMMAND) if name not in names] == []


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda page: page.name)
def test_a_written_reference_is_what_the_code_says(page):
    assert page.read_text(encoding="utf-8") == reference.PAGES[page](), "run: python -m deploy.terminal.reference"
