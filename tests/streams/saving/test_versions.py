"""Versions and shapes: whatever changes in a state's fields shows, and nothing else does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, make_dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streams.errors import FrameError
from streams.saving import state as state_codec
from streams.saving.versions import Form, check, digest, shape


@dataclass
class Inner:
    at_ms: NDArray[np.int64]
    note: str | None = None


@dataclass
class Outer:
    inner: dict[int, Inner] = field(default_factory=dict)
    pairs: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class Again:
    inner: dict[int, Inner] = field(default_factory=lambda: {1: Inner(np.zeros(3, np.int64))})
    pairs: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class Chained:
    next: Chained | None = None


def test_a_shape_names_fields_and_types_through_all_that_they_hold() -> None:
    inner = "{at_ms:array[int64],note:Union[NoneType,str]}"
    assert shape(Outer) == "{inner:dict[int," + inner + "],pairs:list[tuple[int,float]]}"
    assert shape(Chained) == "{next:Union[NoneType,^0]}"


def test_a_class_by_another_name_with_other_defaults_has_the_same_shape() -> None:
    assert digest(Again) == digest(Outer)


@pytest.mark.parametrize(
    "fields",
    [
        [("inner", dict[int, Inner]), ("pairs", list[tuple[int, float]]), ("more", int)],
        [("inner", dict[int, Inner])],
        [("inside", dict[int, Inner]), ("pairs", list[tuple[int, float]])],
        [("inner", dict[str, Inner]), ("pairs", list[tuple[int, float]])],
        [("inner", dict[int, Inner]), ("pairs", list[tuple[int, int]])],
    ],
    ids=["added", "removed", "renamed", "other key", "other inner type"],
)
def test_a_changed_field_changes_the_digest(fields: list[tuple[str, Any]]) -> None:
    assert digest(make_dataclass("Outer", fields)) != digest(Outer)


def test_a_digest_is_the_same_in_every_process() -> None:
    code = "from streams.saving.versions import digest; from streams.zone.seen import Seen; print(digest(Seen))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    from streams.zone.seen import Seen

    assert printed.strip() == digest(Seen)


@dataclass
class Before:
    kept: int = 1
    gone: int = 2
    spots: dict[tuple[int, int], bytes] = field(default_factory=lambda: {(1, 2): b"x"})
    cells: NDArray[np.float64] = field(default_factory=lambda: np.array([np.nan]))


@dataclass
class Longer(Before):
    more: int = 0


@dataclass
class Shorter:
    kept: int = 1
    spots: dict[tuple[int, int], bytes] = field(default_factory=dict)
    cells: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


@pytest.mark.parametrize(("kind", "fits"), [(Before, True), (Longer, False), (Shorter, False)])
def test_bytes_without_a_form_are_read_by_exactly_their_fields(kind: type, fits: bool) -> None:
    data = state_codec.encode(Before())
    assert (state_codec.decode_exact(kind, data) is not None) == fits


@pytest.mark.parametrize(
    ("saved", "sentence"),
    [(Form(3, "a"), "newer CityWall"), (Form(2, "b"), "other fields"), (Form(1, "a"), "version 1")],
)
def test_a_stage_does_not_go_on_with_a_state_that_is_not_its_own(saved: Form, sentence: str) -> None:
    check(Form(2, "a"), Form(2, "a"), "the state")
    with pytest.raises(FrameError, match=sentence):
        check(saved, Form(2, "a"), "the state")
