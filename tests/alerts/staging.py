"""The alarm stage on topics in memory, for tests: inputs given, stages started, processes that crash."""

import json

from alerts.engine import Engine
from alerts.records import Command
from streams.alarms.alarm_stage import AlarmStage
from streams.broker.topics import ALARMS, COMMANDS, DETECTIONS, JOURNAL
from streams.contract.stage import Message
from tests.alerts.writing import encoded
from tests.fakes import FakeBus, FakeHost


class Crash(Exception):
    """The process ended here."""


def given_to(bus: FakeBus, *inputs: object) -> list[str]:
    """Put inputs on their topics → the topics in order."""
    topics = [COMMANDS if isinstance(one, Command) else DETECTIONS for one in inputs]
    for topic, one in zip(topics, inputs, strict=True):
        bus.put(Message(topic, b"k", encoded(one)))
    return topics


def journal(bus: FakeBus) -> list[bytes]:
    return [record.value for record in bus.log(JOURNAL)]


def projected(bus: FakeBus) -> dict[str, dict]:
    return {key.decode(): json.loads(value) for key, value in bus.newest(ALARMS).items()}


async def started(bus: FakeBus) -> FakeHost:
    host = FakeHost(AlarmStage(Engine), bus)
    await host.start()
    return host


async def lived(bus: FakeBus, *inputs: object) -> FakeHost:
    """Start a stage and let it take the inputs, each after the one before is done."""
    host = await started(bus)
    for one in inputs:
        given_to(bus, one)
        await host.drain()
    return host


def crash_at(bus: FakeBus, topic: str, *, stored: bool) -> None:
    """Let the next send to the topic be the last thing that its process does, before or after it is stored."""

    def before_send(message: Message) -> None:
        if message.topic == topic:
            bus.before_send = None
            if stored:
                bus.put(message)
            raise Crash

    bus.before_send = before_send
