"""Each promise of a feed catches a log that breaks it, and lets a healthy one pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streams.city.clock import CityClock
from streams.city.registry import City, load_city
from streams.contract.stage import Record, TopicPartition
from tests.streams.conftest import write_small_city
from tests.streams.feeds import promises
from tests.streams.feeds.promises import Log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LANES = [TopicPartition("city.inbox.v1.weather", number) for number in (0, 1)]
START_MS = 1_700_000_040_000
UNTIL_MS = START_MS + 120_000
CLOCK = CityClock()
NOBODY = frozenset[str]()


def line(sensor: int, minute: int, **values: object) -> bytes:
    fields = {"sensor": f"w{sensor}", "at": START_MS + 60_000 * minute, "temperature_c": 20.0, **values}
    return json.dumps(fields).encode()


def log(*sent: tuple[int, bytes | int]) -> Log:
    """(partition, lines or a mark in minutes) in the order in which they were sent."""
    found: Log = {lane: [] for lane in LANES}
    for partition, what in sent:
        records = found[LANES[partition]]
        mark = () if isinstance(what, bytes) else (("mark", b"%d" % (START_MS + 60_000 * what)),)
        value = what if isinstance(what, bytes) else b""
        records.append(Record(len(records), None, value, START_MS + 10**7, mark))
    return found


HEALTHY = (
    (0, 0), (1, 0), (0, line(0, 0) + b"\n" + line(2, 0)), (1, line(1, 0)), (0, 1), (1, 1), (0, line(0, 1)),
    (1, line(1, 1)), (0, 2), (1, 2),
)  # fmt: skip
"""Three sensors in two partitions, two minutes."""


@pytest.fixture
def city(tmp_path: Path) -> City:
    return load_city(write_small_city(tmp_path / "city"))


def understood(found: Log, city: City) -> None:
    promises.are_understood(found, city, CLOCK, NOBODY)


def same_lines(found: Log, _: City) -> None:
    promises.nothing_is_missing_or_new(log(*HEALTHY), found, promises.lines)


def same_times(found: Log, _: City) -> None:
    promises.nothing_is_missing_or_new(log(*HEALTHY), found, lambda one: promises.times(one, UNTIL_MS, {"w3"}))


def same_bytes(found: Log, _: City) -> None:
    promises.the_same_bytes(log(*HEALTHY), found)


def same_minutes(found: Log, _: City) -> None:
    def sent(one: Log) -> set[tuple[str, int]]:
        return promises.minutes(one, UNTIL_MS, set(), {"w0"})

    promises.nothing_is_missing_or_new(log(*HEALTHY), found, sent)


def of_log(check: Callable[[Log], None]) -> Callable[[Log, City], None]:
    return lambda found, _: check(found)


def with_line(index: int, sent: tuple[int, bytes | int]) -> Log:
    """The healthy log with one thing more."""
    return log(*HEALTHY[:index], sent, *HEALTHY[index:])


def without(index: int) -> Log:
    return log(*HEALTHY[:index], *HEALTHY[index + 1 :])


CASES = {
    "a sensor nobody knows": (understood, lambda: with_line(4, (0, line(9, 0)))),
    "a value beyond its range": (understood, lambda: with_line(4, (0, line(3, 0, temperature_c=900.0)))),
    "a text for a number": (understood, lambda: with_line(4, (0, line(3, 0, temperature_c="warm")))),
    "a field nobody knows": (understood, lambda: with_line(4, (0, line(3, 0, temperature_f=68.0)))),
    "no JSON": (understood, lambda: with_line(4, (0, b"w3,20.0"))),
    "nothing at all": (understood, lambda: log()),
    "a mark that runs back": (of_log(promises.marks_never_run_backwards), lambda: with_line(9, (0, 0))),
    "a reading behind its mark": (of_log(promises.marks_are_kept), lambda: with_line(9, (0, line(3, 1)))),
    "a sensor in two partitions": (
        of_log(promises.a_sensor_stays_in_its_partition),
        lambda: with_line(7, (1, line(0, 1))),
    ),
    "a gap": (same_lines, lambda: without(6)),
    "a gap in time": (same_times, lambda: without(6)),
    "a reading that was not there": (same_lines, lambda: with_line(7, (0, line(0, 1, temperature_c=21.0)))),
    "a time that was not there": (same_times, lambda: with_line(9, (0, line(2, 1)))),
    "another order": (same_bytes, lambda: log(*HEALTHY[:2], (0, line(2, 0) + b"\n" + line(0, 0)), *HEALTHY[3:])),
    "a sensor that misses a minute": (same_minutes, lambda: without(6)),
    "a repeat with other values": (
        of_log(promises.repeats_carry_the_same),
        lambda: with_line(7, (0, line(0, 1, temperature_c=21.0))),
    ),
}


@pytest.mark.parametrize("mistake", CASES)
def test_a_mistake_is_caught(mistake: str, city: City):
    check, broken = CASES[mistake]
    check(log(*HEALTHY), city)
    with pytest.raises(AssertionError):
        check(broken(), city)


def test_a_repeat_with_the_same_values_is_no_mistake(city: City):
    repeated = with_line(7, (0, line(0, 1)))
    same_lines(repeated, city)
    same_times(repeated, city)
    promises.repeats_carry_the_same(repeated)


def test_what_is_faulty_on_purpose_or_comes_later_is_no_mistake(city: City):
    same_times(with_line(9, (0, line(3, 1))), city)
    same_times(with_line(9, (0, line(0, 2))), city)
    same_minutes(without(7), city)  # w1, which need not report each minute


def test_planned_faults_are_few(city: City):
    planned = frozenset({"out_of_range"})
    broken = with_line(4, (0, line(3, 0, temperature_c=900.0)))  # one of seven
    with pytest.raises(AssertionError):
        promises.are_understood(broken, city, CLOCK, planned)
