"""What the drawer tells of an alarm: its facts, what to do about it (the rule's record), and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.rules.record import RECORD
from alerts.rules.shipped import shipped
from dashboard.alarm_list import judged_of, metric_of, scale_of
from dashboard.labels import column_name, column_unit, kind_name, text, unit_name
from dashboard.readings import filled, quantity, reading
from dashboard.subject import Section, Subject, same, time_at
from processors.maths.combined import STANDS
from processors.maths.rules import BASIS_ZH
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboard.hub import Hub

CLOCK = "%m-%d %H:%M:%S"
AS_SAID = ("why", "assigned_to", "escalated_to", "shelved_by", "shelved_why", "suppressed_why", "out_of_service_by")
"""What people said, as they said it; of these, …"""
TO_DESKS = ("assigned_to", "escalated_to")
"""… a desk."""
IN_UNITS = {"usual_km_h": (1.0, "km/h"), "ratio": (100.0, "%"), "over_s": (1.0, "s")}
"""Evidence by what it is multiplied where people read it, and its unit then."""
TOLD_ELSEWHERE = ("column", "basis", BASIS_ZH)
"""Of the evidence: the reading's name, and the basis."""


def subject(hub: Hub, alarm: Mapping[str, Any]) -> Subject:
    """Return what the drawer shows of an alarm."""
    row = hub.screen.alarm_row(dict(alarm))
    scale, shown_unit = scale_of(_of_curve(alarm))
    metric, kind = metric_of(alarm), kind_name(alarm["kind"])
    found = [Section(list(_facts(hub, alarm, row))), Section(list(_record(alarm)), "drawer.record")]
    found.append(Section(list(_evidence(hub, alarm)), "drawer.evidence"))
    return Subject(
        Name(f"{row['place']['zh']} · {kind.zh}", f"{kind.en} · {row['place']['en']}"),
        [section for section in found if section.facts],
        metric,
        alarm["entity"],
        unit_name(shown_unit),
        scale,
        2,
        limit=None if judged_of(alarm).of else row["limit"],
        label=column_name(alarm["domain"], metric) or text("fact.reading") or kind,
        row=row,
    )


def _of_curve(alarm: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the alarm with the unit of its column, which the curve is in whatever its limits are of."""
    if not judged_of(alarm).of:
        return alarm
    unit, evidence = column_unit(alarm["domain"], metric_of(alarm)), {**alarm["evidence"], "of": ""}
    return {**alarm, "unit": unit, "evidence": evidence}


def _facts(hub: Hub, alarm: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[tuple[str, Name]]:
    yield "fact.place", Name(row["place"]["zh"], row["place"]["en"])
    yield "fact.level", _level(alarm["level"])
    if alarm.get("newest_level"):
        yield "fact.newest_level", _level(alarm["newest_level"])
    yield "fact.reading", reading(row["value"], row["limit"], row["unit"], judged_of(alarm))
    yield "fact.state", (text("standing.ended") if alarm.get("closed") else None) or _state(hub, row)
    if row["uncertain_since_ms"] is not None:
        yield "fact.uncertain", time_at(hub, row["uncertain_since_ms"], CLOCK)
    yield "fact.raised", time_at(hub, alarm["raised_at_ms"], CLOCK)
    if alarm["acknowledged"]:
        desk = hub.screen.view.desk(str(alarm.get("acknowledged_desk")))
        by = alarm.get("acknowledged_by")
        yield "fact.acknowledged", Name(f"{by} · {desk.zh}", f"{by} · {desk.en}")
    if alarm.get("desk"):
        yield "fact.desk", hub.screen.view.desk(alarm["desk"])
    for key in AS_SAID:
        if alarm.get(key):
            yield f"fact.{key}", hub.screen.view.desk(alarm[key]) if key in TO_DESKS else same(alarm[key])
    if alarm.get("under"):
        yield "fact.folded", Name(alarm["under"]["why"]["zh"], alarm["under"]["why"]["en"])
    basis, in_chinese = alarm.get("basis") or "—", alarm.get("evidence", {}).get(BASIS_ZH)
    yield "fact.basis", Name(in_chinese, basis) if in_chinese else text(f"basis.{basis}") or same(basis)
    yield "fact.id", same(alarm["id"])


def _level(level: int) -> Name:
    return text(f"level.{level}") or same(level)


def _state(hub: Hub, row: Mapping[str, Any]) -> Name:
    """Return how an alarm stands, until when by itself, and what else its row in the list says of that."""
    said = [text(f"standing.{row['standing']}") or same(row["standing"])]
    if row["closing_at_ms"] is not None:
        said.append(text("alarm.closing") or same(""))
    if row["until_ms"] is not None:
        said.append(filled("alarm.until", time_at(hub, row["until_ms"], CLOCK)))
    if row["chattering"]:
        said.append(filled("alarm.chattering", same(row["count"])))
    return Name(" · ".join(one.zh for one in said), " · ".join(one.en for one in said))


def _record(alarm: Mapping[str, Any]) -> Iterator[tuple[str, Name]]:
    record = shipped().get(alarm["kind"], {}).get(RECORD, {})
    for key in ("cause", "consequence", "action"):
        if key in record:
            yield f"record.{key}", Name(record[key]["zh"], record[key]["en"])
    if "time_to_respond_s" in record:
        yield "record.time_to_respond", quantity(record["time_to_respond_s"], "s")
    if "owner" in record:
        yield "record.owner", Name(record["owner"]["zh"], record["owner"]["en"])


def _evidence(hub: Hub, alarm: Mapping[str, Any]) -> Iterator[tuple[str | Name, Name]]:
    for key, value in alarm.get("evidence", {}).items():
        if key in TOLD_ELSEWHERE:
            continue
        label: str | Name = f"evidence.{key}" if text(f"evidence.{key}") else _label(key)
        yield label, text(f"evidence.{key}.{value}") or _said(hub, key, value)


def _label(key: str) -> Name:
    """Return what a key of the evidence is called that has no text: the rule that stands, else as it is."""
    return kind_name(key.removeprefix(STANDS)) if key.startswith(STANDS) else same(key)


def _said(hub: Hub, key: str, value: float | str) -> Name:
    """Say a value of the evidence: the name of a place of the city, or a number in its unit."""
    if isinstance(value, str):
        return hub.screen.view.places.find(value, "").name
    factor, unit = IN_UNITS.get(key, (1.0, ""))
    return quantity(value * factor, unit)
