"""What the API tells of alarms from the history: those that have ended, and every event of alarms, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import anyio
import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from alerts.course import name_of, of_row
from alerts.refusals import why
from dashboard.iso_times import iso
from dashboard.problems import PROBLEM, ProblemError, invalid
from dashboard.queries import in_order
from streams.contract.alarm_events import (
    AlarmEvent,
    AlarmsWanted,
    EventsWanted,
    Moment,
    Raised,
    cursor_of,
    moment_of,
    raised_of,
)
from streams.contract.name import Name
from streams.errors import CityError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dashboard.alarms_api import Alarm, Filter
    from dashboard.hub import Hub

T = TypeVar("T")

LOOKED_AT_ONCE = 1_000
LOOKED_MOST = 20_000
"""So many ended alarms are looked through for one page; `next` goes on behind them."""
ROWS, MOST_ROWS = 100, 1000


class EventFilter(BaseModel):
    """Which events; what is not said may be anything."""

    model_config = ConfigDict(extra="forbid")

    alarm: str | None = None
    domain: str | None = None
    kind: str | None = None
    zone: str | None = None
    entity: str | None = None
    who: Annotated[str | None, Field(description="who gave the command")] = None
    what: Annotated[str | None, Field(description="what happened: raised, risen, acknowledge, shelve, lapsed …")] = None
    outcome: Annotated[Literal["done", "refused"] | None, Field(description="of a command")] = None
    command: Annotated[str | None, Field(description="id: what became of it, and what took it back")] = None
    from_: Annotated[AwareDatetime | None, Field(alias="from", description="happened then or later")] = None
    until: Annotated[AwareDatetime | None, Field(description="happened before")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = ROWS
    cursor: Annotated[str | None, Field(max_length=400, description="`next` of the page before")] = None
    _in_order = model_validator(mode="after")(in_order)


class OfOne(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = ROWS
    cursor: Annotated[str | None, Field(max_length=400, description="`next` of the page before")] = None


def add_to(routes: APIRouter, hub: Hub) -> None:
    """Add the routes of events."""
    answers: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": PAGE}}}}
    answers |= dict.fromkeys((421, 422, 503), PROBLEM)

    @routes.get("/alarm-events", summary="Events of alarms, the newest first", responses=answers)
    async def events(wanted: Annotated[EventFilter, Query()]) -> Response:
        names = ("alarm", "domain", "kind", "zone", "entity", "who", "what", "outcome", "command")
        same = {name: getattr(wanted, name) for name in names}
        asked = EventsWanted(from_ms=epoch_ms(wanted.from_), until_ms=epoch_ms(wanted.until), **same)
        return await _events_page(hub, asked, wanted.limit, wanted.cursor)

    @routes.get("/alarms/{alarm_id}/events", summary="An alarm's course, the newest first", responses=answers)
    async def course(alarm_id: str, page: Annotated[OfOne, Query()]) -> Response:
        return await _events_page(hub, EventsWanted(alarm=alarm_id), page.limit, page.cursor, alarm_id)


async def ended_page(
    hub: Hub, wanted: Filter, fits: Callable[[Alarm], bool], told: Callable[[Alarm], Alarm]
) -> dict[str, Any]:
    """Return a page of alarms that have ended, the newest raise first, as `told`; those that fit."""
    asked = AlarmsWanted(
        closed=True,
        level=wanted.level[0] if len(wanted.level) == 1 else None,
        from_ms=epoch_ms(wanted.from_),
        until_ms=epoch_ms(wanted.until),
        **{name: getattr(wanted, name) for name in ("domain", "kind", "zone", "entity", "incident", "who")},
    )
    found, after = await kept_page(hub, asked, fits, wanted.limit, wanted.cursor)
    return {"alarms": [told(one) for one in found], "next": after}


async def kept_page(
    hub: Hub, asked: AlarmsWanted, fits: Callable[[Alarm], bool], limit: int, cursor: str | None
) -> tuple[list[Alarm], str | None]:
    """Return a page of what the history keeps of alarms or incidents, those that fit, and the cursor of the next."""
    after = place_in(cursor, raised_of)

    def read() -> tuple[list[Alarm], Raised | None]:
        place, found, looked, count = after, list[Any](), 0, limit + 1
        while looked < LOOKED_MOST:
            page = hub.config.history.alarms(asked, count, place)
            for alarm in page:
                if fits(alarm):
                    if len(found) == limit:
                        return found, place
                    found.append(alarm)
                place = Raised(alarm[asked.of.at], alarm["id"])
            if len(page) < count:
                return found, None
            looked, count = looked + count, LOOKED_AT_ONCE
        return found, place

    alarms, last = await from_history(read)
    return alarms, None if last is None else cursor_of(last)


async def _events_page(hub: Hub, wanted: EventsWanted, limit: int, cursor: str | None, of: str = "") -> Response:
    """Return a page of events; with them, of one alarm (`of`), what its row alone tells of the same time."""
    after = place_in(cursor, moment_of)

    def read() -> tuple[list[AlarmEvent], Moment | None]:
        found = hub.config.history.alarm_events(wanted, limit + 1, after)
        page, until = found[:limit], found[limit - 1].moment if len(found) > limit else None
        beside = _of_row(hub, of) if of else []
        page += [
            one for one in beside if (after is None or one.moment < after) and (until is None or one.moment > until)
        ]
        return sorted(page, key=lambda one: one.moment, reverse=True), until

    page, until = await from_history(read)
    body = {"events": [event_row(one) for one in page], "next": None if until is None else cursor_of(until)}
    return Response(msgspec.json.encode(body), media_type="application/json")


def _of_row(hub: Hub, alarm_id: str) -> list[AlarmEvent]:
    """Return what the row of an alarm, open or ended, alone tells of its course."""
    row = hub.mirror.alarms.get(alarm_id) or ended_row(hub, alarm_id)
    return [] if row is None else of_row(row)


def ended_row(hub: Hub, alarm_id: str) -> Alarm | None:
    """Return an alarm as it ended, None = the history knows of no such end (yet); to be called in a thread."""
    history, seen = hub.config.history, hub.mirror.left.get(alarm_id)
    if seen is None:
        known = history.alarm_events(EventsWanted(alarm=alarm_id), LOOKED_AT_ONCE)
        of = next((one for one in known if one.kind), None)
        wanted = None if of is None else AlarmsWanted(closed=True, kind=of.kind, entity=of.entity)
    else:
        at_ms, of_what = seen["raised_at_ms"], {"kind": seen["kind"], "entity": seen["entity"]}
        wanted = AlarmsWanted(closed=True, from_ms=at_ms, until_ms=at_ms + 1, **of_what)
    ended = [] if wanted is None else history.alarms(wanted, LOOKED_AT_ONCE)
    return next((one for one in ended if one["id"] == alarm_id), None)


def event_row(event: AlarmEvent) -> dict[str, Any]:
    """Return an event as the API tells it: with ISO times, and in words in both languages."""
    row: dict[str, Any] = msgspec.to_builtins(event)
    reason = event.reason if event.outcome == "refused" else ""
    return {
        **row,
        "at": iso(event.at_ms),
        "event_at": iso(event.event_at_ms),
        "name": name_of(event.what)._asdict(),
        "sentence": (why(reason) if reason else Name("", ""))._asdict(),
    }


async def from_history(read: Callable[[], T]) -> T:
    """Read from the history in a thread.

    Raises ProblemError where it is away.
    """
    try:
        return await anyio.to_thread.run_sync(read)
    except CityError as exc:
        said = Name(f"历史数据无法读取：{exc}", f"The history cannot be read: {exc}")
        raise ProblemError(503, "no-history", said) from exc


def place_in(cursor: str | None, place_of: Callable[[str], T]) -> T | None:
    """Read a cursor, None = there is none.

    Raises ProblemError where it is not ours.
    """
    try:
        return place_of(cursor) if cursor else None
    except ValueError as exc:
        said = Name("此游标不是本接口给出的。", "This API has given no such cursor.")
        raise invalid([("/query/cursor", said)]) from exc


def epoch_ms(at: datetime | None) -> int | None:
    """Return a time as the history has it."""
    return None if at is None else int(at.timestamp() * 1000)


_TEXT, _MAYBE = {"type": "string"}, {"type": ["string", "null"]}
_WORDS = {"type": "object", "properties": {"zh": _TEXT, "en": _TEXT}}
PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["events", "next"],
    "properties": {
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["alarm", "at", "what", "outcome", "who", "name"],
                "properties": {
                    **dict.fromkeys(("alarm", "what", "outcome", "reason", "who", "desk", "why", "command"), _TEXT),
                    **dict.fromkeys(("domain", "kind", "entity", "zone", "at"), _TEXT),
                    "event_at": {**_MAYBE, "description": "when the condition itself began or ended"},
                    "level": {"type": ["integer", "null"]},
                    "name": {**_WORDS, "description": "what happened, in words"},
                    "sentence": {**_WORDS, "description": "why it was refused, in words"},
                    "event": {"type": "object", "description": "as the journal has it"},
                },
            },
        },
        "next": {**_MAYBE, "description": "`cursor` of the next page, null = this is the last"},
    },
}
