"""Scores against labelled windows: found, false, and NAB's score, its threshold set on these files or on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.trial import nab, proof
from deploy.trial.nab import PROFILES, STANDARD, Labelled
from streams.contract.durations import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.trial.nab import Steps
    from deploy.trial.proof import Estimate

GIVEN, CHOSEN = "given", "chosen on these files"
DIGITS = 4
ROC = tuple(number / 20 for number in range(1, 20))


def report(files: Sequence[Labelled], threshold: float | None) -> dict[str, Any]:
    """Return what the scores of files are worth with one threshold over all, as plain values.

    Without a given one it is the best on the same files; beside it stands what each file is worth with the threshold
    that is best on the others.
    """
    steps = {name: [nab.steps(one, profile) for one in files] for name, profile in PROFILES.items()}
    used = nab.threshold(steps[STANDARD]) if threshold is None else threshold
    windows = sum(one.windows for one in steps[STANDARD])
    counts = [nab.counts(one, used) for one in files]
    found = sum(one.found for one in counts)
    marks = [True] * found + [False] * (windows - found)
    return {
        "incidents": windows,
        "found": found,
        "detection_ratio": proof.ratio(marks),
        "false_per_detector_day": _false_per_day(files, used),
        "roc": [_point(files, at) for at in ROC],
        "nab": {
            "value": _normalised(steps[STANDARD], STANDARD, used),
            "threshold": used,
            "threshold_origin": CHOSEN if threshold is None else GIVEN,
            "threshold_set_on": [one.entity for one in files] if threshold is None else [],
            "windows": windows,
            "found": found,
            "false_rows": sum(one.false_rows for one in counts),
            "profiles": {name: _normalised(of, name, _own(of, threshold)) for name, of in steps.items()},
            "set_on_the_others": _held_out(files, steps[STANDARD]),
            "files": [_file(*one, used) for one in zip(files, steps[STANDARD], strict=True)],
        },
    }


def _own(steps: Sequence[Steps], threshold: float | None) -> float | None:
    """Return the threshold of a profile: as in NAB each has its own, unless one is given."""
    return nab.threshold(steps) if threshold is None else threshold


def _normalised(steps: Sequence[Steps], profile: str, threshold: float | None) -> float | None:
    total = sum(nab.raw(one, PROFILES[profile], threshold) for one in steps)
    return _rounded(nab.normalised(total, sum(one.windows for one in steps), PROFILES[profile]))


def _held_out(files: Sequence[Labelled], steps: Sequence[Steps]) -> dict[str, Any] | None:
    """Return what all files are worth, each with the threshold that is best on the others; None = there are none."""
    if len(files) == 1:
        return None
    total, each = 0.0, []
    for number, (one, own) in enumerate(zip(files, steps, strict=True)):
        threshold = nab.threshold([*steps[:number], *steps[number + 1 :]])
        total += nab.raw(own, PROFILES[STANDARD], threshold)
        each.append(_file(one, own, threshold))
    value = nab.normalised(total, sum(one.windows for one in steps), PROFILES[STANDARD])
    return {"value": _rounded(value), "files": each}


def _file(of: Labelled, steps: Steps, threshold: float | None) -> dict[str, Any]:
    counts = nab.counts(of, threshold)
    return {
        "entity": of.entity,
        "rows": len(of.at_ms),
        "threshold": threshold,
        "value": _normalised([steps], STANDARD, threshold),
        **counts._asdict(),
    }


def _point(files: Sequence[Labelled], threshold: float) -> dict[str, Any]:
    counts = [nab.counts(one, threshold) for one in files]
    windows, found = sum(one.windows for one in counts), sum(one.found for one in counts)
    return {
        "threshold": threshold,
        "detection_ratio": round(found / windows, DIGITS) if windows else None,
        "false_per_detector_day": _false_per_day(files, threshold)["value"],
    }


def _false_per_day(files: Sequence[Labelled], threshold: float | None) -> Estimate:
    """Return false rows by the days on which a file has any row, each file drawn as a whole."""
    days = [len(set((one.at_ms // DAY_MS).tolist())) for one in files]
    return proof.rate([nab.counts(one, threshold).false_rows for one in files], days)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
