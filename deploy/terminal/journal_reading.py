"""The alarms' journal as a command reads it: from Kafka, or from a file that was exported."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, TypeAlias

from alerts import course
from alerts.engine import Engine
from streams.alarms.projected import Row
from streams.broker import topics
from streams.broker.outside import forwards
from streams.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from streams.contract.alarm_events import AlarmEvent

Records: TypeAlias = "Iterable[tuple[int, bytes | None]]"
"""Offset and value of each; of a file the number of the line, from 0."""
NO_LINE = b"\n"


def records(address: str, source: Path | None) -> Iterator[tuple[int, bytes | None]]:
    """Yield the journal's records, the oldest first.

    Raises UnreachableError when Kafka does not answer, SettingError when the file cannot be read.
    """
    if source is None:
        yield from ((record.offset, record.value) for record in forwards(address, topics.JOURNAL))
        return
    try:
        with source.open("rb") as file:
            yield from ((place, line.rstrip(NO_LINE)) for place, line in enumerate(file))
    except OSError as exc:
        raise SettingError(f"{source}: cannot be read: {exc.strerror or exc}") from exc


def checkpoints(address: str) -> dict[bytes, bytes]:
    """Return the newest value of each key of the checkpoints' topic; of no Kafka nothing."""
    if not address:
        return {}
    found = {record.key or b"": record.value for record in forwards(address, topics.CHECKPOINTS)}
    return {key: value for key, value in found.items() if value}


def events_of(alarm: str, found: Records) -> list[AlarmEvent]:
    """Return the events of an alarm that the valid chain tells of, the oldest first, and what covered its place.

    Raises NewerError or FrameError for a sealed record that this version does not understand, or that cannot be.
    """
    engine, events, ended = Engine(), list["AlarmEvent"](), None
    for _, value in found:
        link = None if value is None else course.link(value)
        if link is None or engine.take(value) is None:
            continue
        if mine := [one for one in link.events if one.alarm == alarm]:
            events += mine
            ended = engine.ended(alarm) or ended
    row = engine.projection(Row(topics.ALARMS, alarm)) or ended
    beside = [] if row is None else course.of_row(json.loads(row))
    return sorted([*events, *beside], key=lambda one: one.moment)


def write(found: Records, out: Path | None) -> None:
    """Write records as they are, one a line; one that is no line is written as a text, which verifies as broken."""
    if out is None:
        _write(found, sys.stdout.buffer)
        return
    draft = out.with_name(f"{out.name}.tmp")
    try:
        with draft.open("wb") as file:
            _write(found, file)
        draft.replace(out)
    except OSError as exc:
        raise SettingError(f"{out}: cannot be written: {exc.strerror or exc}; choose another place with --out") from exc


def _write(found: Records, file: BinaryIO) -> None:
    for _, value in found:
        if value is None or NO_LINE in value:
            value = json.dumps((value or b"").decode(errors="replace")).encode()
        file.write(value + NO_LINE)
