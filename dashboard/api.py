"""`/api/v1`: alarms, metrics, and what the page needs once."""

from __future__ import annotations

import math
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from alerts.commands import Acknowledge as Command
from dashboard.alarm_list import Sending, counts, order
from dashboard.hub import wall_clock_ms
from dashboard.problems import ProblemError
from streams.errors import CityError

if TYPE_CHECKING:
    from dashboard.hub import Hub
    from streams.contract.records import Rows

PREFIX = "/api/v1"
MAX_ROWS = 20_000


Called = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
"""A name or a desk; blanks alone are none."""


class Acknowledge(BaseModel):
    """Who takes an alarm on, and why."""

    who: Annotated[Called, Field(description="operator")]
    desk: Called
    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)] = ""
    revision: Annotated[int | None, Field(ge=1, description="of the alarm as the operator saw it")] = None
    seen_level: Annotated[int | None, Field(ge=1, le=4, description="the level that the operator saw")] = None


class Accepted(BaseModel):
    """The command is in Kafka; the alarm engine's answer comes through the stream."""

    id: str
    status: str = "sending"


def router(hub: Hub) -> APIRouter:
    """Return the routes of one hub."""
    routes = APIRouter(prefix=PREFIX)
    _add_alarms(routes, hub)
    _add_metrics(routes, hub)

    @routes.get("/wall", summary="What the page draws once: city, map, names, texts")
    async def wall() -> Response:
        return Response(hub.screen.view.once, media_type="application/json")

    return routes


def _add_alarms(routes: APIRouter, hub: Hub) -> None:
    @routes.get("/alarms", summary="Open alarms, in the order of the wall")
    async def alarms(limit: Annotated[int, Query(ge=1, le=5000)] = 500) -> JSONResponse:
        found = sorted(hub.mirror.alarms.values(), key=order)
        rows = [alarm | {"wall": hub.screen.alarm_row(alarm)} for alarm in found[:limit]]
        return JSONResponse({"alarms": rows, "counts": counts(found)})

    @routes.get("/alarms/{alarm_id}", summary="One open alarm")
    async def alarm(alarm_id: str) -> JSONResponse:
        return JSONResponse(_alarm(hub, alarm_id))

    @routes.post("/alarms/{alarm_id}/acknowledge", status_code=202, summary="Acknowledge an alarm")
    async def acknowledge(alarm_id: str, order: Acknowledge) -> Accepted:
        return await _acknowledge(hub, alarm_id, order)


def _add_metrics(routes: APIRouter, hub: Hub) -> None:
    @routes.get("/metrics", summary="Newest values: of a metric, an entity, or all")
    async def metrics(metric: str | None = None, entity: str | None = None) -> JSONResponse:
        table = hub.mirror.metrics
        names = sorted(table) if metric is None else [metric]
        rows = [
            {"metric": name, "entity": key, **row}
            for name in names
            for key, row in sorted(table.get(name, {}).items())
            if entity in (None, key)
        ]
        return JSONResponse({"metrics": rows[:MAX_ROWS]})

    @routes.get("/metrics/{metric}/{entity}", summary="A metric's rows from history")
    async def series(
        metric: str,
        entity: str,
        from_: Annotated[datetime, Query(alias="from")],
        until: datetime,
        window_s: Annotated[int, Query(ge=1)] = 60,
    ) -> JSONResponse:
        for name, moment in (("from", from_), ("until", until)):
            if moment.tzinfo is None:
                raise ProblemError(422, "no-zone", f"{name}: a time needs its zone, e.g. 2026-11-24T08:00:00Z.")
        span = (int(from_.timestamp() * 1000), int(until.timestamp() * 1000))
        return JSONResponse(
            {"metric": metric, "entity": entity, "rows": await _series(hub, metric, entity, span, window_s)}
        )


def _alarm(hub: Hub, alarm_id: str) -> dict[str, Any]:
    found = hub.mirror.alarms.get(alarm_id)
    if found is None:
        raise ProblemError(404, "no-such-alarm", f"No open alarm is called {alarm_id}; it may have been closed.")
    return found


async def _acknowledge(hub: Hub, alarm_id: str, order: Acknowledge) -> Accepted:
    alarm = _alarm(hub, alarm_id)
    if alarm["acknowledged"]:
        by = alarm.get("acknowledged_by")
        raise ProblemError(409, "already-acknowledged", f"{by or 'Somebody'} has acknowledged it.", by=by)
    wall_ms = wall_clock_ms()
    command = Command(
        id=str(uuid.uuid4()), city=hub.config.city.id, alarm=alarm_id, who=order.who, desk=order.desk, role="operator",
        why=order.why,
        seen_level=order.seen_level or alarm["level"], revision=order.revision,
    )  # fmt: skip
    hub.sending(alarm_id, Sending(order.who, order.desk, wall_ms))
    try:
        await hub.config.send_command(msgspec.json.encode(command))
    except (CityError, OSError, TimeoutError) as exc:
        hub.sending(alarm_id, None)
        raise ProblemError(503, "not-sent", f"The command could not be sent: {exc}") from exc
    return Accepted(id=command.id)


async def _series(hub: Hub, metric: str, entity: str, span: tuple[int, int], window_s: int) -> list[dict[str, Any]]:
    def read() -> Rows:
        return hub.config.history.read(metric, entity, span[0], span[1], window_s)

    try:
        rows = await anyio.to_thread.run_sync(read)
    except CityError as exc:
        raise ProblemError(503, "no-history", f"The history cannot be read: {exc}") from exc
    return [
        {
            "at_ms": int(at_ms), "value": float(value) if math.isfinite(value) else None,
            "coverage_ratio": float(coverage) if math.isfinite(coverage) else None, "revision": int(revision),
        }
        for at_ms, value, coverage, revision in zip(
            rows.at_ms[:MAX_ROWS], rows.value, rows.coverage_ratio, rows.revision, strict=False
        )
    ]  # fmt: skip
