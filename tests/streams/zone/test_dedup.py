"""De-duplication against a plain dictionary that does the same row by row."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from streams.kernel import values
from streams.kernel.runs import MOST_RUNS
from streams.kernel.verdicts import CONFLICT, DUPLICATE, FORGOTTEN, NEW, PART, REMEMBERED
from streams.zone import dedup
from streams.zone.dedup import Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.zone.dedup import Judge


NAMES = ("a", "b", "c")
SENSORS = 4
HOUR_MS = 3_600_000
JUDGES = pytest.mark.parametrize("judge", [dedup.judge, dedup.compiled_judge()], ids=["numpy", "kernel"])


class Row(NamedTuple):
    """A reading: its values by column; what it has not is not there."""

    sensor: int
    at_ms: int
    values: dict[str, float]


class Said(NamedTuple):
    """What became of a row: verdict, and the columns that were new."""

    verdict: int
    new: frozenset[str]


def known() -> Seen:
    seen = Seen.empty()
    seen.grow(SENSORS)
    return seen


def judged(judge: Judge, seen: Seen, rows: Sequence[Row], keep_ms: int = HOUR_MS) -> list[Said]:
    columns = {name: np.array([row.values.get(name, np.nan) for row in rows]) for name in NAMES}
    sensor, at_ms = np.array([row.sensor for row in rows]), np.array([row.at_ms for row in rows])
    verdicts, sets = judge(seen, (sensor, at_ms), columns, keep_ms)
    named = [frozenset(name for name in NAMES if new >> seen.bit(name) & 1) for new in sets.tolist()]
    return [Said(*one) for one in zip(verdicts.tolist(), named, strict=True)]


class Plain:
    """Remembers everything above what the judge says it has forgotten."""

    def __init__(self) -> None:
        self._taken: dict[int, dict[int, dict[str, float]]] = {}

    def say(self, row: Row, floor_ms: int) -> Said:
        """Judge a row and take it."""
        taken = self._taken.setdefault(row.sensor, {})
        if row.at_ms <= floor_ms:
            return Said(FORGOTTEN, frozenset())
        before = taken.get(row.at_ms)
        new = {name: value for name, value in row.values.items() if before is None or name not in before}
        if before is not None and not new:
            is_held = sum(at_ms > row.at_ms for at_ms in taken) < REMEMBERED
            other = any(before[name] != value for name, value in row.values.items())
            return Said(CONFLICT if other and is_held else DUPLICATE, frozenset())
        taken[row.at_ms] = {**(before or {}), **new}
        return Said(NEW if len(new) == len(row.values) else PART, frozenset(new))


def one_by_one(rows: Iterable[Row], keep_ms: int) -> list[Said]:
    """Judge row by row, each against the dictionary; a row may be refused where there is no room for its time."""
    seen, plain, said = known(), Plain(), []
    for row in rows:
        floor_ms, full = int(seen.floor_ms[row.sensor]), seen.room[row.sensor] == MOST_RUNS
        (found,) = judged(dedup.judge, seen, [row], keep_ms)
        if found.verdict == FORGOTTEN and row.at_ms > floor_ms:
            assert full
        else:
            assert found == plain.say(row, floor_ms)
        said.append(found)
    return said


def in_cuts(judge: Judge, rows: Sequence[Row], cuts: random.Random, keep_ms: int) -> list[Said]:
    seen, said = known(), []
    while len(said) < len(rows):
        said += judged(judge, seen, rows[len(said) : len(said) + cuts.randint(1, 60)], keep_ms)
    return said


def regular(chance: random.Random, now: int) -> int:
    return now + 5 * chance.choice([0, 1, 1, 1, 1, 1, 3])


def irregular(chance: random.Random, now: int) -> int:
    return now + chance.choice([0, 1, 1, 2, 7, 13])


def log(chance: random.Random) -> list[Row]:
    """Make a log with gaps, parts, resends and disorder; one in three comes newest first."""
    now, step = 0, chance.choice([regular, irregular])
    sets = chance.choice([["abc"], ["ab", "c"], ["a", "b", "c"], ["abc", "abc", "ab", "c", ""]])
    rows = []
    for _ in range(chance.randint(1, 400)):
        now = step(chance, now)
        at_ms = now if chance.random() < 0.85 else max(0, now - 5 * chance.randint(0, 60))
        names = chance.choice(sets)
        rows.append(Row(chance.randrange(SENSORS), at_ms, {name: float(chance.randint(0, 1)) for name in names}))
    return rows[::-1] if chance.random() < 0.3 else rows


@JUDGES
@pytest.mark.parametrize("seed", range(60))
def test_any_cut_of_the_log_gives_the_verdicts_of_row_by_row(seed: int, judge: Judge) -> None:
    chance = random.Random(seed)
    rows, keep_ms = log(chance), chance.choice([0, 50, 500, HOUR_MS])
    assert in_cuts(judge, rows, chance, keep_ms) == one_by_one(rows, keep_ms)


def at(times: Iterable[int], names: str = "ab", sensor: int = 0) -> list[Row]:
    return [Row(sensor, at_ms, dict.fromkeys(names, 1.0)) for at_ms in times]


MINUTES = [60_000 * minute for minute in range(1, 51)]
JITTER = random.Random(2)
JITTERY = [1000 * second + JITTER.randint(-200, 200) for second in range(1, 3601)]
GAPPY = [1000 * second for second in range(1, 3601) if second % 300 not in (7, 8, 120)]
SHUFFLED = JITTER.sample(GAPPY[:200], 200)


@JUDGES
@pytest.mark.parametrize(
    ("rows", "again", "verdict"),
    [
        pytest.param(at(MINUTES[::-1]), at(MINUTES), DUPLICATE, id="50 minutes, newest first"),
        pytest.param(at(range(1000, 3_601_000, 1000)), at(range(1000, 3_601_000, 1000)), DUPLICATE, id="an hour"),
        pytest.param(at(GAPPY), at(GAPPY), DUPLICATE, id="an hour with 36 gaps"),
        pytest.param(at(SHUFFLED), at(SHUFFLED), DUPLICATE, id="200 in any order"),
        pytest.param(at(JITTERY[-50:][::-1]), at(JITTERY[-50:]), DUPLICATE, id="50 that jitter, newest first"),
        pytest.param(at(JITTERY), at(JITTERY[-126:]), DUPLICATE, id="the last 126 of an hour that jitters"),
        pytest.param(at(JITTERY), at(JITTERY[:-130]), FORGOTTEN, id="older ones of an hour that jitters"),
        pytest.param(at(GAPPY, "a"), at(GAPPY, "b"), NEW, id="another column of an hour"),
        pytest.param(at(GAPPY, "a"), at(GAPPY[::-1], "ab"), PART, id="one more column, newest first"),
        pytest.param([*at(GAPPY, "a"), *at(GAPPY, "b")], at(GAPPY, "ab"), DUPLICATE, id="both again"),
        pytest.param([*at(GAPPY, "a"), *at(GAPPY[::-1], "b")], at(GAPPY, "b"), DUPLICATE, id="one of both again"),
        pytest.param(at([5000]), at([5000], ""), DUPLICATE, id="nothing at a time that is known"),
        pytest.param(at([5000]), at([6000, 4000], ""), NEW, id="nothing at other times"),
        pytest.param(at([5000], ""), at([5000], "a"), NEW, id="a value where nothing came before"),
    ],
)
def test_what_is_remembered(judge: Judge, rows: list[Row], again: list[Row], verdict: int) -> None:
    seen = known()
    assert {one.verdict for one in judged(judge, seen, rows)} == {NEW}
    assert {one.verdict for one in judged(judge, seen, again)} <= {verdict}


@JUDGES
def test_parts_in_turn_take_two_runs(judge: Judge) -> None:
    """One measurement a record: each column goes on by itself, however long."""
    seen = known()
    rows = [row for at_ms in MINUTES for row in (*at([at_ms], "a"), *at([at_ms], "b"))]
    assert {one.verdict for one in judged(judge, seen, rows)} == {NEW}
    assert seen.room[0] == 2


@JUDGES
def test_times_beyond_the_limit_make_room(judge: Judge) -> None:
    """A gap each 10 minutes of a day: an hour's runs are kept, not a day's."""
    seen = known()
    times = [60_000 * minute for minute in range(1440) if minute % 10]
    assert {one.verdict for one in judged(judge, seen, at(times))} == {NEW}
    assert seen.room[0] == 8
    assert {one.verdict for one in judged(judge, seen, at(times[-54:]))} == {DUPLICATE}
    assert times[0] < seen.floor_ms[0] < times[-1] - HOUR_MS


@pytest.mark.parametrize("times", [MINUTES, GAPPY[:119]], ids=["regular", "two gaps"])
def test_a_sensor_takes_no_more_memory_than_32_times_with_digests(times: list[int]) -> None:
    """32 x (8 + 8) + 8 + 8 bytes: what was kept before there were runs."""
    seen = known()
    judged(dedup.judge, seen, [row for sensor in range(SENSORS) for row in at(times, sensor=sensor)])
    fixed = sum(len(one[0].tobytes()) for one in (seen.start, seen.room, seen.floor_ms, seen.low_time, seen.digest))
    assert fixed + seen.place.itemsize + seen.runs[0].nbytes * int(seen.room[0]) <= 32 * (8 + 8) + 8 + 8


@JUDGES
@pytest.mark.parametrize(
    ("first", "again", "verdict"),
    [
        pytest.param([{"a": 20.0, "b": 5.0}], {"a": 20.0, "b": 5.0}, DUPLICATE, id="the same"),
        pytest.param([{"a": 20.0, "b": 5.0}], {"a": 20.0, "b": 6.0}, CONFLICT, id="one other"),
        pytest.param([{"a": 20.0, "b": 5.0}], {"a": 20.0}, DUPLICATE, id="a part"),
        pytest.param([{"a": 20.0, "b": 5.0}], {"a": 21.0}, CONFLICT, id="a part with another value"),
        pytest.param([{"a": 20.0}, {"b": 5.0}], {"b": 5.0}, DUPLICATE, id="the second part"),
        pytest.param([{"a": 20.0}, {"b": 5.0}], {"b": 6.0}, CONFLICT, id="the second part with another value"),
        pytest.param([{"a": 20.0}, {"a": 1.0, "b": 5.0}], {"a": 20.0, "b": 5.0}, DUPLICATE, id="the first of each"),
        pytest.param([{"a": 20.0}, {"a": 1.0, "b": 5.0}], {"a": 1.0, "b": 5.0}, CONFLICT, id="the refused value"),
        pytest.param([{"a": 0.0}], {"a": -0.0}, DUPLICATE, id="zero has no sign"),
    ],
)
def test_a_repeat_with_other_values_is_a_conflict(
    judge: Judge, first: list[dict[str, float]], again: dict[str, float], verdict: int
) -> None:
    seen = known()
    judged(judge, seen, [Row(0, 5000, one) for one in first])
    assert judged(judge, seen, [Row(0, 5000, again)]) == [Said(verdict, frozenset())]


@JUDGES
def test_columns_that_share_a_field_invent_no_conflict(judge: Judge) -> None:
    """`a` and the seventh column lie in one field: a repeat of one of them cannot be compared, one of both can."""
    seen = known()
    names = [f"c{number}" for number in range(values.FIELDS + 1)]

    def say(row: dict[str, float]) -> int:
        columns = {name: np.array([row.get(name, np.nan)]) for name in names}
        return int(judge(seen, (np.zeros(1, np.intp), np.array([5000])), columns, HOUR_MS)[0][0])

    assert say(dict.fromkeys(names, 1.0)) == NEW
    assert [say({names[0]: 1.0}), say({names[0]: 2.0})] == [DUPLICATE, DUPLICATE]
    assert [say({names[1]: 1.0}), say({names[1]: 2.0})] == [DUPLICATE, CONFLICT]
    assert [say({names[0]: 1.0, names[6]: 1.0}), say({names[0]: 2.0, names[6]: 1.0})] == [DUPLICATE, CONFLICT]


def test_both_judges_remember_the_same() -> None:
    chance = random.Random(3)
    rows = [row for _ in range(4) for row in log(chance)]
    memories = []
    for judge in (dedup.judge, dedup.compiled_judge()):
        seen = known()
        judged(judge, seen, rows)
        blocks = [seen.runs[start : start + room].tolist() for start, room in zip(seen.start, seen.room, strict=True)]
        rings = (seen.low_time.tolist(), seen.digest.tolist(), seen.place.tolist())
        memories.append((blocks, rings, seen.floor_ms.tolist(), seen.columns))
    assert memories[0] == memories[1]
