"""`corridors.csv`, `calendar.csv`, `relations.csv` and `rules.toml`, checked; a city needs none of them."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from streams.city.dependence import Dependence
from streams.city.findings import needed, readable, shown
from streams.city.parts import Corridor, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from streams.city.dependence import Chain
    from streams.city.fields import Entry
    from streams.city.formats import Source

CORRIDOR_COLUMNS = ("corridor", "order", "segment")
CALENDAR_COLUMNS = ("date", "kind")
RELATION_COLUMNS = ("from", "relation", "to")
DAY_KINDS = ("workday", "holiday")
RELATIONS = ("feeds", "drains", "powers", "carries")
HIGHEST_ORDER = 100_000
TOLD_OF_A_CYCLE = 6
"""So many relations of one stand in its sentence."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_corridors(source: Source, segment_code: Mapping[str, int] | None) -> tuple[Corridor, ...]:
    """Return the corridors, each with its segments in order."""
    roads: dict[str, dict[int, str]] = {}
    for entry in source.lines(CORRIDOR_COLUMNS, called="corridor") or ():
        corridor = entry.identifier("corridor")
        order = entry.whole("order", 0, HIGHEST_ORDER)
        entry.reference("segment", "segment", segment_code)
        segment, road = str(entry.values["segment"]), roads.setdefault(corridor, {})
        if order in road:
            entry.problem("order", f"{order} stands there twice in corridor {readable(corridor)}")
        elif segment in road.values():
            entry.problem("segment", f"{shown(segment)} stands there twice in corridor {readable(corridor)}")
        else:
            road[order] = segment
    return tuple(Corridor(name, tuple(road[order] for order in sorted(road))) for name, road in roads.items())


def read_calendar(source: Source) -> dict[date, str]:
    """Return day → kind."""
    days: dict[date, str] = {}
    for entry in source.lines(CALENDAR_COLUMNS, called="date") or ():
        kind, text = entry.choice("kind", DAY_KINDS), entry.text("date").strip()
        if not text:
            continue
        try:
            day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
        except ValueError:
            entry.problem("date", f"a day as 2026-10-01 is needed, not {shown(text)}")
            continue
        if days.setdefault(day, kind) != kind:
            entry.problem("date", f"{day} stands there twice, first as {readable(days[day])}")
    return days


def read_relations(source: Source, entities: Set[str] | None) -> tuple[Relation, ...]:
    """Return the relations; without `entities` nobody knows what there is."""
    codes = None if entities is None else dict.fromkeys(entities, 0)
    relations: dict[Relation, Entry] = {}
    for entry in source.lines(RELATION_COLUMNS) or ():
        entry.reference("from", "sensor, segment, zone:<id> or corridor:<id>", codes)
        entry.reference("to", "sensor, segment, zone:<id> or corridor:<id>", codes)
        found = Relation(str(entry.values["from"]), entry.choice("relation", RELATIONS), str(entry.values["to"]))
        if found.source == found.target:
            entry.problem("to", f"{shown(found.target)} cannot stand on both sides")
        elif found in relations:
            entry.notice("relation", "this line stands there twice")
        relations.setdefault(found, entry)
    for cycle in Dependence([one for one in relations if one.source != one.target]).cycles():
        relations[cycle[-1]].problem("to", _led_back(cycle, relations))
    return tuple(relations)


def _led_back(cycle: Chain, entries: Mapping[Relation, Entry]) -> str:
    """Say that relations lead from an entity back to it."""
    told = [
        f"{readable(one.source)} {one.relation} {readable(one.target)} ({entries[one].place})"
        for one in cycle[:TOLD_OF_A_CYCLE]
    ]
    if len(cycle) > TOLD_OF_A_CYCLE:
        told.append(f"and {len(cycle) - TOLD_OF_A_CYCLE:,} more")
    around = ", ".join(told)
    return f"{shown(cycle[0].source)} would be felt at itself: {around}; take out the line that points against the flow"


def read_rules(source: Source) -> dict[str, dict[str, Any]]:
    """Return alarm rules by name; whether they fit the processors, `deploy` judges."""
    found = {}
    for name, values in (source.table() or {}).items():
        if isinstance(values, dict):
            found[name] = values
        else:
            source.problem(f"{needed('a section', values)}: a rule's name in brackets, then its keys", readable(name))
    return found
