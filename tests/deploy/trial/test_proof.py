"""Bootstrap intervals, and what chance finds, worked out by hand."""

from __future__ import annotations

import numpy as np

from deploy.trial import proof
from deploy.trial.firing import Fired
from deploy.trial.truth import Truth

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FOUR_WEEKS = (0, 28 * DAY_MS)


def truth(day: float, entity: str = "a") -> Truth:
    return Truth(entity, round(day * DAY_MS), round(day * DAY_MS) + HOUR_MS)


def alarm(day: float, entity: str = "a") -> Fired:
    return Fired(entity, round(day * DAY_MS), None, 3)


def test_an_alarm_each_week_finds_everything_by_chance_and_one_at_the_incident_nothing():
    weekly = [alarm(day) for day in (1, 8, 15, 22)]
    assert proof.by_chance([truth(1)], weekly, FOUR_WEEKS).by_chance["value"] == 1
    assert proof.by_chance([truth(1)], weekly[:1], FOUR_WEEKS).by_chance["value"] == 0
    assert proof.by_chance([truth(1, "b")], weekly, FOUR_WEEKS).by_chance["value"] == 0


def test_each_incident_counts_by_the_share_of_its_shifts():
    found = proof.by_chance([truth(1), truth(3)], [alarm(8), alarm(10), alarm(17)], FOUR_WEEKS)
    assert found.by_chance["value"] == 0.5  # 1 of 3 and 2 of 3
    assert found.shifts_left_out == 0


def test_a_shift_that_meets_another_incident_of_the_place_is_left_out():
    found = proof.by_chance([truth(1), truth(8), truth(8, "b")], [alarm(8), alarm(15)], FOUR_WEEKS)
    assert found.shifts_left_out == 2  # day 8 comes to day 1 by 21 days, wrapped; day 1 to day 8 by 7
    assert found.by_chance["value"] == round((1 / 2 + 1 / 2 + 0) / 3, 4)


def test_a_recording_wraps_and_one_under_two_weeks_tells_nothing():
    assert proof.by_chance([truth(26)], [alarm(5)], FOUR_WEEKS).by_chance["value"] == round(1 / 3, 4)
    short = proof.by_chance([truth(1)], [alarm(8)], (0, 14 * DAY_MS - 1))
    assert short.by_chance == {"value": None, "low": None, "high": None}
    assert proof.by_chance([truth(1)], [alarm(8)], (0, 14 * DAY_MS)).by_chance["value"] == 1


def test_nothing_tells_nothing():
    assert proof.ratio([]) == {"value": None, "low": None, "high": None}


def test_what_never_differs_has_no_width():
    assert proof.ratio([True] * 9) == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_the_interval_is_that_of_the_binomial_distribution():
    found = proof.ratio([True] * 50 + [False] * 50)  # standard error 0.05
    assert found["value"] == 0.5
    assert abs(found["low"] - 0.402) <= 0.02
    assert abs(found["high"] - 0.598) <= 0.02
    assert proof.ratio([True] * 50 + [False] * 50) == found


def test_random_alarms_tell_nothing_and_those_at_the_incidents_do():
    """As many alarms at random as at the incidents: found beyond chance is 0 within its interval (B5)."""
    rng = np.random.default_rng(5)
    happened = [truth(float(day)) for day in np.sort(rng.uniform(0, 28, 60))]
    random = [alarm(float(day)) for day in rng.uniform(0, 28, 2000)]
    of_random = proof.by_chance(happened, random, FOUR_WEEKS).above
    assert proof.by_chance(happened, random, FOUR_WEEKS).by_chance["value"] > 0.1
    assert of_random["low"] <= 0 <= of_random["high"]
    real = proof.by_chance(happened, [alarm(one.from_ms / DAY_MS) for one in happened], FOUR_WEEKS).above
    assert real["low"] > 0


def test_one_truth_over_all_days_is_found_by_chance_as_surely_as_really():
    whole = [Truth("a", *FOUR_WEEKS)]
    found = proof.by_chance(whole, [alarm(3)], FOUR_WEEKS, grace_ms=28 * DAY_MS)
    assert (found.by_chance["value"], found.above["value"], found.shifts_left_out) == (1, 0, 0)
