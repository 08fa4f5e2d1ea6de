"""Every failpoint is come to by the stages themselves; what it breaks off is made again to the same result."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from alerts.engine import Engine
from deploy.config import settings
from deploy.config.components import discover
from streams.alarms.alarm_stage import AlarmStage
from streams.broker import topics
from streams.contract.spec import Hosted
from streams.contract.stage import Message
from streams.engine import failpoints
from streams.errors import ExactnessError, SettingError
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.sinks.history.sink import HistorySink
from streams.sinks.history.spill import Spill
from streams.sinks.history.sqlite import SqliteHistory
from streams.zone.zone_stage import ZoneStage
from tests.alerts.writing import detection, encoded, names
from tests.fakes import FakeBus, FakeClock, FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
START_MS = 1_699_999_980_000
"""A whole minute."""
INBOX = topics.inbox("traffic")


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


class Stages:
    """All stages with a critical gap, on one bus; `begin` is a new process of each that knows only what is durable."""

    def __init__(self, city_folder: Path, history: Path) -> None:
        self.city_folder = city_folder
        self.file = history
        self.spill: Spill | None = None
        self.history = SqliteHistory(history)
        self.bus = FakeBus(clock=FakeClock(START_MS + 600_000))
        self.hosts: dict[str, FakeHost] = {}
        for minute in range(3):
            row = {"sensor": "d0", "at": START_MS + minute * 60_000, "speed_km_h": 30, "flow_veh_h": 600}
            self.bus.put(Message(INBOX, b"", json.dumps(row).encode(), 0))
        end = (("mark", b"%d" % (START_MS + 3_600_000)),)
        self.bus.put(Message(INBOX, b"", b"", 0, end))
        self.bus.put(Message(topics.DETECTIONS, b"", encoded(detection(3, 10))))

    async def begin(self) -> None:
        if self.spill is not None:
            self.spill.close()
        self.spill = Spill(self.file.with_suffix(".spill"))
        hosted = [Hosted(name, spec, spec.config()) for name, spec in discover().items()]
        stages = (
            IntakeStage(self.city_folder),
            ZoneStage(self.city_folder, [one for one in hosted if not one.spec.second_level]),
            SecondLevelStage(self.city_folder, [one for one in hosted if one.spec.second_level]),
            AlarmStage(Engine),
            HistorySink(lambda: SqliteHistory(self.file), self.spill),
        )
        for stage in stages:
            host = FakeHost(stage, self.bus)
            if stage.name in self.hosts:
                host.committed = self.hosts[stage.name].committed
            await host.start()
            self.hosts[stage.name] = host

    async def run(self) -> None:
        for host in self.hosts.values():
            await host.drain()
            await host.tick()
            await host.drain()

    def outcome(self) -> dict[str, Any]:
        rows = {name: self.history.read(name, window_s=60) for name in ("speed_km_h", "tti_ratio")}
        return {
            "rows": {name: (found.entity.tolist(), found.numerator.tolist()) for name, found in rows.items()},
            "journal": names([record.value or b"" for record in self.bus.log(topics.JOURNAL)]),
            "books": self.hosts["zone"].stage.books()["zone:traffic:0"]["counts"],
        }


@pytest.mark.parametrize("place", failpoints.PLACES)
def test_a_stage_comes_to_the_place_and_its_next_process_makes_it_good(place: str, tmp_path: Path, city_folder: Path):
    async def story(armed: str) -> dict[str, Any]:
        stages = Stages(city_folder, tmp_path / f"{bool(armed)}.sqlite")
        await stages.begin()
        failpoints.arm(armed)
        if armed:
            with pytest.raises(ExactnessError, match=place):
                await stages.run()
            await stages.begin()
        await stages.run()
        outcome = stages.outcome()
        stages.history.close()
        return outcome

    plain = asyncio.run(story(""))
    assert set(plain["journal"]) == {"raised"}  # ours, and the silence of the sensors
    assert len(plain["rows"]["speed_km_h"][0]) >= 3
    assert asyncio.run(story(f"{place}=error")) == plain


def test_only_the_time_that_was_asked_for_counts_and_once():
    failpoints.arm("history:stored=error@2")
    failpoints.reach("history:stored")
    failpoints.reach("zone:outputs_sent")
    with pytest.raises(ExactnessError, match="history:stored"):
        failpoints.reach("history:stored")
    failpoints.reach("history:stored")


def reaching(action: str) -> subprocess.Popen[bytes]:
    program = (
        "from deploy.config import settings; from streams.engine import failpoints; "
        "failpoints.arm(settings.failpoints()); failpoints.reach('zone:outputs_sent'); print('went on')"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CITYWALL_FAILPOINTS": f"zone:outputs_sent={action}"}
    return subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE)


def test_kill_is_the_end():
    with reaching("kill") as process:
        assert process.communicate(timeout=30) == (b"", None)
    assert process.returncode == -signal.SIGKILL


def test_stop_stands_still_until_it_is_told_to_go_on():
    with reaching("stop") as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=30) == (b"went on\n", None)


def test_a_file_is_read_when_it_is_there(tmp_path: Path):
    environment = {"CITYWALL_FAILPOINTS": f"@{tmp_path / 'points'}"}
    assert settings.failpoints(environment) == ""
    (tmp_path / "points").write_text("history:stored=kill@3\n", encoding="utf-8")
    assert settings.failpoints(environment) == "history:stored=kill@3"
    assert settings.failpoints({}) == ""


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("intake:lunch=kill", "no place 'intake:lunch'"),
        ("history:stored=dance", "no action 'dance'"),
        ("history:stored", "no action ''"),
        ("history:stored=kill@0", "a number above 0"),
        ("history:stored=kill@soon", "a number above 0"),
    ],
)
def test_what_could_never_happen_is_refused_and_nothing_is_armed(said: str, what: str):
    with pytest.raises(SettingError, match=what):
        failpoints.arm(f"zone:outputs_sent=error,{said}")
    failpoints.reach("zone:outputs_sent")
