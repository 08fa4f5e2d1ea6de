"""Versions of states: a number that is raised by hand, and the shape of the types, which cannot be forgotten.

A state is continued only by code whose version and shape of it are the same, or that knows how to migrate it. So a
field that was added, renamed or removed is never silently its default.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from streams.errors import FrameError


class Form(NamedTuple):
    """What a state's bytes are the bytes of."""

    version: int
    shape: str


class Forms(msgspec.Struct, frozen=True):
    """The forms of all that a saved state holds."""

    own: Form = Form(0, "")
    """Of the stage's own part."""
    processors: dict[str, Form] = {}


def form_of(kind: type, version: int) -> Form:
    """Return the form of states of a type."""
    return Form(version, digest(kind))


def check(saved: Form, now: Form, what: str) -> None:
    """Raise FrameError where this version cannot go on with a state of its own version's number or a higher one."""
    if saved.version > now.version:
        raise FrameError(
            f"{what} was written by a newer CityWall (version {saved.version}, here {now.version}); start it"
        )
    if saved != now:
        raise FrameError(
            f"{what} of version {saved.version} has other fields than this CityWall's version {now.version}; start the "
            "CityWall that wrote it"
        )


@cache
def digest(kind: type) -> str:
    """Return what tells a type's shape from another's: 16 hexadecimal digits."""
    return hashlib.sha256(shape(kind).encode()).hexdigest()[:16]


def shape(kind: Any, above: tuple[Any, ...] = ()) -> str:  # noqa: ANN401 - types have no common type
    """Describe a type: names and types of fields, through all that they hold; names of classes do not matter.

    >>> shape(dict[str, tuple[int, float | None]])
    'dict[str,tuple[int,Union[NoneType,float]]]'
    """
    if kind in above:
        return f"^{above[::-1].index(kind)}"
    if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        hints = get_type_hints(kind)
        names = [one.name for one in fields(kind)] if is_dataclass(kind) else list(kind.__struct_fields__)
        return "{" + ",".join(f"{name}:{shape(hints[name], (*above, kind))}" for name in names) + "}"
    origin, inside = get_origin(kind), get_args(kind)
    if origin is None:
        return str(getattr(kind, "__name__", kind))
    if origin is np.ndarray:  # what else its alias holds is numpy's affair, and changes with it
        return f"array[{shape(get_args(inside[-1])[0])}]"
    name = str(getattr(origin, "__name__", origin)).replace("UnionType", "Union")
    words = [one if isinstance(one, str) else shape(one, above) for one in inside]
    return f"{name}[{','.join(sorted(words) if name == 'Union' else words)}]"
