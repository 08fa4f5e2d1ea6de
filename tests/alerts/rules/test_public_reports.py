"""What went wrong with rules elsewhere, with the result that is right here: the times are those of the reports."""

from __future__ import annotations

import numpy as np
import pytest

from alerts.projection import row
from processors.maths import hold
from processors.maths.hold import Hold, Limits, Seen
from tests.alerts.living import BEGUN_MS, live
from tests.alerts.test_covers import of_command, take_out
from tests.alerts.writing import Restore, detection

WINDOW_MS = 10_000
NONE = np.nan


def told(true: str, on_delay_s: float = 60, off_delay_s: float = 0) -> list[tuple[int, int]]:
    """A condition in windows of 10 s (`x` true, `.` false) → (second at which it is told, severity)."""
    held, found = Hold(), []
    hold.grow(held, 1)
    limits = Limits((5.0, NONE, NONE, NONE), below=False, dead_band=0, on_delay_s=on_delay_s, off_delay_s=off_delay_s)
    for number, one in enumerate(true):
        start_ms = number * WINDOW_MS
        value, gap_ms = np.array([9.0 if one == "x" else 0.0]), np.array([3 * WINDOW_MS])
        seen = Seen(np.zeros(1, np.int64), value, gap_ms, start_ms, start_ms + WINDOW_MS)
        found += [((start_ms + WINDOW_MS) // 1000, after) for after in hold.judge(held, seen, limits).after.tolist()]
    return found


@pytest.mark.parametrize(
    ("true", "found"),
    [
        ("xxxx.xxxxxxxxxx", [(110, 1)]),  # 0-40, then from 50 on: 50 + 60, neither 60 nor 100
        ("xxxxx.xxxxx.", []),  # twice 50 s
        ("xxxxxx.xxxxxxx", [(60, 1), (70, 0), (130, 1)]),
    ],
)
def test_a_value_that_crosses_back_begins_the_on_delay_anew(true: str, found: list[tuple[int, int]]) -> None:  # A4
    assert told(true) == found


def test_a_value_that_crosses_back_begins_the_off_delay_anew() -> None:  # A4
    assert told("x....x.......", on_delay_s=0, off_delay_s=60) == [(10, 1), (120, 0)]  # normal from 60 on: 60 + 60


def test_what_is_taken_out_in_its_on_delay_is_raised_when_it_is_put_back_and_not_before() -> None:  # A4
    """True from 0, taken out at 20, the delay is over at 60, put back at 300, the condition stands: once, at 300."""
    out, found = take_out("o", entity="s1"), detection(3, 60_000)
    state, did = live(19_000, out, 39_000, found)
    (alarm,) = state.open.values()
    assert (did, alarm.shown, row(alarm)["presented"]) == (["take_out", "raised"], "out_of_service", False)
    state, did = live(19_000, out, 39_000, found, 239_000, of_command(Restore, "o", "k1"))
    (alarm,) = state.open.values()
    assert did == ["take_out", "raised", "restore"]
    assert (alarm.shown, alarm.waiting_since_ms, alarm.count) == ("unacknowledged", BEGUN_MS + 300_000, 1)
