"""The alarm stage on topics in memory, for tests: inputs given, stages started, processes that crash."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from streams.alarms.alarm_stage import RUN_INPUTS, AlarmStage
from streams.broker.topics import ALARMS, CLOCK, COMMANDS, DETECTIONS, JOURNAL
from streams.city.clock import ClockSetting
from streams.city.folder import Folder, read_folder
from streams.city.versions import Opened, Rules, to_messages
from streams.contract.records import Detection
from streams.contract.stage import Message
from tests.alerts.writing import Again, Wait, encoded, keyed_engine
from tests.fakes import FakeBus, FakeHost
from tests.small_city import write_small_city


class Crash(Exception):
    """The process ended here."""


@cache
def _small_city() -> Mapping[str, bytes]:
    with TemporaryDirectory() as folder:
        files = read_folder(write_small_city(Path(folder), segments=1)).files
    return {**files, "city.toml": files["city.toml"].replace(b'"small"', b'"c"')}


def city_version(number: int, sensors: Sequence[str], rules: Rules | None = None) -> Message:
    """Return the record of a version of the city `c` with these sensors."""
    (message,) = city_parts(number, sensors, rules)
    return message


def city_parts(
    number: int, sensors: Sequence[str], rules: Rules | None = None, at: str = "z1,,0.5,0.4"
) -> list[Message]:
    """Return all records of a version of the city `c` with these sensors; `at`: zone, segment, lng, lat of each."""
    head = "sensor,domain,zone,segment,lng,lat,interval_s,name_zh,name_en"
    lines = [head, *(f"{one},weather,{at},60,," for one in sensors)]
    folder = Folder("c", {**_small_city(), "sensors.csv": "\n".join(lines).encode()})
    return to_messages("c", number, Opened(folder, {}, rules))


def given_to(bus: FakeBus, *inputs: object) -> list[str]:
    """Put inputs on their topics, one a millisecond → the topics in order; a `Message` is a version of the city."""
    topics = []
    for one in inputs:
        bus.clock.advance(one.ms / 1000 if isinstance(one, Wait) else 0.0 if isinstance(one, Again) else 0.001)
        message = one if isinstance(one, Message) else Message(_topic(one), b"k", encoded(one))
        bus.put(message)
        topics.append(message.topic)
    return topics


def _topic(one: object) -> str:
    if isinstance(one, Again):
        return _topic(one.of)
    if isinstance(one, ClockSetting):
        return CLOCK
    return DETECTIONS if isinstance(one, Detection) else COMMANDS


def journal(bus: FakeBus) -> list[bytes]:
    return [record.value for record in bus.log(JOURNAL)]


def projected(bus: FakeBus) -> dict[str, dict]:
    return {key.decode(): json.loads(value) for key, value in bus.newest(ALARMS).items()}


async def started(bus: FakeBus, run_inputs: int = RUN_INPUTS, checkpoint_records: int = 3) -> FakeHost:
    host = FakeHost(AlarmStage(keyed_engine, run_inputs, bus.clock, checkpoint_records), bus)
    await host.start()
    return host


async def lived(bus: FakeBus, *inputs: object) -> FakeHost:
    """Start a stage and let it take the inputs, each after the one before is done; a number of ms passes in silence."""
    host = await started(bus)
    for one in inputs:
        await go_on(host, one)
    return host


async def go_on(host: FakeHost, one: object) -> None:
    """Give it an input, or so many ms of silence."""
    if isinstance(one, int):
        host.bus.clock.advance(one / 1000)
        await host.tick()
    else:
        given_to(host.bus, one)
    await host.drain()


def crash_at(bus: FakeBus, topic: str, *, stored: bool) -> None:
    """Let the next send to the topic be the last thing that its process does, before or after it is stored."""

    def before_send(message: Message) -> None:
        if message.topic == topic:
            bus.before_send = None
            if stored:
                bus.put(message)
            raise Crash

    bus.before_send = before_send
