"""Proves that a command comes from who may send one: HMAC-SHA256 by a key that only the wall and the engine hold.

What is signed is all that the record says: its JSON with sorted keys and no spaces, without the field `signature`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

SIGNATURE = "signature"

_encoder = msgspec.json.Encoder(order="sorted")


def signed(record: bytes, key: bytes) -> bytes:
    """Return a JSON object with its signature; one that it has already is replaced."""
    said = msgspec.json.decode(record, type=dict[str, Any])
    said.pop(SIGNATURE, None)
    return _encoder.encode({**said, SIGNATURE: _signature(said, key)})


def is_signed(record: bytes, key: bytes) -> bool:
    """Tell whether a JSON object carries the signature of this key; without a key nothing does.

    >>> is_signed(signed(b'{"id": "k1"}', b"key"), b"key")
    True
    >>> is_signed(b'{"id": "k1"}', b"key")
    False
    """
    said = msgspec.json.decode(record, type=dict[str, Any])
    given = str(said.pop(SIGNATURE, ""))
    return bool(key) and hmac.compare_digest(given.encode(), _signature(said, key).encode())


def _signature(said: dict[str, Any], key: bytes) -> str:
    return hmac.new(key, _encoder.encode(said), hashlib.sha256).hexdigest()
