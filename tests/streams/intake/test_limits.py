"""How far behind its source a row is, by hand."""

import numpy as np

from streams.contract.durations import HOUR_MS
from streams.contract.records import NO_TIME_MS
from streams.intake import limits


def test_the_mark_of_a_quiet_time_refuses_and_makes_nothing_late():
    lag_ms, due_ms = np.array([-5_000, -5_000, -5_000]), np.array([0, 1, HOUR_MS])
    assert limits.after_quiet(lag_ms, NO_TIME_MS - due_ms, HOUR_MS).tolist() == [-5_000, -5_000, -5_000]
    assert limits.after_quiet(lag_ms, HOUR_MS + 1 - due_ms, HOUR_MS).tolist() == [HOUR_MS + 1, -5_000, -5_000]
