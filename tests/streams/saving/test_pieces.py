"""A state comes back from its changes, byte for byte, and what did not change is not written."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray  # at run time: `streams.saving.state` reads the types of a state's fields

from streams.saving import state as state_codec
from streams.saving.pieces import GONE, WHOLE, XOR, Pieces, apply, joined


@dataclass
class Nothing:
    """A processor without state."""


@dataclass
class Inner:
    sums: NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, np.int64))
    closed: dict[int, bytes] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    nothing: Nothing = field(default_factory=Nothing)


@dataclass
class Outer:
    inner: dict[str, Inner] = field(default_factory=dict)
    open: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    absorbed: dict[int, tuple[int, int]] = field(default_factory=dict)
    nested: dict[str, dict[str, int]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    watermark_ms: int = 0
    since_ms: int | None = None


def mutate(state: Outer, chance: random.Random) -> None:
    """Change a state in place in one of the ways that stages and processors do."""
    name = chance.choice("abc")
    inner = state.inner.setdefault(name, Inner())
    match chance.randrange(14):
        case 0:
            inner.sums[chance.randrange(len(inner.sums))] += chance.randrange(-5, 5)
        case 1:
            inner.sums = np.append(inner.sums, chance.randrange(5))
        case 2:
            inner.closed[chance.randrange(5)] = chance.randbytes(chance.choice([0, 3, 70]))
        case 3:
            inner.closed.pop(chance.randrange(5), None)
        case 4:
            inner.counts[chance.choice("xyz")] = chance.randrange(3)
        case 5:
            inner.counts.clear()
        case 6:
            inner.limits["x"] = chance.choice([0.0, -0.0, float("nan"), 1.5])
        case 7:
            del state.inner[name]
        case 8:
            state.open[chance.randrange(3)] = np.array([chance.randrange(4)] * chance.randrange(30), np.int64)
        case 9:
            state.open.pop(chance.randrange(3), None)
        case 10:
            state.absorbed[chance.randrange(2)] = (chance.randrange(9), 2**31 - 1)
        case 11:
            state.nested.setdefault(name, {}).update({"r": chance.randrange(3)} if chance.random() < 0.5 else {})
        case 12:
            state.names.append(name)
        case 13:
            state.watermark_ms, state.since_ms = chance.randrange(10**12), chance.choice([None, 5])


def test_any_history_of_changes_adds_up_to_the_state() -> None:
    for seed in range(40):
        chance = random.Random(seed)
        state, pieces, tree = Outer(), Pieces(), {}
        for _ in range(60):
            for _ in range(chance.randrange(4)):
                mutate(state, chance)
            apply(tree, pieces.changes(state))
            restored = state_codec.decode(Outer, joined(tree))
            assert state_codec.encode(restored) == state_codec.encode(state), seed


def test_what_did_not_change_is_not_written() -> None:
    state = Outer({"a": Inner(closed={1: b"x" * 99}, counts={"n": 1})}, {0: np.arange(9)}, {0: (1, 2)}, watermark_ms=5)
    pieces = Pieces()
    assert pieces.changes(state)
    assert pieces.changes(state) == []
    state.inner["a"].closed = dict(state.inner["a"].closed)
    state.open = {0: np.arange(9)}
    assert pieces.changes(state) == []


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        pytest.param(lambda one: one.open[0].__setitem__(3, 7), [XOR], id="a cell of an array"),
        pytest.param(lambda one: one.open.__setitem__(0, np.arange(10)), [WHOLE], id="another shape"),
        pytest.param(lambda one: one.inner["a"].closed.__setitem__(2, b"y"), [WHOLE], id="one more window"),
        pytest.param(lambda one: one.inner["a"].closed.__setitem__(1, b"y" * 99), [XOR], id="a window, corrected"),
        pytest.param(lambda one: one.inner["a"].closed.pop(1), [WHOLE], id="the last window forgotten: an empty dict"),
        pytest.param(lambda one: one.inner.pop("a"), [WHOLE], id="a whole branch gone: an empty dict"),
        pytest.param(lambda one: one.open.pop(1), [GONE], id="an array gone"),
        pytest.param(lambda one: one.inner["a"].limits.__setitem__("x", -0.0), [WHOLE], id="the sign of a zero"),
    ],
)
def test_a_change_is_one_piece(change, kinds: list[int]) -> None:
    state = Outer({"a": Inner(closed={1: b"x" * 99}, limits={"x": 0.0})}, {0: np.arange(9), 1: np.zeros(9, np.int64)})
    pieces, tree = Pieces(), {}
    apply(tree, pieces.changes(state))
    change(state)
    changes = pieces.changes(state)
    assert [one.kind for one in changes] == kinds
    apply(tree, changes)
    assert state_codec.encode(state_codec.decode(Outer, joined(tree))) == state_codec.encode(state)
