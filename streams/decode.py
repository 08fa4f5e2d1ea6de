"""From the bytes of inbox records to rows: a fast decoder for what is well formed, a slow one that salvages the rest.

A record is a JSON object, an array of them, or NDJSON. The fast decoder takes a record whole or not at all; whatever it
refuses goes to the slow one, which judges each reading by itself, so that no good row is lost beside a bad one.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from streams.schema import Instant

if TYPE_CHECKING:
    from streams.schema import Schema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MAX_AT_MS = 2**53
"""Beyond it a JSON number is not exact, and no city clock gets there."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One reading, or one whole record, that cannot be used."""

    place: int
    reason: str
    payload: bytes


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
            return schema.decode_lines(value) or None
        return [schema.decode_one(value)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def decode_slow(value: bytes | None, schema: Schema) -> Decoded:
    """Judge a record reading by reading; never raises."""
    if not value or not value.strip():
        return Decoded(refused=[Refused(0, "empty", value or b"")])
    found = _parse(value)
    if found is _UNDECODABLE:
        return _decode_lines(value, schema)
    if isinstance(found, list):
        if not found:
            return Decoded(refused=[Refused(0, "empty", value)])
        return _judge([(item, _dump(item)) for item in found], schema)
    return _judge([(found, value)], schema)


def _decode_lines(value: bytes, schema: Schema) -> Decoded:
    lines = [line for line in value.split(b"\n") if line.strip()]
    items = [(_parse(line), line) for line in lines]
    if len(items) < 2 or all(item is _UNDECODABLE for item, _ in items):  # noqa: PLR2004 - one line is no NDJSON
        return Decoded(refused=[Refused(0, "undecodable", value)])
    return _judge(items, schema)


def _judge(items: list[tuple[Any, bytes]], schema: Schema) -> Decoded:
    decoded = Decoded()
    for place, (item, payload) in enumerate(items):
        judged = "undecodable" if item is _UNDECODABLE else _reading(item, schema)
        if isinstance(judged, str):
            decoded.refused.append(Refused(place, judged, payload))
        else:
            decoded.readings.append(judged)
            decoded.places.append(place)
            decoded.unknown_fields += sum(name not in schema.low for name in item) - 2
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
    except (msgspec.ValidationError, OverflowError):
        return None
    return instant if abs(instant) <= MAX_AT_MS else None


_UNDECODABLE = object()


def _parse(text: bytes) -> Any:  # noqa: ANN401 - any JSON value, or _UNDECODABLE
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError):
        return _UNDECODABLE


def _dump(item: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
