"""Whether a domain's readings come within its `disorder_s`, and what would fit where they do not: for people only.

What is counted is forgotten with the process and after an hour; nothing depends on it.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from streams.health.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from streams.domains.schema import Schema

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 21_600)
"""By so much `disorder_s` may be raised, up to `late_limit_s`: the first that is enough is named."""
SHARE = 0.01
"""So many may come later and it still fits."""
LEAST_COUNT = 100
PERIOD_S = 1800.0
"""Readings count in this half hour and the next."""


class Delays:
    """Per domain, of the present and the last half hour: readings by the step that would have made them punctual.

    Behind them, in the last place, how many were too late.
    """

    def __init__(self, schemas: Mapping[str, Schema], now_s: Callable[[], float] = time.monotonic) -> None:
        self._schemas = schemas
        self._now_s = now_s
        self._began_s = now_s()
        self._last: dict[str, NDArray[np.int64]] = {}
        self._present: defaultdict[str, NDArray[np.int64]] = defaultdict(_nothing)

    def heard(self, domain: str, lags_ms: Iterable[NDArray[np.int64]]) -> None:
        """Take how far behind its source, less its sensor's lag, each of some readings was."""
        counts, limit_ms = self._turned()[domain], self._schemas[domain].late_limit_ms
        for lag_ms in lags_ms:
            late_ms = lag_ms[lag_ms > 0]
            counts[0] += len(lag_ms) - len(late_ms)
            if len(late_ms):
                steps = 1 + np.searchsorted(np.array(STEPS_S) * 1000, late_ms)
                counts += np.bincount(steps, minlength=len(counts))
                counts[-1] += np.count_nonzero(late_ms > limit_ms)

    def _turned(self) -> defaultdict[str, NDArray[np.int64]]:
        elapsed_s = self._now_s() - self._began_s
        if elapsed_s >= PERIOD_S:
            self._last = dict(self._present) if elapsed_s < 2 * PERIOD_S else {}
            self._present = defaultdict(_nothing)
            self._began_s = self._now_s()
        return self._present

    def notices(self) -> list[Notice]:
        """Say which domains' readings come later than their `disorder_s` allows, and the value that would fit."""
        present = self._turned()
        found = []
        for domain, schema in self._schemas.items():
            *counts, too_late = (present.get(domain, _nothing()) + self._last.get(domain, _nothing())).tolist()
            total, later = sum(counts), sum(counts) - np.cumsum(counts)
            fits = np.flatnonzero(later <= SHARE * total)
            if total < LEAST_COUNT or not fits[0]:
                continue
            enough_s = schema.disorder_s + (*STEPS_S, math.inf)[fits[0] - 1]
            found.append(_notice(schema, float(later[0] / total), too_late / total, enough_s))
        return found


def _nothing() -> NDArray[np.int64]:
    return np.zeros(len(STEPS_S) + 3, np.int64)


def _notice(schema: Schema, late_ratio: float, too_late_ratio: float, enough_s: float) -> Notice:
    have, limit = f"{schema.disorder_s:g} s", f"late_limit_s ({schema.late_limit_s:g} s)"
    enough = f"{enough_s:g} s" if enough_s <= schema.late_limit_s else ""
    zh = f"disorder_s = {enough} 才合适" if enough else "没有合适的 disorder_s"
    en = f"disorder_s = {enough} would fit" if enough else "no disorder_s would fit"
    late, lost = f"{100 * late_ratio:.0f} %", f"{100 * too_late_ratio:.0f} %"
    lost_zh = f"，其中超过 {limit} 的（{lost}）不予采用" if too_late_ratio > SHARE else ""
    lost_en = f", those beyond {limit} not at all ({lost})" if too_late_ratio > SHARE else ""
    return Notice(
        zh=f"{schema.zh}：近一小时 {late} 的读数晚于 disorder_s（{have}），只能作为更正{lost_zh}；"
        f"{zh}，或为较慢的传感器填写 delay_s",
        en=f"{schema.domain}: {late} of the readings of the last hour came later than disorder_s ({have}) allows, "
        f"and so as corrections{lost_en}; {en}, or a delay_s of the sensors that are slow",
    )
