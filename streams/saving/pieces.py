"""A state as pieces: what changed since it was saved last, and the state again from what was saved.

A state (`streams.saving.state`) is a tree of dataclasses and dicts. A piece is one leaf of it: an array, bytes, a
scalar, a list, or a dict of scalars, as MessagePack. What cannot have changed (the same bytes, an equal dict) is not
even encoded; a piece that kept its length travels as the XOR with what it was, which is nearly all zeros and compresses
away. So a change costs what changed, whatever the size of its array.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
import numpy as np

from streams.saving import state as state_codec

if TYPE_CHECKING:
    from collections.abc import Iterable

WHOLE, XOR, GONE = range(3)
"""Kinds of change: this is the piece now; combine it with what it was; neither it nor anything below it is there."""

XOR_FROM_BYTES = 64
"""Shorter pieces are written whole."""

Tree: TypeAlias = "dict[bytes, bytes | Tree]"
"""Packed key or name of a field → piece, or what lies below."""

_SCALARS = frozenset({int, float, str, bool, type(None)})
_COMPARABLE = frozenset({int, str, bytes})
"""Types whose equal values have equal bytes, as long as a dict's values keep their type."""
_KNOWN = frozenset({int, str, bool, bytes, dict})
"""Types whose value is remembered and compared; a float is not: 0.0 equals -0.0."""

_Path: TypeAlias = "tuple[_Path, Any] | None"
"""What lies above and the key; it becomes a tuple only where something changed."""


class Change(NamedTuple):
    """What became of a piece."""

    path: tuple[bytes, ...]
    """Packed keys from the root."""
    kind: int
    data: bytes


class _Kept:
    """What is remembered of a node.

    `packed`: a leaf's bytes, but for bytes themselves. `value`: what can be compared with at no cost: an immutable
    leaf, a copy of a dict of such, an array's dtype and shape. `inner`: what lies below.
    """

    __slots__ = ("inner", "packed", "value")

    def __init__(self, value: Any = None, packed: bytes = b"", inner: dict[Any, _Kept] | None = None) -> None:  # noqa: ANN401 - a state holds values of many types
        self.value = value
        self.packed = packed
        self.inner = inner

    def bytes(self) -> bytes:
        return state_codec.encode(self.value) if type(self.value) is bytes else self.packed


_NOTHING = _Kept()


class Pieces:
    """A state as it was last. Invariant: the changes yielded so far, applied in order, make it."""

    def __init__(self) -> None:
        self._root = _Kept(inner={})

    def changes(self, state: object) -> list[Change]:
        """Return what differs from the state of the last call: of the first one everything."""
        found: list[Change] = []
        self._root = _below(_children(state) or {}, self._root, None, found)
        return found


_NAMES: dict[type, tuple[str, ...]] = {}
"""Type → its fields, none where it is no dataclass: asked once a type, not once a node."""


def _names(kind: type) -> tuple[str, ...]:
    found = _NAMES.get(kind)
    if found is None:
        found = _NAMES[kind] = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
    return found


def _children(value: Any) -> dict[Any, Any] | None:  # noqa: ANN401 - a state holds values of many types
    """Return what lies below a node, None where it is a leaf."""
    if names := _names(type(value)):
        return {name: getattr(value, name) for name in names}
    if isinstance(value, dict) and not all(type(one) in _SCALARS for one in value.values()):
        return value
    return None


def _compare(value: Any, before: _Kept, path: _Path, found: list[Change]) -> _Kept:  # noqa: ANN401 - see above
    kind, known = type(value), before.value
    if kind is np.ndarray:
        if known == (value.dtype, value.shape) and before.packed.endswith(value.tobytes()):
            return before
        return _leaf(value, before, path, found)
    if kind in _KNOWN and kind is type(known) and known == value:
        return before
    children = _children(value)
    return _leaf(value, before, path, found) if children is None else _below(children, before, path, found)


def _below(children: dict[Any, Any], before: _Kept, path: _Path, found: list[Change]) -> _Kept:
    inner = {} if before.inner is None else before.inner
    for key in [key for key in inner if key not in children]:
        del inner[key]
        found.append(Change(_packed((path, key)), GONE, b""))
    for key, value in children.items():
        inner[key] = _compare(value, inner.get(key, _NOTHING), (path, key), found)
    return _Kept(_copy(children), b"", inner)


def _leaf(value: Any, before: _Kept, path: _Path, found: list[Change]) -> _Kept:  # noqa: ANN401 - see above
    packed, old = state_codec.encode(value), before.bytes()
    if packed != old:
        alike = len(old) == len(packed) >= XOR_FROM_BYTES
        found.append(Change(_packed(path), XOR if alike else WHOLE, xor(old, packed) if alike else packed))
    if isinstance(value, np.ndarray):
        return _Kept((value.dtype, value.shape), packed)
    if isinstance(value, dict):
        return _Kept(_copy(value), packed)
    return _Kept(value if type(value) in _KNOWN else None, b"" if type(value) is bytes else packed)


def _copy(value: dict[Any, Any]) -> dict[Any, Any] | None:
    """Return a copy to compare with later, None where equal values may be other bytes."""
    return dict(value) if all(type(one) in _COMPARABLE for one in value.values()) else None


def _packed(path: _Path) -> tuple[bytes, ...]:
    keys = []
    while path is not None:
        path, key = path
        keys.append(state_codec.encode(key))
    return tuple(keys[::-1])


def xor(one: bytes, other: bytes) -> bytes:
    """Combine two pieces of one length; combined with either, the result is the other.

    >>> xor(xor(b"before", b"after!"), b"before")
    b'after!'
    """
    return (np.frombuffer(one, np.uint8) ^ np.frombuffer(other, np.uint8)).tobytes()


def apply(tree: Tree, changes: Iterable[tuple[tuple[bytes, ...], int, bytes]]) -> None:
    """Bring a tree to the state that the changes lead to."""
    for path, kind, data in changes:
        *above, last = path
        node = tree
        for key in above:
            inner = node.get(key)
            if not isinstance(inner, dict):
                inner = node[key] = {}
            node = inner
        old = node.get(last)
        if kind == GONE:
            node.pop(last, None)
        else:
            node[last] = xor(old, data) if kind == XOR and isinstance(old, bytes) else data


def by_name(tree: Tree) -> dict[str, Any]:
    """Return what lies below keys that are text."""
    return {msgspec.msgpack.decode(key, type=str): below for key, below in tree.items()}


def take_bytes(tree: Tree, name: str) -> dict[str, bytes]:
    """Take a field that holds states by name out of a tree → the bytes of each."""
    found = tree.pop(state_codec.encode(name), b"")
    return {} if isinstance(found, bytes) else {one: joined(below) for one, below in by_name(found).items()}


def joined(tree: Tree | bytes) -> bytes:
    """Return a tree as one state's bytes, for `state.decode`; keys in the order that `encode` gives them."""
    if isinstance(tree, bytes):
        return tree
    inner_bytes = b"".join(key + joined(tree[key]) for key in sorted(tree))
    return b"\xdf" + len(tree).to_bytes(4, "big") + inner_bytes  # map 32 of MessagePack
