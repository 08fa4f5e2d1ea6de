"""The supervisor with toy processes: nothing is left of what ends, what fails starts again, ever more slowly."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.supervision import child, supervisor
from deploy.supervision.child import Child, Plan
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
TOY = Path(__file__).with_name("toy_city.py")


@pytest.fixture
def toy(tmp_path):
    """A toy city that is up: (its supervisor's process, its data folder)."""
    (tmp_path / "logs").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(TOY), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    line = process.stdout.readline()
    assert line == "up\n"
    yield process, tmp_path
    process.kill()
    process.wait()
    process.stdout.close()


def processes_of(data):
    return [psutil.Process(part.pid) for part in supervisor.read_state(data).parts if part.pid is not None]


def state_of(data, name):
    return next(part for part in supervisor.read_state(data).parts if part.name == name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_it_ends_with_0_and_leaves_no_process(toy, number):
    process, data = toy
    until(lambda: "part runs" in (data / "logs" / "forks.log").read_text())
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 4  # server, steady, forks and its child; `fails` comes and goes
    process.send_signal(number)
    assert process.wait(15) == 0
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert {part.state for part in supervisor.read_state(data).parts} == {"stopped"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the parts' watchers do it, a little later")
def test_killed_supervisor_takes_servers_and_parts_with_it(toy):
    process, data = toy
    named = {part.name: part.pid for part in supervisor.read_state(data).parts}
    bound = [psutil.Process(named[name]) for name in ("server", "steady")]
    until(lambda: bound[0].name() == "sleep")
    process.kill()
    process.wait()
    assert psutil.wait_procs(bound, timeout=10)[1] == []


def test_killed_part_is_started_again_and_counted(toy):
    _, data = toy
    until(lambda: "part runs" in (data / "logs" / "steady.log").read_text())
    before = state_of(data, "steady").pid
    os.kill(before, signal.SIGKILL)
    until(lambda: state_of(data, "steady").restarts == 1 and state_of(data, "steady").state == "running")
    after = state_of(data, "steady")
    assert after.pid != before
    assert [end.code for end in after.ends] == [-signal.SIGKILL]
    until(lambda: (data / "logs" / "steady.log").read_text().count("part runs") == 2)


def test_part_that_dies_takes_the_processes_it_started_with_it(toy):
    process, data = toy
    until(lambda: len(psutil.Process(state_of(data, "forks").pid).children()) == 1)
    parent = psutil.Process(state_of(data, "forks").pid)
    orphan = parent.children()[0]
    parent.kill()
    assert psutil.wait_procs([orphan], timeout=10)[1] == []
    assert process.poll() is None


def test_part_that_keeps_failing_waits_ever_longer_and_the_rest_runs_on(toy):
    _, data = toy
    steady = state_of(data, "steady").pid
    until(lambda: state_of(data, "fails").restarts >= 2)
    assert {end.code for end in state_of(data, "fails").ends} == {7}
    assert state_of(data, "steady").pid == steady


def test_pause_doubles_from_half_a_second_to_ten_and_begins_again_after_a_steady_run(tmp_path, monkeypatch):
    clock = [0.0]
    one = Child(Plan(name="x", command=["/bin/false"], needs_go=False), tmp_path / "x.log", now=lambda: clock[0])
    one.start()
    pauses = []
    for _ in range(7):
        one.running.wait()
        one.watch(may_go=True)
        assert one.state == "waiting"
        begun = clock[0]
        while one.state == "waiting":
            clock[0] += 0.25
            one.watch(may_go=True)
        pauses.append(clock[0] - begun)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    clock[0] += child.STEADY_S + 1
    one.running.wait()
    one.watch(may_go=True)
    clock[0] += 0.5
    one.watch(may_go=True)
    assert one.restarts == 8
    one.end()


def test_condemned_part_is_killed_though_it_is_stopped_and_the_reason_is_remembered(tmp_path):
    one = Child(Plan(name="x", command=["/bin/sleep", "600"], needs_go=False), tmp_path / "x.log")
    one.start()
    os.kill(one.pid, signal.SIGSTOP)
    one.condemn("it stood still")
    until(lambda: one.watch(may_go=True) and one.ended)
    assert [(end.code, end.why, end.still) for end in one.ended] == [(-signal.SIGKILL, "it stood still", True)]
    one.end()


def test_server_that_hangs_in_its_start_is_killed_and_started_again(tmp_path):
    clock = [0.0]
    plan = Plan(name="x", command=["/bin/sleep", "600"], needs_go=False, is_ready=lambda: False)
    one = Child(plan, tmp_path / "x.log", now=lambda: clock[0])
    one.start()
    first = one.pid
    clock[0] = child.SERVES_WITHIN_S
    one.watch(may_go=True)
    assert not one.ended
    clock[0] += 1.0
    until(lambda: one.watch(may_go=True) and one.ended)
    assert one.ended[0].why == "it did not serve within 300 s of its start"
    clock[0] += child.FIRST_PAUSE_S
    one.watch(may_go=True)
    assert (one.state, one.restarts) == ("starting", 1)
    assert one.pid not in {None, first}
    one.end()


def test_last_words_of_a_part_that_ends_itself_are_remembered(tmp_path):
    script = "print('first'); print('the reason'); raise SystemExit(75)"
    one = Child(Plan(name="x", command=[sys.executable, "-c", script], needs_go=False), tmp_path / "x.log")
    one.start()
    until(lambda: one.watch(may_go=True) and one.state == "waiting")
    assert [(end.code, end.why, end.still) for end in one.ended] == [(75, "the reason", True)]
    one.end()


def test_pause_goes_on_growing_for_a_part_that_stands_still_again_and_again(tmp_path):
    clock = [0.0]
    command = [sys.executable, "-c", "raise SystemExit(75)"]
    one = Child(Plan(name="x", command=command, needs_go=False), tmp_path / "x.log", now=lambda: clock[0])
    one.start()
    pauses = []
    for _ in range(4):
        clock[0] += 40.0  # it takes longer than STEADY_S to show
        one.running.wait()
        one.watch(may_go=True)
        begun = clock[0]
        while one.state == "waiting":
            clock[0] += 0.25
            one.watch(may_go=True)
        pauses.append(clock[0] - begun)
    assert pauses == [0.5, 1.0, 2.0, 4.0]
    one.end()


def test_part_begins_only_when_told(tmp_path):
    script = "import os; assert os.read(0, 3) == b'go\\n'; print('begun', flush=True); os.read(0, 1)"
    one = Child(Plan(name="x", command=[sys.executable, "-c", script], grace_s=1), tmp_path / "x.log")
    one.start()
    one.watch(may_go=False)
    assert one.state == "starting"
    one.watch(may_go=True)
    assert one.state == "running"
    until(lambda: (tmp_path / "x.log").read_text() == "begun\n")
    one.ask()
    one.end()
    assert one.pid is None
