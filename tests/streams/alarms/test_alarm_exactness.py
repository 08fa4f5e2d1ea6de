"""Whatever happens to the processes of the alarm engine, each alarm's story in the journal is the same."""

import asyncio
from collections import defaultdict
from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.commands import End, Lift, Note, Reset, Shelve, Unacknowledge, Unshelve
from alerts.judge import alarm_id
from alerts.moving import UNDO_MS
from streams.broker.topics import ALARMS, CHECKPOINTS, JOURNAL
from streams.city.clock import ClockSetting
from streams.city.windows import Window
from streams.contract.records import Detection
from streams.contract.stage import Message, TopicPartition
from tests.alerts.staging import Crash, city_version, crash_at, given_to, journal, lived, projected, started
from tests.alerts.writing import (
    Again,
    Wait,
    acknowledge,
    commanded,
    detection,
    events,
    faults,
    of_command,
    suppress,
    undo,
)
from tests.fakes import FakeBus


class Writer:
    """One process of the alarm engine. All of them read the same inputs in the same order, each at its own pace."""

    def __init__(self, bus: FakeBus, order: list[str], run_inputs: int) -> None:
        self.bus = bus
        self.run_inputs = run_inputs
        offsets: defaultdict[str, int] = defaultdict(int)
        self.order = []
        for topic in order:
            self.order.append((topic, offsets[topic]))
            offsets[topic] += 1

    async def start(self) -> None:
        self.host = await started(self.bus, self.run_inputs)

    async def feed(self, count: int) -> bool:
        """Hand over the next inputs, neighbours of one topic as one chunk."""
        ahead = [one for one in self.order if one[1] >= self.host.positions[TopicPartition(one[0], 0)]]
        for topic, run in groupby(ahead[:count], key=lambda one: one[0]):
            await self.host.deliver(topic, at_most=len(list(run)))
        return bool(ahead)

    async def read(self, count: int) -> bool:
        return await self.host.deliver(JOURNAL, at_most=count)

    async def act(self, action: str, count: int) -> bool:
        """Do one thing; a crash in it is followed by a new start."""
        try:
            if action == "restart":
                await self.start()
                return True
            if action == "tick":
                await self.host.tick()
                return True
            return await (self.feed(count) if action == "feed" else self.read(count))
        except Crash:
            await self.start()
            return True


async def finished(bus: FakeBus, writers: list[Writer]) -> None:
    bus.before_send = None
    while any([await writer.act(action, 3) for writer in writers for action in ("feed", "read")]):
        pass


def stories(values: list[bytes]) -> dict[str, list[dict]]:
    """Alarm id (for what belongs to none, the detection's entity, the command or the type) → its events in order."""
    told = defaultdict(list)
    for event in events(values):
        of = event.get("alarm") or event.get("id") or event.get("cover")
        told[of or event.get("detection", event).get("entity") or event["type"]].append(event)
    return dict(told)


ENTITIES = st.sampled_from(["s1", "s2"])
TIMES = st.integers(1, 3)
DETECTED = st.builds(
    lambda level, at_ms, known_ms, entity: detection(level, at_ms, known_at_ms=known_ms, entity=entity),
    *(st.sampled_from([0, 0, 1, 2, 3, 3]), TIMES, st.none() | st.integers(3, 40), ENTITIES),
)
TARGETS = st.builds(
    lambda at_ms, entity: alarm_id(detection(3, at_ms, entity=entity)), st.just(1) | st.just(1) | TIMES, ENTITIES
)
NUMBERS = st.integers(0, 5)
REVISIONS = st.none() | st.integers(1, 4)
WHERES = st.sampled_from([{"entity": "s1"}, {"zone": "z1"}, {"kind": "slow_traffic", "entity": "s2"}, {}])
WINDOWS = st.builds(
    lambda from_ms, length_ms: Window(from_ms=from_ms, until_ms=None if length_ms is None else from_ms + length_ms),
    *(st.sampled_from([0, 1_000_000, 1_200_000]), st.sampled_from([None, 0, 100_000, 2**50])),
)
CLOCKS = st.builds(
    lambda at_ms, speed: ClockSetting(at_ms=at_ms, wall_ms=0, speed=speed),
    *(st.sampled_from([0, 1_000_000, 1_150_000]), st.sampled_from([0.0, 1.0, 60.0])),
)
COMMANDED = st.one_of(
    st.builds(
        lambda alarm, number, seen, revision, for_ms: acknowledge(
            alarm, f"k{number}", seen, revision=revision, for_ms=for_ms, who=f"who {number}"
        ),
        *(TARGETS | st.just("nobody"), NUMBERS, st.integers(1, 4), REVISIONS, st.sampled_from([None, None, 1, 4000])),
    ),
    st.builds(
        lambda kind, alarm, number, revision: commanded(kind, alarm, f"k{number}", revision=revision),
        *(st.sampled_from([Unacknowledge, End, Note]), TARGETS, NUMBERS, REVISIONS),
    ),
    st.builds(
        lambda kind, alarm, number, more: commanded(kind, alarm, f"k{number}", **more),
        *(st.sampled_from([Unshelve, Reset]), TARGETS, NUMBERS, st.just({})),
    ),
    st.builds(
        lambda alarm, number, for_ms: commanded(Shelve, alarm, f"k{number}", for_ms=for_ms),
        *(TARGETS, NUMBERS, st.sampled_from([1, 4000, 60_000])),
    ),
    st.builds(lambda number, where, window: suppress(f"k{number}", window, **where), NUMBERS, WHERES, WINDOWS),
    st.builds(lambda number, of: of_command(Lift, f"k{of}", f"k{number}"), NUMBERS, NUMBERS),
    st.builds(lambda of, number, who: undo(f"k{of}", f"k{number}", f"who {who}"), NUMBERS, NUMBERS, NUMBERS),
    st.builds(lambda number: {"id": f"k{number}", "action": "dance"}, NUMBERS),
)
WAITED = st.builds(Wait, st.sampled_from([1, 1000, UNDO_MS - 2, UNDO_MS, 61_000]))
VERSIONS = st.lists(st.sampled_from([("s3",), ("s1",), ("s2",), ("s1", "s2")]), max_size=4)
INPUTS = st.lists(DETECTED | DETECTED | COMMANDED | WAITED | CLOCKS, min_size=8, max_size=40).map(lambda of: told(of))
PLACES = st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4)
REPEATS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 10)), max_size=8)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["feed", "read", "tick", "restart", "crash"]),
        st.integers(0, 1),
        st.integers(1, 6),
        st.sampled_from([JOURNAL, ALARMS, CHECKPOINTS]),
        st.booleans(),
    ),
    max_size=40,
)


def told(inputs: list) -> list:
    """Have both entities alarm first, and most findings be known as they come."""
    raised = [detection(3, 1, entity=entity) for entity in ("s1", "s2")]
    return raised + [
        replace(one, known_at_ms=number) if isinstance(one, Detection) and one.known_at_ms is None else one
        for number, one in enumerate(inputs, 10)
    ]


def repeated(inputs: list, repeats: list[tuple[float, int]]) -> list:
    """Bring some inputs again, somewhere after they came."""
    result = list(inputs)
    for which, later in repeats:
        if result and not isinstance(result[int(which * len(result))], Message | ClockSetting):
            place = int(which * len(result))
            result.insert(min(place + 1 + later, len(result)), Again(result[place]))
    return result


def in_a_changing_city(inputs: list, cities: list[tuple[str, ...]], places: list[float]) -> list:
    """Put versions of the city among the inputs, numbered as they come; each detection names the one before it."""
    result = list(inputs)
    for place, _ in zip(places, cities, strict=False):
        result.insert(int(place * (len(result) + 1)), None)
    number = 0
    for index, one in enumerate(result):
        if one is None:
            number += 1
            result[index] = city_version(number, cities[number - 1])
        elif isinstance(one, Detection):
            result[index] = replace(one, version=number)
    return result


async def plain(inputs: list) -> FakeBus:
    """One process takes one input after the other."""
    bus = FakeBus()
    await lived(bus, *inputs)
    return bus


async def wild(inputs: list, actions: list, writers: int, run_inputs: int) -> FakeBus:
    """So many processes take them in runs cut anywhere, restarting and crashing as the actions say."""
    bus = FakeBus()
    order = given_to(bus, *inputs)
    team = [Writer(bus, order, run_inputs) for _ in range(writers)]
    for writer in team:
        await writer.start()
    for action, number, count, topic, stored in actions:
        if action == "crash":
            crash_at(bus, topic, stored=stored)
        else:
            await team[number % writers].act(action, count)
    await finished(bus, team)
    return bus


@settings(max_examples=300, deadline=None)
@given(INPUTS, VERSIONS, PLACES, REPEATS, ACTIONS, st.integers(1, 2), st.sampled_from([1, 2, 3, 500]))
def test_no_cut_repeat_restart_crash_or_second_writer_changes_an_alarms_story(
    inputs, cities, places, repeats, actions, writers, run
):
    inputs = in_a_changing_city(inputs, cities, places)
    expected = asyncio.run(plain(inputs))
    found = asyncio.run(wild(repeated(inputs, repeats), actions, writers, run))
    assert stories(journal(found)) == stories(journal(expected))
    assert projected(found) == projected(expected)
    assert faults(journal(found)) == []
