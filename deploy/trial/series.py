"""Recorded series, a file each: `<entity>.csv` with the columns timestamp and value, rows in order of arrival."""

from __future__ import annotations

import csv
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deploy.terminal.timespan import epoch_ms, iso
from processors.maths import unusual
from processors.maths.unusual import Judged, Unusual
from streams.contract.durations import DAY_MS, HOUR_MS
from streams.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

STAMP, METRIC = COLUMNS = ("timestamp", "value")
SCORES = ("entity", "metric", "at", "score")


class Series(NamedTuple):
    """What one entity said; a value that is no number is NaN."""

    entity: str
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]


def read(folder: Path) -> list[Series]:
    """Read a folder's series, sorted by entity.

    Raises SettingError when there is none, or one that cannot be read.
    """
    files = sorted(path for path in folder.glob("*.csv"))
    if not files:
        raise SettingError(f"--on {folder}: there are no series; it takes files <entity>.csv of {', '.join(COLUMNS)}")
    return [_series(path) for path in files]


def _series(path: Path) -> Series:
    at_ms: list[int] = []
    values: list[float] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                at_ms.append(epoch_ms(row[STAMP]))
                values.append(float(row[METRIC] or "nan"))
    except KeyError as exc:
        raise SettingError(f"{path}: there is no column {exc.args[0]}; it needs {', '.join(COLUMNS)}") from exc
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise SettingError(f"{path}: cannot be read: {exc}") from exc
    except (ValueError, TypeError, ArgumentTypeError) as exc:
        raise SettingError(f"{path}: row {len(values) + 1}: {exc}; it needs a time, ISO 8601, and a number") from exc
    return Series(path.stem, np.array(at_ms, np.int64), np.array(values, np.float64))


def judged(series: Sequence[Series]) -> list[Judged]:
    """Return how unusual each value was as it came, of each series by itself."""
    state = Unusual()
    unusual.grow(state, len(series))
    found = [Judged(*(np.zeros(len(one.at_ms), kind) for kind in (float, np.int64, float))) for one in series]
    for row in range(max(len(one.at_ms) for one in series)):
        some = [number for number, one in enumerate(series) if row < len(one.at_ms)]
        at_ms = np.array([series[number].at_ms[row] for number in some])
        told = np.array([series[number].value[row] for number in some]), at_ms % DAY_MS / HOUR_MS
        answer = unusual.take(state, np.array(some), at_ms, told)
        for place, number in enumerate(some):
            for whole, part in zip(found[number], answer, strict=True):
                whole[row] = part[place]
    return found


def write_scores(series: Sequence[Series], ratios: Sequence[NDArray[np.float64]], path: Path) -> None:
    """Write a line a value; not yet known is empty."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(SCORES)
            for one, ratio in zip(series, ratios, strict=True):
                for at_ms, score in zip(one.at_ms.tolist(), ratio.tolist(), strict=True):
                    out.writerow((one.entity, METRIC, iso(at_ms), "" if np.isnan(score) else f"{score:.6f}"))
    except OSError as exc:
        raise SettingError(f"--scores {path}: cannot be written: {exc.strerror or exc}") from exc
