"""The score of the Numenta Anomaly Benchmark, from its published description.

A file's first rows are its probation and do not count. In a labelled window the earliest row that reaches the threshold
counts, the more the earlier it stands; a window without one is missed. Each row outside that reaches it is false and
costs by its distance behind the last window, in widths of that window. A silent detector has 0, one that hits the first
row of each window and nothing else has 100.

source  NAB v1.1: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", 2015; own code
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PROBATION_RATIO, PROBATION_ROWS = 0.15, 750
FAR_WIDTHS = 3.0
"""From so many widths behind a window on, a false row costs whole."""
STEEPNESS = 5.0
OUTSIDE, LEFT_OUT = -1, -2
DIGITS = 9
"""Sums that differ behind these are the same."""


class Profile(NamedTuple):
    """What a window found brings, and what one missed and a false row cost."""

    found: float
    missed: float
    false: float


STANDARD = "standard"
PROFILES = {STANDARD: Profile(1.0, 1.0, 0.11), "low_fp": Profile(1.0, 1.0, 0.22), "low_fn": Profile(1.0, 2.0, 0.11)}


class Labelled(NamedTuple):
    """A file's rows in their order: when, the score of each (NaN = not yet known), and the windows, from and until."""

    entity: str
    at_ms: NDArray[np.int64]
    score: NDArray[np.float64]
    windows_ms: Sequence[tuple[int, int]]


class Counts(NamedTuple):
    """Windows, those found, and false rows."""

    windows: int
    found: int
    false_rows: int


class Steps(NamedTuple):
    """What a sum gains as the threshold falls to each of (n,) scores; windows count as missed before."""

    score: NDArray[np.float64]
    gain: NDArray[np.float64]
    windows: int


def probation(rows: int) -> int:
    """Return how many rows at the beginning do not count.

    >>> probation(1000), probation(10_000)
    (150, 750)
    """
    return min(int(rows * PROBATION_RATIO), PROBATION_ROWS)


def sigmoid(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a row is worth by its place: -1 = a window's left edge, 0 = its right one, above = behind it."""
    near = 2.0 / (1.0 + np.exp(STEEPNESS * np.minimum(widths, FAR_WIDTHS))) - 1.0
    return np.where(widths > FAR_WIDTHS, -1.0, near)


def _placed(of: Labelled) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Return (n,) the window of each row, and what a row is worth there; and how many windows there are.

    A window that reaches into the probation is none: its rows do not count.
    """
    row = np.arange(len(of.at_ms))
    window, worth = np.full(len(row), OUTSIDE), np.full(len(row), -1.0)
    found = 0
    for from_ms, until_ms in sorted(of.windows_ms):
        inside = np.flatnonzero((of.at_ms >= from_ms) & (of.at_ms <= until_ms))
        if not inside.size:
            continue
        left, right = int(inside[0]), int(inside[-1])
        if left < probation(len(row)):
            window[left : right + 1] = LEFT_OUT
            continue
        width = right - left + 1
        window[left : right + 1] = found
        worth[left : right + 1] = sigmoid((row[left : right + 1] - right - 1) / width) / float(sigmoid(-np.ones(1))[0])
        worth[right + 1 :] = sigmoid((row[right + 1 :] - right) / max(width - 1, 1))
        found += 1
    return window, worth, found


def steps(of: Labelled, profile: Profile) -> Steps:
    """Return what each score that is reached adds to the file's sum."""
    window, worth, windows = _placed(of)
    counted = np.isfinite(of.score)
    counted[: probation(len(of.at_ms))] = False
    false = np.flatnonzero(counted & (window == OUTSIDE))
    scores, gains = [of.score[false]], [profile.false * worth[false]]
    for number in range(windows):
        rows = np.flatnonzero(counted & (window == number))
        rows = rows[np.argsort(-of.score[rows], kind="stable")]
        best = np.maximum.accumulate(worth[rows]) * profile.found
        scores.append(of.score[rows])
        gains.append(np.diff(best, prepend=-profile.missed))
    return Steps(np.concatenate(scores), np.concatenate(gains), windows)


def raw(of: Steps, profile: Profile, threshold: float | None) -> float:
    """Return a file's sum where the scores that are at least `threshold` alarm; None = none does."""
    gained = 0.0 if threshold is None else float(of.gain[of.score >= threshold].sum())
    return gained - profile.missed * of.windows


def threshold(files: Sequence[Steps]) -> float | None:
    """Return the threshold with which the sum over all files is greatest; of those with the same sum the lowest.

    It lies halfway down to the next score, which it leaves out, so that other files' scores need not reach these.
    None = there is no score to choose, or none that brings more than silence.
    """
    scores, number = np.unique(np.concatenate([np.empty(0), *(one.score for one in files)]), return_inverse=True)
    if not scores.size:
        return None
    gains = np.bincount(number, weights=np.concatenate([one.gain for one in files]), minlength=len(scores))
    total = np.round(np.cumsum(gains[::-1])[::-1], DIGITS)
    best = int(np.argmax(total))
    if total[best] <= 0:
        return None
    return round(float(scores[max(best - 1, 0)] + scores[best]) / 2, DIGITS)


def normalised(total: float, windows: int, profile: Profile) -> float | None:
    """Return a sum over files as NAB tells it: 0 = nothing alarms, 100 = every window at its first row; None = none."""
    null = -profile.missed * windows
    return 100.0 * (total - null) / (profile.found * windows - null) if windows else None


def counts(of: Labelled, threshold: float | None) -> Counts:
    """Return what alarms, and what of it is right; None = nothing alarms."""
    window, _, windows = _placed(of)
    alarms = of.score >= (np.inf if threshold is None else threshold)
    alarms[: probation(len(of.at_ms))] = False
    found = np.unique(window[alarms & (window >= 0)])
    return Counts(windows, len(found), int(np.count_nonzero(alarms & (window == OUTSIDE))))
