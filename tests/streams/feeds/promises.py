"""What every feed promises, as checks on what it sent: inbox partition → its records.

`test_feed_contract.py` runs them over every feed: a module of `streams/feeds/` whose text says `out     city.inbox…`.
The feed's test, named as it is, says in `LIVES` how to run it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from streams.contract.records import MARK
from streams.contract.stage import Chunk, Record, TopicPartition
from streams.domains.schema import load_schemas
from streams.intake.take import Bounds, IntakeState, take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streams.city.clock import CityClock
    from streams.city.registry import City

Log = dict[TopicPartition, list[Record]]
PLANNED_SHARE = 0.02
"""At most so many readings of a feed that simulates faults show one."""


@dataclass(frozen=True)
class Lives:
    """How a feed is run by the contract."""

    prepare: Callable[[Path], Path]
    """Write into a folder what it reads → the city's folder."""
    command: Callable[[Path, str, float | None], list[str]]
    """(that folder, Kafka, speed) → the words behind `python`."""
    speeds: tuple[float | None, float | None]
    """Two that it can run at; None = as fast as it goes. It is killed at the second."""
    stdin: str = ""
    until_ms: int | None = None
    """A feed that never ends is stopped when it has marked this event time."""
    exact: bool = True
    """The same bytes each time; else the same sensors at the same times."""
    planned: frozenset[str] = frozenset()
    """Reasons why readings of it are refused on purpose."""
    faulty: Callable[[City], set[str]] = lambda _: set()
    """The sensors that show such a fault, or are silent on purpose, while the contract looks."""
    each_minute: bool = False
    """Of two speeds only this is the same: which sensors report in which minute."""


class Reading(msgspec.Struct):
    """What identifies one."""

    sensor: str
    at: int | str


def readings(log: Log) -> Iterator[tuple[TopicPartition, int | None, bytes]]:
    """Yield (partition, its newest mark before, the reading's line)."""
    for source, records in log.items():
        mark_ms = None
        for record in records:
            if record.value:
                yield from ((source, mark_ms, line) for line in record.value.split(b"\n") if line)
            else:
                mark_ms = int(dict(record.headers)[MARK])


def are_understood(log: Log, city: City, clock: CityClock, planned: frozenset[str]) -> None:
    """Intake takes every reading and value of it, but for the faults that are planned; and no field is unknown."""
    refused: Counter[str] = Counter()
    taken = 0
    for source, records in log.items():
        schema = load_schemas()[source.topic.rsplit(".", 1)[1]]
        state = take(Chunk(*source, records, len(records)), IntakeState(), city, schema, Bounds(clock, 0)).state
        refused.update(state.dead_lettered)
        for reasons in state.refused_values.values():
            refused.update(reasons)
        taken += state.readings_in
        assert state.unknown_fields == 0, f"{source.topic} carries fields that the domain does not know"
    assert taken > 0, "nothing was sent"
    assert set(refused) <= planned, f"refused by intake: {dict(refused)}"
    assert sum(refused.values()) <= PLANNED_SHARE * taken


def marks_never_run_backwards(log: Log) -> None:
    for source, records in log.items():
        marks = [int(dict(record.headers)[MARK]) for record in records if not record.value]
        assert marks == sorted(marks), f"a mark of {source} runs back"


def marks_are_kept(log: Log, late_share: float = 0.0) -> None:
    """No reading comes behind the mark that said it was sent, but for the few that are late on purpose."""
    behind = total = 0
    for _, mark_ms, line in readings(log):
        at = msgspec.json.decode(line, type=Reading).at
        total += 1
        behind += isinstance(at, int) and mark_ms is not None and at < mark_ms
    assert behind <= late_share * total, f"{behind} of {total} readings come behind their mark"


def a_sensor_stays_in_its_partition(log: Log) -> None:
    home: dict[str, TopicPartition] = {}
    for source, _, line in readings(log):
        sensor = msgspec.json.decode(line, type=Reading).sensor
        assert home.setdefault(sensor, source) == source, f"{sensor} is in two partitions"


def nothing_is_missing_or_new(before: Log, after: Log, sent: Callable[[Log], set[Any]]) -> None:
    """Two runs sent the same, repeats aside: de-duplication takes each sensor's event time once."""
    assert len(sent(before)) > 0
    unlike = sent(before) ^ sent(after)
    assert not unlike, f"{len(unlike)} readings are in one of two runs alone, such as {sorted(unlike)[0]}"


def the_same_bytes(before: Log, after: Log) -> None:
    """Two runs sent the same lines in the same order in every partition."""
    orders = [defaultdict(list), defaultdict(list)]
    for log, found in zip((before, after), orders, strict=True):
        for source, _, line in readings(log):
            found[source].append(line)
    assert orders[0] == orders[1]


def lines(log: Log) -> set[bytes]:
    """Every reading, to the byte."""
    return {line for _, _, line in readings(log)}


def times(log: Log, until_ms: int, faulty: set[str]) -> set[tuple[str, int]]:
    """Who spoke when, before an event time; of sensors that show no planned fault."""
    found = (msgspec.json.decode(line, type=Reading) for _, _, line in readings(log))
    return {(one.sensor, one.at) for one in found if one.at < until_ms and one.sensor not in faulty}


def minutes(log: Log, until_ms: int, faulty: set[str], often: set[str]) -> set[tuple[str, int]]:
    """In which minutes the sensors spoke that report at least once in each."""
    return {(sensor, at_ms // 60_000) for sensor, at_ms in times(log, until_ms, faulty) if sensor in often}


def repeats_carry_the_same(log: Log) -> None:
    """What a feed with the same bytes sends twice, it sends the same: de-duplication finds no conflict."""
    first: dict[tuple[str, Any], bytes] = {}
    for _, _, line in readings(log):
        one = msgspec.json.decode(line, type=Reading)
        assert first.setdefault((one.sensor, one.at), line) == line
