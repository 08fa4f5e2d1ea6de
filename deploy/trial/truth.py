"""What really happened, and how much of it alarms told: detection rate, false alarms, time to detect.

A truth is found by an alarm at its place, or where that counts as near, that was told from 2 min before it began until
20 min after, or until it was over if that is sooner; each alarm serves one truth. What matches none is a false alarm.

source  DR, FAR as a share of all alarms, MTTD: usual in incident detection; the window: own choice
"""

from __future__ import annotations

import csv
import json
from argparse import ArgumentTypeError
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from deploy.terminal.timespan import epoch_ms
from streams.contract.durations import DAY_MS, MINUTE_MS
from streams.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from deploy.trial.firing import Fired

BEFORE_MS, GRACE_MS = 2 * MINUTE_MS, 20 * MINUTE_MS
ENTITY, BEGINS, ENDS = COLUMNS = ("entity", "start_at", "end_at")
REPORTED = "reported_at"


class Truth(NamedTuple):
    """Something that happened at a sensor, segment or place."""

    entity: str
    from_ms: int
    until_ms: int
    reported_ms: int | None = None
    """When a person said so, None = that is not known."""


def just_there(entity: str) -> Collection[str]:
    """Return the places at which an alarm counts for what happened at one: that one."""
    return (entity,)


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How alarms stand to the truth; None = there is nothing to divide by."""

    truths_count: int
    found_count: int
    detection_ratio: float | None
    """DR: found of all."""
    false_count: int
    false_ratio: float | None
    """FAR: false of all alarms."""
    false_per_detector_day: float | None
    time_to_detect_s: float | None
    """MTTD: mean over those found; an alarm that came before counts below 0."""


def read(path: Path) -> list[Truth]:
    """Read CSV with entity, start_at and end_at, records of `city.truth.v1`, one a line, or NAB's JSON of windows.

    Raises SettingError with the line that cannot be read.
    """
    found: list[Truth] = []
    try:
        text = path.read_text(encoding="utf-8")
        for one in _windows(text) or _each(text.splitlines()):
            found.append(one)
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingError(f"--truth {path}: cannot be read: {exc}") from exc
    except (ValueError, KeyError, TypeError, ArgumentTypeError) as exc:
        wanted = f"CSV with {', '.join(COLUMNS)}, records of city.truth.v1, or NAB's JSON of windows"
        raise SettingError(f"--truth {path}: record {len(found) + 1}: {exc}; it takes {wanted}") from exc
    return merged(found)


def _windows(text: str) -> list[Truth]:
    """Return what NAB's JSON says: a file's name, by its stem the entity, and from when until when; else none."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return []
    if not isinstance(whole, dict) or not all(isinstance(one, list) for one in whole.values()):
        return []
    return [
        Truth(PurePosixPath(name).stem, epoch_ms(from_at), epoch_ms(until_at))
        for name, windows in whole.items()
        for from_at, until_at in windows
    ]


def _each(lines: Sequence[str]) -> Iterator[Truth]:
    if lines and lines[0].startswith("{"):
        for one in map(json.loads, lines):
            yield Truth(one["where"], int(one["from_ms"]), int(one["until_ms"]))
    else:
        for row in csv.DictReader(lines):
            reported = row.get(REPORTED)
            reported_ms = epoch_ms(reported) if reported else None
            yield Truth(row[ENTITY], epoch_ms(row[BEGINS]), epoch_ms(row[ENDS]), reported_ms)


def merged(truths: Iterable[Truth]) -> list[Truth]:
    """Return them in order of time; those of a place that overlap are one."""
    found: list[Truth] = []
    for one in sorted(truths, key=lambda one: one[:3]):
        last = found[-1] if found else None
        if last is not None and last.entity == one.entity and one.from_ms <= last.until_ms:
            reports_ms = [at_ms for at_ms in (last.reported_ms, one.reported_ms) if at_ms is not None]
            first_ms = min(reports_ms) if reports_ms else None
            found[-1] = last._replace(until_ms=max(last.until_ms, one.until_ms), reported_ms=first_ms)
        else:
            found.append(one)
    return sorted(found, key=lambda one: (one.from_ms, one.entity))


def matched(
    truths: Sequence[Truth],
    alarms: Sequence[Fired],
    grace_ms: int = GRACE_MS,
    near: Callable[[str], Collection[str]] = just_there,
) -> dict[int, int]:
    """Return the number of the alarm that found each truth, by its number: in their order, each the earliest left."""
    left = sorted(range(len(alarms)), key=lambda number: alarms[number].raised_ms)
    found: dict[int, int] = {}
    for place, one in enumerate(truths):
        last_ms, there = min(one.until_ms, one.from_ms + grace_ms), near(one.entity)
        for number in left:
            alarm = alarms[number]
            if alarm.entity in there and one.from_ms - BEFORE_MS <= alarm.raised_ms <= last_ms:
                found[place] = number
                left.remove(number)
                break
    return found


def score(alarms: Sequence[Fired], truths: Sequence[Truth], span_ms: tuple[int, int], detectors: int) -> Score:
    """Match alarms with the truths that began in [from, until)."""
    from_ms, until_ms = span_ms
    asked = [one for one in truths if from_ms <= one.from_ms < until_ms]
    found = matched(asked, alarms)
    took_ms = [alarms[number].raised_ms - asked[place].from_ms for place, number in found.items()]
    false = len(alarms) - len(found)
    days = detectors * (until_ms - from_ms) / DAY_MS
    return Score(
        truths_count=len(asked),
        found_count=len(took_ms),
        detection_ratio=_share(len(took_ms), len(asked)),
        false_count=false,
        false_ratio=_share(false, len(alarms)),
        false_per_detector_day=_share(false, days),
        time_to_detect_s=_share(sum(took_ms) / 1000, len(took_ms)),
    )


def _share(part: float, whole: float) -> float | None:
    return None if whole == 0 else round(part / whole, 4)
