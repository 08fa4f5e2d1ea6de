"""Short forms of what the alarm tests write, and a reading of the journal that shares no code with the engine."""

import hashlib
import json

import msgspec

from alerts.lifecycle import alarm_id
from alerts.records import Command
from streams.contract.records import Detection


def detection(level: int, at_ms: int, **other: object) -> Detection:
    fields = {"city": "c", "domain": "traffic", "kind": "slow_traffic", "entity": "s1", "zone": "z1", **other}
    return Detection(level=level, at_ms=at_ms, **fields)


def opened_at(at_ms: int) -> str:
    """Id of the alarm that a detection of `s1` at this time opens."""
    return alarm_id(detection(3, at_ms))


def acknowledge(alarm: str, command_id: str = "k1", seen_level: int = 3, **other: object) -> Command:
    fields = {
        "city": "c",
        "action": "acknowledge",
        "who": "李敏",
        "desk": "2 号台",
        "why": "已派警",
        "at_ms": 500,
        **other,
    }
    return Command(id=command_id, alarm=alarm, seen_level=seen_level, **fields)


def encoded(one: Detection | Command) -> bytes:
    return msgspec.json.encode(one)


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


def events(values: list[bytes]) -> list[dict]:
    return [event for record in chain(values) for event in record["events"]]


def names(values: list[bytes]) -> list[str]:
    """What happened, as `change` of a finding, `reason` of a refusal, else the type."""
    return [event.get("change") or event.get("reason") or event["type"] for event in events(values)]
