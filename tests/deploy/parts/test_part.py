"""What a part keeps out of its memory."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SHOW = """
import sys
from deploy.parts.__main__ import GoWithout
{}
import numpy, pyarrow
pyarrow.array(numpy.arange(3))
print(bool(sys.modules.get("pandas")))
"""


ENCODE = """
import sys
from deploy.parts.__main__ import GoWithout
sys.meta_path.insert(0, GoWithout("pandas"))
import numpy
from streams.contract.metric_frames import decode_metrics, encode_metrics
from streams.contract.records import ROW_TYPES, MetricFrame, Rows
rows = Rows(**{name: numpy.array(["a"] if kind is numpy.object_ else [0], kind) for name, kind in ROW_TYPES.items()})
assert len(decode_metrics(encode_metrics("c", MetricFrame("traffic", 0, rows, 0))).rows) == 1
print("pyarrow.compute" in sys.modules)
"""


def loaded(first: str) -> str:
    return shown(SHOW.format(first))


def shown(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.strip()


def test_frames_of_metrics_need_no_pyarrow_compute():
    """It is 10 MB in each part."""
    assert shown(ENCODE) == "False"


def test_pyarrow_brings_pandas_unless_it_is_told_to_go_without():
    assert loaded("") == "True"
    assert loaded("sys.meta_path.insert(0, GoWithout('pandas'))") == "False"
