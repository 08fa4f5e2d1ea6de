"""Errors of the API as problem details (RFC 9457), in the language of whoever asked."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from dashboard.faults import sentence
from dashboard.languages import HEADER, Language, language_of
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """What is wrong with one field."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


def _described() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["Fault"]
    example = ProblemError(404, "not-found", Name("", "There is nothing at /x.")).body("en")
    return {"description": "A problem", "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}


TITLES_ZH = {
    400: "请求有误", 403: "禁止访问", 404: "未找到", 405: "方法不适用", 409: "有冲突", 421: "主机名不符",
    408: "请求超时", 413: "内容过大", 431: "请求头过大", 415: "内容类型不符",
    422: "内容不合要求", 500: "程序出错", 501: "尚未提供", 503: "暂不可用",
}  # fmt: skip
FAULTS_MOST = 50
BODY_MOST_BYTES = 1024 * 1024
BODY_WITHIN_S = 20.0
SHOWN_MOST = 80
"""Characters of a name that are said again."""
OF_STATUS = {
    400: Name(
        "请求体无法读作 JSON：不是 UTF-8，或嵌套过深，或数字过长。",
        "The body cannot be read as JSON: it is no UTF-8, is nested too deeply, or a number in it is too long.",
    ),
    408: Name(
        f"请求体 {BODY_WITHIN_S:.0f} 秒内没有收完，请重新发送。",
        f"The body of the request did not come within {BODY_WITHIN_S:.0f} s: send it again.",
    ),
    413: Name(
        f"请求体至多 {BODY_MOST_BYTES // 1024} KiB。",
        f"The body of a request has at most {BODY_MOST_BYTES // 1024} KiB.",
    ),
}
"""What the framework refuses, in our words."""
NO_FIT = Name("请求内容不符合要求。", "The request does not fit the schema.")


class ProblemError(Exception):
    """An answer other than success; `kind` is a short stable word, `said` a sentence for a person."""

    def __init__(self, status: int, kind: str, said: Name, **more: Any) -> None:  # noqa: ANN401 - RFC 9457 extensions
        super().__init__(said.en)
        self.status, self.kind, self.said, self.more = status, kind, said, more

    def response(self, language: Language) -> JSONResponse:
        """Return it as HTTP."""
        headers = {"content-language": language, "vary": HEADER}
        return JSONResponse(self.body(language), self.status, headers, media_type=MEDIA_TYPE)

    def body(self, language: Language) -> dict[str, Any]:
        """Return what it says."""
        phrase = HTTPStatus(self.status).phrase
        return {
            "type": f"urn:citywall:problem:{self.kind}",
            "title": TITLES_ZH.get(self.status, phrase) if language == "zh" else phrase,
            "status": self.status,
            "detail": self.said.said_in(language),
            **{name: [_told(one, language) for one in value] if name == "errors" else value
               for name, value in self.more.items()},
        }  # fmt: skip


PROBLEM = _described()
"""As OpenAPI describes it."""


def check_known(lost_since_ms: int | None) -> None:
    """Raise ProblemError while the live state cannot be read: an empty list would say that nothing is open.

    Args:
        lost_since_ms: wall time since which it cannot (`Hub.redis_lost_ms`), None = it can.
    """
    if lost_since_ms is not None:
        said = Name(
            "暂时无法读取实时状态，现在不知道有哪些报警、事件和指标，请稍后再试。",
            "The live state cannot be read, so nobody can say which alarms, incidents and values there are: ask again.",
        )
        raise ProblemError(503, "no-live-state", said)


def invalid(faults: Sequence[tuple[str, Name]]) -> ProblemError:
    """Refuse a request; each fault is (JSON pointer, what is wrong there)."""
    errors = [{"pointer": pointer, "detail": said} for pointer, said in faults]
    return ProblemError(422, "invalid", NO_FIT, errors=errors)


def _told(error: dict[str, Any], language: Language) -> dict[str, Any]:
    return {**error, "detail": error["detail"].said_in(language)}


async def answer_problem(request: Request, error: Exception) -> JSONResponse:
    """Answer a ProblemError."""
    if not isinstance(error, ProblemError):
        raise TypeError(f"{type(error).__name__} is no problem of ours")
    return error.response(language_of(request.headers.get(HEADER)))


async def answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that does not fit the schema: every field at once, but for no more than anybody would read."""
    found = error.errors()[:FAULTS_MOST] if hasattr(error, "errors") else []
    return await answer_problem(request, invalid([(_pointer(item), sentence(item)) for item in found]))


def _pointer(item: dict[str, Any]) -> str:
    """Return where a fault is, after RFC 6901; one of the text itself is of the whole body."""
    steps = item["loc"][:1] if item["type"] == "json_invalid" else item["loc"]
    return pointer(*steps)


def pointer(*steps: object) -> str:
    """Return the JSON pointer of a place (RFC 6901).

    >>> pointer("body", "a/b~c")
    '/body/a~1b~0c'
    """
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: unknown paths, wrong methods."""
    status = int(getattr(error, "status_code", 500))
    phrase = HTTPStatus(status).phrase
    if status == HTTPStatus.NOT_FOUND:
        return await answer_problem(request, nothing_at(request.url.path))
    headers = {name.lower(): value for name, value in (getattr(error, "headers", None) or {}).items()}
    said = OF_STATUS.get(status) or Name(TITLES_ZH.get(status, phrase), phrase)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers.get("allow", "")
        said = Name(
            f"此处不能用 {request.method}；可用：{allowed}", f"{request.method} cannot be used here, but {allowed}."
        )
    answer = await answer_problem(request, ProblemError(status, "refused", said))
    answer.headers.update(headers)  # RFC 9110: a 405 says what is allowed
    return answer


def shown(name: str) -> str:
    """Return a name as a sentence says it again: what nobody can read is marked, and no more of it than is read.

    >>> shown(f"a{chr(0)}b") == f"a{chr(0xFFFD)}b", len(shown("x" * 9_999))
    (True, 81)
    """
    text = "".join(one if one.isprintable() else "\ufffd" for one in name[:SHOWN_MOST])
    return text if len(name) <= SHOWN_MOST else f"{text}…"


def nothing_at(path: str) -> ProblemError:
    """Say that a path leads nowhere."""
    path = shown(path)
    return ProblemError(404, "not-found", Name(f"{path} 没有内容。", f"There is nothing at {path}."))


def install(server: FastAPI) -> None:
    """Make every error of this server a problem."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    server.add_exception_handler(ProblemError, answer_problem)
    server.add_exception_handler(RequestValidationError, answer_invalid)
    server.add_exception_handler(HTTPException, answer_http)
