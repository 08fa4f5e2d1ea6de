"""Rows that the history refused: what of their counts is nowhere else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from streams.accounts import refused_rows
from streams.contract.records import ROW_TYPES, Rows

HOUR_MS = 3_600_000
START_MS = 472_222 * HOUR_MS


def rows(*cells: tuple[str, int, int, int, int]) -> Rows:
    """(entity, minute, window_s, revision, count) of one metric."""
    columns: dict[str, Any] = {name: np.zeros(len(cells), kind) for name, kind in ROW_TYPES.items()}
    columns["entity"] = np.array([one[0] for one in cells], object)
    columns["metric"] = np.full(len(cells), "tti_ratio", object)
    columns["at_ms"] = np.array([START_MS + one[1] * 60_000 for one in cells], np.int64)
    for place, name in enumerate(("window_s", "revision", "count"), start=2):
        columns[name] = np.array([one[place] for one in cells], np.int64)
    return Rows(**columns)


def booked(*books: dict[str, str]) -> dict[str, Any]:
    return {key: json.loads(body) for one in books for key, body in one.items()}


def test_rows_are_named_under_the_hour_they_tell_of_and_only_those_that_the_audit_counts():
    made = refused_rows.books(
        7, rows(("a", 61, 60, 0, 4), ("b", 3, 60, 0, 2), ("c", 0, 3600, 0, 9), ("d", 4, 60, -1, 1), ("e", 5, 60, 0, 0))
    )
    assert booked(made) == {
        f"hour:{START_MS}:history:all:7": {"refused": [["tti_ratio", "b", 60, START_MS + 180_000, 0, 2]]},
        f"hour:{START_MS + HOUR_MS}:history:all:7": {"refused": [["tti_ratio", "a", 60, START_MS + 3_660_000, 0, 4]]},
    }


@pytest.mark.parametrize(
    ("refused", "stored", "missing"),
    [
        ([(0, 3)], None, 3),
        ([(0, 3), (1, 4)], None, 4),  # two revisions of one row: the later one counts all
        ([(0, 3)], (1, 4), 0),  # the correction was taken, and counts all
        ([(1, 4)], (0, 3), 1),  # the correction alone was refused
        ([(0, 3)], (0, 3), 0),  # it was taken after all
    ],
)
def test_only_what_is_nowhere_else_counts(
    refused: list[tuple[int, int]], stored: tuple[int, int] | None, missing: int
) -> None:
    settled = booked(*(refused_rows.books(n, rows(("a", 1, 60, *one))) for n, one in enumerate(refused)))
    found = refused_rows.counts(settled, START_MS, lambda *_: stored)
    assert found["tti_ratio", "a"] == missing
    assert not refused_rows.counts(settled, START_MS + HOUR_MS, lambda *_: stored)
