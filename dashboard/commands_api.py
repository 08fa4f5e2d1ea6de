"""`/api/v1/commands`: what people decide goes out signed; what became of it is asked for under the command's id."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.commands import Acknowledge as AcknowledgeCommand
from alerts.commands import Command
from dashboard.alarm_history import from_history
from dashboard.alarm_list import Sending
from dashboard.asked import UNCONFIRMED, Asked, of_events, sentence
from dashboard.guard import browser_of
from dashboard.hub import wall_clock_ms
from dashboard.languages import HEADER, language_of
from dashboard.mirror import city_now_ms
from dashboard.order_fields import Called, Why
from dashboard.orders import Order, command_id, described, to_command
from dashboard.problems import PROBLEM, ProblemError, check_known, shown
from streams.contract.alarm_events import EventsWanted
from streams.contract.name import Name
from streams.errors import CityError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.hub import Hub

PATH = "/commands"
EVENTS_OF_ONE = 20
REFUSALS: dict[int | str, dict[str, Any]] = dict.fromkeys((403, 409, 421, 422, 503), PROBLEM)


EXAMPLE: dict[str, Any] = {
    **{"id": "5e1f-77ab", "state": "refused", "reason": "already_acknowledged", "by": "王强", "by_desk": "3 号台"},
    **{
        "sentence": "Somebody has acknowledged it already. (王强, 3 号台)",
        "did": "acknowledge",
        "known": [],
        "alarm": "10b9c1d2e3f4",
    },
    **{"did_at": "2026-11-30T08:00:04.120Z", "did_at_ms": 1796025604120, "revision": 0, "covers_count": 0},
    **{"at": "2026-11-30T08:00:04.310Z", "at_ms": 1796025604310},
}


class Acknowledge(BaseModel):
    """Who takes an alarm on, and why."""

    who: Annotated[Called, Field(description="operator", examples=["李敏"])]
    desk: Annotated[Called, Field(examples=["2 号台"])]
    why: Why = ""
    revision: Annotated[
        int | None, Field(strict=True, ge=1, lt=2**53, description="of the alarm as the operator saw it")
    ] = None
    seen_level: Annotated[int | None, Field(strict=True, ge=1, le=4, description="the level that the operator saw")] = (
        None
    )


class Accepted(BaseModel):
    """The command is in Kafka; what becomes of it comes through the stream, and stands under its id."""

    id: str
    state: str = "pending"
    status: Annotated[str, Field(deprecated=True, description="as `state`, for one version more")] = "sending"


class State(BaseModel):
    """What became of a command."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    state: Annotated[str, Field(json_schema_extra={"enum": ["pending", "done", "refused", "superseded"]})]
    reason: Annotated[str, Field(description="why it was refused; `unconfirmed`: pending for longer than it should be")]
    sentence: Annotated[str, Field(description="the reason in words, in the language of Accept-Language")]
    by: Annotated[str, Field(description="who was first, or who undid it")]
    by_desk: str
    did: str
    did_at: str | None
    did_at_ms: int | None
    known: Annotated[list[str], Field(description="what there is, where it named what there is not")]
    alarm: str
    revision: Annotated[int, Field(description="of the alarm behind it")]
    covers_count: Annotated[int, Field(description="open alarms of its scope, or of its incident")]
    at: Annotated[str, Field(description="when it was judged; of one that is pending, when it was asked for")]
    at_ms: int


def add_to(routes: APIRouter, hub: Hub) -> None:
    """Add the routes of commands."""

    @routes.post(PATH, status_code=202, summary="Give a command", description=described(), responses=REFUSALS)
    async def give(order: Order, request: Request, response: Response) -> Accepted:
        name = command_id(order.key or uuid.uuid4().hex, order)
        if hub.commands.has_other_of(name):
            said = Name("此 key 已用于另一条命令。", "This key has named another command already.")
            raise ProblemError(422, "key-used", said)
        command = to_command(order, name, hub.screen.view.city, _clock(hub), wall_clock_ms())
        return await send(hub, command, request, response)

    @routes.get(f"{PATH}/{{command_id}}", summary="What became of a command", responses={404: PROBLEM, 503: PROBLEM})
    async def state(command_id: str, request: Request) -> State:
        found = await _state(hub, command_id)
        if found is None:
            name = shown(command_id)
            raise ProblemError(404, "no-such-command", Name(f"没有命令 {name}。", f"No command is called {name}."))
        return State(**found, sentence=sentence(found).said_in(language_of(request.headers.get(HEADER))))

    @routes.post(
        "/alarms/{alarm_id}/acknowledge", status_code=202, deprecated=True, responses=REFUSALS | {404: PROBLEM},
        summary="Acknowledge an alarm; as POST /commands, for one version more",
    )  # fmt: skip
    async def acknowledge(alarm_id: str, order: Acknowledge, request: Request, response: Response) -> Accepted:
        alarm = open_alarm(hub, alarm_id)
        if alarm["acknowledged"]:
            by = alarm.get("acknowledged_by")
            said = Name(f"{by or '有人'}已确认。", f"{by or 'Somebody'} has acknowledged it.")
            raise ProblemError(409, "already-acknowledged", said, by=by)
        command = AcknowledgeCommand(
            id=str(uuid.uuid4()), city=hub.config.city.id, alarm=alarm_id, who=order.who, desk=order.desk,
            role="operator", why=order.why, seen_level=order.seen_level or alarm["level"], revision=order.revision,
        )  # fmt: skip
        return await send(hub, command, request, response)


async def send(hub: Hub, command: Command, request: Request, response: Response) -> Accepted:
    """Send a command, once, and say where its outcome will be.

    Raises ProblemError where nobody can say whether it arrived: asked again with the same key, it is sent again.
    """
    asked = hub.commands.find(command.id)
    if asked is None or (asked.sending.done() and asked.sending.exception() is not None):
        asked = _begin(hub, command, browser_of(request.headers))
    response.headers["location"] = f"{request.scope['root_path']}/api/v1{PATH}/{command.id}"
    try:
        await asyncio.shield(asked.sending)
    except (CityError, OSError, TimeoutError) as exc:
        hub.sending(asked.alarm, None)
        said = Name(
            f"命令未确认送达，可用同一 key 再发：{exc}",
            f"Nobody can say whether the command arrived; send it again with the same key. {exc}",
        )
        raise ProblemError(503, "not-sent", said, id=command.id) from exc
    return Accepted(id=command.id)


async def _state(hub: Hub, command_id: str) -> dict[str, Any] | None:
    """Return what became of a command; of one that the live state does not tell of (any more), the history does."""
    found = hub.commands.state(command_id, wall_clock_ms())
    if found is not None and found["reason"] != UNCONFIRMED:
        return found
    wanted = EventsWanted(command=command_id)
    try:
        events = await from_history(lambda: hub.config.history.alarm_events(wanted, EVENTS_OF_ONE))
    except ProblemError:
        if found is None:
            raise
        return found
    return of_events(command_id, events) or found


def _begin(hub: Hub, command: Command, browser: str) -> Asked:
    now_ms, alarm = wall_clock_ms(), getattr(command, "alarm", "")
    sending = asyncio.create_task(_sent(hub, command))
    asked = Asked(command.id, browser, alarm, now_ms, sending)
    hub.commands.note(asked)
    if isinstance(command, AcknowledgeCommand):
        hub.sending(alarm, Sending(command.who, command.desk, now_ms, command=command.id))
    return asked


async def _sent(hub: Hub, command: Command) -> None:
    await hub.config.send_command(msgspec.json.encode(command))


def _clock(hub: Hub) -> Callable[[int], int]:
    """Return the city's time, epoch ms, at a wall time."""
    return lambda wall_ms: city_now_ms(hub.mirror.clock, wall_ms)


def open_alarm(hub: Hub, alarm_id: str) -> dict[str, Any]:
    """Return an open alarm."""
    found = hub.mirror.alarms.get(alarm_id)
    if found is None:
        check_known(hub.redis_lost_ms)
        said = Name(
            f"没有未结束的报警 {shown(alarm_id)}；可能已经结束。",
            f"No open alarm is called {shown(alarm_id)}; it may have been closed.",
        )
        raise ProblemError(404, "no-such-alarm", said)
    return found
