"""Decodes what comes to the alarm engine: detections and commands, from whoever sent them."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from alerts.commands import ID_MOST, TIME_END_MS, Command, Tick
from alerts.events import Refused
from alerts.signing import is_signed
from streams.city.clock import MOST_SPEED, ClockSetting
from streams.contract.records import Detection

INPUT_BYTES = 64 * 1024
"""A longer input is unreadable: a journal record has to fit into its topic."""

FOUND_ID_MOST = 2_000
"""Characters of each id that a detection names: so long a command may name it (`Where`)."""

UNSIGNED = "unsigned"
"""The reason of a refusal: whoever sent it does not hold the key."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Named(msgspec.Struct, frozen=True):
    """The least that a command says, so that whoever asked can be answered."""

    id: str
    action: str = ""
    alarm: str = ""


def detection(value: bytes | None) -> Detection | None:
    """Decode a detection, None where it is none; evidence that is unknown (null) is left out.

    Evidence is in the order in which the journal writes it: who folds it makes the rows of who wrote it, to the byte.
    """
    body = _bounded(value)
    found: Detection | None
    try:
        found = msgspec.json.decode(str(body, "utf-8"), type=Detection)
    except UNREADABLE:
        found = _without_unknown(body)
    if found is None or not 0 <= found.at_ms < TIME_END_MS or max(map(len, _ids(found))) > FOUND_ID_MOST:
        return None
    return replace(found, evidence=dict(sorted(found.evidence.items())))


def _ids(found: Detection) -> tuple[str, ...]:
    return found.city, found.domain, found.kind, found.entity, found.zone, found.processor


def _without_unknown(body: bytes) -> Detection | None:
    try:
        raw = msgspec.json.decode(body)
        if isinstance(raw, dict) and isinstance(raw.get("evidence"), dict):
            raw["evidence"] = {name: found for name, found in raw["evidence"].items() if found is not None}
        return msgspec.convert(raw, Detection)
    except UNREADABLE:
        return None


def clock(value: bytes | None, arrived_ms: int) -> ClockSetting | None:
    """Decode a setting of the city clock, in force from its arrival on; None where it is none."""
    try:
        found = msgspec.json.decode(_bounded(value), type=ClockSetting)
    except UNREADABLE:
        return None
    times = (found.at_ms, 0 if found.until_ms is None else found.until_ms)
    if not all(0 <= one < TIME_END_MS for one in times) or not 0 <= found.speed <= MOST_SPEED:
        return None
    return replace(found, wall_ms=arrived_ms)


def command(value: bytes | None, key: bytes) -> Command | Tick | Refused | None:
    """Decode a command; one that names itself and is none, or is not signed with the key, is refused.

    None = it does not even name itself.
    """
    body = _bounded(value)
    try:
        found = msgspec.json.decode(body, type=Command | Tick)
        from_the_wall = is_signed(body, key)
    except UNREADABLE as exc:
        return _refused(value, str(exc))
    if not isinstance(found, Tick):
        found = replace(found, verified=False)
    return found if from_the_wall else _unsigned(found)


def _unsigned(found: Command | Tick) -> Refused | None:
    if isinstance(found, Tick):
        return Refused(id=found.id, alarm="", command=None, reason=UNSIGNED) if found.id else None
    return Refused(id=found.id, alarm=getattr(found, "alarm", ""), command=found, reason=UNSIGNED)


def _refused(value: bytes | None, why: str) -> Refused | None:
    try:
        named = msgspec.json.decode(_bounded(value), type=_Named)
    except UNREADABLE:
        return None
    if not 0 < len(named.id) <= ID_MOST:
        return None
    reason = "unknown_action" if "$.action" in why or not named.action else "bad_command"
    return Refused(id=named.id, alarm=named.alarm, command=None, reason=reason)


def _bounded(value: bytes | None) -> bytes:
    """Return what may be decoded: nothing, which is no JSON, for a missing or too long value."""
    return value if value is not None and len(value) <= INPUT_BYTES else b""
