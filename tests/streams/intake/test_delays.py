"""A delay that does not fit its domain's disorder_s is said, with the value that would fit. Traffic's is 5 s."""

from __future__ import annotations

import numpy as np
import pytest

from streams.domains.schema import load_schemas
from streams.intake.delays import PERIOD_S, Delays

DISORDER_S = load_schemas()["traffic"].disorder_s


def delays() -> tuple[Delays, list[float]]:
    now = [0.0]
    return Delays(load_schemas(), lambda: now[0]), now


@pytest.mark.parametrize(
    ("late_s", "said"),
    [
        ([], None),
        ([40.0], None),  # one of a hundred may
        ([40.0, 50.0], (2, 60)),
        ([40.0] * 20 + [400.0], (21, 60)),
        ([40.0] * 20 + [400.0] * 2, (22, 600)),
        ([40.0] * 20 + [1700.0] * 2, (22, 1800)),
        ([40.0] * 20 + [3500.0] * 2, (22, None)),  # 5 s and 3600 s are more than late_limit_s, 3600 s
        ([30_000.0] * 50, (50, None)),
    ],
)
def test_the_least_step_that_leaves_one_in_a_hundred_late(late_s: list[float], said: tuple[int, int] | None) -> None:
    found, _ = delays()
    lags_ms = np.array([-5000.0] * (100 - len(late_s)) + [1000 * one for one in late_s]).astype(np.int64)
    found.heard("traffic", [lags_ms[:30], lags_ms[30:]])
    told = [one.en for one in found.notices()]
    if said is None:
        assert told == []
        return
    percent, more_s = said
    (sentence,) = told
    assert sentence.startswith(f"traffic: {percent} % of the readings")
    assert f"disorder_s ({DISORDER_S:g} s)" in sentence
    fits = "no disorder_s would fit" if more_s is None else f"disorder_s = {DISORDER_S + more_s:g} s would fit"
    assert fits in sentence


@pytest.mark.parametrize(
    ("two_hours", "said"),
    [
        (1, "and so as corrections; disorder_s = 65 s would fit"),  # one of a hundred may
        (9, "and so as corrections, those beyond late_limit_s (3600 s) not at all (8 %); no disorder_s would fit"),
    ],
)
def test_what_is_too_late_is_no_correction(two_hours: int, said: str) -> None:
    """Of a station that sends two hours late, beside 100 readings on time and two of 40 s: 9 of 111 are 8 %."""
    found, _ = delays()
    found.heard("traffic", [np.full(100, -5000), np.full(two_hours, 7_200_000), np.full(2, 40_000)])
    (sentence,) = [one.en for one in found.notices()]
    assert said in sentence


def test_few_readings_say_nothing_and_an_hour_later_all_is_forgotten() -> None:
    found, now = delays()
    found.heard("traffic", [np.full(99, 40_000)])
    assert found.notices() == []
    found.heard("traffic", [np.full(1, 40_000)])
    assert len(found.notices()) == 1
    now[0] += PERIOD_S
    assert len(found.notices()) == 1
    now[0] += PERIOD_S
    assert found.notices() == []
