"""Event times of one sensor as runs: which times are remembered, each with the columns that came at it.

A run is (first, last, step, set): the times first, first + step … last, each of which was taken with the columns of
`set` (a bit each). A time may stand in several runs; its columns are those of all of them together. No run ever holds
a time that was not taken. One block of rows of a table holds a sensor's runs; its row 0 has the newest time.

Plain Python over `table[row][field]`, so that the same rules judge rows of lists and, compiled, of an array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    Table: TypeAlias = "Any"
    """(rows, 4) int64, or as many lists."""
    Block: TypeAlias = "tuple[Any, Any]"
    """Its first row in the table, and how many rows it has."""

FIRST, LAST, STEP, SET = range(4)
"""Fields of a run. `step` is 0 where first = last; `set` is never negative, but for a free row."""

NEVER_MS = -(2**62)
"""`last` of a free row: before every time."""
FREE_SET = -1
MOST_RUNS = 64
"""Rows of the largest block. The newest run of a block goes in its row 0."""

HELD, NO_ROOM, TOO_OLD, UNPACKED = range(4)
"""The time is remembered; it needs a larger block; the block is full of newer times; it is full and shall be packed
(`streams.kernel.packing`)."""
WORTH_PACKING = 4
"""Rows of the smallest block that is packed."""
RISEN, LATE = 2, 8
"""What part of a block has to be new for that: times that rise are many, and many of them jitter."""


def columns_at(table: Table, block: Block, at: int) -> int:
    """Return the columns that are remembered of a time, -1 where the time is not."""
    base, rows = block
    found = -1
    for row in range(base, base + rows):
        first, step = table[row][FIRST], table[row][STEP]
        if first <= at <= table[row][LAST] and (step == 0 or (at - first) % step == 0):
            found = table[row][SET] if found < 0 else found | table[row][SET]
    return found


def rise(table: Table, block: Block, new: tuple[int, int], keep_ms: int, floor_ms: Any) -> int:  # noqa: ANN401 - a list or an array of one
    """Remember a time newer than all: `new` is (time, columns) → HELD, NO_ROOM or UNPACKED.

    `floor_ms[0]` rises when a run is forgotten: one older than `keep_ms`, or the oldest of a full block.
    """
    at, columns = new
    base, rows = block
    head = table[base]
    if head[SET] == columns and (head[STEP] == 0 or head[LAST] + head[STEP] == at):
        head[STEP] = at - head[LAST]
        head[LAST] = at
        return HELD
    if head[LAST] == NEVER_MS:
        _put(table, base, at, columns)
        return HELD
    oldest = lone = goes_on = -1
    for row in range(base + 1, base + rows):
        last, step = table[row][LAST], table[row][STEP]
        if oldest < 0 or last < table[oldest][LAST]:
            oldest = row
        if table[row][SET] == columns:
            if last + step == at:
                goes_on = row
                break
            if step == 0 and (lone < 0 or last > table[lone][LAST]):
                lone = row
            elif goes_on < 0 and last + 2 * step == at and _holds(table, block, row, last + step):
                goes_on = row
    if goes_on >= 0:
        table[goes_on][LAST] = at
        swap(table, base, goes_on)
        return HELD
    if oldest < 0 or table[oldest][LAST] >= at - keep_ms:
        if lone >= 0:
            _make_run(table, block, lone, at)
            return HELD
        if is_unpacked(rows, oldest - base, RISEN):
            return UNPACKED
        if rows < MOST_RUNS:
            return NO_ROOM
    floor_ms[0] = max(floor_ms[0], table[oldest][LAST])
    swap(table, base, oldest)
    _put(table, base, at, columns)
    return HELD


def _holds(table: Table, block: Block, row: int, at: int) -> bool:
    """Whether a time was taken with all columns of a run."""
    columns = columns_at(table, block, at)
    return bool(columns >= 0 and table[row][SET] & ~columns == 0)


def is_unpacked(rows: int, oldest: int, share: int) -> bool:
    """Whether a full block is to be packed: at least its `share`th part was begun since it was.

    A packed block has its oldest run behind the first and the free rows, and a new one takes a free row or that of the
    oldest. So the `oldest` one's place tells how many were begun since, and these pay for the packing.
    """
    return rows >= WORTH_PACKING and oldest >= max(2, rows // share)


def insert(table: Table, block: Block, new: tuple[int, int], keep_ms: int, floor_ms: Any) -> int:  # noqa: ANN401 - see `rise`
    """Remember a time that is not newer than all, or further columns of one → HELD or why it is not."""
    at, columns = new
    base, rows = block
    if _extend(table, block, at, columns) or _pair(table, block, new, _usual_step(table, block)):
        return HELD
    row = _oldest(table, block)
    if row < 0 or table[row][LAST] >= min(at, table[base][LAST] - keep_ms):
        if _pair(table, block, new, 0):
            return HELD
        if is_unpacked(rows, row - base, LATE):
            return UNPACKED
        if rows < MOST_RUNS:
            return NO_ROOM
        if at <= table[row][LAST]:
            return TOO_OLD
    floor_ms[0] = max(floor_ms[0], table[row][LAST])
    _put(table, row, at, columns)
    return HELD


def _extend(table: Table, block: Block, at: int, columns: int) -> bool:
    """Add a time at an end of a run where its step fits."""
    base, rows = block
    for row in range(base, base + rows):
        first, step = table[row][FIRST], table[row][STEP]
        if step and table[row][SET] == columns:
            last = table[row][LAST]
            if last + step == at or (last + 2 * step == at and _holds(table, block, row, last + step)):
                table[row][LAST] = at
            elif first - step == at or (first - 2 * step == at and _holds(table, block, row, first - step)):
                table[row][FIRST] = at
            else:
                continue
            _join(table, block, row)
            return True
    return False


def _usual_step(table: Table, block: Block) -> int:
    """Return the step of the newest run that has one, -1 = none has."""
    base, rows = block
    newest, found = NEVER_MS, -1
    for row in range(base, base + rows):
        if table[row][STEP] and table[row][LAST] > newest:
            newest, found = table[row][LAST], table[row][STEP]
    return found


def _pair(table: Table, block: Block, new: tuple[int, int], step: int) -> bool:
    """Make a run of a time and a lone one: of one `step` away, where step > 0, else of the nearest."""
    at, columns = new
    base, rows = block
    nearest, distance = -1, 0
    for row in range(base, base + rows):
        if table[row][STEP] == 0 and table[row][SET] == columns:
            away = abs(table[row][FIRST] - at)
            if (step <= 0 or away == step) and (nearest < 0 or away < distance):
                nearest, distance = row, away
    if nearest < 0:
        return False
    _make_run(table, block, nearest, at)
    return True


def _make_run(table: Table, block: Block, lone: int, at: int) -> None:
    """Make a run of a lone time and another."""
    run = table[lone]
    run[STEP] = abs(run[FIRST] - at)
    run[FIRST] = min(run[FIRST], at)
    run[LAST] = max(run[LAST], at)
    _join(table, block, lone)


def _oldest(table: Table, block: Block) -> int:
    """Return a free row, else the row of the run that ends first, but never row 0; -1 = there is no other."""
    base, rows = block
    found = -1
    for row in range(base + 1, base + rows):
        if found < 0 or table[row][LAST] < table[found][LAST]:
            found = row
    return found


def _join(table: Table, block: Block, into: int) -> None:
    """Take over what continues a run at either end: all of a run of its step, or the end of a shorter one."""
    base, rows = block
    row = base
    while row < base + rows:
        if row != into and table[row][SET] == table[into][SET] and _take_over(table, into, row):
            row = base
        else:
            row += 1
    if into != base and table[into][LAST] >= table[base][LAST]:
        swap(table, base, into)


def _take_over(table: Table, into: int, row: int) -> bool:
    run, other = table[into], table[row]
    after, before = run[LAST] + run[STEP], run[FIRST] - run[STEP]
    by_first, by_last = other[FIRST] in (after, before), other[LAST] in (after, before)
    if not by_first and not by_last:
        return False
    step = other[STEP]
    if step == 0 or (step == run[STEP] and (other[FIRST] == after or other[LAST] == before)):
        run[FIRST] = min(run[FIRST], other[FIRST])
        run[LAST] = max(run[LAST], other[LAST])
        clear(table, row)
        return True
    if (other[LAST] - other[FIRST]) // step >= (run[LAST] - run[FIRST]) // run[STEP]:
        return False
    if by_first:
        taken = other[FIRST]
        other[FIRST] += step
    else:
        taken = other[LAST]
        other[LAST] -= step
    if other[FIRST] == other[LAST]:
        other[STEP] = 0
    run[FIRST] = min(run[FIRST], taken)
    run[LAST] = max(run[LAST], taken)
    return True


def _put(table: Table, row: int, at: int, columns: int) -> None:
    table[row][FIRST] = at
    table[row][LAST] = at
    table[row][STEP] = 0
    table[row][SET] = columns


def clear(table: Table, row: int) -> None:
    """Make a row that holds no run."""
    _put(table, row, NEVER_MS, FREE_SET)


def swap(table: Table, one: int, other: int) -> None:
    """Let two rows change places."""
    for field in range(4):
        table[one][field], table[other][field] = table[other][field], table[one][field]
