"""`/api/v1`: alarms, incidents, commands, metrics, and what the page needs once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from dashboard import alarm_history, alarms_api, commands_api, incidents_api
from dashboard.problems import PROBLEM, check_known
from dashboard.queries import in_order, once

if TYPE_CHECKING:
    from dashboard.hub import Hub
    from streams.contract.records import Rows

PREFIX = "/api/v1"
MAX_ROWS = 20_000


class NewestFilter(BaseModel):
    """Which newest values; what is not said may be anything."""

    model_config = ConfigDict(extra="forbid")

    metric: str | None = None
    entity: str | None = None


class SeriesFilter(BaseModel):
    """Which rows."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime
    window_s: Annotated[int, Field(ge=1, lt=2**31)] = 60
    _in_order = model_validator(mode="after")(in_order)


def router(hub: Hub) -> APIRouter:
    """Return the routes of one hub."""
    routes = APIRouter(prefix=PREFIX, dependencies=[Depends(once)])
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
    answers: dict[int | str, dict[str, Any]] = dict.fromkeys((421, 422, 503), PROBLEM)

    @routes.get("/metrics", summary="Newest values: of a metric, an entity, or all", responses=answers)
    async def metrics(wanted: Annotated[NewestFilter, Query()]) -> JSONResponse:
        check_known(hub.redis_lost_ms)
        table = hub.mirror.metrics
        names = sorted(table) if wanted.metric is None else [wanted.metric]
        rows = [
            {"metric": name, "entity": key, **row}
            for name in names
            for key, row in sorted(table.get(name, {}).items())
            if wanted.entity in (None, key)
        ]
        return JSONResponse({"metrics": rows[:MAX_ROWS]})

    @routes.get("/metrics/{metric}/{entity}", summary="A metric's rows from history", responses=answers)
    async def series(metric: str, entity: str, wanted: Annotated[SeriesFilter, Query()]) -> JSONResponse:
        window_s = wanted.window_s
        span = (int(wanted.from_.timestamp() * 1000), int(wanted.until.timestamp() * 1000))
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
