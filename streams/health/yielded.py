"""What a processor yields, looked at once, right where it was called: whatever is wrong with it is its maker's failure.

What others trip over later (a count that is none, a state that cannot be saved, a detection that nobody can read) would
end the process where nobody knows whose it was. Numbers of numpy are as good as Python's own; they become those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import structs

from streams.broker import topics
from streams.contract.metric_frames import encode_metrics, encode_parts
from streams.contract.records import ROW_TYPES, Detection, LevelChange, Result, Rows
from streams.contract.stage import Message
from streams.health.blame import named, reason_of
from streams.saving import state as state_codec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.city.registry import City
    from streams.contract.records import MetricFrame
    from streams.contract.spec import Hosted

DETECTION_BYTES = 2**18
"""No detection is larger: Kafka takes four times that, and a wall shows a line of it."""

MOST = 2**53
"""No count is so large; sums of smaller ones can be saved."""

_DTYPES = {name: np.dtype(kind) for name, kind in ROW_TYPES.items()}
_OBJECT = np.dtype(np.object_)
_NO_ROWS = Rows.empty()


def step(hosted: Hosted, state: Any, frame: Any, city: City) -> tuple[Result[Any], list[Message]]:  # noqa: ANN401 - of any processor
    """Have a processor take a frame → its result, and its detections as messages. To be called guarded.

    The detections of the result are as their readers read them: what was a number of numpy is one of Python.
    """
    result = _checked(hosted.spec.step(state, frame, city, hosted.config), state)
    if not result.detections:
        return result, []
    read, messages = zip(*(_told(one, hosted.name, city.number) for one in result.detections), strict=True)
    return replace(result, detections=read), list(messages)


def live(hosted: Hosted, state: Any, sensors: NDArray[np.int32], city: City) -> Rows:  # noqa: ANN401 - of any processor
    """Return a processor's provisional rows. To be called guarded."""
    return Rows.empty() if hosted.spec.live is None else _rows(hosted.spec.live(state, sensors, city, hosted.config))


def standing(hosted: Hosted, state: Any) -> list[LevelChange]:  # noqa: ANN401 - of any processor
    """Return the levels that a processor has given and not taken back. To be called guarded."""
    found = () if hosted.spec.stands is None else hosted.spec.stands(state)
    return msgspec.convert([tuple(one) for one in found], list[LevelChange])


def _checked(result: Any, state: Any) -> Result[Any]:  # noqa: ANN401 - whatever a step returned
    if type(result) is not Result:
        raise TypeError(f"step returned {_kind(result)}, not a Result")
    if type(result.state) is not type(state):
        raise TypeError(f"step returned the state {_kind(result.state)}, not {_kind(state)} as Spec.state does")
    _look_at(result.state)
    rows, dropped, decided = _rows(result.rows), _counts("dropped", result.dropped), result.decided
    if any(not (isinstance(reason, str) and reason.isprintable()) for reason in dropped):
        raise TypeError(f"dropped has a reason that is no text: {list(dropped)}")
    if decided:
        decided = _counts_by_time("decided", decided)
    counted = None if result.counted is None else _whole("counted", result.counted)
    if rows is result.rows and dropped is result.dropped and decided is result.decided and counted is result.counted:
        return result
    return replace(result, rows=rows, dropped=dropped, decided=decided, counted=counted)


def _rows(rows: object) -> Rows:
    """Return rows whose columns are arrays of one length and of their types.

    What stands in the columns of text is seen when they are encoded (`encode_made`).
    """
    if rows is _NO_ROWS:
        return _NO_ROWS
    if type(rows) is not Rows:
        raise TypeError(f"its rows are {_kind(rows)}, not Rows")
    shape, cast = (len(rows.at_ms),), {}
    for name, wanted in _DTYPES.items():
        column = getattr(rows, name)
        if type(column) is not np.ndarray or column.shape != shape:
            raise TypeError(f"the rows' column {name} is no array of as many as at_ms has, {shape[0]}")
        if column.dtype != wanted:
            cast[name] = _cast(name, column, wanted)
    return replace(rows, **cast) if cast else rows


def _cast(name: str, column: NDArray[Any], wanted: np.dtype[Any]) -> NDArray[Any]:
    """Return a column as its type has it, where that changes no value."""
    if column.dtype.kind in ("U" if wanted == _OBJECT else "biuf"):
        with np.errstate(invalid="ignore"):
            found: NDArray[Any] = column.astype(wanted)
        if wanted == _OBJECT or np.array_equal(found, column, equal_nan=True):
            return found
    raise TypeError(f"the rows' column {name} holds {column.dtype} that {_name_of(wanted)} cannot hold")


def _name_of(wanted: np.dtype[Any]) -> str:
    return "text" if wanted == _OBJECT else str(wanted)


def _counts(what: str, counts: Mapping[Any, Any]) -> Mapping[Any, int]:
    """Return counts as Python's own numbers; the same object where they are."""
    if type(counts) is not dict and not isinstance(counts, Mapping):
        raise TypeError(f"{what} is {_kind(counts)}, not counts by reason")
    if all(type(count) is int and -MOST < count < MOST for count in counts.values()):
        return counts
    return {key: _whole(f"{what}[{key!r}]", count) for key, count in counts.items()}


def _counts_by_time(what: str, counts: Mapping[Any, Any]) -> dict[int, int]:
    """Return counts by time as Python's own numbers."""
    return {_whole(f"a time of {what}", at): _whole(f"{what}[{at!r}]", count) for at, count in counts.items()}


def _whole(what: str, value: Any) -> int:  # noqa: ANN401 - whatever a processor returned
    if type(value) is int and -MOST < value < MOST:
        return value
    if isinstance(value, (int, float, np.number)) and -MOST < value < MOST and int(value) == value:
        return int(value)
    raise TypeError(f"{what} is {value!r}, no whole number that a count can be")


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


_LOOKED_AT = {dict, list, tuple, str, int, float, bool, bytes, type(None)}
"""Types of a state's fields that can be saved, as far as one look tells."""

_ARRAYS = frozenset("biuf")


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _look_at(state: Any) -> None:  # noqa: ANN401 - of any processor
    """Look whether a state's fields are of types that can be saved; what lies deeper is seen when it is saved."""
    of: type = type(state)
    for name in _names(of):
        value = getattr(state, name)
        kind = type(value)
        if kind is np.ndarray:
            if value.dtype.kind not in _ARRAYS:
                raise TypeError(f"the state's field {name} cannot be saved: an array of {value.dtype}")
        elif kind not in _LOOKED_AT:
            try:
                state_codec.encode(value)
            except Exception as exc:
                raise TypeError(f"the state's field {name} cannot be saved: {reason_of(exc)}") from exc
            _LOOKED_AT.add(kind)


def _number(value: Any) -> Any:  # noqa: ANN401 - whatever msgspec does not know
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a detection holds {_kind(value)}")


_pack = msgspec.json.Encoder(enc_hook=_number).encode
_read = msgspec.json.Decoder(Detection).decode


def _told(found: Any, processor: str, version: int) -> tuple[Detection, Message]:  # noqa: ANN401 - whatever stands there
    """Return a detection as its readers read it, and the message in which they do."""
    if type(found) is not Detection:
        raise TypeError(f"among the detections is {_kind(found)}, not a Detection")
    value = _pack(structs.replace(found, processor=processor, version=version))
    try:
        read = _read(value)
    except msgspec.ValidationError as exc:
        raise TypeError(f"a detection that nobody can read: {exc}") from exc
    if len(value) > DETECTION_BYTES:
        raise ValueError(f"a detection of {len(value):,} bytes")
    return read, Message(topics.DETECTIONS, read.entity.encode(), value, 0)


def encode_made(
    city_id: str, frame: MetricFrame, made: Sequence[tuple[str, Rows]], zone_id: str = "", city_version: str = ""
) -> list[bytes]:
    """Return the parts of a frame, with the rows that processors made, each with whose they are.

    Raises ProcessorError when one's rows cannot be encoded.
    """
    try:
        rows = Rows.concat([rows for _, rows in made])
        return encode_parts(city_id, replace(frame, rows=rows), zone_id, city_version)
    except Exception:
        for name, rows in made:
            named(name, partial(encode_metrics, city_id, replace(frame, rows=rows)))
        raise


def waiting_of(hosted: Hosted, state: Any) -> Mapping[int, int] | None:  # noqa: ANN401 - of any processor
    """Return what stands in a processor's windows, by start; None = it has none of that kind.

    Raises ProcessorError.
    """
    waiting = hosted.spec.waiting
    if waiting is None:
        return None
    return named(hosted.name, lambda: _counts_by_time("waiting", waiting(state, hosted.config)))
