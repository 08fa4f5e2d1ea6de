"""A processor's state as bytes and back: the same bytes for equal states, on every machine.

A state is a dataclass whose fields are numpy arrays (no objects), dicts, lists, tuples, str, int, float, bool, bytes,
None and further dataclasses; its field types say which, so they must be importable at run time (no `TYPE_CHECKING`).
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from streams.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

_ARRAY = 1
"""MessagePack extension code of an array: (dtype, shape, bytes)."""
_ALLOWED_KINDS = "biuf"
"""Numpy kinds that bytes can carry: bool, int, unsigned, float."""
_SCALARS = frozenset({int, float, str, bool, bytes, type(None)})
_pack = msgspec.msgpack.Encoder().encode


def encode(state: object) -> bytes:
    """Return a state as MessagePack; dicts are sorted by their keys' bytes, arrays are little-endian and C-ordered."""
    return _pack(_plain(state))


def decode(kind: type[T], data: bytes | memoryview) -> T:
    """Return the state of type `kind` that `encode` wrote.

    Raises FrameError when the bytes are no such state, e.g. after a field was added.
    """
    try:
        return msgspec.msgpack.decode(data, type=kind, dec_hook=_typed, ext_hook=_extension)
    except (msgspec.DecodeError, ValueError, TypeError) as exc:
        raise FrameError(f"these bytes are no {kind.__name__}: {exc}; state of another version cannot be read") from exc


def decode_exact(kind: type[T], data: bytes | memoryview) -> T | None:
    """Return the state, None when its bytes have other fields than `kind`, or of other types."""
    try:
        state = decode(kind, data)
    except FrameError:
        return None
    return state if _same_keys(msgspec.msgpack.decode(data), msgspec.msgpack.decode(encode(state))) else None


def _same_keys(one: Any, other: Any) -> bool:  # noqa: ANN401 - MessagePack of any kind
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_keys(inner, other[key]) for key, inner in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_keys, one, other))
    return True


def _plain(value: Any) -> Any:  # noqa: ANN401 - a state holds values of many types
    if isinstance(value, np.ndarray):
        return _packed_array(value)
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        if all(type(key) is str and type(inner) in _SCALARS for key, inner in value.items()):
            return dict(sorted(value.items()))
        pairs = [(_pack(_plain(key)), _plain(key), _plain(inner)) for key, inner in value.items()]
        return {key: inner for _, key, inner in sorted(pairs, key=lambda pair: pair[0])}
    if isinstance(value, tuple):
        return tuple(_plain(inner) for inner in value)
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _packed_array(array: NDArray[Any]) -> msgspec.msgpack.Ext:
    if array.dtype.kind not in _ALLOWED_KINDS:
        raise TypeError(f"a state's array must be bool, int or float, not {array.dtype}")
    little = array.dtype.newbyteorder("<")
    return msgspec.msgpack.Ext(_ARRAY, _pack((little.str, array.shape, array.astype(little, copy=False).tobytes())))


def _extension(code: int, data: memoryview) -> NDArray[Any]:
    if code != _ARRAY:
        raise ValueError(f"extension {code} is unknown")
    dtype, shape, buffer = msgspec.msgpack.decode(data, type=tuple[str, tuple[int, ...], bytes])
    return np.frombuffer(buffer, np.dtype(dtype).newbyteorder("=")).reshape(shape).copy()


def _typed(kind: Any, value: Any) -> Any:  # noqa: ANN401 - msgspec hands over whatever stands there
    if not isinstance(value, np.ndarray):
        raise TypeError(f"an array was expected, not {type(value).__name__}")
    wanted = _dtype(kind)
    if wanted is not None and value.dtype != wanted:
        raise TypeError(f"an array of {wanted} was expected, not {value.dtype}")
    return value


def _dtype(kind: Any) -> np.dtype[Any] | None:  # noqa: ANN401 - `NDArray[x]` is a generic alias
    arguments = getattr(kind, "__args__", ())
    inner = getattr(arguments[-1], "__args__", ()) if arguments else ()
    return np.dtype(inner[0]) if inner and isinstance(inner[0], type) else None
