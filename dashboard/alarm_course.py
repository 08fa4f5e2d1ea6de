"""What has happened to an alarm, for the drawer: as the history tells it, what it has not heard of yet, and the end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio

from alerts.course import name_of, of_row
from dashboard.alarm_facts import CLOCK
from dashboard.alarm_history import ended_row
from dashboard.labels import text
from dashboard.subject import Section, same, time_at
from streams.contract.alarm_events import EventsWanted
from streams.contract.name import Name
from streams.errors import CityError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dashboard.hub import Hub
    from streams.contract.alarm_events import AlarmEvent

READ, SHOWN = 100, 6
ENDS = ("closed", "cleared", "retired")
"""What ends an alarm; …"""
QUIET = ("updated",)
"""… findings that change nothing that a person acts on."""

log = logging.getLogger(__name__)


class Step(NamedTuple):
    """Something that happened."""

    at_ms: int
    """Engine time."""
    what: str
    said: str = ""
    """Who did it, and why."""
    refused: bool = False


async def events_of(hub: Hub, alarm_id: str) -> Sequence[AlarmEvent]:
    """Return what the history has of an alarm, the newest first; nothing where it cannot be read."""
    try:
        wanted = EventsWanted(alarm=alarm_id)
        found: Sequence[AlarmEvent] = await anyio.to_thread.run_sync(hub.config.history.alarm_events, wanted, READ)
    except CityError as exc:
        log.info("the course of %s cannot be read: %s", alarm_id, exc)
        return ()
    return found


async def found_ended(hub: Hub, alarm_id: str) -> Mapping[str, Any] | None:
    """Return an alarm that is not open any more: as it ended (`closed`), else as it was seen last, None = never."""
    try:
        ended = await anyio.to_thread.run_sync(ended_row, hub, alarm_id)
    except CityError as exc:
        log.info("the end of %s cannot be read: %s", alarm_id, exc)
        ended = None
    return ended or hub.mirror.left.get(alarm_id)


def section(hub: Hub, alarm: Mapping[str, Any], events: Sequence[AlarmEvent]) -> Section:
    """Return the newest steps, oldest first."""
    told = [_told(hub, step) for step in steps(alarm, events)]
    return Section(told[-SHOWN:], "drawer.course")


def end(hub: Hub, alarm: Mapping[str, Any], events: Sequence[AlarmEvent]) -> Section:
    """Return when, why and by whom an alarm ended, as far as that is known."""
    last = next((one for one in events if one.what in ENDS), None)
    by, did = alarm.get("ended_by"), (alarm.get("changed_by") or {}).get("what", "")
    if alarm.get("retired"):
        why = text("ended.retired")
    elif by:
        command = next((one for one in events if one.what == did and one.outcome == "done"), None)
        said = "".join(f" · {one}" for one in (by, *((command.desk, command.why) if command else ())) if one)
        why = Name(f"{name_of(did).zh}{said}", f"{name_of(did).en}{said}")
    else:
        why = text("ended.returned") if alarm.get("cleared_at_ms") is not None else None
    facts = [("fact.ended", time_at(hub, hub.screen.now_ms(last.at_ms), CLOCK))] if last else []
    return Section([*facts, *([("fact.ended_why", why)] if why else [])])


def steps(alarm: Mapping[str, Any], events: Sequence[AlarmEvent]) -> list[Step]:
    """Return what the history has, and what the alarm's own row says beyond it, oldest first."""
    known = [one for one in events if one.what not in QUIET]
    told = [_step(one) for one in sorted([*known, *of_row(alarm)], key=lambda one: one.moment)]
    newest_ms = told[-1].at_ms if told else -1
    return told + [step for step in sorted(_of_row(alarm)) if step.at_ms > newest_ms]


def _step(event: AlarmEvent) -> Step:
    said = " · ".join(part for part in (event.who, event.desk, event.why) if part)
    return Step(event.at_ms, event.what, said, refused=event.outcome == "refused")


def _of_row(alarm: Mapping[str, Any]) -> Iterator[Step]:
    last = alarm.get("changed_by")
    if last is None:
        yield Step(alarm["raised_at_ms"], "raised")
        return
    who = " · ".join(part for part in (last["who"], last["desk"]) if part)
    yield Step(last["at_ms"], last["what"], who)
    if alarm.get("closing_at_ms") is not None:
        yield Step(alarm["closing_at_ms"], "closed", alarm.get("closing_by") or "")


def _told(hub: Hub, step: Step) -> tuple[str | Name, Name]:
    name, refused = name_of(step.what), text("course.refused") if step.refused else None
    ending = f" · {step.said}" if step.said else ""
    said = Name(*(f"{getattr(name, lang)}{getattr(refused or same(''), lang)}{ending}" for lang in ("zh", "en")))
    return time_at(hub, hub.screen.now_ms(step.at_ms), CLOCK), said
