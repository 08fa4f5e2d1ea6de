"""What the wall is told of the processes: what their supervisor last wrote."""

import asyncio
import os

from alerts.signing import is_signed
from dashboard.telemetry.metric import Process
from deploy.parts.wall import Commands, _processes
from deploy.supervision import folder
from deploy.supervision.supervisor import STATE_FILE, PartState, SupervisorState
from deploy.supervision.watch import Still
from streams.broker.topics import COMMANDS
from tests.fakes import FakeBus


def test_processes_are_those_of_the_supervisor_each_with_its_longest_standstill(tmp_path):
    names = {"intake": ("running", 2), "alarms": ("waiting", 1)}
    parts = [PartState(name=name, state=state, pid=7, restarts=often) for name, (state, often) in names.items()]
    stills = [
        Still(name="intake", topic="t", partition=number, for_s=for_s) for number, for_s in ((0, 20.5), (1, 16.0))
    ]
    state = SupervisorState(pid=os.getpid(), phase="running", at_ms=0, parts=parts, stills=stills)
    folder.write_json(tmp_path / STATE_FILE, state)
    assert _processes(tmp_path) == [Process("intake", True, 2, 20.5), Process("alarms", False, 1, 0.0)]


def test_without_a_supervisor_there_are_none(tmp_path):
    assert _processes(tmp_path) == []


def test_what_a_person_decides_is_signed_on_its_way_out():
    bus, commands = FakeBus(), Commands("nowhere:1", "c", b"key")
    bus.running = True
    commands._bus = bus
    asyncio.run(commands.send(b'{"id":"k1","action":"note"}'))
    (sent,) = bus.log(COMMANDS)
    assert is_signed(sent.value, b"key")
    assert not is_signed(sent.value, b"another")
