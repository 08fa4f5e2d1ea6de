"""A zone's books, in all and by the hour: what was admitted, and what each processor did with it. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from streams.accounts import ledger
from streams.contract.durations import HOUR_MS
from streams.kernel import verdicts
from streams.zone.state import ProcessorHour, SourceCounts, ZoneHour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streams.contract.frames import FrameRows
    from streams.contract.records import Frame, Result
    from streams.zone.state import ZoneState

JOINED_LATER = "joined_later"
"""Reason under which the readings count of windows that a processor cannot have whole, because it came later."""

SET_ASIDE = "set_aside"
"""Reason under which the readings count that a processor did not get while it was set aside."""

LATEST_READING_MS = 7 * HOUR_MS
"""No reading comes later than this: design.md allows six hours."""


Part: TypeAlias = "tuple[int | None, Frame]"
"""Readings of one hour, and its start; None where there are none."""


def admit(
    state: ZoneState,
    of: tuple[int, int],
    rows: FrameRows,
    verdict: NDArray[np.int8],
    repeated: NDArray[np.int64] | None,
) -> None:
    """Count (n,) verdicts, and of each row the values that came again (None: no row has any).

    `of` is the rows' source and its late limit in ms.
    """
    source, limit_ms = of
    of_source = state.counts.setdefault(source, SourceCounts())
    for start_ms, mine in ledger.by_hour(rows.at_ms, rows.lag_ms, limit_ms):
        hour = state.hours.setdefault(start_ms, ZoneHour())
        of = np.bincount(verdict if mine is None else verdict[mine], minlength=verdicts.TOO_LATE + 1).tolist()
        for counts in (of_source, hour):
            counts.in_frames += of[verdicts.NEW] + of[verdicts.PART]
            counts.duplicates += of[verdicts.DUPLICATE] + of[verdicts.CONFLICT]
            counts.conflicts += of[verdicts.CONFLICT]
            counts.too_late += of[verdicts.TOO_LATE] + of[verdicts.FORGOTTEN]
            counts.forgotten += of[verdicts.FORGOTTEN]
            if repeated is not None:
                counts.repeated_values += int((repeated if mine is None else repeated[mine]).sum())


def parts(frame: Frame, before_ms: int) -> list[Part]:
    """Cut a frame by hours, so that all a processor says of a part is of one; only the last moves the watermark.

    No cut of its input changes what a processor yields. Rows here are not too late: they count at their event time.
    A sensor's rows stay in their order: an hour comes once more where one goes back to it.
    """
    if not len(frame):
        return [(None, frame)]
    hours = ledger.by_hour(frame.at_ms)
    if len(hours) == 1:
        return [(hours[0][0], frame)]
    turn = turns(frame.sensor, frame.at_ms // HOUR_MS)
    found = [
        (start_ms, mine & (turn == number))
        for number in range(int(turn.max()) + 1)
        for start_ms, mine in hours
        if mine is not None and (mine & (turn == number)).any()
    ]
    return [
        (start_ms, _part(frame, mine, before_ms if number < len(found) else frame.watermark_ms))
        for number, (start_ms, mine) in enumerate(found, start=1)
    ]


def turns(sensor: NDArray[np.int32], of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) how often each row's sensor has gone back to an earlier `of`, its hour say, before."""
    order = np.argsort(sensor, kind="stable")
    sensor, of = sensor[order], of[order]
    begins = np.append(True, sensor[1:] != sensor[:-1])
    back = np.cumsum(np.append(False, of[1:] < of[:-1]) & ~begins)
    turn = np.empty(len(order), np.int64)
    turn[order] = back - back[begins][np.cumsum(begins) - 1]
    return turn


def _part(frame: Frame, mine: NDArray[np.bool_], watermark_ms: int) -> Frame:
    return replace(
        frame,
        sensor=frame.sensor[mine],
        at_ms=frame.at_ms[mine],
        late=frame.late[mine],
        columns={name: values[mine] for name, values in frame.columns.items()},
        watermark_ms=watermark_ms,
        behind_ms=None if frame.behind_ms is None else frame.behind_ms[mine],
    )


def note(state: ZoneState, name: str, part: Part, result: Result[Any]) -> None:
    """Count what a processor did with readings of one hour."""
    hour_ms, frame = part
    used = len(frame) - int(sum(result.dropped.values()))
    state.used[name] = state.used.get(name, 0) + used
    _drop(state.dropped.setdefault(name, {}), result.dropped)
    if hour_ms is not None:
        hour = state.hours[hour_ms].processors.setdefault(name, ProcessorHour())
        hour.used += used
        hour.counted += used if result.counted is None else result.counted
        _drop(hour.dropped, result.dropped)
    for start_ms, decided in result.decided.items():
        past = state.hours.setdefault(ledger.hour_of(start_ms), ZoneHour())  # 0.1.0 kept no hours
        past.processors.setdefault(name, ProcessorHour()).decided += decided


def _drop(book: dict[str, int], dropped: Mapping[str, int]) -> None:
    for reason, count in dropped.items():
        if count:
            book[reason] = book.get(reason, 0) + int(count)


def begin_later(state: ZoneState, name: str, window_ms: int) -> None:
    """Have a processor get nothing of the windows of which something may have been admitted: it has them not whole.

    What was admitted while nobody hosted it, or it did not get, counts as `joined_later` from now on.
    """
    join(state, name, ())
    if any(one.in_frames for one in state.counts.values()):
        state.joined_ms[name] = (state.seen.newest_ms // window_ms + 1) * window_ms


def set_aside(state: ZoneState, name: str, taken: Sequence[Part]) -> None:
    """Count readings that a processor does not get, because it is set aside."""
    join(state, name, taken)  # one that failed at its first frame has never had those before
    state.joined_ms.pop(name, None)
    for hour_ms, frame in taken:
        _drop(state.dropped[name], {SET_ASIDE: len(frame)})
        if hour_ms is not None:
            mine = state.hours[hour_ms].processors.setdefault(name, ProcessorHour())
            _drop(mine.dropped, {SET_ASIDE: len(frame)})


def wait(state: ZoneState, name: str, taken: Sequence[Part]) -> None:
    """Count readings that a processor will have once it is rebuilt; where it has no book yet, nobody misses them."""
    for hour_ms, frame in taken:
        if name in state.dropped:
            _drop(state.dropped[name], {JOINED_LATER: len(frame)})
        if hour_ms is not None and name in state.hours[hour_ms].processors:
            _drop(state.hours[hour_ms].processors[name].dropped, {JOINED_LATER: len(frame)})


def rejoin(state: ZoneState, name: str, made: ZoneState, waiting: Mapping[int, int] | None) -> None:
    """Book a processor that was rebuilt in silence: what stands in its windows is used, what they yielded joined later.

    `made` is the zone that was rebuilt with it; `waiting` what stands in its windows, by start, None = it has none.
    """
    held: dict[int, int] = {}
    for start_ms, count in (waiting or {}).items():
        held[ledger.hour_of(start_ms)] = held.get(ledger.hour_of(start_ms), 0) + int(count)
    used = 0
    for start_ms, hour in state.hours.items():
        its = made.hours[start_ms].processors.get(name) if start_ms in made.hours else None
        mine = hour.processors.setdefault(name, ProcessorHour())
        mine.dropped.pop(JOINED_LATER, None)
        if its is not None:
            used += _rebook(mine, its, hour.in_frames, None if waiting is None else held.get(start_ms, 0))
    dropped = state.dropped.setdefault(name, {})
    dropped.pop(JOINED_LATER, None)
    before = state.used.get(name, 0)
    rest = sum(one.in_frames for one in state.counts.values()) - before - sum(dropped.values())
    state.used[name] = before + min(used, rest)
    join(state, name, ())


def _rebook(mine: ProcessorHour, made: ProcessorHour, in_frames: int, held: int | None) -> int:
    """Take over what a rebuilt processor did with an hour, as far as it is not booked → readings used."""
    rest = in_frames - mine.used - sum(mine.dropped.values())
    for reason, count in made.dropped.items():
        if reason not in {JOINED_LATER, SET_ASIDE}:
            taken = min(count, rest)
            _drop(mine.dropped, {reason: taken})
            rest -= taken
    counted = made.counted if held is None else held
    used = min(made.used if counted >= made.counted else made.used * counted // made.counted, rest)
    mine.used += used
    mine.counted += counted
    return used


def leave(state: ZoneState, name: str, waiting: Mapping[int, int]) -> None:
    """Let a processor's state go; what stood in its windows (`waiting`, by start) gets no row any more."""
    del state.processors[name]
    state.joined_ms.pop(name, None)
    for start_ms, count in waiting.items():
        hour = state.hours.get(ledger.hour_of(start_ms))
        if hour is not None:
            hour.processors.setdefault(name, ProcessorHour()).decided += int(count)


def join(state: ZoneState, name: str, taken: Sequence[Part]) -> None:
    """Count what was admitted and a processor never had; what it takes now is admitted already."""
    now = Counter[int | None]()
    for hour_ms, frame in taken:
        now[hour_ms] += len(frame)
    admitted = sum(one.in_frames for one in state.counts.values()) - sum(now.values())
    dropped = state.dropped.setdefault(name, {})
    _drop(dropped, {JOINED_LATER: admitted - state.used.get(name, 0) - sum(dropped.values())})
    for hour_ms, hour in state.hours.items():
        mine = hour.processors.setdefault(name, ProcessorHour())
        had = mine.used + sum(mine.dropped.values())
        _drop(mine.dropped, {JOINED_LATER: hour.in_frames - now.get(hour_ms, 0) - had})


def forget(state: ZoneState, name: str) -> None:
    """Take back what a processor had of the open hours: its state is gone, and what stood in its windows with it."""
    dropped = state.dropped.get(name, {})
    for hour in state.hours.values():
        mine = hour.processors.pop(name, ProcessorHour())
        state.used[name] = max(state.used.get(name, 0) - mine.used, 0)
        for reason in mine.dropped.keys() & dropped.keys():
            dropped[reason] = max(dropped[reason] - mine.dropped[reason], 0)
    state.joined_ms.pop(name, None)


def of_whole_windows(state: ZoneState, name: str, part: Part) -> Part:
    """Leave out the readings of windows that began before a processor joined; they are counted as `joined_later`."""
    hour_ms, frame = part
    joined_ms = state.joined_ms.get(name)
    if joined_ms is None:
        return part
    if frame.watermark_ms > joined_ms + LATEST_READING_MS:
        del state.joined_ms[name]
    whole = frame.at_ms >= joined_ms
    missed = len(frame) - int(np.count_nonzero(whole))
    if not missed:
        return part
    _drop(state.dropped[name], {JOINED_LATER: missed})
    if hour_ms is not None:
        _drop(state.hours[hour_ms].processors.setdefault(name, ProcessorHour()).dropped, {JOINED_LATER: missed})
    return hour_ms, _part(frame, whole, frame.watermark_ms)
