"""The drawer: what stands behind a segment, a tile or an alarm, and its last 24 hours from history."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import anyio
from dash import ClientsideFunction, Input, Output, html

from dashboard.alarm_list import metric_of, scale_of
from dashboard.hub import wall_clock_ms
from dashboard.labels import column_name, kind_name, text, unit_name
from dashboard.vitals import vitals
from streams.contract.durations import DAY_MS, MINUTE_MS
from streams.contract.name import Name
from streams.contract.spec import WINDOW_S
from streams.errors import CityError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash import Dash
    from dash.development.base_component import Component

    from dashboard.hub import Hub
    from dashboard.vitals import Vital

POINTS = 288
"""A point each five minutes: the newest minute of each."""

log = logging.getLogger(__name__)


class Subject(NamedTuple):
    """What a drawer is about."""

    title: Name
    facts: Sequence[tuple[str, Name]]
    """(message key, value) in reading order."""
    metric: str
    entity: str
    unit: Name
    scale: float = 1.0
    decimals: int = 1
    normal: tuple[float, float] | None = None
    limit: float | None = None
    label: Name = Name("", "")


def install(app: Dash, hub: Hub) -> None:
    """Connect the drawer."""

    @app.callback(
        Output("drawer-head", "children"),
        Output("drawer-facts", "children"),
        Output("drawer-series", "data"),
        Input("selection", "data"),
        prevent_initial_call=True,
    )
    async def open_drawer(selection: dict[str, str] | None) -> tuple[Any, Any, Any]:
        if not selection:
            return [], [], None
        subject = find(hub, selection["kind"], selection["id"])
        language = "en" if selection.get("lang") == "en" else "zh"
        if subject is None:
            gone = text("drawer.gone")
            return html.H2(gone and getattr(gone, language)), [], {"key": selection["id"], "values": []}
        series = await last_day(hub, subject)
        return html.H2(getattr(subject.title, language)), _facts(subject, language), series | {"key": selection["id"]}

    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("citywall", "drawSeries"), Input("drawer-series", "data"), prevent_initial_call=True
    )


def _facts(subject: Subject, language: str) -> Component:
    rows = []
    for key, value in subject.facts:
        label = text(key)
        rows += [html.Dt(getattr(label, language) if label else key), html.Dd(getattr(value, language))]
    return html.Dl(rows)


def find(hub: Hub, kind: str, key: str) -> Subject | None:
    """Return what a selection is about, None where it is no longer there."""
    if kind == "segment":
        return _segment(hub, key)
    if kind == "vital":
        found = [vital for vital in vitals() if vital.id == key]
        return _vital(hub, found[0]) if found else None
    alarm = hub.mirror.alarms.get(key)
    return None if alarm is None else _alarm(hub, alarm)


def _same(value: object) -> Name:
    return Name(str(value), str(value))


def _number(value: float | None, decimals: int = 1, unit: Name = Name("", "")) -> Name:  # noqa: B008 - immutable
    if value is None or not math.isfinite(value):
        return Name("—", "—")
    shown = f"{value:,.{decimals}f}"
    return Name(f"{shown} {unit.zh}".strip(), f"{shown} {unit.en}".strip())


def _time(hub: Hub, at_ms: int | None) -> Name:
    if at_ms is None:
        return Name("—", "—")
    local = datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(ZoneInfo(hub.screen.view.city.time_zone))
    return _same(local.strftime("%Y-%m-%d %H:%M:%S %z"))


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
        ("fact.road_class", text(f"road.{segment.road_class}") or _same(segment.road_class)),
        ("fact.speed", _number(speed, 1, _same("km/h"))),
        ("fact.free_flow", _number(free, 0, _same("km/h"))),
        ("fact.tti", _number(tti, 2)),
        ("fact.lanes", _same(segment.lanes)),
        ("fact.length", _number(segment.length_m, 0, _same("m"))),
        ("fact.at", _time(hub, at_ms)),
        ("fact.label", _label(state)),
        ("fact.id", _same(segment.id)),
    ]
    return Subject(
        segment.called, facts, "speed_km_h", key, _same("km/h"),
        normal=(0.5 * free, free), label=text("fact.speed") or Name("", ""),
    )  # fmt: skip


def _label(state: int) -> Name:
    return text(("label.provisional", "label.final", "label.corrected")[state]) or _same(state)


def _vital(hub: Hub, vital: Vital) -> Subject:
    found, city = hub.screen.figure(vital), hub.screen.view.city
    entity = found.entity if found.entity and vital.of in ("max", "min") else None
    entity = entity or (f"city:{city.id}" if vital.of == "city" else "")
    facts = [
        ("fact.value", _number(found.value, vital.decimals, vital.unit_name)),
        ("fact.of", text(f"of.{vital.of}") or _same(vital.of)),
        ("fact.at", _time(hub, found.at_ms)),
        ("fact.label", _label(found.state)),
        ("fact.coverage", _number(None if found.coverage_ratio is None else found.coverage_ratio * 100, 0, _same("%"))),
        ("fact.basis", _same(vital.basis)),
        ("fact.metric", _same(vital.metric)),
    ]
    if entity in city.sensor_code:
        sensor = city.sensors[city.sensor_code[entity]]
        facts.insert(2, ("fact.sensor", sensor.called))
    return Subject(
        vital.name,
        facts,
        vital.field,
        entity or f"fold:{vital.id}",
        vital.unit_name,
        vital.scale,
        vital.decimals,
        vital.normal,
        label=vital.name,
    )


def _alarm(hub: Hub, alarm: Mapping[str, Any]) -> Subject:
    row = hub.screen.alarm_row(dict(alarm))
    scale, shown_unit = scale_of(alarm)
    unit, metric = unit_name(shown_unit), metric_of(alarm)
    kind = kind_name(alarm["kind"])
    facts = [
        ("fact.place", Name(row["place"]["zh"], row["place"]["en"])),
        ("fact.reading", _number(row["value"], 2, unit)),
        ("fact.limit", _number(row["limit"], 2, unit)),
        ("fact.basis", _same(alarm.get("basis") or "—")),
        ("fact.raised", _time(hub, alarm["raised_at_ms"])),
        ("fact.state", text("alarm.cleared" if alarm["state"] == "cleared" else "alarm.active") or _same("")),
        ("fact.acknowledged", _acknowledged(hub, alarm)),
        ("fact.reason", _same(alarm.get("why") or "—")),
        ("fact.id", _same(alarm["id"])),
    ]
    title = Name(f"{row['place']['zh']} · {kind.zh}", f"{kind.en} · {row['place']['en']}")
    name = column_name(alarm["domain"], metric) or text("fact.reading") or kind
    return Subject(title, facts, metric, alarm["entity"], unit, scale, 2, limit=row["limit"], label=name)


def _acknowledged(hub: Hub, alarm: Mapping[str, Any]) -> Name:
    if not alarm["acknowledged"]:
        return text("alarm.unacknowledged") or _same("")
    at_ms = alarm.get("acknowledged_at_ms")
    at = _time(hub, None if at_ms is None else hub.screen.now_ms(at_ms))
    return _same(f"{alarm.get('acknowledged_by')} · {alarm.get('acknowledged_desk')} · {at.zh}")


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
    rows = hub.config.history.read(subject.metric, subject.entity, until_ms - DAY_MS, until_ms, WINDOW_S)
    for at_ms, value in zip(rows.at_ms, rows.value, strict=True):
        slot = int((at_ms - (until_ms - DAY_MS)) * POINTS // DAY_MS)
        if 0 <= slot < POINTS and math.isfinite(value):
            values[slot] = float(value) * subject.scale
    return values
