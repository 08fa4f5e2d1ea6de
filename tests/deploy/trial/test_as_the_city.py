"""A trial yields what the city would: the same rows, detections and drops as the stages on a bus, or as a topic."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from deploy.config.components import discover
from deploy.embedded import kafka as embedded
from deploy.terminal import cli
from deploy.trial import summary
from deploy.trial.recording import Intake, of_lines
from deploy.trial.running import Trial
from streams.broker import topics
from streams.broker.bus import KafkaBus
from streams.city.clock import CityClock, ClockSetting
from streams.city.registry import City, load_city
from streams.contract.frames import ALL_ZONES, encode_frame
from streams.contract.metric_frames import decode_metrics
from streams.contract.records import Detection, Rows
from streams.contract.spec import Hosted
from streams.contract.stage import Chunk, Message
from streams.intake.intake_stage import IntakeStage
from streams.second.second_stage import SecondLevelStage
from streams.zone.zone_stage import ZoneStage
from tests.deploy.trial.test_try import tried
from tests.fakes import FakeBus, FakeClock, FakeHost
from tests.runs import run_of
from tests.streams.conftest import write_small_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.embedded.kafka import Kafka
    from deploy.trial.running import Outcome

START_MS = 1_700_000_040_000
SPECS = discover()
INBOX = topics.inbox("traffic")
REPLAYED = ClockSetting(at_ms=START_MS + 3_600_000, wall_ms=0, speed=0.0, until_ms=START_MS + 3_600_000)
"""The city clock of a replay: when a record came says nothing."""


def feed(seed: int) -> list[bytes]:
    """Forty minutes of eight detectors that speak every 20 s, with dirt, repeats and late ones."""
    chance = random.Random(seed)
    lines = []
    for second in range(0, 2400, 20):
        for sensor in range(8):
            at_ms = START_MS + second * 1000 + sensor
            if chance.random() < 0.05:
                at_ms -= chance.choice([20_000, 300_000, 4_000_000])
            row = {"sensor": f"d{sensor}", "at": at_ms, "speed_km_h": chance.randint(2, 70)}
            row["flow_veh_h"] = chance.choice([0, 60, 600])
            lines += [json.dumps(row).encode()] * chance.choice([1, 1, 1, 1, 2])
        if chance.random() < 0.1:
            lines.append(chance.choice([b"rubbish", b'{"sensor":"nobody","at":1}']))
    return lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_small_city(tmp_path / "recorded")
    (folder / "traffic.ndjson").write_bytes(b"\n".join(feed(3)))
    return folder


def hosted(*names: str) -> list[Hosted]:
    return [Hosted(name, SPECS[name], SPECS[name].config()) for name in names]


def on_a_bus(folder: Path, first: list[Hosted], second: list[Hosted]) -> tuple[list[Rows], list[Detection]]:
    """Let the stages take the same lines → the metrics that they send, of the level asked for, and what they find."""

    async def run() -> FakeBus:
        bus = FakeBus(clock=FakeClock(START_MS + 2_400_000))
        for line in (folder / "traffic.ndjson").read_bytes().split(b"\n"):
            bus.put(Message(INBOX, b"", line, 0))
        hosts = [FakeHost(IntakeStage(folder), bus), FakeHost(ZoneStage(folder, first), bus)]
        hosts += [FakeHost(SecondLevelStage(folder, second), bus)]
        for host in hosts:
            await host.start()
            await host.drain()
        return bus

    bus = asyncio.run(run())
    frames = [decode_metrics(record.value or b"") for record in bus.log(topics.METRICS)]
    wanted = [frame.rows for frame in frames if (frame.zone == -1) == bool(second)]
    found = [msgspec.json.decode(record.value, type=Detection) for record in bus.log(topics.DETECTIONS)]
    return wanted, found


def bits(parts: list[Rows]) -> list[tuple[Any, ...]]:
    rows = summary.newest(parts)
    values = [value.hex() for value in rows.value.tolist()]
    columns = [getattr(rows, name).tolist() for name in ("entity", "metric", "at_ms", "window_s", "revision", "count")]
    return sorted(zip(*columns, values, strict=True))


def trial(folder: Path, name: str) -> Outcome:
    """Run it over the lines, up to the second before the next minute: on the bus, too, the last minute stays open."""
    city = load_city(folder)
    recording = of_lines("it", {"traffic": folder / "traffic.ndjson"}, city)
    behind = hosted(*(one for one, spec in SPECS.items() if not spec.second_level and spec.takes("traffic")))
    found = Trial(recording, hosted(name)[0], behind if SPECS[name].second_level else ())
    return found.run(until_ms=START_MS + 2_399_000)


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.takes("traffic")])
def test_a_trial_yields_what_the_stages_yield(folder: Path, name: str):
    first = [one for one, spec in SPECS.items() if not spec.second_level and spec.takes("traffic")]
    second = SPECS[name].second_level
    expected_rows, expected_found = on_a_bus(
        folder, hosted(*(first if second else [name])), hosted(name) if second else []
    )
    outcome = trial(folder, name)
    assert bits(outcome.rows) == bits(expected_rows)
    said = {one.identity for one in expected_found if second is (one.kind == "feed_silent")}
    assert {one.identity for one in outcome.detections} == said


# -- on a Kafka


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Kafka]:
    """A broker of its own: the inbox has one name."""
    with embedded.running(tmp_path_factory.mktemp("kafka"), cache) as running:
        yield running


def send(address: str, messages: list[Message]) -> None:
    async def run() -> None:
        bus = KafkaBus(address)
        await bus.start()
        await bus.send(messages)
        await bus.stop()

    asyncio.run(run())


def inbox(lines: list[bytes]) -> list[Message]:
    """Two inbox partitions: detectors of even and of odd numbers, each with the marks of its feed."""
    found = []
    for number, line in enumerate(lines):
        digits = [letter for letter in line.decode() if letter.isdigit()]
        found.append(Message(INBOX, b"", line, int(digits[0]) % 2 if digits else 0))
        if number % 40 == 39:
            mark = (("mark", b"%d" % (START_MS + number * 2_000)),)
            found += [Message(INBOX, b"", b"", partition, mark) for partition in (0, 1)]
    return found


def readings(messages: list[Message], city: City) -> list[Message]:
    """The frames that intake makes of them, as it sends them to two readings partitions."""
    bus = FakeBus({INBOX: 2}, FakeClock(START_MS + 3_600_000))
    topic, found = topics.readings("traffic"), []
    intake = Intake(city, CityClock((REPLAYED,)))
    for message in messages:
        bus.put(message)
    for chunk in topic_chunks(bus):
        for piece in intake(chunk):
            mine = [piece.zones[0] % 2] if piece.header.zone != ALL_ZONES else [0, 1]
            found += [encode_frame(topic, partition, piece.header, piece.rows) for partition in mine]
    return found


def topic_chunks(bus: FakeBus) -> list[Chunk]:
    """The partitions in turns of fifty records."""
    logs = [bus.log(INBOX, partition) for partition in (0, 1)]
    starts = range(0, max(map(len, logs)), 50)
    return [
        Chunk(INBOX, partition, log[start : start + 50], len(log))
        for start in starts
        for partition, log in enumerate(logs)
        if log[start : start + 50]
    ]


def a_city(data: Path, kafka: str, city: Path) -> Path:
    """A data folder as `up` leaves it."""
    data.mkdir()
    run_of(data, city=city, kafka=kafka, history=data / "history.sqlite").write()
    return data


def test_a_topic_is_read_to_its_end_and_nobody_joins_a_group(
    broker: Kafka, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    from kafka import KafkaAdminClient

    topics.ensure_topics(broker.address, {"traffic": 2})
    messages = inbox(feed(4))
    send(broker.address, [Message(topics.CLOCK, b"small", msgspec.json.encode(REPLAYED), 0)])
    send(broker.address, [*messages, *readings(messages, load_city(folder))])
    where = ("--kafka", broker.address, "--city", folder, "--lang", "en")
    known = a_city(tmp_path / "data", broker.address, folder)
    of_inbox = tried(capsys, "congestion", "--on", INBOX, *where)
    of_frames = tried(capsys, "congestion", "--on", topics.readings("traffic"), *where)
    read = sum(message.value != b"" for message in messages)
    assert next(cells for cells in of_inbox if cells[0] == "read")[1] == f"{read:,}"
    for key in ("used by congestion", "dropped: no_vehicles", "tti_ratio", "speed_km_h", "delay_s", "flow_veh_h"):
        lines = [[cells for cells in found if cells[0] == key] for found in (of_inbox, of_frames)]
        assert lines[0] == lines[1] != []
    assert tried(capsys, "congestion", "--on", INBOX, "--data", known, "--lang", "en")[:-4] == of_inbox[:-4]
    client = KafkaAdminClient(bootstrap_servers=broker.address)
    assert client.list_groups() == []
    client.close()


def test_a_kafka_that_is_not_there_is_named(folder: Path, capsys: pytest.CaptureFixture[str]):
    where = ("--kafka", "127.0.0.1:1", "--city", str(folder))
    assert cli.main(["try", "threshold", "--on", "city.inbox.v1.weather", *where]) == 1
    assert "no Kafka answers at 127.0.0.1:1" in capsys.readouterr().err


def test_a_topic_without_readings_is_told(broker: Kafka, folder: Path, capsys: pytest.CaptureFixture[str]):
    topics.ensure_topics(broker.address, {"traffic": 2})
    where = ("--kafka", broker.address, "--city", str(folder))
    assert cli.main(["try", "network", "--on", "city.readings.v1.weather", *where]) == 2
    assert "there are no readings of weather in it" in capsys.readouterr().err
