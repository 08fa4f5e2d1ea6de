"""Regular series of one sensor that come in turn: each is remembered as a run or a few, however they are mixed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel.runs import MOST_RUNS, NEVER_MS
from streams.kernel.verdicts import DUPLICATE, NEW
from streams.zone import dedup
from streams.zone.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.zone.dedup import Judge

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
START_MS = 1_700_002_800_000
NAMES = "abc"
PLAIN, KERNEL = dedup.judge, dedup.compiled_judge()
JUDGES = pytest.mark.parametrize("judge", [PLAIN, KERNEL], ids=["numpy", "kernel"])


class Reading(NamedTuple):
    """When, and with which columns."""

    at_ms: int
    names: str


def known() -> Seen:
    seen = Seen.empty()
    seen.grow(1)
    return seen


def verdicts(judge: Judge, seen: Seen, readings: Sequence[Reading], cut: int = 500) -> list[int]:
    found = []
    for begin in range(0, len(readings), cut):
        part = readings[begin : begin + cut]
        columns = {name: np.array([1.0 if name in one.names else np.nan for one in part]) for name in NAMES}
        at_ms = np.array([one.at_ms for one in part])
        found += judge(seen, (np.zeros(len(part), np.intp), at_ms), columns, HOUR_MS)[0].tolist()
    return found


def held(seen: Seen) -> set[tuple[int, int]]:
    """Return every (time, column's bit) that the runs hold."""
    found = set()
    for first, last, step, columns in seen.block(0).tolist():
        if first != NEVER_MS:
            times = range(first, last + 1, step or 1)
            found |= {(at_ms, bit) for at_ms in times for bit in range(len(NAMES)) if columns >> bit & 1}
    return found


def came(seen: Seen, readings: Sequence[Reading]) -> set[tuple[int, int]]:
    return {(one.at_ms, seen.bit(name)) for one in readings for name in one.names}


def hour(*series: tuple[int, str], every_ms: int = 10_000) -> list[Reading]:
    """Make an hour of series, (phase, columns) each."""
    return [
        Reading(START_MS + begin_ms + phase_ms, names)
        for begin_ms in range(0, HOUR_MS, every_ms)
        for phase_ms, names in series
    ]


MIXES = pytest.mark.parametrize(
    ("readings", "rows"),
    [
        pytest.param(hour((0, "a"), (100, "b"), (200, "c")), 4, id="3 columns 100 ms apart"),
        pytest.param(hour((0, "a"), (3000, "b"), (6000, "c")), 4, id="3 columns 3 s apart"),
        pytest.param(hour((0, "a"), (100, "b")), 2, id="2 columns"),
        pytest.param(hour((0, "a"), (3000, "a")), 8, id="one column in two phases"),
        pytest.param(hour((0, "a"), (10_000, "ab"), every_ms=20_000), 2, id="one more column every second reading"),
        pytest.param(hour(*((1000 * phase, "a") for phase in range(9))), 32, id="nine phases, one second apart"),
        pytest.param(hour((0, "a"), (3000, "a"), (5000, "a"), (7000, "a")), 16, id="four phases, three of them even"),
    ],
)


@JUDGES
@MIXES
@pytest.mark.parametrize("is_newest_first", [False, True], ids=["in order", "newest first"])
def test_an_hour_sent_again_is_a_duplicate(
    judge: Judge, readings: list[Reading], rows: int, is_newest_first: bool
) -> None:
    seen = known()
    assert set(verdicts(judge, seen, readings[::-1] if is_newest_first else readings)) == {NEW}
    assert set(verdicts(judge, seen, readings)) == {DUPLICATE}
    assert held(seen) == came(seen, readings)
    assert is_newest_first or seen.room[0] <= rows


@JUDGES
@MIXES
def test_what_comes_late_for_the_first_time_is_taken(judge: Judge, readings: list[Reading], rows: int) -> None:
    """The radio of one series was away for a minute, and its readings come six minutes late."""
    seen = known()
    away = range(START_MS + 20 * MINUTE_MS, START_MS + 21 * MINUTE_MS)
    names = readings[1].names
    phase_ms = (readings[1].at_ms - readings[0].at_ms) % 20_000
    late = [
        one for one in readings if one.at_ms in away and one.names == names and one.at_ms % 10_000 == phase_ms % 10_000
    ]
    assert len(late) >= 3
    sent = sorted(readings, key=lambda one: one.at_ms + (6 * MINUTE_MS if one in late else 0))
    assert set(verdicts(judge, seen, sent)) == {NEW}
    assert set(verdicts(judge, seen, sent)) == {DUPLICATE}
    assert rows < MOST_RUNS


@JUDGES
def test_a_full_block_packs_what_it_has_before_it_forgets(judge: Judge) -> None:
    """Half an hour that jitters fills the block; then two phases of one column come for more than its 64 runs."""
    chance = random.Random(5)
    seen = known()
    jitter = [Reading(START_MS + 1000 * second + chance.randint(-300, 300), "a") for second in range(1800)]
    regular = [Reading(one.at_ms + HOUR_MS // 2, "a") for one in hour((0, "a"), (3000, "a"))[:360]]
    assert set(verdicts(judge, seen, jitter + regular)) == {NEW}
    assert seen.room[0] == MOST_RUNS
    assert set(verdicts(judge, seen, regular)) == {DUPLICATE}


@st.composite
def mixes(draw: st.DrawFn) -> list[Reading]:
    """Up to ten regular series over ten minutes, in order, newest first, or a little out of order."""
    readings = set()
    for number in range(draw(st.integers(1, 10))):
        step_ms = draw(st.sampled_from([3_000, 5_000, 10_000, 15_000, 30_000]))
        phase_ms = 10 * draw(st.integers(0, 299)) + number
        names = draw(st.sampled_from(["a", "b", "ab", "abc"]))
        readings |= {Reading(START_MS + at_ms, names) for at_ms in range(phase_ms, HOUR_MS // 6, step_ms)}
    order = draw(st.sampled_from(["in order", "newest first", "disorder"]))
    if order == "disorder":
        chance = random.Random(draw(st.integers(0, 1000)))
        return sorted(readings, key=lambda one: one.at_ms + chance.randint(0, 12_000))
    return sorted(readings, reverse=order == "newest first")


@given(mixes())
@settings(max_examples=12, deadline=None)
def test_any_mix_of_ten_series_is_remembered_whole(readings: list[Reading]) -> None:
    memories = []
    for judge in (PLAIN, KERNEL):
        seen = known()
        assert set(verdicts(judge, seen, readings)) == {NEW}
        assert held(seen) == came(seen, readings)
        assert set(verdicts(judge, seen, readings)) == {DUPLICATE}
        memories.append((seen.block(0).tolist(), seen.floor_ms.tolist()))
    assert memories[0] == memories[1]


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["a", "b", "ab"])), max_size=300), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_no_run_holds_what_did_not_come(times: list[tuple[int, str]], cut: int) -> None:
    readings = [Reading(START_MS + 5 * at, names) for at, names in times]
    memories = []
    for judge, size in ((PLAIN, cut), (KERNEL, 50)):
        seen = known()
        verdicts(judge, seen, readings, size)
        above = {one for one in came(seen, readings) if one[0] > seen.floor_ms[0]}
        assert held(seen) <= came(seen, readings)
        if seen.room[0] < MOST_RUNS:
            assert above <= held(seen)
        memories.append((seen.block(0).tolist(), seen.floor_ms.tolist()))
    assert memories[0] == memories[1]
