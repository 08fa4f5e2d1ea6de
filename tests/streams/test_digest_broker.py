"""The digest on a real broker: two workers a stage, one of each killed on the way, give the bytes of a quiet replay."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest

from tests.streams.stack import exported, feed
from tests.streams.workers import Workers, quiet

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(400)


def test_two_workers_and_a_kill_of_each_stage_give_the_same_bytes(workers: Workers, city_folder: Path) -> None:
    records = feed(random.Random(12), with_marks=True)
    expected = quiet(city_folder, records)
    assert "tti_ratio 3600" in expected
    first = {stage: [workers.add(stage) for _ in range(2)] for stage in ("intake", "zone")}
    first["second"] = [workers.add("second")]
    half = len(records) // 2
    workers.set_clock()
    workers.give(records[:half])
    workers.wait(lambda: len(workers.frames()) > 3)
    for stage, processes in first.items():
        processes[0].send_signal(signal.SIGKILL)
        workers.add(stage)
    workers.give(records[half:])
    workers.wait(lambda: exported(workers.frames(), city_folder) == expected)
    revisions = len(workers.frames())
    assert exported(workers.frames(), city_folder) == expected
    assert revisions > 3
