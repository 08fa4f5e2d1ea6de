"""What a process has tried, of all its threads: by hand, by files like those of /proc, and under a real load."""

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
import time

import pytest

from streams.health.effort import Effort, Work, waited_s, work_of

PID = 7


def told(*steps):
    """The excuse between each two looks."""
    left = list(steps)
    effort = Effort(lambda _: left.pop(0))
    return [round(effort.since_s(PID), 6) for _ in steps]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([Work(0.0, {7: 1.0, 8: 0.0}), Work(0.0, {7: 1.0, 8: 0.8})], [0.0, 0.8]),
        ([Work(0.0, {7: 1.0, 8: 90.0}), Work(0.0, {7: 1.5})], [0.0, 0.5]),
        ([Work(0.0, {7: 1.0}), Work(0.0, {7: 1.0, 9: 0.3}), Work(0.0, {7: 1.0, 9: 0.7})], [0.0, 0.3, 0.4]),
        ([Work(0.0, {7: 1.0, 9: 5.0}), Work(0.0, {7: 1.0, 9: 0.0})], [0.0, 0.0]),
        ([Work(1.0, {}), Work(2.0, {})], [0.0, 0.9]),
        ([Work(1.0, {7: 4.0}), None, Work(0.2, {7: 0.1}), Work(0.4, {7: 0.2})], [0.0, 0.0, 0.0, 0.28]),
    ],
    ids=["another thread waited", "one ended", "one began", "its number came again", "not told", "another process"],
)
def test_the_waits_of_all_threads_count_and_none_counts_backwards(steps, expected):
    assert told(*steps) == expected


def test_each_thread_is_read_and_one_that_is_just_gone_says_nothing(tmp_path):
    for thread, text in ((7, "11 2500000000 3\n"), (8, "0 500000000 1\n"), (9, "")):
        folder = tmp_path / "7" / "task" / str(thread)
        folder.mkdir(parents=True)
        (folder / "schedstat").write_text(text)
    (tmp_path / "7" / "task" / "10").mkdir()
    assert waited_s(7, tmp_path) == {7: 2.5, 8: 0.5, 9: 0.0, 10: 0.0}
    assert waited_s(8, tmp_path) == {}


def test_a_process_says_what_it_has_used():
    before = work_of(os.getpid())
    while (now := work_of(os.getpid())).cpu_s == before.cpu_s:
        sum(range(100_000))
    assert now.waited_s.keys() >= {threading.main_thread().native_id}
    assert work_of(2**30) is None


@pytest.fixture
def busy():
    """So many processes want a processor that whoever works waits most of the time."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1))]
    yield
    for one in others:
        one.kill()
        one.wait()


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the system does not say")
def test_work_in_a_thread_on_a_busy_machine_is_no_standstill(busy):
    """The thread that asks sleeps: alone it would have waited for nothing."""
    data, effort, over = bytes(1 << 22), Effort(), time.monotonic() + 4.0

    def work():
        while time.monotonic() < over:
            hashlib.sha256(data).digest()

    async def stage():
        working = asyncio.create_task(asyncio.to_thread(work))
        effort.since_s()
        began_s = time.monotonic()
        await working
        return time.monotonic() - began_s, effort.since_s()

    elapsed_s, excused_s = asyncio.run(stage())
    assert elapsed_s - excused_s < 0.3 * elapsed_s


def test_a_thread_that_waits_for_nothing_but_time_has_no_excuse_on_the_same_machine(busy):
    sleeping = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=-1)
    try:
        sleeping.stdout.readline()
        effort = Effort()
        effort.since_s(sleeping.pid)
        time.sleep(2.0)
        assert effort.since_s(sleeping.pid) < 0.2
    finally:
        sleeping.kill()
        sleeping.communicate()
