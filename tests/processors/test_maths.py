"""The arithmetic that processors share."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import processors.maths
from processors.maths import fixed, hold, packing, tpi
from streams.contract import spec
from streams.contract.sums import COLUMN_SCALE, MOST_READINGS, MOST_SUMMED
from streams.errors import SumOverflowError

MODULES = [f"processors.maths.{module.name}" for module in pkgutil.iter_modules(processors.maths.__path__)]
WHOLE = st.integers(-(2**62), 2**62)


@pytest.mark.parametrize("name", [*MODULES, "streams.contract.spec"])
def test_examples_in_the_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@given(st.lists(st.tuples(WHOLE, WHOLE)))
def test_packing_keeps_every_number(pairs):
    rows = np.array(pairs, np.int64).reshape(-1, 2).T
    assert packing.unpack(packing.pack(rows)).tolist() == rows.tolist()


def test_a_sum_is_the_same_in_any_order_and_grouping():
    terms = fixed.to_fixed(np.array([[0.1, 0.2, 0.3, 1e9, -1e9, 0.1]]), 1e6)
    one, other = np.zeros((1, 2), np.int64), np.zeros((1, 2), np.int64)
    place = np.array([0, 1, 0, 0, 0, 1])
    fixed.add_at(one, place, terms)
    for index in (5, 3, 1, 0, 4, 2):
        fixed.add_at(other, place[[index]], terms[:, [index]])
    assert one.tolist() == other.tolist() == [[400_000, 300_000]]


def test_a_term_that_is_too_large_is_an_error():
    with pytest.raises(SumOverflowError):
        fixed.to_fixed(np.array([1e7]), 1e12)


def test_the_border_that_a_domains_file_is_judged_by_is_that_of_the_sums():
    """2^62 / 1000 / 10^6 = 4,611,686,018.4 of a column's unit."""
    assert MOST_SUMMED == 4_611_686_018
    values = np.array([MOST_SUMMED, -MOST_SUMMED, MOST_SUMMED + 1, -MOST_SUMMED - 1], np.float64)
    terms, too_large = fixed.to_terms(values, COLUMN_SCALE)
    assert too_large.tolist() == [False, False, True, True]
    assert abs(terms[:2]).max() * MOST_READINGS < 2**62


@pytest.mark.parametrize(
    ("tti_ratio", "index"),
    [
        (1.0, 0.0),
        (10 / 9, 2 / 3),
        (1 / 0.7, 2.0),
        (1.5, 2 + 1 / 3),
        (2.0, 4.0),
        (2.5, 6.0),
        (1 / 0.3, 8.0),
        (5.0, 8 + 2 / 3),
    ],
)
def test_the_index_of_annex_c(tti_ratio, index):
    assert tpi.index(np.array([tti_ratio]))[0] == pytest.approx(index, abs=1e-12)


def test_an_unknown_ratio_has_no_index():
    assert np.isnan(tpi.index(np.array([np.nan]))).all()


def test_levels_are_the_highest_limit_reached():
    limits = hold.Limits((1.0, np.nan, 3.0, np.nan), below=False, dead_band=0.5, on_delay_s=0, off_delay_s=0)
    assert limits.severity(np.array([0.9, 1.0, 2.9, 3.0, 99.0])).tolist() == [0, 1, 1, 3, 3]
    assert limits.severity(np.array([0.4, 0.5, 2.5]), 0.5).tolist() == [0, 1, 3]


def test_shared_columns_are_listed_under_both_names():
    names = {metric.name for metric in spec.all_metrics(importlib.import_module("processors.threshold").SPEC)}
    assert {"pm2_5_ug_m3", "load_ratio", "transit_load_ratio", "energy_load_ratio"} <= names
