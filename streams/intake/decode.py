"""From the bytes of inbox records to rows: a fast decoder for what is well formed, a slow one that salvages the rest.

A record is a JSON object, an array of them, or NDJSON. The fast decoder takes a record whole or not at all; whatever it
refuses goes to the slow one, which judges each reading by itself, so that no good row is lost beside a bad one.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from streams.broker.topics import INBOX_MAX_BYTES
from streams.domains.schema import Instant

if TYPE_CHECKING:
    from streams.domains.schema import Schema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MAX_AT_MS = 2**53
"""Beyond it a JSON number is not exact, and no city clock gets there."""
MOST_DIGITS = 400
"""A whole number with more of them is beyond every double."""
MOST_REFUSED = 10_000
"""Bad readings of one record that become dead letters, the last of them with the record's bytes for all that follow:
eight megabytes can hold four million."""
_BLANK = " \t\n\r"
"""JSON's white space."""
_OPEN = re.compile(rf"[{_BLANK}]*\[[{_BLANK}]*")
_BETWEEN = re.compile(rf"[{_BLANK}]*([],])[{_BLANK}]*")


@dataclass(frozen=True, slots=True)
class Refused:
    """One reading, or one whole record, that cannot be used."""

    place: int
    reason: str
    payload: bytes
    book_ms: int | None = None
    """When it counts, None = it has no time of its own; see `streams.accounts.ledger`."""


@dataclass
class Decoded:
    """What one record held: `readings[i]` stood at `places[i]`."""

    readings: list[Any] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unknown_fields: int = 0


def epoch_ms(at: int | datetime) -> int:
    """Return the instant as epoch milliseconds, rounded down.

    >>> epoch_ms(datetime(2014, 8, 20, 0, 0, 0, 1500, tzinfo=UTC))
    1408492800001
    """
    return at if isinstance(at, int) else (at - EPOCH) // MILLISECOND


def decode_fast(value: bytes, schema: Schema) -> list[Any] | None:
    """Return the record's readings when every one is well formed, else None: ask `decode_slow`."""
    try:
        if value[:1] == b"[":
            return schema.decode_many(value) or None
        if b"\n" in value:
            readings = schema.decode_lines(value)
            return readings if len(readings) == _lines(value) == _objects(value) else None
        return [schema.decode_one(value)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _lines(value: bytes) -> int:
    return value.count(b"\n") + (value[-1:] != b"\n")


def _objects(value: bytes) -> int:
    """Count the lines that begin with an object: msgspec minds no line ends, so an object of two lines would pass."""
    return value.count(b"\n{") + (value[:1] == b"{")


def decode_slow(value: bytes | None, schema: Schema) -> Decoded:
    """Judge a record reading by reading; never raises."""
    if not value or not value.strip():
        return Decoded(refused=[Refused(0, "empty", value or b"")])
    items = _items(value) if len(value) <= INBOX_MAX_BYTES else None
    if items is None:
        return Decoded(refused=[Refused(0, "undecodable", value)])
    return _judge(items, value, schema) if items else Decoded(refused=[Refused(0, "empty", value)])


def originals(value: bytes) -> list[bytes]:
    """Return the bytes of each reading of a record that was decoded, by its place."""
    return [payload for _, payload in _items(value) or ((None, value),)]


def _items(value: bytes) -> list[tuple[Any, bytes]] | None:
    """Take a record apart → (any JSON value, or _UNDECODABLE; its bytes) of each reading; None = it holds none."""
    try:
        text = value.decode()
        return _elements(text) if _OPEN.match(text) else [(_decoder.decode(text), value)]
    except (ValueError, RecursionError):
        pass
    lines = [line for line in value.split(b"\n") if line.strip()]
    items = [(_parse(line), line) for line in lines]
    if len(items) < 2 or all(item is _UNDECODABLE for item, _ in items):  # noqa: PLR2004 - one line is no NDJSON
        return None
    return items


def _elements(text: str) -> list[tuple[Any, bytes]]:
    """Take a JSON array apart, each element with its own bytes."""
    items: list[tuple[Any, bytes]] = []
    begin = _OPEN.match(text)
    if begin is None or begin.end() == len(text):
        raise ValueError("no array begins here, or nothing else does")
    at, closed = begin.end(), text[begin.end()] == "]"
    if closed:
        at = len(text) - len(text[at + 1 :].lstrip(_BLANK))
    while not closed:
        item, end = _decoder.raw_decode(text, at)
        items.append((item, text[at:end].encode()))
        between = _BETWEEN.match(text, end)
        if between is None:
            raise ValueError("an array goes on with a comma, or it ends")
        at, closed = between.end(), between[1] == "]"
    if at != len(text):
        raise ValueError("nothing follows an array")
    return items


def _judge(items: list[tuple[Any, bytes]], value: bytes, schema: Schema) -> Decoded:
    decoded = Decoded()
    for place, (item, payload) in enumerate(items):
        judged = "undecodable" if item is _UNDECODABLE else _reading(item, schema)
        if not isinstance(judged, str):
            decoded.readings.append(judged)
            decoded.places.append(place)
            decoded.unknown_fields += sum(name not in schema.low for name in item) - 2
        elif len(decoded.refused) < MOST_REFUSED - 1:
            decoded.refused.append(Refused(place, judged, payload))
        elif len(decoded.refused) < MOST_REFUSED:
            decoded.refused.append(Refused(place, judged, value))
    return decoded


def _reading(item: Any, schema: Schema) -> Any:  # noqa: ANN401 - any JSON value → a reading, or the reason against it
    if not isinstance(item, dict):
        return "not_an_object"
    sensor = item.get("sensor")
    if sensor is None:
        return "no_sensor"
    if not isinstance(sensor, str):
        return "wrong_type"
    if item.get("at") is None:
        return "no_time"
    at = _instant(item["at"])
    if at is None:
        return "bad_time"
    values = {}
    for name in schema.names:
        value = item.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "wrong_type"
        try:
            values[name] = float(value)
        except OverflowError:
            return "not_finite"
        if not math.isfinite(values[name]):
            return "not_finite"
    return schema.reading(sensor=sensor, at=at, **values)


def _instant(at: Any) -> int | None:  # noqa: ANN401 - any JSON value
    if isinstance(at, bool):
        return None
    if isinstance(at, float):
        at = int(at) if math.isfinite(at) and at == int(at) else None
    try:
        instant = epoch_ms(msgspec.convert(at, Instant))
    except (msgspec.ValidationError, OverflowError, UnicodeEncodeError):
        return None
    return instant if abs(instant) <= MAX_AT_MS else None


_UNDECODABLE = object()


def _parse(text: bytes) -> Any:  # noqa: ANN401 - any JSON value, or _UNDECODABLE
    try:
        return _decoder.decode(text.decode())
    except (ValueError, RecursionError):
        return _UNDECODABLE


def _int(digits: str) -> int | float:
    """Read a whole number; Python refuses one of thousands of digits, which would cost the record its good rows."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


_decoder = json.JSONDecoder(parse_int=_int)
