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

from alerts.journal import verify
from deploy.supervision import replaying
from streams.broker import topics
from tests.alerts.writing import events
from tests.faults.running import command
from tests.topic import records_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.running import City

SHOWN = ("s:", "m:", "a:")
"""Fields of the live state that say nothing of wall clocks: segments, metrics, alarms."""
WALL_CLOCK = ("waiting_since_ms", "changed_by", "acknowledged_at_ms", "acknowledged_until_ms", "closing_at_ms")
DIFFERENCES_TOLD = 12
ROWS = """SELECT metric, entity, window_s, at_ms, value, numerator, denominator, count, coverage_ratio, revision
    FROM final JOIN series ON series.id = final.series"""
ALARMS = "SELECT id, closed, body FROM alarms"


@dataclass(frozen=True)
class Outcome:
    """Each field is a mapping, so that a difference has a name."""

    rows: Mapping[tuple[Any, ...], tuple[Any, ...]]
    """(metric, entity, window_s, at_ms) → the rest of the stored row, of its latest revision."""
    alarms: Mapping[str, list[Any]]
    """Alarm, or entity and kind of what was none → its events, in the order of the journal."""
    counts: Mapping[str, Any]
    """Of the books, as `citywall status` shows them."""
    stored_alarms: Mapping[str, Any]
    """Alarm → what the history says of it."""
    live: Mapping[str, str]
    """Field of the live state → its value."""
    sound: Mapping[str, Any]
    """What must hold in any run: the journal's chain, the audit."""


def outcome(city: City) -> Outcome:
    """Collect it from a city that has come to rest."""
    journal = [one.value for one in records_of(city.run.kafka, topics.JOURNAL)]
    with closing(sqlite3.connect(f"{(city.data / 'history.sqlite').as_uri()}?mode=ro", uri=True)) as history:
        rows = {row[:4]: row[4:] for row in history.execute(ROWS)}
        stored = {key: (closed, _by_event_time(body)) for key, closed, body in history.execute(ALARMS)}
    audit = command(city, "audit", "--json")
    return Outcome(
        rows=rows,
        alarms=_by_alarm(journal),
        counts=msgspec.to_builtins(replaying.closed_counts(city.run)),
        stored_alarms=stored,
        live=_live(city),
        sound={"journal": verify(journal), "audit": audit.returncode, "audit said": audit.stderr},
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


def _by_alarm(journal: list[bytes]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for event in events(journal):
        about = event.get("detection", {})
        event.pop("did_at_ms", None)  # engine times: each run has its own
        if event["type"] == "time_reached":
            del event["at_ms"]
        found[event.get("alarm") or f"{about.get('entity')} {about.get('kind')}"].append(event)
    return dict(found)


def _live(city: City) -> dict[str, str]:
    with redis.Redis.from_url(city.run.redis, decode_responses=True) as client:
        state = client.hgetall(f"citywall:{city.run.city_id}:state")
    return {name: _by_minute(name, value) for name, value in state.items() if name.startswith(SHOWN)}


def _by_event_time(alarm: str) -> dict[str, Any]:
    """Return an alarm without the times at which its engine heard of it."""
    return {name: value for name, value in json.loads(alarm).items() if name not in WALL_CLOCK}


def _by_minute(name: str, value: str) -> str:
    """Leave a segment's time out but for its minute: within it, it is that of the newest provisional value shown."""
    if name.startswith("a:"):
        return json.dumps(_by_event_time(value))
    if not name.startswith("s:"):
        return value
    at_ms, *rest = json.loads(value)
    return json.dumps([at_ms // 60_000, *rest])
