"""How sure a share is, the same for the same input: bootstrap intervals, and what chance alone would have found.

source  percentile bootstrap, Efron 1979; chance: own choice
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

from deploy.trial.truth import GRACE_MS, just_there, matched
from streams.contract.durations import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from deploy.trial.firing import Fired
    from deploy.trial.truth import Truth

RESAMPLES, SEED = 1_000, 1
SHIFTS_MS = tuple(days * DAY_MS for days in (7, 14, 21))
LEAST_SPAN_MS = 14 * DAY_MS
LOW, HIGH = 2.5, 97.5
DIGITS = 4


class Estimate(TypedDict):
    """A number and the interval in which it lies with 95 %; None = there is nothing to tell it from."""

    value: float | None
    low: float | None
    high: float | None


class Chance(NamedTuple):
    """Share of the truths that are found at their place and clock time in other weeks, and shifts that are left out."""

    by_chance: Estimate
    shifts_left_out: int
    above: Estimate
    """What is found beyond that; where its interval holds 0, the alarms tell nothing of the truths."""


def by_chance(
    truths: Sequence[Truth],
    alarms: Sequence[Fired],
    span_ms: tuple[int, int],
    grace_ms: int = GRACE_MS,
    near: Callable[[str], Collection[str]] = just_there,
) -> Chance:
    """Match the truths with the alarms of a recording that is wrapped by 7, 14 and 21 days, as far as it is longer.

    A shift that brings what lies at another truth of the same place is left out for that truth. Of less than 14 days
    nothing can be told.
    """
    from_ms, until_ms = span_ms
    span = until_ms - from_ms
    marks: list[list[float]] = [[] for _ in truths]
    left_out = 0
    for shift_ms in (one for one in SHIFTS_MS if LEAST_SPAN_MS <= span and one < span):
        moved = [one._replace(raised_ms=from_ms + (one.raised_ms - from_ms + shift_ms) % span) for one in alarms]
        asked = [place for place in range(len(truths)) if not _meets_another(place, truths, shift_ms, span_ms)]
        left_out += len(truths) - len(asked)
        found = matched([truths[place] for place in asked], moved, grace_ms, near)
        for number, place in enumerate(asked):
            marks[place].append(float(number in found))
    really = matched(truths, alarms, grace_ms, near)
    shares = {place: sum(one) / len(one) for place, one in enumerate(marks) if one}
    above = [(place in really) - share for place, share in shares.items()]
    return Chance(mean([*shares.values()]), left_out, mean(above))


def _meets_another(place: int, truths: Sequence[Truth], shift_ms: int, span_ms: tuple[int, int]) -> bool:
    """Return whether what the shift brings to a truth's time was at another one's of its place."""
    one, (from_ms, until_ms) = truths[place], span_ms
    span = until_ms - from_ms
    begin_ms = from_ms + (one.from_ms - from_ms - shift_ms) % span
    lasts_ms = one.until_ms - one.from_ms
    return any(
        other.entity == one.entity and begin_ms + back <= other.until_ms and other.from_ms <= begin_ms + back + lasts_ms
        for number, other in enumerate(truths)
        if number != place
        for back in (0, -span)
    )


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean of values, each drawn as a whole: an incident, a day."""
    whole = np.array(values, np.float64)
    return _estimate(len(whole), lambda drawn: whole[drawn].mean(axis=-1))


def median(values: Sequence[float]) -> Estimate:
    """Return the median of values, each drawn as a whole."""
    whole = np.array(values, np.float64)
    return _estimate(len(whole), lambda drawn: np.median(whole[drawn], axis=-1))


def rate(parts: Sequence[float], wholes: Sequence[float]) -> Estimate:
    """Return the sum of parts over that of wholes, each pair drawn together: a day's false alarms and its detectors."""
    part, whole = np.array(parts, np.float64), np.array(wholes, np.float64)
    return _estimate(len(part), lambda drawn: part[drawn].sum(axis=-1) / whole[drawn].sum(axis=-1))


def ratio(marks: Sequence[bool]) -> Estimate:
    """Return the share of those that are true."""
    return mean([float(one) for one in marks])


def _estimate(count: int, of: Callable[[NDArray[np.int64]], NDArray[np.float64]]) -> Estimate:
    """Return a number of `count` values, and its interval over draws of their places with replacement."""
    if not count:
        return Estimate(value=None, low=None, high=None)
    draws = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
    low, high = np.percentile(of(draws), [LOW, HIGH]).tolist()
    value = float(of(np.arange(count)))
    return Estimate(value=round(value, DIGITS), low=round(low, DIGITS), high=round(high, DIGITS))
