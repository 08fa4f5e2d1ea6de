"""What a part keeps out of its memory."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SHOW = """
import sys
from deploy.supervision.memory import GoWithout, keep_small
{}
import numpy, pyarrow
pyarrow.array(numpy.arange(3))
print(bool(sys.modules.get("pandas")))
"""


ENCODE = """
from deploy.supervision import memory
memory.keep_small()
import sys
import numpy
from streams.contract.metric_frames import decode_metrics, encode_metrics
from streams.contract.records import ROW_TYPES, MetricFrame, Rows
rows = Rows(**{name: numpy.array(["a"] if kind is numpy.object_ else [0], kind) for name, kind in ROW_TYPES.items()})
assert len(decode_metrics(encode_metrics("c", MetricFrame("traffic", 0, rows, 0))).rows) == 1
print("pyarrow.compute" in sys.modules)
"""

FAUST = """
from deploy.supervision import memory
memory.keep_small()
import sys
from streams.engine import run
print("aiohttp.web" in sys.modules or "aiohttp.connector" in sys.modules)
"""

SUPERVISOR = """
import argparse, sys
from pathlib import Path
import deploy.commands.up, deploy.supervision.launch, deploy.supervision.tail
def look(wanted, say):
    print("numpy" in sys.modules, "pyarrow" in sys.modules)
    print((wanted.city_folder / "sensors.csv").is_file(), wanted.city_id)
deploy.supervision.launch.launch = look
parser = argparse.ArgumentParser()
deploy.commands.up.add_arguments(parser)
deploy.commands.up.run(parser.parse_args([], argparse.Namespace(data=Path(sys.argv[1]))))
"""

FREED = """
import time
from deploy.supervision import memory
def rss_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6
memory.EVERY_S = 0.1
memory.give_back_freed()
before_mb = rss_mb()
small = [bytes(1000) for _ in range(200_000)]  # of the heap, whose end is held: only trimming can free what is below
held_mb, last = rss_mb(), bytes(1000)
del small
until_s = time.monotonic() + 60
while rss_mb() > before_mb + 50 and time.monotonic() < until_s:
    time.sleep(0.05)
print(before_mb, held_mb, rss_mb())
"""


def loaded(first: str) -> str:
    return shown(SHOW.format(first))


def shown(code: str, *given: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *given], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.strip()


def test_frames_of_metrics_need_no_pyarrow_compute():
    """It is 10 MB in each part."""
    assert shown(ENCODE) == "False"


def test_pyarrow_brings_pandas_unless_it_is_told_to_go_without():
    assert loaded("") == "True"
    assert loaded("sys.meta_path.insert(0, GoWithout('pandas'))") == "False"


def test_faust_runs_without_a_web_client():
    """It is 7 MB in each of six parts."""
    assert shown(FAUST) == "False"


def test_the_supervisor_and_its_tail_reader_hold_no_arrays_and_no_city(tmp_path: Path) -> None:
    """Arrow is 26 MB, numpy with a city 30; what loads them is another process."""
    assert shown(SUPERVISOR, str(tmp_path / "data")).split() == ["False", "False", "True", "yunlan"]


def test_what_is_freed_goes_back_to_the_system():
    before_mb, held_mb, after_mb = map(float, shown(FREED).split())
    assert held_mb > before_mb + 150
    assert after_mb < before_mb + 50
