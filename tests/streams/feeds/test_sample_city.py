"""The feed of the sample city on a real broker, its place in time over restarts, and incidents on request."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from deploy.embedded import kafka as embedded
from streams.broker.topics import CLOCK, TRUTH, ensure_topics, inbox
from streams.city.clock import ClockSetting
from streams.city.registry import City, load_city
from streams.domains.schema import all_domains, load_schemas
from streams.errors import SettingError
from streams.feeds.sample_city.feed import MARK_BEHIND_S, SEED, begin, run_sample_city
from streams.feeds.sample_city.generator.generate import FOLDER
from streams.feeds.sample_city.incident_requests import (
    Position,
    read_position,
    request_incident,
    take_up,
    write_position,
)
from streams.feeds.sample_city.simulation.faults import Faults
from tests.streams.feeds.promises import Lives
from tests.topic import records_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka.consumer.fetcher import ConsumerRecord

    from deploy.embedded.kafka import Kafka

NOON_MS = 1_790_827_200_000
FED_WITHIN_S = 240.0
"""A busy machine needs far longer than the some 20 s of a quiet one."""
pytestmark = pytest.mark.timeout(400)
MINUTE_MS = 60_000
SPEED = 20.0
SCRIPT = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from streams.feeds.sample_city.feed import run_sample_city
city, data, kafka, speed, start_ms = sys.argv[1:]
start_at = datetime.fromtimestamp(int(start_ms) / 1000, UTC)
run_sample_city(Path(city), kafka, data=Path(data), stop=threading.Event(), speed=float(speed), start_at=start_at)
"""


def faulty(city: City) -> set[str]:
    """The sensors that the simulation lets fail from an hour before to an hour after."""
    faults = Faults(len(city.sensors), SEED)
    moments = range(NOON_MS - 60 * MINUTE_MS, NOON_MS + 60 * MINUTE_MS, MINUTE_MS)
    return {city.sensors[fault.sensor].id for moment_ms in moments for fault in faults.active(moment_ms)}


LIVES = Lives(
    prepare=lambda _: FOLDER,
    command=lambda folder, kafka, speed: ["-c", SCRIPT, str(FOLDER), str(folder), kafka, str(speed), str(NOON_MS)],
    speeds=(60.0, 30.0),
    until_ms=NOON_MS + 4 * MINUTE_MS,
    exact=False,
    planned=frozenset({"future", "out_of_range"}),
    faulty=faulty,
    each_minute=True,
)


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(FOLDER)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which the sample city has run."""
    write_position(tmp_path, Position(city_folder=str(FOLDER), sent_ms=NOON_MS))
    return tmp_path


def two_lanes(city: City) -> str:
    return next(segment.id for segment in city.segments if segment.lanes == 2)


# -- where it begins


WANTED = ClockSetting(at_ms=NOON_MS, wall_ms=NOON_MS, speed=1.0)


@pytest.mark.parametrize(
    ("sent_ms", "from_ms", "clock_ms"),
    [
        (NOON_MS - 5_000, NOON_MS - 5_000, NOON_MS),  # a restart: what was missed is sent
        (NOON_MS - 86_400_000, NOON_MS - 600_000, NOON_MS),  # off for a day: the last ten minutes
        (NOON_MS + 7_200_000, NOON_MS + 7_200_000, NOON_MS + 7_200_000),  # an earlier, faster run was ahead
        (NOON_MS, NOON_MS, NOON_MS),
    ],
)
def test_event_time_never_goes_back_over_a_restart(sent_ms: int, from_ms: int, clock_ms: int) -> None:
    found_ms, clock = begin(Position(city_folder="x", sent_ms=sent_ms), WANTED)
    assert (found_ms, clock.at_ms, clock.wall_ms, clock.speed) == (from_ms, clock_ms, NOON_MS, 1.0)


def test_the_first_run_begins_where_it_is_told() -> None:
    assert begin(None, WANTED) == (NOON_MS, WANTED)


# -- incidents on request


def test_a_requested_incident_begins_now_lasts_its_time_and_is_gone(data: Path, city: City) -> None:
    segment = two_lanes(city)
    request_incident(data, segment, 2, 20 * 60)
    (incident,) = take_up(data, city, NOON_MS)
    assert (incident.what, incident.where, incident.lanes) == ("incident", segment, 2)
    assert (incident.from_ms, incident.until_ms) == (NOON_MS, NOON_MS + 20 * MINUTE_MS)
    assert take_up(data, city, NOON_MS + 20 * MINUTE_MS - 1) == [incident], "also after a restart of the feed"
    assert take_up(data, city, NOON_MS + 20 * MINUTE_MS) == []
    assert take_up(data, city, NOON_MS) == [], "what is over does not come back"


def test_an_unreadable_request_is_removed_and_hinders_nobody(data: Path, city: City) -> None:
    request_incident(data, two_lanes(city), 1, 60)
    (data / "incidents.d" / "0.json").write_text("{")
    (data / "incidents.d" / "1.json").write_text('{"segment":"nowhere","lanes":1,"duration_s":60}')
    (data / "incidents.d" / "2.json").write_text(f'{{"segment":"{two_lanes(city)}","lanes":1,"duration_s":3.6e24}}')
    assert len(take_up(data, city, NOON_MS)) == 1
    assert len(list((data / "incidents.d").iterdir())) == 1


@pytest.mark.parametrize(
    ("segment", "lanes", "duration_s", "says"),
    [
        ("S00001", 1, 60.0, "no such road segment; the nearest is 'S0001'"),
        ("S0001", 0, 60.0, "give 1 to"),
        ("S0001", 9, 60.0, "give 1 to"),
        ("S0001", 1, 0.0, "lasts more than nothing"),
        ("S0001", 1, float("nan"), "lasts more than nothing"),
        ("S0001", 1, 3.6e24, "at most 30 days"),
    ],
)
def test_an_impossible_request_is_refused_with_its_cure(
    data: Path, segment: str, lanes: int, duration_s: float, says: str
) -> None:
    with pytest.raises(SettingError, match=says):
        request_incident(data, segment, lanes, duration_s)
    assert not (data / "incidents.d").exists()


def test_without_a_sample_city_there_is_no_incident(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no sample city"):
        request_incident(tmp_path, "S0001", 1, 60.0)


# -- on a broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Kafka]:
    """A broker of its own: the inbox has one name."""
    with embedded.running(tmp_path_factory.mktemp("kafka"), cache) as running:
        ensure_topics(running.address, {"traffic": 3})
        yield running


@pytest.fixture(scope="module")
def fed(broker: Kafka, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, int], list]]:
    """Run the feed until it has marked a minute and a half of event time, with an incident on request."""
    data = tmp_path_factory.mktemp("data")
    write_position(data, Position(city_folder=str(FOLDER), sent_ms=NOON_MS - 86_400_000))
    request_incident(data, "S0001", 1, 600)
    stop, failed = threading.Event(), []

    def run() -> None:
        try:
            start_at = datetime.fromtimestamp(NOON_MS / 1000, UTC)
            run_sample_city(FOLDER, broker.address, data=data, stop=stop, speed=SPEED, start_at=start_at)
        except Exception as exc:  # noqa: BLE001 - told to the test below
            failed.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    began_ms = NOON_MS - int(600_000 * SPEED)
    deadline_s = time.monotonic() + FED_WITHIN_S
    while not failed and time.monotonic() < deadline_s:
        position = read_position(data)
        if position is not None and position.sent_ms >= began_ms + 90_000:
            break
        time.sleep(0.05)
    stop.set()
    thread.join(20)
    assert not failed, failed
    assert not thread.is_alive()
    found: dict[tuple[str, int], list[ConsumerRecord]] = defaultdict(list)
    for record in records_of(broker.address, CLOCK, TRUTH, *map(inbox, all_domains())):
        found[record.topic, record.partition].append(record)
    assert sum(topic == inbox("traffic") for topic, _ in found) == 3
    return data, found


def test_every_partition_begins_with_a_mark_and_marks_only_rise(fed) -> None:
    data, found = fed
    for (topic, _), log in found.items():
        if not topic.startswith("city.inbox."):
            continue
        marks = [int(dict(record.headers)["mark"]) for record in log if record.headers]
        assert log[0].headers
        assert log[0].value == b""
        assert marks == sorted(marks)
        assert marks[-1] - marks[0] >= 90_000
    assert read_position(data).sent_ms == max(marks) + MARK_BEHIND_S * SPEED * 1000


def test_no_reading_comes_after_its_mark_but_the_few_late_on_purpose(fed) -> None:
    _, found = fed
    schemas = load_schemas()
    on_time = behind = 0
    for (topic, _), log in found.items():
        mark_ms = None
        schema = schemas.get(topic.rsplit(".", 1)[1])
        for record in log if topic.startswith("city.inbox.") else ():
            if record.headers:
                mark_ms = int(dict(record.headers)["mark"])
                continue
            for reading in schema.decode_lines(record.value):
                behind += reading.at < mark_ms
                on_time += reading.at >= mark_ms
    assert on_time > 2_000
    assert behind < 0.02 * on_time


def test_the_clock_is_set_before_the_first_reading(fed) -> None:
    _, found = fed
    (record,) = found[CLOCK, 0]
    clock = msgspec.json.decode(record.value, type=ClockSetting)
    assert clock.speed == SPEED
    assert clock.at_ms == NOON_MS
    first = min(log[0].timestamp for (topic, _), log in found.items() if topic.startswith("city.inbox."))
    assert record.timestamp <= first


def test_the_truth_tells_of_the_requested_incident(fed) -> None:
    _, found = fed
    told = [msgspec.json.decode(record.value) for record in found[TRUTH, 0]]
    (asked,) = [one for one in told if one["id"].startswith("requested-")]
    assert (asked["what"], asked["where"], asked["lanes"]) == ("incident", "S0001", 1)
    assert asked["until_ms"] - asked["from_ms"] == 600_000
    assert len({one["id"] for one in told}) == len(told)
