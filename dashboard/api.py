"""`/api/v1`: alarms, incidents, commands, metrics, and what the page needs once."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from dashboard import alarm_history, alarms_api, commands_api, incidents_api
from dashboard.problems import invalid
from streams.contract.name import Name

if TYPE_CHECKING:
    from dashboard.hub import Hub
    from streams.contract.records import Rows

PREFIX = "/api/v1"
MAX_ROWS = 20_000


def router(hub: Hub) -> APIRouter:
    """Return the routes of one hub."""
    routes = APIRouter(prefix=PREFIX)
    alarms_api.add_to(routes, hub)
    alarm_history.add_to(routes, hub)
    incidents_api.add_to(routes, hub)
    commands_api.add_to(routes, hub)
    _add_metrics(routes, hub)

    @routes.get("/wall", summary="What the page draws once: city, map, names, texts")
    async def wall() -> Response:
        return Response(hub.screen.view.once, media_type="application/json")

    return routes


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
                said = Name("时间需带时区，如 2026-11-24T08:00:00Z", "A time needs its zone, e.g. 2026-11-24T08:00:00Z")
                raise invalid([(f"/query/{name}", said)])
        span = (int(from_.timestamp() * 1000), int(until.timestamp() * 1000))
        return JSONResponse(
            {"metric": metric, "entity": entity, "rows": await _series(hub, metric, entity, span, window_s)}
        )


async def _series(hub: Hub, metric: str, entity: str, span: tuple[int, int], window_s: int) -> list[dict[str, Any]]:
    def read() -> Rows:
        return hub.config.history.read(metric, entity, span[0], span[1], window_s)

    rows = await alarm_history.from_history(read)
    return [
        {
            "at_ms": int(at_ms), "value": float(value) if math.isfinite(value) else None,
            "coverage_ratio": float(coverage) if math.isfinite(coverage) else None, "revision": int(revision),
        }
        for at_ms, value, coverage, revision in zip(
            rows.at_ms[:MAX_ROWS], rows.value, rows.coverage_ratio, rows.revision, strict=False
        )
    ]  # fmt: skip
