"""Work in a process of its own: its result, its error and its words come back, its libraries do not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.supervision.apart import apart
from streams.errors import CityFileError

ROOT = Path(__file__).resolve().parents[3]


def number_in_words(number: int) -> tuple[str, int]:
    print(f"working on {number}")
    return str(number), os.getpid()


def refused() -> None:
    raise CityFileError("sensors.csv: no such zone")


def test_the_result_comes_from_another_process_and_its_words_are_heard(capfd: pytest.CaptureFixture[str]) -> None:
    words, pid = apart(number_in_words, 7)
    assert words == "7"
    assert pid != os.getpid()
    assert capfd.readouterr().out == "working on 7\n"


def test_its_error_is_ours() -> None:
    with pytest.raises(CityFileError, match="no such zone"):
        apart(refused)


STOPPED = """
import os, sys, time
from deploy.supervision.apart import apart
from deploy.supervision.launch import interruptible
def work():
    print(os.getpid(), flush=True)
    time.sleep(float(sys.argv[1]))
try:
    with interruptible():
        apart(work)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize(("number", "says"), [(signal.SIGTERM, "stopped"), (signal.SIGKILL, "")])
def test_nothing_of_it_is_left_when_the_process_ends(number: signal.Signals, says: str) -> None:
    lasts_s = "1" if says else "600"  # who is asked to stop waits for what is at work
    command = [sys.executable, "-c", STOPPED, lasts_s]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.send_signal(number)
        assert process.stdout.readline().strip() == says
        process.wait(30)
    deadline_s = time.monotonic() + 30
    while is_there(child) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not is_there(child)


def is_there(pid: int) -> bool:
    """Tell whether it runs: who is dead and not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
