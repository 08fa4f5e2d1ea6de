"""The journal's records: hash-chained, so that one writer's word stands and no word can be changed unseen.

A record's value is canonical JSON (keys sorted, no spaces) and a last field `hash`: the SHA-256 of the text without it.
Each record names the hash of the one before; a record that does not follow the head is void, whoever wrote it.
Each names its version. A sealed record that this code does not understand is neither broken nor void: nobody may go on
beside it, so whoever reads it ends.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from alerts.earlier import ENGINE_TIMES, upgraded
from alerts.events import Cause, Event
from streams.errors import FrameError

VERSION = 10
"""Of the records that this code writes. 1: those that name none, of CityWall 0.1.0; 3 knows alarms that are retired,
and who found what with which version of the city; 4 knows engine time, and commands but acknowledging; 5 the
city clock, all that covers alarms, incidents and what was shown; 6 which sensors tell of an alarm, which alarms of
equipment one makes the operators' own, and the keys of requests; 7 the city's desks; 8 sees to more at once
(`SEEN_TO`); 9 and 10 keep better what a person did (`GIVEN_BACK`, `STEADIED`). It rises with a new event, a new field,
or a new meaning of one; `alerts.earlier` reads those below 4."""

GENESIS = "0" * 64
"""What the first record follows."""

_HASH = b',"hash":"%s"}'
_HASH_BYTES = len(_HASH % bytes(64))


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of inputs did, whole or absent."""

    seq: int
    """1 for the first of the chain, then one more each."""
    previous: str
    events: tuple[Event, ...]
    causes: tuple[Cause | None, ...]
    """(k,) of each event, None = time made it."""
    times_ms: tuple[int, ...] = ()
    """(k,) engine time of each event."""
    covers: dict[str, int]
    """Topic → next offset: every input below is judged."""
    version: int = 1


class _Version(msgspec.Struct, frozen=True):
    version: int = 1


class Head(NamedTuple):
    """The newest valid record, as far as the next one needs it."""

    seq: int = 0
    hash: str = GENESIS

    def follows(self, record: Record) -> bool:
        """Tell whether the record is the next of the chain."""
        return record.previous == self.hash and record.seq == self.seq + 1


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Record)
_versions = msgspec.json.Decoder(_Version)


def seal(record: Record) -> bytes:
    """Encode a record with its hash."""
    body = _encoder.encode(record)
    return body[:-1] + _HASH % hashlib.sha256(body).hexdigest().encode()


def hash_of(value: bytes) -> str:
    """Return the hash that ends a sealed record."""
    return value[-66:-2].decode()


def unseal(value: bytes) -> tuple[Record, str] | None:
    """Decode a record → it and its hash, None when its bytes are not as they were sealed.

    Raises FrameError when they are, and this version does not understand them.
    """
    body = value[:-_HASH_BYTES] + b"}"
    digest = hashlib.sha256(body).hexdigest()
    if value[-_HASH_BYTES:] != _HASH % digest.encode():
        return None
    try:
        record = _decoder.decode(body) if _versions.decode(body).version >= ENGINE_TIMES else _earlier(body)
    except msgspec.ValidationError as exc:
        raise FrameError(_not_understood(body, str(exc))) from exc
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if record.version > VERSION:
        raise FrameError(_not_understood(body, f"version {record.version}, this one knows {VERSION}"))
    return (record, digest) if len(record.events) == len(record.causes) == len(record.times_ms) else None


def _earlier(body: bytes) -> Record:
    return msgspec.convert(upgraded(msgspec.json.decode(body)), Record)


def _not_understood(body: bytes, why: str) -> str:
    found = msgspec.json.decode(body)
    seq = found.get("seq", "?") if isinstance(found, dict) else "?"
    return f"the journal's record {seq} was written by a newer CityWall ({why}); start that one again, nothing is lost"
