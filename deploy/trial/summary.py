"""What came out of a trial in numbers: the newest revision of every row, by metric; detections by kind and level."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from streams.contract.records import ROW_TYPES, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from streams.contract.records import Detection


class MetricSummary(NamedTuple):
    """One metric and length of window. Numbers are NaN where no row has a value."""

    metric: str
    window_s: int
    rows: int
    unknown: int
    """Rows without a value."""
    corrected: int
    """Rows with late readings in them."""
    low: float
    median: float
    high: float
    coverage_ratio: float
    """Mean over the rows."""


def newest(parts: Sequence[Rows]) -> Rows:
    """Return the row of the highest revision of each identity, grouped by entity and metric, in order of time."""
    rows = Rows.concat(list(parts))
    keys = (rows.window_s, rows.at_ms, _codes(rows.metric), _codes(rows.entity))
    order = np.lexsort((rows.revision, *keys))
    differs = np.zeros(len(order), bool)
    differs[-1:] = True
    for key in keys:
        differs[:-1] |= np.diff(key[order]) != 0
    last = order[differs]
    return Rows(**{name: getattr(rows, name)[last] for name in ROW_TYPES})


def by_metric(rows: Rows) -> list[MetricSummary]:
    """Summarise rows of which each identity is there once; by metric, then length of window."""
    found = []
    for metric in sorted(set(rows.metric.tolist())):
        of_metric = rows.metric == metric
        for window_s in np.unique(rows.window_s[of_metric]).tolist():
            own = rows.where(of_metric & (rows.window_s == window_s))
            values = own.value[np.isfinite(own.value)]
            numbers = (values.min(), np.median(values), values.max()) if len(values) else (np.nan,) * 3
            low, median, high = (float(number) for number in numbers)
            corrected = int(np.count_nonzero(own.revision > 0))
            coverage = float(own.coverage_ratio.mean())
            unknown = len(own) - len(values)
            found.append(MetricSummary(metric, window_s, len(own), unknown, corrected, low, median, high, coverage))
    return found


def by_kind(detections: Iterable[Detection]) -> dict[str, Counter[int]]:
    """Count kind → level → findings, each identity once; level 0 = it ended."""
    counts: dict[str, Counter[int]] = {}
    for one in {found.identity: found for found in detections}.values():
        counts.setdefault(one.kind, Counter())[one.level] += 1
    return dict(sorted(counts.items()))


def _codes(texts: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return a number for each text, equal where the texts are."""
    codes: NDArray[np.int64] = pa.array(texts, pa.string()).dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes
