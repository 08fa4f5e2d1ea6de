"""What the kernels rely on in numba: no array is counted, and changed code is never taken from the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import config, njit

from streams import warming
from streams.kernel import compiling, digests, repeats, rows, wire

STREAMS = Path(compiling.__file__).parents[1]
LOAD = """
from streams import warming
from streams.kernel import digests, repeats, rows, wire
warming.load()
every = [kernel.stats for kernel in (wire.frame, rows.read, repeats.judge, digests.add)]
print(sum(sum(one.cache_hits.values()) for one in every), sum(sum(one.cache_misses.values()) for one in every))
"""


def counted(arrays):
    (first, _) = arrays
    return first[0]


@pytest.mark.parametrize(("options", "counts"), [({}, True), ({"_nrt": False}, False)])
def test_numba_counts_arrays_unless_told_not_to(options: dict[str, bool], counts: bool) -> None:
    function = njit(**options)(counted)
    function((np.zeros(1), np.zeros(1)))
    (code,) = function.inspect_llvm().values()
    assert ("call void @NRT_decref" in code) == counts


def test_every_kernel_compiles_and_is_kept() -> None:
    warming.warm()
    for kernel in (wire.frame, rows.read, repeats.judge, digests.add):
        assert len(kernel.signatures) >= 1
        assert kernel.stats.cache_path.endswith(compiling._digest()) or compiling._digest() in kernel.stats.cache_path


def test_the_cache_stands_under_a_digest_of_the_code() -> None:
    assert config.CACHE_DIR.endswith(compiling._digest())


def test_a_first_start_compiles_in_a_process_of_its_own(tmp_path: Path) -> None:
    """The compiler takes some 90 MB, which a part that runs for weeks must not keep."""
    shutil.copytree(STREAMS, tmp_path / "streams", ignore=shutil.ignore_patterns("__pycache__"))
    loads_all(tmp_path)


def loads_all(tree: Path) -> None:
    mine = os.environ | {"PYTHONPATH": str(tree)}  # `citywall test` names its own tree there
    ran = subprocess.run([sys.executable, "-c", LOAD], cwd=tree, env=mine, capture_output=True, text=True, check=True)
    hits, misses = map(int, ran.stdout.split())
    assert (hits >= 4, misses) == (True, 0), ran.stderr


def test_a_copied_tree_takes_its_machine_code_along(tmp_path: Path) -> None:
    """numba looks for it under the path of the sources: of those that stand elsewhere now nothing is compiled again."""
    warming.load()
    shutil.copytree(STREAMS, tmp_path / "streams", ignore=shutil.ignore_patterns("__pycache__"))
    at = compiling.kept_in(digests.add).relative_to(STREAMS)
    old = shutil.copytree(STREAMS / at, tmp_path / "streams" / at)
    loads_all(tmp_path)
    (new,) = {path.parent for path in old.parent.glob(f"*/{warming.ALL}")} - {old}
    made = [{path.name: path.stat().st_mtime_ns for path in folder.glob("*.nbc")} for folder in (old, new)]
    assert made[0] == made[1] != {}
