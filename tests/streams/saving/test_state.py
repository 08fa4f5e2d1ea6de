"""States become bytes and come back the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from streams.errors import FrameError
from streams.saving.state import decode, encode


@dataclass
class Window:
    sums: NDArray[np.int64]
    counts: dict[tuple[int, str], int] = field(default_factory=dict)


@dataclass
class Example:
    speed_km_h: NDArray[np.float64]
    windows: dict[int, Window] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    pair: tuple[int, float] = (0, 0.0)
    level_since_ms: int | None = None


def test_everything_a_state_may_hold_comes_back():
    state = Example(
        np.array([[1.5, np.nan], [-0.0, np.inf]]),
        {60_000: Window(np.arange(3), {(2, "路"): 1, (1, "x"): -(2**62)}), -5: Window(np.zeros(0, np.int64))},
        ["a", ""],
        (3, 0.1),
    )
    back = decode(Example, encode(state))
    np.testing.assert_array_equal(back.speed_km_h, state.speed_km_h)
    assert back.speed_km_h.shape == (2, 2)
    np.testing.assert_array_equal(back.windows[60_000].sums, [0, 1, 2])
    assert back.windows[60_000].counts == {(2, "路"): 1, (1, "x"): -(2**62)}
    assert (back.names, back.pair, back.level_since_ms) == (["a", ""], (3, 0.1), None)


def test_the_order_in_which_a_dict_was_filled_leaves_no_trace():
    one = Example(np.zeros(0), {60_000: Window(np.zeros(1, np.int64)), 0: Window(np.ones(1, np.int64))})
    other = Example(np.zeros(0), {0: Window(np.ones(1, np.int64)), 60_000: Window(np.zeros(1, np.int64))})
    assert encode(one) == encode(other)


def test_byte_order_and_memory_layout_leave_no_trace():
    wanted = encode(Example(np.array([[1.0, 2.0], [3.0, 4.0]])))
    assert encode(Example(np.array([[1.0, 3.0], [2.0, 4.0]]).T)) == wanted
    assert encode(Example(np.array([[1.0, 2.0], [3.0, 4.0]], ">f8"))) == wanted


def test_arrays_that_come_back_can_be_written():
    back = decode(Example, encode(Example(np.zeros(2))))
    back.speed_km_h[1] = 7.0
    assert back.speed_km_h.tolist() == [0.0, 7.0]


@given(
    hnp.arrays(st.sampled_from([np.int64, np.int32, np.float64, np.bool_]), hnp.array_shapes(min_dims=1, min_side=0))
)
def test_any_array_survives(array: np.ndarray):
    @dataclass
    class Holder:
        array: np.ndarray

    Holder.__annotations__["array"] = np.ndarray
    back = decode(Holder, encode(Holder(array))).array
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xc1", id="no MessagePack"),
        pytest.param(encode(Window(np.zeros(1, np.int64))), id="another type"),
        pytest.param(encode(Example(np.zeros(1, np.int32))), id="another dtype"),
    ],
)
def test_other_bytes_are_refused(data: bytes):
    with pytest.raises(FrameError, match="these bytes are no Example"):
        decode(Example, data)


def test_an_array_of_objects_is_refused():
    with pytest.raises(TypeError, match="bool, int or float, not object"):
        encode(Example(np.array(["a"], object)))
