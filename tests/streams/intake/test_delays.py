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
