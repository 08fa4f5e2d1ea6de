"""A topic that was deleted and made anew, under a stage's hands and before its start, on a real broker."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from kafka.admin import KafkaAdminClient

from streams.broker import topics
from tests.streams.engine.test_lost import TRAFFIC, absorbed, books, give
from tests.streams.workers import Workers

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.timeout(400)


def make_anew(kafka: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_topics([topic])
    while topic in admin.list_topics():
        time.sleep(0.2)
    admin.close()
    topics.ensure_topics(kafka)


def told(workers: Workers, part: str) -> list[dict[str, Any]]:
    return books(workers).get(f"pulse:{part}", {"notices": []})["notices"]


def test_a_stage_says_that_its_topic_ends_before_what_it_has_read(workers: Workers) -> None:
    give(workers.kafka, TRAFFIC, 0, range(800))
    intake = workers.add("intake")
    workers.wait(lambda: absorbed(workers, (TRAFFIC, 0)) == 800)
    make_anew(workers.kafka, TRAFFIC)
    give(workers.kafka, TRAFFIC, 0, range(10))
    workers.wait(lambda: len(told(workers, "intake0")) == 1)
    intake.send_signal(signal.SIGTERM)
    intake.wait(30)
    workers.add("intake")
    workers.wait(lambda: len(told(workers, "intake1")) == 1)
    (notice,) = told(workers, "intake1")
    assert notice["degraded"]
    assert f"{TRAFFIC}, partition 0, ends at offset 10, but intake has read up to 800" in notice["en"]
