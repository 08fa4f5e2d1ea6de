"""Make fewer runs of one sensor's times when its block is full: of regular series that came in turn, a run each.

The times of all short runs are taken apart, of one set of columns at a time, and put together again: newest first, each
time that is in no new run yet gets the one that holds most such times. What is left is kept two by two. Only times that
were taken are put into runs, and no time is lost; where that makes no fewer runs, they stay as they are.

Plain Python over lists and, compiled, over arrays, as `streams.kernel.runs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from streams.kernel.runs import FIRST, LAST, MOST_RUNS, SET, STEP, clear, swap

if TYPE_CHECKING:
    from streams.kernel.runs import Block, Table

    Work: TypeAlias = "tuple[Any, Any, Any]"
    """Room for times (MOST_TIMES,), whether each is in a new run (MOST_TIMES,), and new runs (MOST_RUNS, 4)."""

SHORT = 16
"""Runs of more times stay as they are."""
MOST_TIMES = SHORT * MOST_RUNS
FEWEST, SURE = 3, 8
"""A run is made of at least so many times: more where there are many, so that chance makes none."""
MOST_SERIES = 16
"""So many series of equal length are found together; longer ones come first, then there is more room for the others."""
PROBES = 16
"""Times that are looked at before all are: those of a sensor that jitters are left in peace."""


def pack(table: Table, block: Block, work: Work) -> None:
    """Make fewer runs, if that can be, and put the block in order: newest run, free rows, the others by their end."""
    base, rows = block
    _sort(table, block)
    changed = False
    for row in range(base, base + rows):
        columns = table[row][SET]
        if columns >= 0 and _is_first(table, base, row) and _rebuild(table, block, columns, work):
            changed = True
    if changed:
        _sort(table, block)


def _is_first(table: Table, base: int, row: int) -> bool:
    """Whether no row before has the columns of this one."""
    for before in range(base, row):
        if table[before][SET] == table[row][SET]:
            return False
    return True


def _is_short(table: Table, row: int, columns: int) -> bool:
    run = table[row]
    return bool(run[SET] == columns and run[LAST] - run[FIRST] <= (SHORT - 1) * run[STEP])


def _rebuild(table: Table, block: Block, columns: int, work: Work) -> bool:
    """Put the times of the short runs of some columns together anew, where that makes fewer runs → whether it does."""
    base, rows = block
    times, covered, made = work
    count = before = 0
    for row in range(base, base + rows):
        if _is_short(table, row, columns):
            before += 1
            at, step = table[row][FIRST], table[row][STEP]
            count = _add(times, count, at)
            while at < table[row][LAST]:
                at += step
                count = _add(times, count, at)
    if count < FEWEST:
        return False
    for one in range(count):
        covered[one] = False
    for row in range(base, base + rows):
        if table[row][SET] == columns and not _is_short(table, row, columns):
            _cover_held(work, count, table[row])
    after = _pairs(work, count, _series(work, count, before), before)
    if after >= before:
        return False
    one = 0
    for row in range(base, base + rows):
        if _is_short(table, row, columns):
            if one < after:
                for field in range(SET):
                    table[row][field] = made[one][field]
            else:
                clear(table, row)
            one += 1
    return True


def _add(times: Any, count: int, at: int) -> int:  # noqa: ANN401 - a list or an array
    """Add a time to rising ones, once → how many they are."""
    place = count
    while place > 0 and times[place - 1] > at:
        place -= 1
    if place > 0 and times[place - 1] == at:
        return count
    for one in range(count, place, -1):
        times[one] = times[one - 1]
    times[place] = at
    return count + 1


def _cover_held(work: Work, count: int, run: Any) -> None:  # noqa: ANN401 - a list or an array
    """Say of the times of a run that they need no other."""
    times, covered, _ = work
    first, last, step = run[FIRST], run[LAST], run[STEP]
    for place in range(count):
        if first <= times[place] <= last and (times[place] - first) % step == 0:
            covered[place] = True


def _series(work: Work, count: int, most: int) -> int:
    """Make runs of regular series, fewer than `most` or so many → how many."""
    _, covered, _ = work
    least = min(SURE, max(FEWEST, count // MOST_SERIES))
    found = 0
    if not _has_series(work, count, least):
        return 0
    for newest in range(count - 1, 0, -1):
        if not covered[newest] and found < most:
            step = _best_step(work, newest, least)
            if step > 0:
                _cover(work, count, (newest, step), found)
                found += 1
    return found


def _has_series(work: Work, count: int, least: int) -> bool:
    """Whether some of the times are the newest of a run of at least so many."""
    for newest in range(count - 1, 0, -max(1, count // PROBES)):
        if _best_step(work, newest, least) > 0:
            return True
    return False


def _best_step(work: Work, newest: int, least: int) -> int:
    """Return the step of the run back from a time that holds most times not covered, 0 = none has `least` of them."""
    times, _, _ = work
    at, span = times[newest], times[newest] - times[0]
    most, found = least - 1, 0
    third = newest
    for second in range(newest - 1, 0, -1):
        step = at - times[second]
        if most * step > span:
            break
        while times[third] > at - 2 * step:
            third -= 1
        if times[third] == at - 2 * step:
            held = _uncovered(work, (newest, second, third), step)
            if held > most:
                most, found = held, step
    return found


def _uncovered(work: Work, places: tuple[int, int, int], step: int) -> int:
    """Count the times not covered of the run back through three places."""
    times, covered, _ = work
    newest, second, place = places
    held = int(not covered[newest]) + int(not covered[second]) + int(not covered[place])
    wanted = times[place] - step
    while wanted >= times[0]:
        while times[place] > wanted:
            place -= 1
        if times[place] != wanted:
            break
        held += int(not covered[place])
        wanted -= step
    return held


def _cover(work: Work, count: int, series: tuple[int, int], into: int) -> None:
    """Make a run of all times that go on at a step on both sides of one: `series` is (its place, step)."""
    times, covered, made = work
    begin, step = series
    covered[begin] = True
    first = last = times[begin]
    for place in range(begin - 1, -1, -1):
        if times[place] == first - step:
            first = times[place]
            covered[place] = True
    for place in range(begin + 1, count):
        if times[place] == last + step:
            last = times[place]
            covered[place] = True
    _put(made, into, first, last, step)


def _pairs(work: Work, count: int, found: int, most: int) -> int:
    """Keep what is not covered two by two, while there are fewer than `most` runs → how many there are."""
    times, covered, made = work
    one = -1
    for place in range(count):
        if covered[place]:
            continue
        if one < 0:
            one = place
        elif found < most:
            _put(made, found, times[one], times[place], times[place] - times[one])
            found += 1
            one = -1
    if one >= 0 and found < most:
        _put(made, found, times[one], times[one], 0)
        found += 1
    return found


def _put(made: Any, into: int, first: int, last: int, step: int) -> None:  # noqa: ANN401 - a list or an array
    made[into][FIRST] = first
    made[into][LAST] = last
    made[into][STEP] = step


def _sort(table: Table, block: Block) -> None:
    """Put the newest run first, and the others behind it by their end: free rows stand before all."""
    base, rows = block
    for row in range(base + 1, base + rows):
        if table[row][LAST] > table[base][LAST]:
            swap(table, base, row)
    for row in range(base + 1, base + rows - 1):
        least = row
        for other in range(row + 1, base + rows):
            if table[other][LAST] < table[least][LAST]:
                least = other
        if least != row:
            swap(table, row, least)
