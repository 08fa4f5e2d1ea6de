"""`/api/v1/alarms`: the open alarms in the wall's order, filtered, a page at a time."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from dashboard.alarm_history import ended_page
from dashboard.alarm_list import standing_of, waiting_since_ms
from dashboard.commands_api import open_alarm
from dashboard.iso_times import iso
from dashboard.orders_kept import OrdersKept, behind
from dashboard.problems import PROBLEM, check_known, invalid
from dashboard.queries import in_order
from streams.contract.alarm_events import people_of
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dashboard.alarm_book import Place
    from dashboard.hub import Hub

OPEN, ENDED = "open", "ended"
STATES = (
    *(OPEN, ENDED, "out_of_service", "suppressed", "shelved", "unacknowledged", "acknowledged"),
    *("returned_unacknowledged", "latched_unacknowledged", "latched_acknowledged"),
)
SAME = ("domain", "kind", "zone", "entity", "incident", "desk")
"""What has to be just that."""
ROWS, MOST_ROWS = 100, 1000
Alarm = dict[str, Any]


class Filter(BaseModel):
    """Which alarms; what is not said may be anything."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[str, Field(json_schema_extra={"enum": list(STATES)}, pattern=f"^({'|'.join(STATES)})$")] = OPEN
    level: Annotated[list[Annotated[int, Field(ge=1, le=4)]], Field(description="one or several", max_length=4)] = []
    domain: str | None = None
    kind: str | None = None
    zone: str | None = None
    entity: str | None = None
    incident: Annotated[str | None, Field(description="id of the incident that it belongs to")] = None
    desk: Annotated[str | None, Field(description="id of the desk whose it is, where the city has several")] = None
    who: Annotated[
        str | None, Field(description="who has acknowledged, shelved, assigned, ended or last changed it")
    ] = None
    equipment: Annotated[bool | None, Field(description="whether it is about what watches the city")] = None
    from_: Annotated[AwareDatetime | None, Field(alias="from", description="raised then or later")] = None
    until: Annotated[AwareDatetime | None, Field(description="raised before")] = None
    text: Annotated[str | None, Field(max_length=200, description="in place, kind, zone or id, either language")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = ROWS
    cursor: Annotated[str | None, Field(max_length=400, description="`next` of the page before")] = None
    _in_order = model_validator(mode="after")(in_order)


def add_to(routes: APIRouter, hub: Hub) -> None:
    """Add the routes of alarms."""
    kept = OrdersKept()

    @routes.get(
        "/alarms", summary="Alarms, in the order of the wall", responses=_described(_page_schema()) | {503: PROBLEM}
    )
    async def alarms(wanted: Annotated[Filter, Query()]) -> Response:
        if wanted.state == ENDED:
            page = await ended_page(
                hub, wanted, filter_of(wanted, hub.screen.view.says), lambda alarm: told(hub, alarm)
            )
            counts = hub.screen.book().counts() if hub.redis_lost_ms is None else None
            return Response(msgspec.json.encode(page | {"counts": counts}), media_type="application/json")
        check_known(hub.redis_lost_ms)
        return Response(await _open_page(hub, wanted, kept), media_type="application/json")

    @routes.get(
        "/alarms/{alarm_id}", summary="One open alarm", responses=_described(ALARM) | {404: PROBLEM, 503: PROBLEM}
    )
    async def alarm(alarm_id: str) -> JSONResponse:
        check_known(hub.redis_lost_ms)
        return JSONResponse(told(hub, open_alarm(hub, alarm_id)))


def told(hub: Hub, alarm: Alarm) -> Alarm:
    """Return an alarm as the API tells it: as the engine does, with ISO times, and as the list shows it."""
    return {
        **alarm,
        "state": ENDED if alarm.get("closed") else standing_of(alarm),
        "process": alarm.get("process", alarm["state"]),
        "revision": alarm.get("revision"),
        "raised_at": iso(alarm["raised_at_ms"]),
        "waiting_since": iso(waiting_since_ms(alarm)),
        "incident": alarm.get("incident"),
        "wall": hub.screen.alarm_row(alarm),
    }


async def _open_page(hub: Hub, wanted: Filter, kept: OrdersKept) -> bytes:
    """Return the page as JSON; made in a thread, so that no console waits for another's search."""
    book, alarms = hub.screen.book(), hub.mirror.alarms
    place, name = _read(wanted.cursor)
    order = kept.find(name)
    order = book.after(None) if order is None else order
    counts, fits = book.counts(), filter_of(wanted, hub.screen.view.says)

    def make() -> tuple[msgspec.Raw, Place | None]:
        found, more = _select(behind(order, place), alarms, fits, wanted.limit)
        rows = msgspec.json.encode([told(hub, alarm) for _, alarm in found])
        return msgspec.Raw(rows), found[-1][0] if more else None

    rows, last = await anyio.to_thread.run_sync(make)
    after = None if last is None else _cursor(last, kept.keep(order))
    return msgspec.json.encode({"alarms": rows, "counts": counts, "next": after})


def _select(
    places: Sequence[Place], alarms: Mapping[str, Alarm], fits: Callable[[Alarm], bool], limit: int
) -> tuple[list[tuple[Place, Alarm]], bool]:
    """Return the first that fit, and whether there are more; an alarm that has gone meanwhile is passed over."""
    found: list[tuple[Place, Alarm]] = []
    for place in places:
        alarm = alarms.get(place[-1])
        if alarm is not None and fits(alarm):
            if len(found) == limit:
                return found, True
            found.append((place, alarm))
    return found, False


def filter_of(wanted: Filter, says: Callable[[Alarm, str], bool]) -> Callable[[Alarm], bool]:
    """Return whether an alarm is one of those; `says`: whether a text stands in it."""
    tests = list(_tests(wanted, says))
    if len(tests) == 1:  # as a wall asks while somebody types: 20,000 alarms are looked at
        return tests[0]
    return lambda alarm: all(test(alarm) for test in tests)


def _tests(wanted: Filter, says: Callable[[Alarm, str], bool]) -> Iterator[Callable[[Alarm], bool]]:
    if wanted.state not in {OPEN, ENDED}:
        yield lambda alarm: standing_of(alarm) == wanted.state
    if wanted.level:
        levels = set(wanted.level)
        yield lambda alarm: alarm["level"] in levels
    same = {name: value for name in SAME if (value := getattr(wanted, name)) is not None}
    if same:
        yield lambda alarm: all(alarm.get(name) == value for name, value in same.items())
    if wanted.who is not None:
        yield lambda alarm: wanted.who in people_of(alarm)
    if wanted.equipment is not None:
        yield lambda alarm: bool(alarm.get("equipment")) == wanted.equipment
    if wanted.from_ is not None:
        from_ms = wanted.from_.timestamp() * 1000
        yield lambda alarm: alarm["raised_at_ms"] >= from_ms
    if wanted.until is not None:
        until_ms = wanted.until.timestamp() * 1000
        yield lambda alarm: alarm["raised_at_ms"] < until_ms
    if wanted.text and (text := wanted.text.casefold().strip()):
        yield lambda alarm: says(alarm, text)


def _cursor(place: Place, order: str) -> str:
    return urlsafe_b64encode(msgspec.json.encode((*place, order))).decode().rstrip("=")


def _read(cursor: str | None) -> tuple[Place | None, str]:
    """Return behind which place a page begins, and the name of the order that it is of."""
    if not cursor:
        return None, ""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        rank, level, since_ms, alarm, order = msgspec.json.decode(text, type=tuple[int, int, int, str, str])
    except (ValueError, msgspec.DecodeError) as exc:
        said = Name("此游标不是本接口给出的。", "This API has given no such cursor.")
        raise invalid([("/query/cursor", said)]) from exc
    return (rank, level, since_ms, alarm), order


def _described(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"schema": schema}}}, 421: PROBLEM, 422: PROBLEM}


_TEXT, _MAYBE = {"type": "string"}, {"type": ["string", "null"]}
ALARM: dict[str, Any] = {
    "type": "object",
    "required": ["id", "revision", "state", "level", "entity", "kind", "raised_at", "waiting_since", "count", "wall"],
    "properties": {
        "id": _TEXT,
        "revision": {"type": ["integer", "null"]},
        "state": {"enum": list(STATES[1:])},
        "level": {"type": "integer", "minimum": 1, "maximum": 4},
        "domain": _TEXT,
        "kind": _TEXT,
        "entity": _TEXT,
        "zone": _TEXT,
        "desk": {**_TEXT, "description": "whose it is; empty where the city has one desk"},
        "raised_at": {"type": "string", "format": "date-time"},
        "waiting_since": {"type": "string", "format": "date-time"},
        "acknowledged_by": _MAYBE,
        "incident": _MAYBE,
        "count": {"type": "integer"},
        "wall": {"type": "object", "description": "as the wall's list shows it, with names in both languages"},
    },
    "examples": [
        {
            **{"id": "10b9c1d2e3f4", "revision": 2, "state": "acknowledged", "level": 2, "domain": "traffic"},
            **{"kind": "slow_traffic", "entity": "S017", "zone": "Z03", "raised_at": "2026-11-30T08:00:00.000Z"},
            **{"waiting_since": "2026-11-30T08:00:04.120Z", "acknowledged_by": "李敏", "incident": None, "count": 3},
            "wall": {"place": {"zh": "滨江 环城路", "en": "Ring Road, Riverside"}},
        }
    ],
}


def _page_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["alarms", "counts", "next"],
        "properties": {
            "alarms": {"type": "array", "items": ALARM},
            "counts": {"type": ["object", "null"]},
            "next": {**_MAYBE, "description": "`cursor` of the next page, null = this is the last"},
        },
    }
