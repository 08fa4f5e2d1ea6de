"""design.md 6.2 f: "Sums in state are exact and order-free (int64 fixed point, each summed quantity's scale declared
with it), so that any split or merge of the input gives the same bits; a term too large for the widest window is dropped
by itself as `too_large`, sums over sensors and zones carry two words."

Without the guard (floating point) two splits of the same terms differ; without the check a sum wraps around unseen.
"""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.maths import fixed, travel, windows
from processors.maths.fixed import add_at, to_fixed
from processors.maths.windows import Terms, Windows
from streams.contract.sums import SUM_LIMIT
from streams.saving.state import encode
from tests.streams.stack import START_MS, Stack, fed, mark, reading

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PLACES = 5
TERMS = st.lists(st.tuples(st.integers(0, PLACES - 1), st.floats(-1e6, 1e6)), min_size=1, max_size=60)


def split(terms: NDArray[np.int64], place: NDArray[np.intp], cuts: list[int]) -> NDArray[np.int64]:
    """Sum each part by itself, then merge the parts."""
    total = np.zeros((1, PLACES), np.int64)
    edges = [0, *sorted(cut % (len(place) + 1) for cut in cuts), len(place)]
    for first, last in pairwise(edges):
        part = np.zeros((1, PLACES), np.int64)
        add_at(part, place[first:last], terms[:, first:last])
        total += part
    return total


@given(TERMS, st.lists(st.integers(0, 100), max_size=6), st.randoms(use_true_random=False))
def test_any_split_merge_and_order_gives_the_same_bits(
    rows: list[tuple[int, float]], cuts: list[int], chance: random.Random
) -> None:
    exact = [0] * PLACES
    for place, value in rows:
        exact[place] += round(np.rint(value * 1e6))
    chance.shuffle(rows)
    places = np.array([place for place, _ in rows], np.intp)
    terms = to_fixed(np.array([[value for _, value in rows]]), 1e6)
    assert split(terms, places, cuts)[0].tolist() == exact


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 119_999), st.integers(0, 10**9)), max_size=40), st.data())
def test_windows_folded_in_any_order_and_cut_are_the_same_state(
    rows: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    def folded(order: list[tuple[int, int, int]], cuts: list[int]) -> bytes:
        state = Windows()
        edges = [0, *sorted(cuts), len(order)]
        for first, last in pairwise(edges):
            part = order[first:last]
            batch = Terms(
                np.array([START_MS + at for _, at, _ in part], np.int64),
                np.array([place for place, _, _ in part], np.int32),
                np.array([value % 2 == 1 for _, _, value in part], bool),
                np.array([[1, value] for _, _, value in part], np.int64).reshape(-1, 2).T,
            )
            windows.fold(state, batch, 4, 60_000)
        return encode(state)

    shuffled = data.draw(st.permutations(rows))
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=4))
    assert folded(shuffled, cuts) == folded(rows, [])


def test_without_the_guard_floating_point_depends_on_the_split() -> None:
    terms = [0.1, 0.2, 0.3, 1e9, -1e9]
    assert sum(terms[:3]) + sum(terms[3:]) != sum(terms)
    exact = to_fixed(np.array([terms]), 1e6)
    assert exact[0, :3].sum() + exact[0, 3:].sum() == exact.sum() == 600_000


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_that_leaves_its_range_stands_at_its_end(sign: int) -> None:
    sums = np.array([[sign * (SUM_LIMIT - 2), 7]])
    for _ in range(3):
        add_at(sums, np.array([0]), np.array([[sign]]))
        assert sums.tolist() == [[sign * (SUM_LIMIT - 1), 7]]


def test_many_terms_at_once_cannot_wrap_around_before_the_check() -> None:
    """Four terms of 2^61 are 2^63, which would be -2^63 in int64."""
    sums = np.zeros((1, 1), np.int64)
    add_at(sums, np.zeros(4, np.intp), np.full((1, 4), 2**61))
    assert sums.tolist() == [[SUM_LIMIT - 1]]


@given(st.lists(st.integers(0, 2**62 - 1), max_size=12), st.data())
def test_a_flood_of_one_sensor_is_the_same_sum_in_any_order_and_cut(terms: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(terms)))
    shuffled = data.draw(st.permutations(terms))
    sums = np.zeros((1, 1), np.int64)
    for part in (shuffled[:cut], shuffled[cut:]):
        add_at(sums, np.zeros(len(part), np.intp), np.array([part], np.int64))
    assert sums.tolist() == [[min(sum(terms), SUM_LIMIT - 1)]]


def words(sums: fixed.Wide) -> list[int]:
    high, low = (word[0].tolist() for word in sums.words())
    return [upper * 2**32 + lower for upper, lower in zip(high, low, strict=True)]


@given(st.lists(st.tuples(st.integers(0, PLACES - 1), st.integers(-(2**62), 2**62)), max_size=40), st.data())
def test_sums_of_two_words_are_exact_in_any_order(rows: list[tuple[int, int]], data: st.DataObject) -> None:
    exact = [0] * PLACES
    for place, term in rows:
        exact[place] += term
    shuffled = data.draw(st.permutations(rows))
    terms = np.array([[term for _, term in shuffled]], np.int64)
    found = fixed.add_wide(terms, np.array([place for place, _ in shuffled], np.intp), PLACES)
    assert words(found) == exact
    assert found.number[0].tolist() == [float(one) for one in exact]
    assert found.whole[0].tolist() == [max(min(one, 2**63 - 1), 1 - 2**63) for one in exact]
    assert words(found.with_total()) == [*exact, sum(exact)]


def test_without_the_check_it_would_wrap_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed, "_left_range", lambda _: False)
    sums = np.zeros((1, 1), np.int64)
    add_at(sums, np.zeros(4, np.intp), np.full((1, 4), 2**61))
    assert sums.tolist() == [[-(2**63)]]


def test_a_term_too_large_costs_itself_and_the_stage_goes_on(
    city_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(travel, "SCALES", np.full((3, 1), 1e14))  # too fine: 9,999 veh/h fit no thousand times

    async def story() -> None:
        rows = [reading(0, START_MS, flow_veh_h=9), reading(0, START_MS + 1, flow_veh_h=9_999)]
        stack = Stack(city_folder, [fed(0, rows[0]), fed(0, rows[1]), *mark(START_MS + 60_000)])
        await stack.start()
        await stack.drain()
        processors = stack.zone.hosts[0].stage.books()["zone:traffic:0"]["counts"]["processors"]
        assert processors["congestion"]["dropped"] == {"too_large": 1}
        assert processors["congestion"]["used"] == 1

    asyncio.run(story())


def test_a_sum_at_its_end_does_not_end_the_stage(city_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """9,999 veh/h at 60 km/h are 1.7e14 units, 9 of them 1.5e11."""
    for name in ("SUM_LIMIT", "MOST"):
        monkeypatch.setattr(fixed, name, 10**14)

    async def story() -> None:
        rows = [reading(0, START_MS, flow_veh_h=9), reading(0, START_MS + 1, flow_veh_h=9_999)]
        stack = Stack(city_folder, [fed(0, rows[0]), fed(0, rows[1]), *mark(START_MS + 120_000)])
        await stack.start()
        await stack.drain()
        processors = stack.zone.hosts[0].stage.books()["zone:traffic:0"]["counts"]["processors"]
        assert processors["congestion"]["used"] == 2

    asyncio.run(story())
