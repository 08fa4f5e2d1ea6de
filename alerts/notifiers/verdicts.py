"""What became of one try to deliver a message."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alerts.notifiers.channels import Answer

Reason: TypeAlias = Literal[
    "unauthorised",
    "not_found",
    "refused",
    "rate_limited",
    "server_error",
    "timed_out",
    "unresolved",
    "untrusted",
    "unreachable",
    "not_confirmed",
]
REASONS: Mapping[Reason, Name] = {
    "unauthorised": Name("对方拒绝了密钥或令牌", "the receiver refuses the key or token"),
    "not_found": Name("对方没有这个地址", "the receiver does not have this address"),
    "refused": Name("对方拒绝了消息", "the receiver refuses the message"),
    "rate_limited": Name("对方要求稍后再发", "the receiver asks to wait"),
    "server_error": Name("对方出错", "the receiver fails"),
    "timed_out": Name("对方未在时限内答复", "the receiver does not answer in time"),
    "unresolved": Name("无法解析对方的主机名", "the receiver's name is not known to the name servers"),
    "untrusted": Name("对方的证书不可信", "the receiver's certificate is not trusted"),
    "unreachable": Name("无法连接对方", "the receiver cannot be reached"),
    "not_confirmed": Name("未确认送达", "delivery is not confirmed"),
}

_OK, _REDIRECT, _CLIENT = 200, 300, 400
_FINAL: Mapping[int, Reason] = {
    401: "unauthorised",
    403: "unauthorised",
    404: "not_found",
    405: "not_found",
    407: "unauthorised",
    410: "not_found",
}
RETRY_AFTER_MOST_S = 3600.0
"""No receiver can keep messages back for longer by asking to."""
WINDOW_S = 60.0
"""Robots count messages in a minute: one that was too many is tried again when another has begun."""
_WAITS = ("retry-after", "x-ogw-ratelimit-reset")
"""Headers that say so; the second is Feishu's gateway's."""
_TOO_MANY = 429
_LATER = frozenset({408, 425})
_SERVER = 500


class Sent(NamedTuple):
    """The receiver has it."""


class Retry(NamedTuple):
    """Not confirmed: it may have it, or may take it later."""

    reason: Reason
    after_s: float = 0.0
    """So long it asks not to be asked again."""
    detail: str = ""
    """Its code; never its words, which may repeat what we sent."""


class Failed(NamedTuple):
    """It will not take it, however often it is asked."""

    reason: Reason
    detail: str = ""


Verdict: TypeAlias = Sent | Retry | Failed


def of_status(status: int, headers: Mapping[str, str], now_ms: int) -> Verdict:
    """Judge the answer of an HTTP server."""
    if _OK <= status < _REDIRECT:
        return Sent()
    detail = f"HTTP {status}"
    if status == _TOO_MANY:
        return Retry("rate_limited", _retry_after_s(headers, now_ms), detail)
    if status >= _SERVER or status in _LATER:
        return Retry("server_error", _retry_after_s(headers, now_ms), detail)
    if _REDIRECT <= status < _CLIENT:
        return Failed("not_found", detail)  # none is followed: it might lead anywhere, with all that the message says
    return Failed(_FINAL.get(status, "refused"), detail)


def of_robot(answer: Answer, now_ms: int, names: Sequence[str], means: Mapping[int, Reason]) -> Verdict:
    """Judge what a chat robot answers: its own code, 0 = it took the message, whatever the HTTP status says besides.

    A status that asks to wait is believed; a good one without a code is no confirmation.

    Args:
        answer: what came back.
        now_ms: epoch ms.
        names: under which the code may stand, the one of today first.
        means: codes that do not refuse the message itself.
    """
    found = of_status(answer.status, answer.headers, now_ms)
    code = _code(answer.body, names)
    if isinstance(found, Retry) or (code is None and isinstance(found, Failed)):
        return found
    if code is None or (code[1] == 0 and isinstance(found, Failed)):
        return Retry("not_confirmed")
    if code[1] == 0:
        return Sent()
    reason, detail = means.get(code[1], "refused"), " ".join(map(str, code))
    if reason == "rate_limited":
        return Retry(reason, _retry_after_s(answer.headers, now_ms) or WINDOW_S, detail)
    return Retry(reason, detail=detail) if reason == "server_error" else Failed(reason, detail)


def _code(body: bytes, names: Sequence[str]) -> tuple[str, int] | None:
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = ((name, said.get(name)) for name in names) if isinstance(said, dict) else ()
    return next(((name, code) for name, code in found if type(code) is int), None)


def _retry_after_s(headers: Mapping[str, str], now_ms: int) -> float:
    named = {name.lower(): value for name, value in headers.items()}
    text = next((named[name] for name in _WAITS if name in named), "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_MOST_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    wait_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return min(max(wait_s, 0.0), RETRY_AFTER_MOST_S)
