"""Short forms of what the alarm tests write, and a reading of the journal that shares no code with the engine."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from alerts.commands import Acknowledge, OfAlarm, OfCommand, Restore, Suppress, TakeOut, Tick, Undo, Where
from alerts.engine import Engine
from alerts.journal import Head
from alerts.judge import alarm_id
from alerts.signing import signed
from alerts.verifying import Verification
from streams.city.windows import Window
from streams.contract.records import Detection

KEY = b"held by wall and engine"


def keyed_engine() -> Engine:
    """An engine that takes what `encoded` has signed."""
    return Engine(KEY)


def detection(level: int, at_ms: int, **other: object) -> Detection:
    fields = {"city": "c", "domain": "traffic", "kind": "slow_traffic", "entity": "s1", "zone": "z1", **other}
    return Detection(level=level, at_ms=at_ms, **fields)


def opened_at(at_ms: int) -> str:
    """Id of the alarm that a detection of `s1` at this time opens."""
    return alarm_id(detection(3, at_ms))


def acknowledge(alarm: str, command_id: str = "k1", seen_level: int | None = 3, **other: object) -> Acknowledge:
    fields = {"city": "c", "who": "李敏", "desk": "2 号台", "role": "operator", "why": "已派警", **other}
    return Acknowledge(id=command_id, alarm=alarm, seen_level=seen_level, **fields)


def commanded(kind: type[OfAlarm], alarm: str, command_id: str, **other: object) -> OfAlarm:
    fields = {"city": "c", "who": "李敏", "desk": "2 号台", "role": "supervisor", "why": "因为", **other}
    return kind(id=command_id, alarm=alarm, **fields)


def undo(command: str, command_id: str, who: str = "李敏") -> Undo:
    return Undo(id=command_id, city="c", who=who, desk="2 号台", role="operator", command=command)


def of_command(kind: type[OfCommand], command: str, command_id: str) -> OfCommand:
    """A command about another: who lifts is a supervisor, who restores an engineer."""
    role = "engineer" if kind is Restore else "supervisor"
    return kind(id=command_id, city="c", who="李敏", desk="2 号台", role=role, command=command)


def suppress(command_id: str, window: Window, **where: str) -> Suppress:
    fields = {"city": "c", "who": "李敏", "desk": "2 号台", "role": "supervisor", "why": "检修"}
    return Suppress(id=command_id, where=Where(**where), window=window, **fields)


def take_out(command_id: str, **where: str) -> TakeOut:
    fields = {"city": "c", "who": "赵工", "desk": "工程", "role": "engineer", "why": "拆除"}
    return TakeOut(id=command_id, where=Where(**where), **fields)


class Wait(NamedTuple):
    """Time passes, and somebody says so."""

    ms: int


class Again(NamedTuple):
    """What has come before, in the same millisecond as what came last."""

    of: object


def encoded(one: object) -> bytes:
    if isinstance(one, Again):
        return encoded(one.of)
    if isinstance(one, Wait):
        return signed(msgspec.json.encode(Tick()), KEY)
    body = msgspec.json.encode(one)
    return body if isinstance(one, Detection) else signed(body, KEY)


def chain(values: list[bytes]) -> list[dict]:
    """The records that follow one another, by the description in docs/alarms.md."""
    head = "0" * 64
    valid = []
    for value in values:
        record = json.loads(value)
        claimed = record.pop("hash")
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == claimed
        if record["previous"] == head:
            valid.append(record)
            head = claimed
    return valid


def faults(
    values: Iterable[bytes | None], kept: Mapping[bytes, bytes] | None = None, noted: Head | None = None
) -> list[tuple[int | None, str]]:
    """What an audit finds of a journal and its checkpoints: (offset, what), nothing for sound ones."""
    found = Verification(kept or {}, noted)
    for offset, value in enumerate(values):
        found.take(offset, value)
    found.end()
    assert found.faults_count == len(found.faults)
    return [(one.offset, one.what) for one in found.faults]


def events(values: list[bytes]) -> list[dict]:
    return [event for record in chain(values) for event in record["events"]]


def names(values: list[bytes]) -> list[str]:
    """What happened: action of a command, `what` of time, `change` of a finding, `reason` of a refusal, or the type."""
    return [_name(event) for event in events(values)]


def _name(event: dict) -> str:
    did = event["command"]["action"] if event["type"] == "done" else event.get("what")
    return did or event.get("change") or event.get("reason") or event["type"]
