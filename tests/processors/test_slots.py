"""Cells of a zone's minute: slots rising, sums below them, and where given slots stand."""

from __future__ import annotations

import numpy as np
import pytest

from processors.maths.packing import pack
from processors.maths.slots import among, newest, run, with_slots

PACKED = pack(np.array([[2, 5, 6], [20, 50, 60]]))
"""Slots 2, 5 and 6 with a sum each."""


@pytest.mark.parametrize(
    ("packed", "slots", "cells", "places"),
    [
        pytest.param(None, [3, 4], [[3, 4], [0, 0]], [0, 1], id="nothing known, rising"),
        pytest.param(None, [4, 3, 4], [[3, 4], [0, 0]], [1, 0, 1], id="nothing known, in any order"),
        pytest.param(PACKED, [5, 6], [[2, 5, 6], [20, 50, 60]], [1, 2], id="all known"),
        pytest.param(PACKED, [6, 2, 6], [[2, 5, 6], [20, 50, 60]], [2, 0, 2], id="all known, in any order"),
        pytest.param(PACKED, [9, 5, 3], [[2, 3, 5, 6, 9], [20, 0, 50, 60, 0]], [4, 2, 1], id="some known"),
    ],
)
def test_slots_find_their_cells(
    packed: bytes | None, slots: list[int], cells: list[list[int]], places: list[int]
) -> None:
    found = with_slots(packed, np.array(slots), 1)
    assert found.cells.tolist() == cells
    assert np.arange(len(cells[0]))[found.at].tolist() == places


@pytest.mark.parametrize(
    ("slots", "revisions", "expected"),
    [
        ([1, 2, 7], [0, 0, 3], [True, True, True]),
        ([2, 1, 2], [4, 0, 3], [True, True, False]),
        ([1, 1], [2, 2], [False, True]),
    ],
)
def test_the_last_of_the_highest_revision_counts(slots: list[int], revisions: list[int], expected: list[bool]) -> None:
    assert newest(np.array(slots), np.array(revisions)).tolist() == expected


def test_places_are_a_slice_only_where_they_follow_one_another() -> None:
    assert run(np.array([4])) == slice(4, 5)
    for places in [], [1, 3], [1, 1], [5, 4], [1, 3, 2, 4], [1, 1, 3]:
        assert np.arange(9)[run(np.array(places, np.int64))].tolist() == places


def test_what_is_selected_of_a_slice_are_its_places() -> None:
    assert np.arange(9)[among(slice(3, 6), np.array([True, False, True]))].tolist() == [3, 5]
    assert among(slice(3, 6), np.ones(3, bool)) == slice(3, 6)
