"""NAB's score, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.trial import nab
from deploy.trial.nab import PROFILES, STANDARD, Counts, Labelled

ROWS, FROM, UNTIL = 100, 40, 59
"""A window of 20 rows behind 15 of probation."""
EDGE = 2 / (1 + np.exp(-5.0)) - 1


def file(scores: dict[int, float], windows: tuple[tuple[int, int], ...] = ((FROM, UNTIL),)) -> Labelled:
    score = np.zeros(ROWS)
    score[list(scores)] = list(scores.values())
    return Labelled("a", np.arange(ROWS), score, windows)


def score(of: Labelled, threshold: float | None = 0.5, profile: str = STANDARD) -> float:
    steps = nab.steps(of, PROFILES[profile])
    found = nab.normalised(nab.raw(steps, PROFILES[profile], threshold), steps.windows, PROFILES[profile])
    assert found is not None
    return found


def test_silence_is_0_and_the_first_row_of_each_window_100():
    two = ((20, 29), (FROM, UNTIL))
    for profile in PROFILES:
        assert score(file({}, two), profile=profile) == pytest.approx(0)
        assert score(file({20: 0.9, FROM: 0.6}, two), profile=profile) == pytest.approx(100)


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ({FROM: 1.0, 30: 1.0}, 100 - 50 * 0.11),  # false, and no window before it
        ({FROM: 1.0, UNTIL + 1: 1.0}, 100 - 50 * 0.11 * (1 - 2 / (1 + np.exp(5 / 19)))),  # just behind: costs little
        ({FROM: 1.0, 99: 1.0}, 100 - 50 * 0.11 * (1 - 2 / (1 + np.exp(5 * 40 / 19)))),
        ({50: 1.0}, 50 + 50 * (2 / (1 + np.exp(-2.5)) - 1) / EDGE),  # in the middle
        ({50: 1.0, 58: 1.0, 59: 1.0}, 50 + 50 * (2 / (1 + np.exp(-2.5)) - 1) / EDGE),  # the earliest alone counts
        ({14: 1.0, FROM: 1.0}, 100),  # probation
        ({15: 1.0, FROM: 1.0}, 100 - 50 * 0.11),
        ({FROM: 0.5}, 100),  # what reaches the threshold alarms
        ({FROM: 0.4999}, 0),
    ],
)
def test_rows_count_by_their_place(alarms: dict[int, float], expected: float):
    assert score(file(alarms)) == pytest.approx(expected)


def test_the_profiles_weigh_otherwise():
    assert score(file({FROM: 1.0, 30: 1.0}), profile="low_fp") == pytest.approx(100 - 50 * 0.22)
    missed = file({30: 1.0})
    assert score(missed) == pytest.approx(-50 * 0.11)
    assert score(missed, profile="low_fn") == pytest.approx(-100 / 3 * 0.11)


def test_far_behind_a_window_a_false_row_costs_whole():
    of = Labelled("a", np.arange(1000), np.where(np.isin(np.arange(1000), [400, 999]), 1.0, 0.0), ((400, 419),))
    assert score(of) == pytest.approx(100 - 50 * 0.11)


def test_a_window_that_reaches_into_the_probation_is_none_and_what_is_unknown_alarms_never():
    of = file({16: 1.0, FROM: np.nan, 50: 1.0}, ((10, 20), (FROM, UNTIL)))
    assert nab.counts(of, 0.0)._replace(false_rows=0) == Counts(1, 1, 0)
    assert score(of) == pytest.approx(50 + 50 * (2 / (1 + np.exp(-2.5)) - 1) / EDGE)


def test_the_threshold_is_the_best_of_all():
    rng = np.random.default_rng(3)
    for _ in range(20):
        files = [
            Labelled("a", np.arange(ROWS), np.round(rng.random(ROWS) ** 4, 2), ((20, 29), (FROM, UNTIL)))
            for _ in range(3)
        ]
        steps = [nab.steps(one, PROFILES[STANDARD]) for one in files]
        chosen = nab.threshold(steps)
        sums = {at / 100: sum(nab.raw(one, PROFILES[STANDARD], at / 100) for one in steps) for at in range(101)}
        assert sum(nab.raw(one, PROFILES[STANDARD], chosen) for one in steps) == pytest.approx(max(sums.values()))


def test_the_order_of_two_scores_in_a_window_changes_neither_threshold_nor_what_is_found():
    other = file({30: 0.6, FROM: 0.95})
    for first, second in ((0.875, 0.901), (0.901, 0.875)):
        of = file({44: first, 48: second})
        steps = [nab.steps(one, PROFILES[STANDARD]) for one in (of, other)]
        assert nab.threshold(steps) == 0.7375  # halfway between 0.875 and 0.6, which is false
        assert nab.counts(of, 0.7375) == Counts(1, 1, 0)


def test_where_nothing_is_better_than_silence_there_is_no_threshold():
    only_false = file({30: 0.9, 31: 0.8})
    score_of = np.where(np.arange(ROWS) < 35, only_false.score, np.nan)
    assert nab.threshold([nab.steps(only_false._replace(score=score_of), PROFILES[STANDARD])]) is None
    assert nab.counts(only_false, None) == Counts(1, 0, 0)
