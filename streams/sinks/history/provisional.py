"""The newest provisional row of every open window, until its final one has come: pure, as big as the city."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from streams.contract.records import ROW_TYPES, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

Identity = tuple[str, str, int, int]


class OpenWindows:
    """Identity → its newest provisional row, those that changed since they were last taken."""

    def __init__(self) -> None:
        self._rows: dict[Identity, tuple[object, ...]] = {}

    def put(self, rows: Rows) -> None:
        """Take provisional rows; a later one replaces an earlier.

        They carry the time of their newest reading; here, as everywhere in history, a row's time is its window's start.
        """
        window_ms = rows.window_s.astype(np.int64) * 1000
        rows = replace(rows, at_ms=rows.at_ms // window_ms * window_ms)
        cells = zip(*(getattr(rows, name).tolist() for name in ROW_TYPES), strict=True)
        self._rows.update(zip(_identities(rows), cells, strict=True))

    def finish(self, rows: Rows) -> None:
        """Forget what became final."""
        if self._rows:
            for identity in _identities(rows):
                self._rows.pop(identity, None)

    def take(self) -> Rows:
        """Return what changed since the last call."""
        if not self._rows:
            return Rows.empty()
        columns = zip(*self._rows.values(), strict=True)
        self._rows = {}
        return Rows(**{name: np.array(cells, ROW_TYPES[name]) for name, cells in zip(ROW_TYPES, columns, strict=True)})


def _identities(rows: Rows) -> Iterator[Identity]:
    return zip(rows.entity.tolist(), rows.metric.tolist(), rows.at_ms.tolist(), rows.window_s.tolist(), strict=True)
