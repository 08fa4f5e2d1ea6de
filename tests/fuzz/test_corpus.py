"""What the fuzzer has kept goes through every target, compiled and as Python, without the fuzzer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.corpus import FOLDER, MOST_INPUT_BYTES, TARGET_NAMES
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
MOST_FILES, MOST_BYTES = 300, 300_000
REPLAY = """
from tests.fuzz.corpus import FOLDER
from tests.fuzz.targets import TARGETS, UNCOMPILED
assert UNCOMPILED
for name, target in TARGETS.items():
    for path in sorted((FOLDER / name).iterdir()):
        target(path.read_bytes())
"""


@pytest.mark.parametrize("name", TARGET_NAMES)
def test_the_corpus_breaks_no_promise(name: str) -> None:
    inputs = sorted((FOLDER / name).iterdir())
    assert len(inputs) > 10
    for path in inputs:
        TARGETS[name](path.read_bytes())


def test_nor_where_every_index_of_the_kernel_is_checked() -> None:
    changed = {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", REPLAY],
        env=os.environ | changed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_corpus_is_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert len(sizes) <= MOST_FILES
    assert sum(sizes) <= MOST_BYTES
    assert max(sizes) <= MOST_INPUT_BYTES
