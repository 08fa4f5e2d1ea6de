"""How sure a share is: bootstrap intervals, the same for the same input.

source  percentile bootstrap, Efron 1979
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES, SEED = 1_000, 1
LOW, HIGH = 2.5, 97.5
DIGITS = 4


class Estimate(TypedDict):
    """A number and the interval in which it lies with 95 %; None = there is nothing to tell it from."""

    value: float | None
    low: float | None
    high: float | None


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean of values, each drawn as a whole: an incident, a day."""
    if not values:
        return Estimate(value=None, low=None, high=None)
    whole = np.array(values, np.float64)
    draws = np.random.default_rng(SEED).integers(0, len(whole), (RESAMPLES, len(whole)))
    low, high = np.percentile(whole[draws].mean(axis=1), [LOW, HIGH]).tolist()
    return Estimate(value=round(float(whole.mean()), DIGITS), low=round(low, DIGITS), high=round(high, DIGITS))


def ratio(marks: Sequence[bool]) -> Estimate:
    """Return the share of those that are true."""
    return mean([float(one) for one in marks])
