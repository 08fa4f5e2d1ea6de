"""The whole sample city with its real servers: started, killed part by part, stopped, started again."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from deploy.config.run import SAMPLE_CITY
from deploy.supervision.stack import ask_health
from tests.dashboard.scrape import scraped, total
from tests.waiting import PROCESSES_WITHIN_S, WITHIN_S, until

ROOT = Path(__file__).resolve().parents[3]
HOSTED = {"intake", "processors", "processors_second", "alarms", "sinks_history", "sinks_live"}
pytestmark = pytest.mark.timeout(2 * PROCESSES_WITHIN_S)


def environment(home):
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(home)}


def citywall(home, *words, within_s=60):
    return subprocess.run(
        [sys.executable, "-m", "deploy", *words],
        capture_output=True, text=True, timeout=within_s, env=environment(home), cwd=home, check=False,
    )  # fmt: skip


class Running:
    """`citywall up` under way."""

    def __init__(self, home, data):
        self.home, self.data = home, data
        self.log = home / "up.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "up", "--data", str(data), "--port", "0", "--no-open"],
                stdout=output, stderr=subprocess.STDOUT, env=environment(home), cwd=home,
            )  # fmt: skip
        self.wall = self.eventually(self._address, PROCESSES_WITHIN_S)
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def _address(self):
        assert self.process.poll() is None, self.log.read_text()
        return next((line for line in self.log.read_text().splitlines() if line.startswith("http://")), None)

    def eventually(self, find, within_s):
        return until(find, within_s, every_s=0.5, said=self.log.read_text)

    def status(self):
        done = citywall(self.home, "status", "--json", "--data", str(self.data))
        return done.returncode, json.loads(done.stdout)

    def is_ok(self):
        """Return what `status` tells of a city that is well; the wall is asked first, which costs no process."""
        host, port = self.wall.rstrip("/").removeprefix("http://").split(":")
        if (ask_health(host, int(port)) or {}).get("status") != "ok":
            return None
        code, found = self.status()
        return found if code == 0 else None

    def end(self, number):
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@contextlib.contextmanager
def started(home):
    """Start a city, which ends with us, whatever came."""
    city = Running(home, home / "data")
    try:
        yield city
    finally:
        if city.process.poll() is None:
            city.process.kill()  # its parts see that, and end
            city.process.wait()


@pytest.fixture(scope="module")
def running(home):
    with started(home) as city:
        yield city


def is_free(address):
    host, port = address.rstrip("/").removeprefix("http://").split(":")
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) != 0


def test_wall_that_is_announced_is_living(running):
    with urlopen(f"{running.wall}healthz", timeout=10) as answer:  # noqa: S310 - our own loopback address
        assert json.load(answer)["status"] == "ok"


def test_status_tells_everything_that_the_interface_names(running):
    found = running.eventually(running.is_ok, PROCESSES_WITHIN_S)
    assert found["wall"] == running.wall
    assert found["history"] == "sqlite"
    assert not is_free(found["kafka"])
    assert not is_free(found["redis"])
    names = ("broker", "redis", "feeds", "intake", "processors", "alarms", "sinks", "wall")
    parts = {part["name"]: part for part in found["parts"]}
    assert all(any(name.startswith(wanted) for name in parts) for wanted in names)
    assert all(psutil.pid_exists(part["pid"]) and part["state"] == "running" for part in parts.values())
    assert {"topic", "partition", "group", "lag_s", "lag_records"} <= found["partitions"][0].keys()
    assert found["counts"]["readings_in"] > 0
    assert found["counts"]["first_at"] < found["counts"]["last_at"]


def scrape(running):
    with urlopen(f"{running.wall}metrics", timeout=10) as answer:  # noqa: S310 - our own loopback address
        return scraped(answer.read().decode())


def covering(running):
    """Return a scrape that has every part at work, None as long as the wall has not heard of all."""
    found = scrape(running)
    heard = {dict(labels)["part"] for name, labels in found if name == "citywall_pulse_age_seconds"}
    assert heard <= HOSTED
    recovered = all(total(found, "citywall_recovery_seconds_count", part=part) for part in HOSTED)
    worked = all(total(found, "citywall_chunk_records_count", part=part) for part in HOSTED - {"alarms"})
    domains = {dict(labels)["domain"] for name, labels in found if name == "citywall_watermark_age_seconds"}
    return found if heard == HOSTED and recovered and worked and "traffic" in domains else None


def test_one_scrape_of_the_wall_covers_every_part(running):
    running.eventually(running.is_ok, PROCESSES_WITHIN_S)
    found = running.eventually(lambda: covering(running), WITHIN_S)
    assert total(found, "citywall_process_running") == len(HOSTED | {"feeds", "wall", "broker", "redis"})
    assert 0 < total(found, "citywall_zone_rows_total") <= total(found, "citywall_intake_rows_total") + 50_000
    assert total(found, "citywall_sent_bytes_total", part="processors", topic="city.state.v1.zone.traffic") > 0


def test_second_up_on_the_same_data_is_told_who_holds_it(running):
    done = citywall(running.home, "up", "--data", str(running.data), "--port", "0", "--no-open")
    assert done.returncode == 2
    assert f"process {running.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr


def test_taken_port_is_one_sentence(running, tmp_path):
    port = running.wall.rstrip("/").rsplit(":", 1)[1]
    done = citywall(running.home, "up", "--data", str(tmp_path / "other"), "--port", port, "--no-open")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


def counted(found):
    """The counters of rows, which no end of a process may set back."""
    return {series: value for series, value in found.items() if series[0] == "citywall_intake_readings_total"}


def told(running, name, restarts, rows):
    """Whether the wall tells of the restart, and of all rows that it told of before."""
    found = scrape(running)
    again = total(found, "citywall_process_restarts_total", process=name) == restarts
    return again and all(found.get(series, 0) >= value for series, value in rows.items())


@pytest.mark.parametrize("name", ["intake", "processors", "sinks_live", "wall", "redis", "broker", "feeds"])
def test_killed_part_comes_back_and_the_city_is_well_again(running, name):
    _, before = running.status()
    old = next(part for part in before["parts"] if part["name"] == name)
    readings_in = before["counts"]["readings_in"]
    os.kill(old["pid"], signal.SIGKILL)

    def well():
        found = running.is_ok()
        new = found and next(part for part in found["parts"] if part["name"] == name)
        return new and new["restarts"] == old["restarts"] + 1 and found["counts"]["readings_in"] > readings_in

    rows = counted(scrape(running)) if name != "wall" else {}
    running.eventually(well, PROCESSES_WITHIN_S)
    assert running.process.poll() is None
    running.eventually(lambda: told(running, name, old["restarts"] + 1, rows), WITHIN_S)


def test_broker_that_was_killed_and_came_back_has_cost_each_part_two_lines(running):
    logs = {path.stem: path.read_text(encoding="utf-8") for path in (running.data / "logs").glob("*.log")}
    said = {
        name: [line for line in text.splitlines() if "kafka" in line.lower()]
        for name, text in logs.items()
        if name not in {"broker", "provision"}
    }
    assert {"intake", "processors", "alarms", "feeds", "sinks_live", "sinks_history", "wall", "tail"} <= said.keys()
    assert {name: lines for name, lines in said.items() if len(lines) > 2} == {}
    assert "Kafka is back" in said["intake"][-1]


def test_logs_tell_what_a_part_wrote_and_which_there_are(running):
    assert "Kafka Server started" in citywall(running.home, "logs", "broker", "--data", str(running.data)).stdout
    done = citywall(running.home, "logs", "brocker", "--data", str(running.data))
    assert done.returncode == 2
    assert "broker" in done.stderr


def test_incident_of_an_unknown_segment_is_refused_and_one_of_a_known_is_taken(running):
    done = citywall(running.home, "incident", "--segment", "nowhere", "--lanes", "1", "--for", "5m")
    assert done.returncode == 2
    segments = json.loads((SAMPLE_CITY / "segments.geojson").read_text(encoding="utf-8"))
    known = segments["features"][0]["properties"]["id"]
    done = citywall(running.home, "incident", "--segment", known, "--lanes", "1", "--for", "5m")
    assert done.returncode == 0, done.stderr


def test_down_ends_everything_and_the_next_up_goes_on(running):
    _, before = running.status()
    running.family = psutil.Process(running.process.pid).children(recursive=True)
    done = citywall(running.home, "down", within_s=90)  # the city last started
    assert done.returncode == 0, done.stderr
    assert running.process.wait(WITHIN_S) == 0
    assert psutil.wait_procs(running.family, timeout=WITHIN_S)[1] == []
    assert all(is_free(address) for address in (running.wall, before["kafka"], before["redis"]))
    code, stopped = running.status()
    assert (code, stopped["status"]) == (2, "down")
    assert stopped["counts"]["readings_in"] >= before["counts"]["readings_in"]

    with started(running.home) as again:
        found = again.eventually(again.is_ok, PROCESSES_WITHIN_S)
        assert found["counts"]["readings_in"] >= stopped["counts"]["readings_in"]
        assert again.end(signal.SIGINT) == 0
        assert psutil.wait_procs(again.family, timeout=WITHIN_S)[1] == []
