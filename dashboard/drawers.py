"""The drawer: what stands behind a segment, a tile or an alarm, and its last 24 hours from history."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import anyio
from dash import ClientsideFunction, Input, Output, html, no_update

from dashboard import alarm_course, alarm_facts
from dashboard.hub import wall_clock_ms
from dashboard.labels import text
from dashboard.problems import invalid
from dashboard.subject import Section, Subject, number, same, time_at
from dashboard.vitals import vitals
from processors.maths import aqi
from processors.maths.air_rows import AQI, PRIMARY
from streams.contract.durations import DAY_MS, MINUTE_MS
from streams.contract.name import Name
from streams.errors import CityError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash import Dash
    from dash.development.base_component import Component

    from dashboard.hub import Hub
    from dashboard.vitals import Figure, Vital

POINTS = 288
"""A point each five minutes: the newest minute of each."""

WIDE = ("fact.place", "fact.folded", "fact.basis", "fact.id", "fact.ended_why")
"""Facts of an alarm that are long: each has a line of its own."""

NO_SELECTION = Name('所选应为 {"id": "…", "kind": "…"}', 'A selection is {"id": "…", "kind": "…"}')

log = logging.getLogger(__name__)


def install(app: Dash, hub: Hub) -> None:
    """Connect the drawer."""

    @app.callback(
        Output("drawer-head", "children"),
        Output("drawer-facts", "children"),
        Output("drawer-alarm", "data"),
        Output("drawer-series", "data"),
        Input("selection", "data"),
        prevent_initial_call=True,
    )
    async def open_drawer(selection: dict[str, Any] | None) -> tuple[Any, Any, Any, Any]:
        if not selection:
            return [], [], None, None
        if not _is_selection(selection):
            raise invalid([("/body/inputs/0/value", NO_SELECTION)])
        key, language = selection["id"], "en" if selection.get("lang") == "en" else "zh"
        again, ended = selection.get("again"), None
        subject = find(hub, selection["kind"], key)
        if subject is None and selection["kind"] == "alarm":
            ended = await alarm_course.found_ended(hub, key)
            subject = None if ended is None else alarm_facts.subject(hub, ended)
        if subject is None:
            return [_head(text("drawer.gone") or Name("", ""), language)], [], {"id": key}, {"key": key, "values": []}
        facts = _facts(await _sections(hub, subject, key, ended), language)
        head, alarm = [_head(subject.title, language)], dict(subject.row or {"id": key})
        if ended is not None:
            known = bool(ended.get("closed"))
            head.append(html.P(getattr(text("drawer.ended" if known else "drawer.left"), language), className="ended"))
            alarm |= {"ended": True, "end_known": known}
        return head, facts, alarm, no_update if again else await last_day(hub, subject) | {"key": key}

    for name in ("series", "alarm"):
        app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
            ClientsideFunction("citywall", f"drawer_{name}"), Input(f"drawer-{name}", "data"), prevent_initial_call=True
        )


def _is_selection(value: Any) -> bool:  # noqa: ANN401 - whatever JSON a caller sent
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("id", "kind"))


def _head(title: Name, language: str) -> Component:
    return html.H2(getattr(title, language))


async def _sections(hub: Hub, subject: Subject, key: str, ended: Mapping[str, Any] | None) -> list[Section]:
    """Return what there is to tell; of an alarm its course too, and of one that has ended how that came."""
    if subject.row is None:
        return list(subject.sections)
    alarm = ended or hub.mirror.alarms.get(key) or hub.mirror.left.get(key) or subject.row
    events = await alarm_course.events_of(hub, key)
    first, *rest = subject.sections
    if ended is not None:
        first = Section([*alarm_course.end(hub, ended, events).facts, *first.facts])
    return [first, *rest, alarm_course.section(hub, alarm, events)]


def _facts(sections: Sequence[Section], language: str) -> list[Component]:
    shown: list[Component] = []
    for section in sections:
        title = text(section.title)
        if title is not None:
            shown.append(html.H3(getattr(title, language)))
        rows = []
        for key, value in section.facts:
            label = text(key) if isinstance(key, str) else key
            said = html.Dd(getattr(value, language), className="wide" if key in WIDE else None)
            rows += [html.Dt(getattr(label, language) if label else key), said]
        shown.append(html.Dl(rows, className=section.title.removeprefix("drawer.") or "about"))
    return shown


def find(hub: Hub, kind: str, key: str) -> Subject | None:
    """Return what a selection is about, None where it is no longer there."""
    if kind == "segment":
        return _segment(hub, key)
    if kind == "vital":
        found = [vital for vital in vitals() if vital.id == key]
        return _vital(hub, found[0]) if found else None
    alarm = hub.mirror.alarms.get(key)
    return None if alarm is None else alarm_facts.subject(hub, alarm)


def _segment(hub: Hub, key: str) -> Subject | None:
    city = hub.screen.view.city
    index = city.segment_code.get(key)
    if index is None:
        return None
    segment, row = city.segments[index], hub.mirror.segments.get(key)
    at_ms, tti, speed, state = row or (None, None, None, 0)
    zone = city.zones[segment.zone]
    free = segment.free_flow_km_h
    facts = [
        ("fact.zone", zone.called),
        ("fact.road_class", text(f"road.{segment.road_class}") or same(segment.road_class)),
        ("fact.speed", number(speed, 1, same("km/h"))),
        ("fact.free_flow", number(free, 0, same("km/h"))),
        ("fact.tti", number(tti, 2)),
        ("fact.lanes", same(segment.lanes)),
        ("fact.length", number(segment.length_m, 0, same("m"))),
        ("fact.at", time_at(hub, at_ms)),
        ("fact.label", _label(state)),
        ("fact.id", same(segment.id)),
    ]
    return Subject(
        segment.called, [Section(facts)], "speed_km_h", key, same("km/h"),
        normal=(0.5 * free, free), label=text("fact.speed") or Name("", ""),
    )  # fmt: skip


def _label(state: int) -> Name:
    return text(("label.provisional", "label.final", "label.corrected")[state]) or same(state)


def _vital(hub: Hub, vital: Vital) -> Subject:
    found, city = hub.screen.figure(vital), hub.screen.view.city
    entity = found.entity if found.entity and vital.of in ("max", "min") else None
    entity = entity or (f"city:{city.id}" if vital.of == "city" else "")
    facts = [
        ("fact.value", number(found.value, vital.decimals, vital.unit_name)),
        ("fact.of", text(f"of.{vital.of}") or same(vital.of)),
        ("fact.at", time_at(hub, found.at_ms)),
        ("fact.label", _label(found.state)),
        ("fact.coverage", number(None if found.coverage_ratio is None else found.coverage_ratio * 100, 0, same("%"))),
        ("fact.basis", same(vital.basis)),
        ("fact.metric", same(vital.metric)),
    ]
    if entity in city.sensor_code:
        sensor = city.sensors[city.sensor_code[entity]]
        facts.insert(2, ("fact.sensor", sensor.called))
    if vital.metric == AQI.name:
        facts[1:1] = _air(hub, found)
    return Subject(
        vital.name,
        [Section(facts)],
        vital.field,
        entity or f"fold:{vital.id}",
        vital.unit_name,
        vital.scale,
        vital.decimals,
        vital.normal,
        label=vital.name,
        window_s=vital.window_s,
    )


def _air(hub: Hub, found: Figure) -> list[tuple[str, Name]]:
    """Return the level of an air quality index, and its primary pollutants, where they are of the same hour."""
    told = hub.mirror.metrics.get(PRIMARY.name, {}).get(found.entity or "", {})
    code = told.get("value") if told.get("at_ms") == found.at_ms else None
    primary = text("air.none") if code == 0 else None
    if code:
        primary = same(", ".join(one.called for one in aqi.of_code(int(code))))
    level = same("—") if found.value is None else aqi.level(found.value).called
    return [("fact.air_level", level), ("fact.primary_pollutants", primary or same("—"))]


async def last_day(hub: Hub, subject: Subject) -> dict[str, Any]:
    """Return 24 hours of a subject as the page's chart wants it: one value per five minutes, None = unknown."""
    until_ms = hub.screen.now_ms(wall_clock_ms())
    until_ms -= until_ms % MINUTE_MS - MINUTE_MS
    problem = None
    values: list[float | None] = [None] * POINTS
    try:
        values = await anyio.to_thread.run_sync(_read, hub, subject, until_ms)
    except CityError as exc:
        log.info("history cannot be read: %s", exc)
        problem = "drawer.no_history"
    return {
        "from_ms": until_ms - DAY_MS,
        "until_ms": until_ms,
        "values": values,
        "normal": subject.normal,
        "limit": subject.limit,
        "unit": subject.unit._asdict(),
        "decimals": subject.decimals,
        "label": subject.label._asdict(),
        "problem": problem,
    }


def _read(hub: Hub, subject: Subject, until_ms: int) -> list[float | None]:
    if subject.entity.startswith("fold:"):
        track = hub.screen.days.get(subject.entity[5:]) or hub.screen.sparks[subject.entity[5:]]
        return track.spread(until_ms - DAY_MS, DAY_MS // POINTS, POINTS)
    values: list[float | None] = [None] * POINTS
    rows = hub.config.history.read(subject.metric, subject.entity, until_ms - DAY_MS, until_ms, subject.window_s)
    stands = max(subject.window_s * 1000 * POINTS // DAY_MS, 1)
    for at_ms, value in zip(rows.at_ms, rows.value, strict=True):
        slot = int((at_ms - (until_ms - DAY_MS)) * POINTS // DAY_MS)
        for each in range(max(slot, 0), min(slot + stands, POINTS)) if math.isfinite(value) else ():
            values[each] = float(value) * subject.scale
    return values
