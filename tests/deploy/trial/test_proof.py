"""Bootstrap intervals."""

from __future__ import annotations

from deploy.trial import proof


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
