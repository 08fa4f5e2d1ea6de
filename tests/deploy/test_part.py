"""What a part keeps out of its memory."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SHOW = """
import sys
from deploy.part import GoWithout
{}
import numpy, pyarrow
pyarrow.array(numpy.arange(3))
print(bool(sys.modules.get("pandas")))
"""


def loaded(first: str) -> str:
    code = SHOW.format(first)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.strip()


def test_pyarrow_brings_pandas_unless_it_is_told_to_go_without():
    assert loaded("") == "True"
    assert loaded("sys.meta_path.insert(0, GoWithout('pandas'))") == "False"
