"""Errors of the API as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """An answer other than success; `kind` is a short stable word, `detail` a sentence for a person."""

    def __init__(self, status: int, kind: str, detail: str, **more: Any) -> None:  # noqa: ANN401 - RFC 9457 extensions
        super().__init__(detail)
        self.status, self.kind, self.detail, self.more = status, kind, detail, more

    def response(self) -> JSONResponse:
        """Return it as HTTP."""
        body = {
            "type": f"urn:citywall:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return JSONResponse(body, self.status, media_type=MEDIA_TYPE)


async def answer_problem(_: Request, error: Exception) -> JSONResponse:
    """Answer a ProblemError."""
    if not isinstance(error, ProblemError):
        raise TypeError(f"{type(error).__name__} is no problem of ours")
    return error.response()


async def answer_invalid(_: Request, error: Exception) -> JSONResponse:
    """Answer a request that does not fit the schema: every field at once."""
    found = error.errors() if hasattr(error, "errors") else []
    errors = [{"pointer": "/" + "/".join(str(step) for step in item["loc"]), "detail": item["msg"]} for item in found]
    return ProblemError(422, "invalid", "The request does not fit the schema.", errors=errors).response()


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: unknown paths, wrong methods."""
    status = int(getattr(error, "status_code", 500))
    if status == HTTPStatus.NOT_FOUND:
        return ProblemError(status, "not-found", f"There is nothing at {request.url.path}.").response()
    return ProblemError(status, "refused", str(getattr(error, "detail", "")) or HTTPStatus(status).phrase).response()


def install(server: FastAPI) -> None:
    """Make every error of this server a problem."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    server.add_exception_handler(ProblemError, answer_problem)
    server.add_exception_handler(RequestValidationError, answer_invalid)
    server.add_exception_handler(HTTPException, answer_http)
