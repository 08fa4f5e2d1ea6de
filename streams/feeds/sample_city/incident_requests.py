"""Road incidents that a person makes in the simulated city: one file each under `<data>/incidents.d/`.

Files, so that a request needs no broker, and an incident under way survives a restart of the feed.
"""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from streams.city.registry import load_city
from streams.contract.durations import DAY_S
from streams.errors import SettingError
from streams.feeds.sample_city.simulation.happenings import Happening
from streams.hints import nearest

if TYPE_CHECKING:
    from streams.city.registry import City

FOLDER = "incidents.d"
POSITION_FILE = "sample_city.json"
LONGEST_S = 30 * DAY_S

_log = logging.getLogger(__name__)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far the feed of the sample city has come; written about once a second."""

    city_folder: str
    sent_ms: int
    """Every reading before this event time was acknowledged."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An incident asked for; the feed fills in when it began, in event time."""

    segment: str
    lanes: int
    duration_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)]
    from_ms: int | None = None


def request_incident(data: Path, segment: str, lanes: int, duration_s: float) -> None:
    """Block lanes of a segment from now on, for a time in the simulated city.

    Raises SettingError when no sample city runs on `data`, or it has no such segment or lanes.
    """
    position = read_position(data)
    if position is None:
        raise SettingError(f"no sample city has run with --data {data}; start it with `citywall up`")
    city = load_city(Path(position.city_folder))
    if segment not in city.segment_code:
        hint = nearest(segment, city.segment_code)
        raise SettingError(f"--segment {segment}: {city.name_en} has no such road segment{hint}")
    has = city.segments[city.segment_code[segment]].lanes
    if not 1 <= lanes <= has:
        raise SettingError(f"--lanes {lanes}: segment {segment} has {has}; give 1 to {has}")
    if not 0 < duration_s <= LONGEST_S:
        most = f"more than nothing and at most {LONGEST_S // DAY_S} days"
        raise SettingError(f"--for {duration_s:g} s: an incident lasts {most}; give e.g. 20m")
    _write(data / FOLDER / f"{uuid.uuid4().hex}.json", Request(segment=segment, lanes=lanes, duration_s=duration_s))


def take_up(data: Path, city: City, now_ms: int) -> list[Happening]:
    """Return the requested incidents that are not over; new ones begin now, those that are over are removed."""
    found = []
    for path in sorted((data / FOLDER).glob("*.json")):
        try:
            request = msgspec.json.decode(path.read_bytes(), type=Request)
            segment = city.segments[city.segment_code[request.segment]]
        except (msgspec.DecodeError, KeyError) as exc:
            _log.warning("the requested incident %s cannot be read (%s) and is removed", path.name, exc)
            path.unlink()
            continue
        from_ms = request.from_ms
        if from_ms is None:
            from_ms = now_ms
            _write(path, msgspec.structs.replace(request, from_ms=from_ms))
        until_ms = from_ms + int(request.duration_s * 1000)
        if until_ms <= now_ms:
            path.unlink()
            continue
        zone, name = city.zones[segment.zone].id, f"requested-{path.stem}"
        found.append(Happening(name, "incident", segment.id, zone, from_ms, until_ms, lanes=request.lanes))
    return found


def read_position(data: Path) -> Position | None:
    """Return how far the feed has come, None if it never ran here."""
    try:
        return msgspec.json.decode((data / POSITION_FILE).read_bytes(), type=Position)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_position(data: Path, position: Position) -> None:
    """Keep how far the feed has come."""
    _write(data / POSITION_FILE, position)


def _write(path: Path, value: msgspec.Struct) -> None:
    """Write whole, by rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(value))
    partial.replace(path)
