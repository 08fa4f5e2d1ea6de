"""What a trial found, one line each: the first ones for the terminal, all of them as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from alerts.kinds import title
from deploy.terminal.timespan import iso
from streams.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from alerts.kinds import Lang
    from streams.city.registry import City, Segment, Sensor, Zone
    from streams.contract.records import Detection

COLUMNS = ("entity", "kind", "level", "at", "value", "limit", "unit")
LEVELS = ("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ")
ENDED = {"zh": "解除", "en": "cleared"}
MOST = 20
"""So many are shown."""


def each(detections: Iterable[Detection]) -> list[Detection]:
    """Return each finding once, in order of time, then by entity, kind and level."""
    once = {one.identity: one for one in detections}.values()
    return sorted(once, key=lambda one: (one.at_ms, one.entity, one.kind, one.level))


def lines(found: list[Detection], city: City, language: Lang) -> list[list[str]]:
    """Return the cells of the first ones: time, level, entity, kind, value and limit."""
    rows = []
    for one in found[:MOST]:
        level = LEVELS[one.level - 1] if one.level else ENDED[language]
        rows.append([iso(one.at_ms), level, label(one.entity, city, language), title(one.kind, language), _amount(one)])
    return rows


def write(found: list[Detection], path: Path) -> None:
    """Write all of them as CSV, level 0 = it ended.

    Raises SettingError when the file cannot be written.
    """
    rows = [(one.entity, one.kind, one.level, iso(one.at_ms), one.value, one.limit, one.unit) for one in found]
    write_events(COLUMNS, rows, path)


def write_events(columns: Sequence[str], rows: Iterable[Sequence[object]], path: Path) -> None:
    """Write what was found as CSV.

    Raises SettingError when the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    except OSError as exc:
        raise SettingError(f"--events {path}: cannot be written: {exc.strerror or exc}; choose another place") from exc


def label(entity: str, city: City, language: Lang) -> str:
    """Return an entity with its name, where the city has one for it."""
    named: Segment | Sensor | Zone
    kind, _, zone = entity.rpartition(":")
    if entity in city.segment_code:
        named = city.segments[city.segment_code[entity]]
    elif entity in city.sensor_code:
        named = city.sensors[city.sensor_code[entity]]
    elif kind.partition(":")[0] in {"zone", "feed"} and zone in city.zone_code:
        named = city.zones[city.zone_code[zone]]
    else:
        return entity
    name = named.name_zh if language == "zh" else named.name_en
    return entity if name in {entity, ""} else f"{entity} {name}"


def _amount(one: Detection) -> str:
    if one.value is None:
        return ""
    limit = "" if one.limit is None else f" / {one.limit:.4g}"
    return f"{one.value:.4g}{limit} {one.unit}".rstrip()
