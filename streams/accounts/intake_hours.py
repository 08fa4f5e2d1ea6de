"""Intake's books by the hour: what was read, sent and refused in each. Pure; see `streams.accounts.ledger`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streams.accounts import ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streams.intake.decode import Refused


class IntakeHour(msgspec.Struct, kw_only=True):
    """What became of the readings of one hour in one inbox partition."""

    readings_in: int = 0
    sent: int = 0
    dead_lettered: dict[str, int] = msgspec.field(default_factory=dict)


def add(
    hours: Mapping[int, IntakeHour],
    at_ms: NDArray[np.int64],
    lag_ms: NDArray[np.int64],
    refused: Iterable[tuple[int, str]],
    limit_ms: int,
) -> dict[int, IntakeHour]:
    """Return the hours with a chunk's (n,) rows and its (book time, reason) refusals added; `hours` stays as it is."""
    found = dict(hours)
    touched: set[int] = set()

    def of(start_ms: int) -> IntakeHour:
        if start_ms not in touched:
            touched.add(start_ms)
            before = found.get(start_ms, IntakeHour())
            found[start_ms] = msgspec.structs.replace(before, dead_lettered=dict(before.dead_lettered))
        return found[start_ms]

    for start_ms, mine in ledger.by_hour(at_ms, lag_ms, limit_ms):
        hour, count = of(start_ms), len(at_ms) if mine is None else int(mine.sum())
        hour.readings_in += count
        hour.sent += count
    for book_ms, reason in refused:
        hour = of(ledger.hour_of(book_ms))
        hour.readings_in += 1
        hour.dead_lettered[reason] = hour.dead_lettered.get(reason, 0) + 1
    return found


def book_times(refused: Sequence[tuple[int, Refused]], came_ms: NDArray[np.int64]) -> list[tuple[int, str]]:
    """Return (book time, reason) of what was refused: its own time where it can be used, else when its record came.

    `refused` names records by their index, `came_ms` is (records,), by the city clock.
    """
    return [(int(came_ms[record]) if one.book_ms is None else one.book_ms, one.reason) for record, one in refused]
