"""From the bytes of inbox records to rows: a fast decoder for what is well formed, a slow one that salvages the rest.

A record is a JSON object, an array of them, or NDJSON, plain or packed (`streams.intake.packing`). The fast decoder
takes a record whole or not at all; whatever it refuses goes to the slow one, which judges each reading by itself, so
that no good row is lost beside a bad one, and each value, so that no good value is.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from streams.broker.topics import INBOX_MAX_BYTES
from streams.intake import packing
from streams.intake.instants import NUMBER, instant, why_not

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.domains.schema import Schema

NOT_FINITE, WRONG_TYPE = math.inf, -math.inf
"""What stands in a column for a value that is no finite number, or none at all; `streams.intake.values` refuses it."""
MOST_DIGITS = 400
"""A whole number with more of them is beyond every double."""
MOST_REFUSED = 10_000
"""Bad readings of one record that become dead letters, the last of them with the record's bytes for all that follow:
eight megabytes can hold four million."""
AT = attrgetter("at")
WHOLE = frozenset({int})
_BLANK = " \t\n\r\ufeff"
"""JSON's white space, and the byte order mark of a file that was put behind another."""
_NOTHING = re.compile(rb"(?:\s++|\xef\xbb\xbf)*+")
_ARRAY = re.compile(_NOTHING.pattern + rb"\[")
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
    detail: str = ""
    """What more there is to say, in a sentence."""
    column: str = ""
    """The column whose value was refused; "" = the whole reading was."""


@dataclass
class Decoded:
    """What one record held: `readings[i]` stood at `places[i]`."""

    readings: list[Any] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unknown_fields: int = 0


def decode_fast(value: bytes, schema: Schema) -> list[Any] | None:
    """Return the record's readings when every one is well formed, else None: ask `decode_slow`."""
    plain, _ = packing.plain(value)
    if plain is None:
        return None
    try:
        readings = _all(plain, schema)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return readings if readings and timed(readings) else None


def _all(value: bytes, schema: Schema) -> list[Any]:
    if value[:1] == b"[":
        return schema.decode_many(value)
    if b"\n" in value:
        readings = schema.decode_lines(value)
        return readings if len(readings) == _lines(value) == _objects(value) else []
    return [schema.decode_one(value)]


def timed(readings: Sequence[Any]) -> bool:
    """Read each `at` that came as text; whether all of them are instants."""
    if WHOLE.issuperset(map(type, map(AT, readings))):
        return True
    for reading in readings:
        at_ms = instant(reading.at)
        if at_ms is None:
            return False
        reading.at = at_ms
    return True


def _lines(value: bytes) -> int:
    return value.count(b"\n") + (value[-1:] != b"\n")


def _objects(value: bytes) -> int:
    """Count the lines that begin with an object: msgspec minds no line ends, so an object of two lines would pass."""
    return value.count(b"\n{") + (value[:1] == b"{")


def decode_slow(value: bytes | None, schema: Schema) -> Decoded:
    """Judge a record reading by reading; never raises."""
    plain, detail = packing.plain(value or b"")
    if value is None or (plain is not None and _NOTHING.fullmatch(plain)):
        return Decoded(refused=[Refused(0, "empty", value or b"")])
    items = _items(plain) if plain is not None and len(plain) <= INBOX_MAX_BYTES else None
    if items is None:
        return Decoded(refused=[Refused(0, "undecodable", value, detail=detail or _why(plain or b""))])
    return _judge(items, value, schema) if items else Decoded(refused=[Refused(0, "empty", value)])


def originals(value: bytes) -> list[bytes]:
    """Return the bytes of each reading of a record that was decoded, by its place."""
    plain, _ = packing.plain(value)
    return [payload for _, payload in _items(plain or b"") or ((None, value),)]


def object_of(payload: bytes) -> dict[str, Any]:
    """Return the object that a reading's bytes hold, a bare `nan` in it or not; empty where they hold none."""
    found = _parse(payload)
    return found if isinstance(found, dict) else {}


def _items(value: bytes) -> list[tuple[Any, bytes]] | None:
    """Take a record apart → (any JSON value, or _UNDECODABLE; its bytes) of each reading; None = it holds none."""
    whole = _whole(value)
    if whole is not None:
        return whole
    lines = [line for line in value.split(b"\n") if not _NOTHING.fullmatch(line)]
    items = [(_parse(line), line) for line in lines]
    if len(items) < 2 or all(item is _UNDECODABLE for item, _ in items):  # noqa: PLR2004 - one line is no NDJSON
        return None
    return items


def _whole(value: bytes) -> list[tuple[Any, bytes]] | None:
    """Take a record apart that is one JSON value, or would be if it had no bare `nan` in it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return _salvaged(value)
    for one in packing.with_numbers_for_words(text):
        try:
            return _elements(one, text) if _OPEN.match(one) else [(_decoder.decode(one.strip(_BLANK)), value)]
        except (ValueError, RecursionError):
            continue
    return _salvaged(value)


def _salvaged(value: bytes) -> list[tuple[Any, bytes]] | None:
    """Take an array apart that is none for a text, number or word in it: each element is judged by its own bytes."""
    if not _ARRAY.match(value):
        return None
    text = value.decode(errors="surrogateescape")  # each byte that is no character stands for itself
    try:
        elements = _elements(packing.with_harmless_words(text), text)
    except (ValueError, RecursionError):
        return None
    return [(_parse(payload), payload) for _, payload in elements]


def _elements(text: str, came: str) -> list[tuple[Any, bytes]]:
    """Take a JSON array apart, each element with its own bytes out of the text as it `came`, as long as this one."""
    items: list[tuple[Any, bytes]] = []
    begin = _OPEN.match(text)
    if begin is None or begin.end() == len(text):
        raise ValueError("no array begins here, or nothing else does")
    at, closed = begin.end(), text[begin.end()] == "]"
    if closed:
        at = len(text) - len(text[at + 1 :].lstrip(_BLANK))
    while not closed:
        item, end = _decoder.raw_decode(text, at)
        between = _BETWEEN.match(text, end)
        if between is None:
            raise ValueError("an array goes on with a comma, or it ends")
        payload = came[at : between.start(1)].rstrip(_BLANK)  # a word may be longer than what stands for it
        items.append((item, payload.encode("utf-8", "surrogateescape")))
        at, closed = between.end(), between[1] == "]"
    if at != len(text):
        raise ValueError("nothing follows an array")
    return items


def _judge(items: list[tuple[Any, bytes]], value: bytes, schema: Schema) -> Decoded:
    decoded = Decoded()
    for place, (item, payload) in enumerate(items):
        judged, detail = ("undecodable", _why(payload)) if item is _UNDECODABLE else _reading(item, schema)
        if not isinstance(judged, str):
            decoded.readings.append(judged)
            decoded.places.append(place)
            decoded.unknown_fields += sum(name not in schema.low for name in item) - 2
        elif len(decoded.refused) < MOST_REFUSED - 1:
            decoded.refused.append(Refused(place, judged, payload, detail=detail))
        elif len(decoded.refused) < MOST_REFUSED:
            decoded.refused.append(Refused(place, judged, value, detail=detail))
    return decoded


def _reading(item: Any, schema: Schema) -> tuple[Any, str]:  # noqa: ANN401 - any JSON value
    """Judge one item → a reading, or the reason against it and what more there is to say."""
    if not isinstance(item, dict):
        return "not_an_object", ""
    sensor = item.get("sensor")
    if sensor is None:
        return "no_sensor", ""
    if not isinstance(sensor, str):
        return "wrong_type", "`sensor` is text"
    at = item.get("at")
    if at is None:
        return "no_time", ""
    at_ms = instant(at)
    if at_ms is None:
        return "bad_time", why_not(at)
    values = {name: _value(item[name]) for name in schema.names if item.get(name) is not None}
    return schema.reading(sensor=sensor, at=at_ms, **values), ""


def _value(value: Any) -> float:  # noqa: ANN401 - any JSON value
    """Return a measurement; text that is wholly a JSON number is that number."""
    if isinstance(value, str):
        if not NUMBER.fullmatch(value):
            return WRONG_TYPE
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return WRONG_TYPE
    try:
        number = float(value)
    except OverflowError:
        return NOT_FINITE
    return number if math.isfinite(number) else NOT_FINITE


_UNDECODABLE = object()


def _parse(line: bytes) -> Any:  # noqa: ANN401 - any JSON value, or _UNDECODABLE
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return _UNDECODABLE
    for one in packing.with_numbers_for_words(text):
        try:
            return _decoder.decode(one.strip(_BLANK))
        except (ValueError, RecursionError):
            continue
    return _UNDECODABLE


def _why(value: bytes) -> str:
    """Say what of bytes that are no JSON is no text either."""
    try:
        value.decode()
    except UnicodeDecodeError as exc:
        return f"byte {exc.start} is not UTF-8; JSON between systems is UTF-8"
    return ""


def _int(digits: str) -> int | float:
    """Read a whole number; Python refuses one of thousands of digits, which would cost the record its good rows."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


_decoder = json.JSONDecoder(parse_int=_int)
