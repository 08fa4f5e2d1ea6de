"""A part that meets a broker which does not know its topics yet, as one just come back may, soon has its partitions."""

import json
import sys
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.config.components import discover
from deploy.embedded import kafka as embedded
from deploy.supervision.process import start, stop
from streams.broker import topics
from tests.runs import run_of
from tests.small_city import write_small_city
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
GROUP = "citywall-intake"
JOINED_WITHIN_S, ASSIGNED_WITHIN_S = 300.0, 45.0
pytestmark = pytest.mark.timeout(600)


def joined(broker: str) -> bool:
    """Whether the group has a member that knows what it has: nothing."""
    try:
        with closing(KafkaAdminClient(bootstrap_servers=broker)) as admin:
            (found,) = admin.describe_groups([GROUP]).values()
    except KafkaError:
        return False
    return found["group_state"] == "Stable"


def test_topics_that_a_broker_knows_later_are_read_soon(tmp_path: Path, cache: Path):
    write_small_city(tmp_path / "city")
    log, pulse = tmp_path / "intake.log", tmp_path / "pulses" / "intake.json"
    with embedded.running(tmp_path / "kafka", cache) as broker:
        run_of(tmp_path, kafka=broker.address, components={name: {} for name in discover()}).write()
        command = [sys.executable, "-m", "deploy.parts", "intake", "--data", str(tmp_path)]
        part = start(command, log, bind=True, env={"PYTHONPATH": str(ROOT)})
        try:
            until(lambda: joined(broker.address), JOINED_WITHIN_S, said=log.read_text)
            assert json.loads(pulse.read_bytes())["partitions"] == []
            topics.ensure_topics(broker.address)
            until(lambda: json.loads(pulse.read_bytes())["partitions"], ASSIGNED_WITHIN_S, said=log.read_text)
            assert part.poll() is None
        finally:
            stop(part, 5)
