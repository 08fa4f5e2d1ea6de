"""A sink that is killed anywhere has every committed row in the store or on the disk; so has one on a full disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.sinks.history.opening import open_history
from tests.streams.sinks.feed import expected, frames, held
from tests.streams.sinks.history_process import FRAMES, SEED
from tests.streams.sinks.rows import TOKEN

ENDS_S = 60


def start(address: str, folder: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.streams.sinks.history_process", address, str(folder), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(address: str, folder: Path, how: str) -> tuple[int, str]:
    """Run one to its end → (exit status, what it printed)."""
    with start(address, folder, how) as process:
        said, errors = process.communicate(timeout=ENDS_S)
    assert "Traceback" not in errors, errors
    return process.returncode, said


def committed(folder: Path) -> int:
    return int((folder / "commits").read_text(encoding="utf-8").split()[-1])


def tear(folder: Path) -> None:
    """Leave at the spill's end what a write that was interrupted leaves."""
    newest = max((folder / "spill").glob("*.segment"))
    with newest.open("ab") as file:
        file.write(b"\x00\x10\x00\x00\xde\xad\xbe\xef half of an entry")


def check(address: str) -> None:
    history = open_history(address, read_only=True)
    assert held(history) == expected(frames(FRAMES, SEED))
    history.close()


def test_killed_between_durable_and_committed(address: str | Path, tmp_path: Path):
    """After the store's answer, after the spill's fsync, with a torn end besides, and while the spill is replayed."""
    place = str(address)
    for how in ("stored", "spilled", "replayed"):
        assert run(place, tmp_path, how)[0] == -signal.SIGKILL
        if how == "spilled":
            tear(tmp_path)
    assert 0 < committed(tmp_path) < FRAMES
    assert run(place, tmp_path, "run") == (0, "begun\ndone\n")
    check(place)


@pytest.mark.timeout(300)
def test_killed_at_any_moment(address: str | Path, tmp_path: Path):
    seed = int.from_bytes(os.urandom(2))
    print(f"seed {seed}")
    chance = random.Random(seed)
    for how in ("run", "away", "run", "away"):
        with start(str(address), tmp_path, how) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(chance.random() * 0.25)
            process.kill()
    assert run(str(address), tmp_path, "run") == (0, "begun\ndone\n")
    check(str(address))


def test_a_history_that_was_away_all_day_is_caught_up_from_the_disk_alone(address: str | Path, tmp_path: Path):
    assert run(str(address), tmp_path, "away") == (0, "begun\ndone\n")
    assert committed(tmp_path) == FRAMES
    assert run(str(address), tmp_path, "run") == (0, "begun\ndone\n")
    check(str(address))


def test_a_full_disk_stops_the_sink_and_loses_nothing(tmp_path: Path):
    address = str(tmp_path / "history.sqlite")
    assert run(address, tmp_path, "full") == (0, "begun\npaused: True True the history\ndone\n")
    check(address)


def test_an_influxdb_is_not_held_up_by_a_full_disk_of_the_sink(influxd: str, tmp_path: Path, unique: str):
    address = f"{influxd}?org=citywall&bucket={unique}&token={TOKEN}&replay=1"
    assert run(address, tmp_path, "full") == (0, "begun\npaused: False False None\ndone\n")
    check(address)
