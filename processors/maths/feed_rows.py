"""The rows of feed health: what is said of a zone's feed at the end of each minute."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from processors.maths.measures import FEEDS, Amounts, Heads, make_rows
from streams.contract.durations import MINUTE_S
from streams.contract.records import Rows


class Minute(NamedTuple):
    """A minute that is over: its start, how many sensors are silent at its end, and its readings."""

    start_ms: int
    silent: int
    readings: int


def of_minutes(minutes: list[Minute], entity: str, sensors: int) -> Rows:
    """Return of each minute the share of the sensors that is silent, and how many report."""
    if not minutes:
        return Rows.empty()
    size = len(FEEDS) * len(minutes)
    at_ms, silent, readings = np.repeat(np.array(minutes, np.int64), len(FEEDS), axis=0).T.copy()
    numerator = silent.copy()
    numerator[1::2] = sensors - silent[1::2]
    value = numerator.astype(np.float64)
    value[::2] /= sensors
    names = np.array([metric.name for metric in FEEDS] * len(minutes), object)
    heads = Heads(np.full(size, entity, object), at_ms, MINUTE_S, np.ones(size), np.zeros(size, np.int64))
    return make_rows(names, heads, Amounts(numerator, np.full(size, sensors, np.int64), value, readings))
