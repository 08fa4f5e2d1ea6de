"""What a run of the day came to: everything a person could see of it afterwards, ready to be compared."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import msgspec
import redis

from deploy.config.command_key import command_key
from deploy.supervision import replaying
from streams.broker import topics
from tests.alerts.writing import events, faults
from tests.faults.alone import journal as told_by
from tests.faults.alone import rows as alone_rows
from tests.faults.alone import told_alone
from tests.faults.running import command
from tests.topic import records_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.running import City

SHOWN = ("s:", "m:")
"""Fields of the live state that say nothing of wall clocks: segments, metrics."""
DIFFERENCES_TOLD = 12
ALONE, ON_THE_WALL = "otherwise than alone", "on the wall otherwise than alone"
SOUND = {"journal": [], "audit": 0, "audit said": "", ALONE: [], ON_THE_WALL: []}
ROWS = """SELECT metric, entity, window_s, at_ms, value, numerator, denominator, count, coverage_ratio, revision
    FROM final JOIN series ON series.id = final.series"""


@dataclass(frozen=True)
class Outcome:
    """Each field is a mapping, so that a difference has a name."""

    rows: Mapping[tuple[Any, ...], tuple[Any, ...]]
    """(metric, entity, window_s, at_ms) → the rest of the stored row, of its latest revision."""
    findings: Mapping[str, list[Any]]
    """Entity and kind → what was found of it, in the order of the journal. What becomes of that, such as whether it
    chatters, goes by the time at which the engine hears of it, and each run has its own."""
    commands: Mapping[str, str]
    """Id of a command → what became of it."""
    counts: Mapping[str, Any]
    """Of the books, as `citywall status` shows them."""
    live: Mapping[str, str]
    """Field of the live state → its value."""
    sound: Mapping[str, Any]
    """What must hold in any run: the journal's chain, the audit, and that each alarm's story is that of a fresh engine
    over the same logs."""


def outcome(city: City) -> Outcome:
    """Collect it from a city that has come to rest."""
    journal = [one.value for one in records_of(city.run.kafka, topics.JOURNAL)]
    with closing(sqlite3.connect(f"{(city.data / 'history.sqlite').as_uri()}?mode=ro", uri=True)) as history:
        rows = {row[:4]: row[4:] for row in history.execute(ROWS)}
    alone = told_alone(city.run, command_key(city.run))
    audit = command(city, "audit", "--json")
    return Outcome(
        rows=rows,
        findings=_findings(journal),
        commands={one["id"]: one["type"] for one in map(_command, events(journal)) if one},
        counts=msgspec.to_builtins(replaying.closed_counts(city.run)),
        live=_live(city),
        sound={
            "journal": faults(journal),
            "audit": audit.returncode,
            "audit said": audit.stderr,
            ALONE: _otherwise(_stories(journal), _stories(told_by(alone))),
            ON_THE_WALL: _otherwise(_rows(_live(city, "a:")), _rows(alone_rows(alone))),
        },
    )


def differences(wanted: Outcome, found: Outcome) -> list[str]:
    """Return a line for each thing that differs, bounded per field; nothing when all is equal."""
    lines: list[str] = []
    for field in fields(Outcome):
        one, other = getattr(wanted, field.name), getattr(found, field.name)
        keys = [key for key in sorted(one.keys() | other.keys(), key=str) if one.get(key) != other.get(key)]
        lines += [f"{field.name} {key}: {one.get(key)} became {other.get(key)}" for key in keys[:DIFFERENCES_TOLD]]
        if len(keys) > DIFFERENCES_TOLD:
            lines.append(f"{field.name}: {len(keys)} differ")
    return lines


def _findings(journal: list[bytes]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for event in events(journal):
        about = event.get("detection")
        if about is not None:
            found[f"{about['entity']} {about['kind']}"].append(about)
    return dict(found)


def _command(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return id and type of what became of a command."""
    if event["type"] not in {"done", "refused"}:
        return None
    return {"id": event["id"] if event["type"] == "refused" else event["command"]["id"], "type": event["type"]}


def _stories(journal: list[bytes]) -> dict[str, list[Any]]:
    """Return the events of each alarm, or entity and kind of what was none, in the order of the journal."""
    found: dict[str, list[Any]] = defaultdict(list)
    for event in events(journal):
        about = event.get("detection", {})
        found[event.get("alarm") or f"{about.get('entity')} {about.get('kind')}"].append(event)
    return dict(found)


def _otherwise(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    keys = [key for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key)]
    return [f"{key}: {found.get(key)} instead of {wanted.get(key)}" for key in keys[:DIFFERENCES_TOLD]]


def _rows(alarms: Mapping[str, str | bytes]) -> dict[str, tuple[Any, ...]]:
    """Return level and standing of each alarm."""
    rows = [json.loads(one) for one in alarms.values()]
    return {one["id"]: (one["level"], one["standing"]) for one in rows}


def _live(city: City, shown: str | tuple[str, ...] = SHOWN) -> dict[str, str]:
    with redis.Redis.from_url(city.run.redis, decode_responses=True) as client:
        state = client.hgetall(f"citywall:{city.run.city_id}:state")
    return {name: _by_minute(name, value) for name, value in state.items() if name.startswith(shown)}


def _by_minute(name: str, value: str) -> str:
    """Leave a segment's time out but for its minute: within it, it is that of the newest provisional value shown."""
    if not name.startswith("s:"):
        return value
    at_ms, *rest = json.loads(value)
    return json.dumps([at_ms // 60_000, *rest])
