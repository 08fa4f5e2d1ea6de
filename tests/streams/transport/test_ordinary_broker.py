"""The ordinary transport on a real broker: the same bytes as a quiet replay, whatever is killed or lost on the way."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as KafkaTopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import OffsetAndMetadata

from streams.contract.stage import TopicPartition
from streams.transport.direct import Direct
from tests.streams.stack import exported, feed
from tests.streams.workers import Workers, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.embedded.kafka import Kafka
    from tests.streams.stack import Fed

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("way", ["changed", "lossy"])
def test_a_changed_faust_costs_a_warning_and_no_byte(workers: Workers, city_folder: Path, way: str) -> None:
    records = feed(random.Random(12), with_marks=True)
    expected = quiet(city_folder, records)
    assert "tti_ratio 3600" in expected
    first = {stage: [workers.add(stage, way) for _ in range(2)] for stage in ("intake", "zone")}
    first["second"] = [workers.add("second", way)]
    half = len(records) // 2
    workers.set_clock()
    workers.give(records[:half])
    workers.wait(lambda: len(workers.frames()) > 3)
    for stage, processes in first.items():
        processes[0].send_signal(signal.SIGKILL)
        workers.add(stage, way)
    workers.give(records[half:])
    workers.wait(lambda: exported(workers.frames(), city_folder) == expected)
    for number in range(len(workers.processes)):
        said = workers.log(number)
        assert said.count("AIOKafkaConsumerThread._fetch_records takes (") == 1
        assert "Faust's ordinary transport" in said


def absorbed(workers: Workers, part: str) -> int:
    """Return how many inbox records a part has absorbed, -1 before it has its partitions."""
    file = workers.folder / part / "pulses" / f"{part}.json"
    rows = json.loads(file.read_bytes())["partitions"] if file.exists() else []
    mine = [row["absorbed"] for row in rows if row["topic"].endswith("traffic")]
    return sum(mine) if len(mine) == 2 else -1


def cost_s(workers: Workers, records: list[Fed], turn: int, *way: str) -> float:
    """Run intake over the records, once more, and return its CPU time; the start is left out."""
    process = workers.add("intake", *way)
    part, before, after = workers.logs[-1].stem, turn * len(records), (turn + 1) * len(records)
    workers.wait(lambda: absorbed(workers, part) >= before)
    begin_s = sum(psutil.Process(process.pid).cpu_times()[:2])
    workers.give(records)
    workers.wait(lambda: absorbed(workers, part) == after)
    spent_s = sum(psutil.Process(process.pid).cpu_times()[:2]) - begin_s
    process.terminate()
    process.wait(60)
    return spent_s


def test_what_it_costs_is_printed(workers: Workers) -> None:
    records = [one for one in feed(random.Random(3), with_marks=False) * 40 if not one[2]]
    workers.set_clock()
    costs_s = [cost_s(workers, records, turn, *way) for turn, way in enumerate([(), ("changed",)])]
    ours_s, ordinary_s = costs_s
    count = len(records)
    print(
        f"intake, {count} records: ours {ours_s / count * 1e6:.0f} us, ordinary {ordinary_s / count * 1e6:.0f} us,"
        f" {ordinary_s / max(ours_s, 0.01):.1f} times"
    )


def test_direct_reads_begin_where_the_group_is_and_bring_a_range(kafka: Kafka, unique: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.address)
    admin.create_topics([NewTopic(unique, 2, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka.address)
    for number in range(10):
        producer.send(unique, b"%d" % number, partition=0, headers=[("h", b"x")])
    producer.flush()
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=kafka.address, group_id=unique, enable_auto_commit=False)
    consumer.assign([KafkaTopicPartition(unique, 0)])
    consumer.commit({KafkaTopicPartition(unique, 0): OffsetAndMetadata(4, "", -1)})
    consumer.close()
    known, new = TopicPartition(unique, 0), TopicPartition(unique, 1)

    async def story() -> None:
        direct = Direct(kafka.address, unique)
        assert await direct.begin([known, new]) == {known: 4, new: 0}
        assert await direct.ends([known, new]) == {known: 10, new: 0}
        found = [one async for run in direct.between(known, 3, 7) for one in run]
        assert [(one.offset, one.value, one.headers) for one in found] == [
            (offset, b"%d" % offset, (("h", b"x"),)) for offset in (3, 4, 5, 6)
        ]
        assert [run async for run in direct.between(known, 7, 7)] == []
        await direct.stop()

    asyncio.run(story())
