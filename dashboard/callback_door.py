"""In front of Dash's own routes: a call that the page cannot have sent is refused in our words, never a 500 of Dash's.

Dash answers whatever it trips over with 500 and nothing to go by. So a call is held against the callbacks that there
are before it gets there; what its values must be, each callback says (`invalid`).
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, NoReturn

import dash
import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

from dashboard.languages import HEADER, language_of
from dashboard.problems import OF_STATUS, ProblemError, answer_http, invalid, nothing_at, shown
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CALLS = "/_dash-update-component"
SUITES = "/_dash-component-suites/"
NO_JSON = ProblemError(400, "no-json", OF_STATUS[400])
NO_MEDIA = ProblemError(
    415,
    "media",
    Name(
        "请求体须为 JSON：请写 Content-Type: application/json。", "Send JSON, and say Content-Type: application/json."
    ),
)


FAILED = Name(
    "程序出错，此处暂时无法显示；详情已写入大屏日志。",
    "Something went wrong in CityWall, so this cannot be shown; the wall's log says what.",
)

log = logging.getLogger(__name__)


class _Part(msgspec.Struct):
    id: str
    of: str = msgspec.field(name="property")

    @property
    def name(self) -> str:
        return f"{self.id}.{self.of}"


class _Call(msgspec.Struct):
    output: str
    outputs: list[_Part] | _Part
    inputs: list[_Part]
    state: list[_Part] = []
    changed: list[str] = msgspec.field(default_factory=list, name="changedPropIds")


class CallbackDoor:
    """Pure ASGI; `callbacks` are those of Dash, by output."""

    def __init__(self, app: ASGIApp, callbacks: Mapping[str, Mapping[str, Any]]) -> None:
        self._app, self._callbacks = app, callbacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == CALLS and scope["method"] == "POST":
            await self._call(scope, receive, send)
        elif scope["path"].startswith(SUITES):
            await self._file(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await request.body()
        except HTTPException as exc:
            await (await answer_http(request, exc))(scope, receive, send)
            return
        if (problem := self._problem(Headers(scope=scope), body)) is not None:
            await problem.response(language_of(request.headers.get(HEADER)))(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)

    async def _file(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dash fails at a file that it does not have: there is none."""
        missing = False

        async def answered(message: Message) -> None:
            nonlocal missing
            missing = missing or message.get("status") == 500  # noqa: PLR2004 - of HTTP
            if not missing:
                await send(message)

        await self._app(scope, receive, answered)
        if missing:
            language = language_of(Headers(scope=scope).get(HEADER))
            await nothing_at(scope["path"]).response(language)(scope, receive, send)

    def _problem(self, headers: Headers, body: bytes) -> ProblemError | None:
        if not headers.get("content-type", "").startswith("application/json"):
            return NO_MEDIA
        try:
            call = msgspec.convert(json.loads(body), _Call)
        except msgspec.ValidationError as exc:
            return _no_call("/body", Name(f"不是本页面的调用：{exc}", f"This is no call of the page's: {exc}"))
        except (ValueError, RecursionError):
            return NO_JSON
        known = self._callbacks.get(call.output)
        if known is None or "callback" not in known:
            said = shown(call.output)
            return _no_call("/body/output", Name(f"没有输出 {said}", f"No callback has the output {said}"))
        outputs = [one.name for one in call.outputs] if isinstance(call.outputs, list) else [call.outputs.name]
        if outputs != call.output.strip(".").split("..."):
            return _no_call("/body/outputs", Name("与 `output` 不符", "They are not those that `output` names"))
        for name, given in (("inputs", call.inputs), ("state", call.state)):
            wanted = [f"{one['id']}.{one['property']}" for one in known[name]]
            if [one.name for one in given] != wanted:
                needs = ", ".join(wanted) or "[]"
                return _no_call(f"/body/{name}", Name(f"应依次为 {needs}", f"It must be {needs}, in that order"))
        return None


def failed(exc: Exception) -> NoReturn:
    """Answer what a callback raised: a refusal as it is; what it tripped over is logged, for Dash would swallow it.

    Raises ProblemError.
    """
    if isinstance(exc, ProblemError):
        raise exc
    log.error("the page's callback of %s failed", ", ".join(dash.ctx.triggered_prop_ids) or "nothing", exc_info=exc)
    raise ProblemError(500, "failed", FAILED) from exc


def _no_call(pointer: str, said: Name) -> ProblemError:
    return invalid([(pointer, said)])
