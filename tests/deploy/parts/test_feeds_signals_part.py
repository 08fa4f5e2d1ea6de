"""The feed of official signals as a part beside the alarm engine, on a real broker and from a real web server."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from deploy.config import settings
from deploy.embedded import kafka as embedded
from deploy.supervision.launch import idle_parts
from deploy.supervision.process import start, stop
from streams.broker.topics import ALARMS, ensure_topics
from streams.feeds.signals.settings import Signals, Source
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.streams.feeds.signals.issuing import alert, authority, info, iso
from tests.topic import records_of
from tests.waiting import PROCESSES_WITHIN_S, until

ROOT = Path(__file__).resolve().parents[3]
ROAD = "<areaDesc>x</areaDesc><circle>1,1 1</circle>"
"""(1, 1): the end of the road of zone z1."""


def issued(url="http://127.0.0.1/"):
    return Signals(sources=(Source(name="nmc", url=url, every_s=1),))


@pytest.mark.parametrize(
    ("mode", "sources", "idle"),
    [("live", True, False), ("simulated", True, False), ("replay", True, True), ("live", False, True)],
)
def test_it_is_started_where_there_is_a_source_and_the_time_is_now(tmp_path, mode, sources, idle):
    run = run_of(tmp_path, mode=mode, signals=issued() if sources else Signals())
    assert ("feeds_signals" in idle_parts(run)) == idle


def test_settings_name_the_source_and_what_it_lacks_and_show_no_address(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        '[[signals.sources]]\nname = "a"\n[[signals.sources]]\nname = "b"\nurl = "ftp://x"\n', encoding="utf-8"
    )
    _, problems = settings.examine(own, {})
    assert "source a: either url or folder is needed" in problems[0]
    assert "source b: url: an address that begins with http:// or https:// is needed" in problems[0]
    own.write_text('[[signals.sources]]\nname = "a"\nurl = "http://x/?key=topsecret"\n', encoding="utf-8")
    found, problems = settings.examine(own, {})
    assert (problems, "topsecret" in settings.masked(found)) == ([], False)


class Parts:
    """The feed and the alarm engine, started again whenever one has ended, as the supervisor does."""

    def __init__(self, folder, kafka):
        self.folder, self.kafka = folder, kafka
        self.running = {}

    def begin(self, name):
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-m", "deploy.parts", name, "--data", str(self.folder)]
        self.running[name] = start(command, log, bind=True, env={"PYTHONPATH": str(ROOT)})

    def rows(self):
        newest = {}
        for record in records_of(self.kafka, ALARMS):
            newest[record.key] = record.value
        return [json.loads(value) for value in newest.values() if value is not None]

    def levels(self):
        return [(one["kind"], one["entity"], one["level"]) for one in self.rows() if one["state"] == "active"]

    def wait(self, done):
        until(done, PROCESSES_WITHIN_S, meanwhile=self.supervise, said=self.logs)

    def supervise(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                self.begin(name)

    def logs(self):
        return [path.read_text(encoding="utf-8")[-3000:] for path in self.folder.glob("*.log")]


@pytest.mark.timeout(900)
def test_from_the_authority_to_the_alarm_list_through_a_kill_and_to_its_end(tmp_path, cache):
    write_small_city(tmp_path / "city")
    now_ms = time.time_ns() // 1_000_000
    sent, expires = iso(now_ms - 60_000), iso(now_ms + 3_600_000)
    with embedded.running(tmp_path / "kafka", cache) as broker, authority() as served:
        ensure_topics(broker.address)
        run_of(tmp_path, kafka=broker.address, signals=issued(served.address)).write()
        served.pages["/A.xml"] = alert("A", sent, info("暴雨橙色预警", ROAD, expires))
        served.lists("A")
        parts = Parts(tmp_path, broker.address)
        try:
            parts.begin("alarms")
            parts.begin("feeds_signals")
            parts.wait(lambda: parts.levels() == [("signal_rainstorm", "zone:z1", 2)])
            [before] = parts.rows()
            served.lists()
            os.kill(parts.running["feeds_signals"].pid, signal.SIGKILL)
            stop(parts.running["feeds_signals"], 0.0)
            asked = len(served.asked)
            parts.wait(lambda: len(served.asked) > asked + 1)
            assert parts.rows() == [before]
            served.pages["/C.xml"] = alert("C", iso(now_ms), kind="Cancel", refs=[("A", sent)])
            served.lists("C")
            parts.wait(lambda: parts.levels() == [])
        finally:
            for process in parts.running.values():
                stop(process, 5.0)
    assert "topsecret" not in "".join(log.read_text(encoding="utf-8") for log in tmp_path.glob("*.log"))
