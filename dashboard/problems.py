"""Errors of the API as problem details (RFC 9457), in the language of whoever asked."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

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
    422: "内容不合要求", 501: "尚未提供", 503: "暂不可用",
}  # fmt: skip
FAULTS_ZH = {
    "missing": "缺少此项", "extra_forbidden": "没有此项", "json_invalid": "不是有效的 JSON",
    "string_too_short": "至少要有 {min_length} 个字符", "string_too_long": "至多 {max_length} 个字符",
    "string_type": "应为文本", "string_unicode": "不是有效的 UTF-8 文本",
    "string_pattern_mismatch": "格式不符：{pattern}",
    "literal_error": "应为下列之一：{expected}", "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false",
    "int_type": "应为整数", "int_parsing": "应为整数", "int_from_float": "应为整数", "int_parsing_size": "数字过大",
    "greater_than_equal": "不得小于 {ge}", "greater_than": "应大于 {gt}", "less_than_equal": "不得大于 {le}",
    "less_than": "应小于 {lt}", "too_long": "至多 {max_length} 项", "list_type": "应为列表",
    "datetime_type": "应为时间", "datetime_parsing": "应为 ISO 8601 时间，如 2026-11-24T08:00:00Z",
    "datetime_from_date_parsing": "应为 ISO 8601 时间，如 2026-11-24T08:00:00Z",
    "datetime_object_invalid": "没有这样的时间",
    "timezone_aware": "时间需带时区，如 2026-11-24T08:00:00Z",
    "model_type": "应为 JSON 对象", "model_attributes_type": "应为 JSON 对象", "dict_type": "应为 JSON 对象",
}  # fmt: skip
"""What is wrong with a field, by the validator's word for it; in braces what it says besides."""

OURS = "said"
"""Kind of a fault whose words are in its context: `zh` and `en`."""
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
    """Answer a request that does not fit the schema: every field at once."""
    found = error.errors() if hasattr(error, "errors") else []
    problem = invalid([("/" + "/".join(str(step) for step in item["loc"]), _fault(item)) for item in found])
    return await answer_problem(request, problem)


def _fault(item: dict[str, Any]) -> Name:
    said = item.get("ctx", {})
    if item["type"] == OURS:
        return Name(said["zh"], said["en"])
    text = FAULTS_ZH.get(item["type"])
    return Name(f"不合要求：{item['msg']}" if text is None else text.format_map(said), item["msg"])


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: unknown paths, wrong methods."""
    status = int(getattr(error, "status_code", 500))
    phrase = HTTPStatus(status).phrase
    if status == HTTPStatus.NOT_FOUND:
        return await answer_problem(request, nothing_at(request.url.path))
    said = str(getattr(error, "detail", "")) or phrase
    answer = await answer_problem(request, ProblemError(status, "refused", Name(TITLES_ZH.get(status, phrase), said)))
    answer.headers.update(getattr(error, "headers", None) or {})  # RFC 9110: a 405 says what is allowed
    return answer


def nothing_at(path: str) -> ProblemError:
    """Say that a path leads nowhere."""
    return ProblemError(404, "not-found", Name(f"{path} 没有内容。", f"There is nothing at {path}."))


def install(server: FastAPI) -> None:
    """Make every error of this server a problem."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    server.add_exception_handler(ProblemError, answer_problem)
    server.add_exception_handler(RequestValidationError, answer_invalid)
    server.add_exception_handler(HTTPException, answer_http)
