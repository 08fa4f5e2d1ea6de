"""A part that meets a broker which does not know its topics yet, as one just come back may, soon has its partitions."""

import json
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.config.components import discover
from deploy.config.run import Run
from deploy.embedded import kafka as embedded
from deploy.supervision.process import start, stop
from streams.broker import topics
from tests.small_city import write_small_city

ROOT = Path(__file__).resolve().parents[3]
GROUP = "citywall-intake"
JOINED_WITHIN_S, ASSIGNED_WITHIN_S = 60.0, 45.0
pytestmark = pytest.mark.timeout(240)


def joined(broker: str) -> bool:
    """Whether the group has a member that knows what it has: nothing."""
    try:
        with closing(KafkaAdminClient(bootstrap_servers=broker)) as admin:
            (found,) = admin.describe_groups([GROUP]).values()
    except KafkaError:
        return False
    return found["group_state"] == "Stable"


def wait(done, within_s: float, log: Path) -> None:
    until = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < until, log.read_text(encoding="utf-8")
        time.sleep(0.2)


def test_topics_that_a_broker_knows_later_are_read_soon(tmp_path: Path, cache: Path):
    city = write_small_city(tmp_path / "city")
    log, pulse = tmp_path / "intake.log", tmp_path / "pulses" / "intake.json"
    with embedded.running(tmp_path / "kafka", cache) as broker:
        Run(
            data=str(tmp_path), city=str(city), city_id="small", mode="live", kafka=broker.address, redis="",
            history="", port=0, started_ms=0, components={name: {} for name in discover()},
        ).write()  # fmt: skip
        command = [sys.executable, "-m", "deploy.parts", "intake", "--data", str(tmp_path)]
        part = start(command, log, bind=True, env={"PYTHONPATH": str(ROOT)})
        try:
            wait(lambda: joined(broker.address), JOINED_WITHIN_S, log)
            assert json.loads(pulse.read_bytes())["partitions"] == []
            topics.ensure_topics(broker.address)
            wait(lambda: pulse.exists() and json.loads(pulse.read_bytes())["partitions"], ASSIGNED_WITHIN_S, log)
            assert part.poll() is None
        finally:
            stop(part, 5)
