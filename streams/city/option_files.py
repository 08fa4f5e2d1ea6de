"""`corridors.csv`, `calendar.csv`, `relations.csv`, `rules.toml` and `desks.toml`, checked; a city needs none."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from streams.city.dependence import Dependence
from streams.city.fields import Entry, repeated
from streams.city.findings import needed, readable, shown
from streams.city.parts import Corridor, Desk, Relation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Set

    from streams.city.dependence import Chain
    from streams.city.formats import Source

CORRIDOR_COLUMNS = ("corridor", "order", "segment")
CALENDAR_COLUMNS = ("date", "kind")
RELATION_COLUMNS = ("from", "relation", "to")
DAY_KINDS = ("workday", "holiday")
RELATIONS = ("feeds", "drains", "powers", "carries")
HIGHEST_ORDER = 100_000
DESK_FIELDS = ("id", "name_zh", "name_en", "domains", "zones")
MOST_DESKS = 50
MOST_DESK_ID = 64
"""Characters of a desk's id: commands name it."""
TOLD_PARTS = 5
"""So many parts of the city that nobody watches stand in their sentence."""
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


def read_desks(
    source: Source, domains: Collection[str], zones: Collection[str] | None, parts: Collection[tuple[str, str]] | None
) -> tuple[Desk, ...]:
    """Return the desks in their order.

    Args:
        source: the file.
        domains: there are.
        zones: ids, None = nobody knows them.
        parts: (domain, zone id) of all that can alarm, None = nobody knows.
    """
    table = source.table() or {}
    for name in sorted(set(table) - {"desk"}):
        source.problem("is no key of this file; each desk is a section [[desk]]", readable(name))
    listed = table.get("desk", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        source.problem(needed("sections [[desk]]", listed), field="desk")
        return ()
    if len(listed) > MOST_DESKS:
        source.problem(f"{len(listed)} desks; {MOST_DESKS} are possible", field="desk")
        return ()
    entries = [
        Entry(source.findings, source.file, f"desk {readable(str(one.get('id', number)))}", one)
        for number, one in enumerate(listed, 1)
    ]
    desks = tuple(_desk(entry, domains, zones) for entry in entries)
    repeated(((entry, desk.id) for entry, desk in zip(entries, desks, strict=True)), "id")
    if desks and parts:
        _judge_watch(source, list(zip(entries, desks, strict=True)), parts)
    return desks


def _desk(entry: Entry, domains: Collection[str], zones: Collection[str] | None) -> Desk:
    for name in sorted(set(entry.values) - set(DESK_FIELDS)):
        entry.problem(name, f"a desk has no such key{entry.nearest(name, DESK_FIELDS)}")
    found = entry.identifier("id")
    if len(found) > MOST_DESK_ID:
        entry.problem("id", f"{len(found)} characters; {MOST_DESK_ID} are possible")
    watched = {
        "domains": tuple(_each(entry, "domains", "domain", domains)),
        "zones": tuple(_each(entry, "zones", "zone", zones)),
    }
    return Desk(found, entry.name("name_zh"), entry.name("name_en"), **watched)


def _each(entry: Entry, field: str, kind: str, known: Collection[str] | None) -> Iterator[str]:
    """Yield what a list names; what there is not is a problem."""
    listed = entry.values.get(field, [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        entry.problem(field, needed(f"a list of {kind}s", listed))
        return
    for one in dict.fromkeys(listed):
        if known is not None and one not in known:
            entry.problem(field, f"no {kind} is called {shown(one)}{entry.nearest(one, known)}")
        yield one


def _judge_watch(source: Source, desks: list[tuple[Entry, Desk]], parts: Collection[tuple[str, str]]) -> None:
    """Note what no desk watches, and each desk whose part others before it have whole."""
    first = {part: next((desk.id for _, desk in desks if desk.watches(*part)), None) for part in parts}
    lost = sorted(part for part, desk in first.items() if desk is None)
    if lost:
        told = ", ".join(f"{domain} in {readable(zone)}" for domain, zone in lost[:TOLD_PARTS])
        more = f" and {len(lost) - TOLD_PARTS:,} more" if len(lost) > TOLD_PARTS else ""
        text = f"no desk watches {told}{more}; their alarms go to the first, {readable(desks[0][1].id)}"
        source.findings.notice(source.file, text)
    for entry, desk in desks[1:]:
        if desk.id not in first.values():
            entry.notice(
                "id", "nothing would be its: what it watches, a desk above it does already, or nothing is there"
            )
