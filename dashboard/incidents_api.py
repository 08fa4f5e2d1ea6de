"""`/api/v1/incidents`: alarms of one cause, those that are open and those that have ended, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from dashboard.alarm_history import epoch_ms, kept_page, place_in
from dashboard.iso_times import iso
from dashboard.labels import as_json, kind_name
from dashboard.problems import PROBLEM, ProblemError, check_known, shown
from dashboard.queries import in_order
from streams.contract.alarm_events import INCIDENTS, AlarmsWanted, Raised, cursor_of, raised_of
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.hub import Hub

    Incident = dict[str, Any]

ROWS, MOST_ROWS = 100, 1000
SAME = ("domain", "kind", "zone", "entity", "who")
TIMES = ("opened_at", "waiting_since", "presented_at", "acknowledged_at", "ended_at")
AS_ENDED = {"level": "worst_level", "count": "alarms_count"}
"""What an incident that has ended says instead of what it has now."""
ENDS = {
    "returned": Name("最后一条报警的情况已恢复。", "The condition of its last alarm was over."),
    "ended": Name("最后一条报警由人工结束。", "A person ended its last alarm."),
    "retired": Name("最后一条报警的对象或规则已不存在。", "What its last alarm was of, or its rule, is gone."),
    "moved": Name("最后一条报警由人工移出。", "A person took its last alarm elsewhere."),
    "merged": Name("已并入另一事件。", "Another incident took its alarms over."),
}
"""Why an incident ended."""


class Filter(BaseModel):
    """Which incidents; what is not said may be anything. Place and kind are those of the cause."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "ended"] = "open"
    level: Annotated[
        list[Annotated[int, Field(ge=1, le=4)]],
        Field(description="worst of its open alarms, or of all that an ended one had; one or several", max_length=4),
    ] = []
    domain: str | None = None
    kind: str | None = None
    zone: str | None = None
    entity: str | None = None
    who: Annotated[str | None, Field(description="who has acknowledged it")] = None
    from_: Annotated[AwareDatetime | None, Field(alias="from", description="opened then or later")] = None
    until: Annotated[AwareDatetime | None, Field(description="opened before")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = ROWS
    cursor: Annotated[str | None, Field(max_length=400, description="`next` of the page before")] = None
    _in_order = model_validator(mode="after")(in_order)


def add_to(routes: APIRouter, hub: Hub) -> None:
    """Add the routes of incidents."""

    @routes.get("/incidents", summary="Incidents, the newest first", responses=_described(_page_schema(), 503))
    async def incidents(wanted: Annotated[Filter, Query()]) -> JSONResponse:
        asked = AlarmsWanted(
            of=INCIDENTS, closed=wanted.state == "ended",
            from_ms=epoch_ms(wanted.from_), until_ms=epoch_ms(wanted.until),
            **{name: getattr(wanted, name) for name in SAME},
        )  # fmt: skip
        levels = set(wanted.level)

        def fits(incident: Incident) -> bool:
            return not levels or _as_it_stands(incident)["level"] in levels

        if asked.closed:
            found, after = await kept_page(hub, asked, fits, wanted.limit, wanted.cursor)
        else:
            check_known(hub.redis_lost_ms)
            some, place = list(hub.mirror.incidents.values()), place_in(wanted.cursor, raised_of)
            right = (one for one in map(_kept, some) if asked.takes(one) and fits(one))
            found, after = await anyio.to_thread.run_sync(_open_page, right, wanted.limit, place)
        return JSONResponse({"incidents": [told(hub, one) for one in found], "next": after})

    @routes.get("/incidents/{incident_id}", summary="One open incident", responses=_described(INCIDENT, 404, 503))
    async def incident(incident_id: str) -> JSONResponse:
        check_known(hub.redis_lost_ms)
        found = hub.mirror.incidents.get(incident_id)
        if found is None:
            said = Name(
                f"没有未结束的事件 {shown(incident_id)}；可能已经结束。",
                f"No open incident is called {shown(incident_id)}; it may have ended.",
            )
            raise ProblemError(404, "no-such-incident", said)
        return JSONResponse(told(hub, _kept(found)))


def told(hub: Hub, incident: Incident) -> Incident:
    """Return an incident as the API tells it: as the engine does, with ISO times, and in words in both languages."""
    place = hub.screen.view.places.find(incident["entity"], incident["zone"])
    end = ENDS.get(incident.get("ended_because") or "")
    return {
        **_as_it_stands(incident),
        "state": "ended" if incident["closed"] else "open",
        **{name: iso(incident.get(f"{name}_ms")) for name in TIMES},
        "name": as_json(kind_name(incident["kind"])),
        "place": as_json(place.name),
        "ended": None if end is None else as_json(end),
    }


def _as_it_stands(incident: Incident) -> Incident:
    """Return an incident, one that has ended with all that it had; one of an earlier version does not say."""
    if not incident["closed"]:
        return incident
    return incident | {name: incident.get(whole) for name, whole in AS_ENDED.items()}


def _open_page(found: Iterable[Incident], limit: int, after: Raised | None) -> tuple[list[Incident], str | None]:
    """Return those behind a place, and the cursor of the next page; where one stands never changes."""
    behind = sorted((one for one in found if after is None or _place(one) < after), key=_place, reverse=True)
    page = behind[:limit]
    return page, cursor_of(_place(page[-1])) if len(behind) > limit else None


def _kept(incident: Incident) -> Incident:
    """Return an open one as the history would have it."""
    return {"opened_at_ms": incident["waiting_since_ms"], **incident, "closed": False}


def _place(incident: Incident) -> Raised:
    return Raised(incident["opened_at_ms"], incident["id"])


def _described(schema: dict[str, Any], *problems: int) -> dict[int | str, dict[str, Any]]:
    known: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": schema}}}}
    return known | dict.fromkeys((421, 422, *problems), PROBLEM)


_TEXT, _MAYBE, _COUNT = {"type": "string"}, {"type": ["string", "null"]}, {"type": "integer"}
_NUMBER = {"type": ["integer", "null"]}
_WORDS = {"type": "object", "properties": {"zh": _TEXT, "en": _TEXT}}
INCIDENT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "state", "cause", "level", "count", "kind", "entity", "zone", "opened_at", "name", "place"],
    "properties": {
        **dict.fromkeys(("id", "domain", "kind", "entity", "zone"), _TEXT),
        "state": {"enum": ["open", "ended"]},
        "cause": {"type": "string", "description": "id of the alarm that speaks for all"},
        "level": {**_NUMBER, "description": "worst of its open alarms; of an ended one, of all it had (null: unknown)"},
        "count": {**_NUMBER, "description": "open alarms; of an ended one, all that it had (null: unknown)"},
        "levels": {"type": "array", "items": _COUNT, "description": "open alarms of level I, II, III, IV"},
        "alarms": {"type": "array", "items": _TEXT, "description": "the first of them; all: /alarms?incident=ID"},
        "opened_at": {"type": "string", "format": "date-time"},
        **dict.fromkeys(("waiting_since", "presented_at", "acknowledged_at", "acknowledged_by", "ended_at"), _MAYBE),
        "ended_because": {"enum": [*ENDS, None]},
        "ended_by": {**_MAYBE, "description": "who did that"},
        "ended": {"type": ["object", "null"], "description": "why it ended, in both languages"},
        "name": {**_WORDS, "description": "of its cause"},
        "place": _WORDS,
        "why": {"type": ["object", "null"], "description": "why the newest belongs to it, in both languages"},
    },
    "examples": [
        {
            **{"id": "5be2f0c4a1d7", "state": "open", "cause": "10b9c1d2e3f4", "level": 2, "count": 3},
            **{"domain": "traffic", "kind": "slow_traffic", "entity": "S017", "zone": "Z03", "levels": [0, 1, 2, 0]},
            **{"opened_at": "2026-11-30T08:00:00.000Z", "acknowledged_by": None},
            "name": {"zh": "拥堵", "en": "Congestion"},
            "place": {"zh": "滨江 环城路", "en": "Ring Road, Riverside"},
        }
    ],
}


def _page_schema() -> dict[str, Any]:
    next_page = {**_MAYBE, "description": "`cursor` of the next page, null = this is the last"}
    return {
        "type": "object",
        "required": ["incidents", "next"],
        "properties": {"incidents": {"type": "array", "items": INCIDENT}, "next": next_page},
    }
