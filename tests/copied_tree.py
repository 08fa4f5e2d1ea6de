"""A copy of the tree, for tests that write into it."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT = (".git", ".venv", ".pytest_cache", "Benchmark", "first", "data")
"""What people and tools put beside the source; what was compiled or checked comes along, for it counts in the copy."""
HALF_WRITTEN = shutil.ignore_patterns("*.pyc.*", "*.tmp.*")
"""By another process that compiles now: such a file has another name a moment later."""


def copied_tree(to: Path) -> Path:
    """Copy the tree to a new folder → the folder."""
    shutil.copytree(ROOT, to, ignore=lambda at, names: LEFT if Path(at) == ROOT else HALF_WRITTEN(at, names))
    return to
