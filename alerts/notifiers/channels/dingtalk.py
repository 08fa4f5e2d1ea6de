"""DingTalk 钉钉 group robot: bodies of 20,000 bytes, signed where the route has a secret.

source  DingTalk open platform, "自定义机器人" (limit, signature, errcode 130101: too often, -1: busy,
        300001, 300005: no such token, 310000: signature, keyword or address)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from alerts.notifiers.channels import Answer, Channel, Draft, Request
from alerts.notifiers.verdicts import Sent, of_robot, of_status

if TYPE_CHECKING:
    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Verdict

LATER = frozenset({-1, 130101})
WRONG_KEY = frozenset({300001, 300005, 310000})
_AROUND = 200
"""Bytes of a body besides its text."""


def request(route: Route, draft: Draft, now_ms: int) -> Request:
    """Write the robot's message; its address carries the signature of the moment."""
    body = {"msgtype": "text", "text": {"content": draft.text}}
    return Request(
        _signed(route, now_ms),
        json.dumps(body, ensure_ascii=False).encode(),
        {"Content-Type": "application/json; charset=utf-8"},
    )


def _signed(route: Route, now_ms: int) -> str:
    if not route.secret:
        return route.url
    made = hmac.new(route.secret.encode(), f"{now_ms}\n{route.secret}".encode(), hashlib.sha256)
    query = urlencode({"timestamp": now_ms, "sign": base64.b64encode(made.digest()).decode()})
    return f"{route.url}{'&' if '?' in route.url else '?'}{query}"


def verdict(answer: Answer, now_ms: int) -> Verdict:
    """Believe the robot's own code: it refuses with status 200."""
    found = of_status(answer.status, answer.headers, now_ms)
    return of_robot(answer.body, "errcode", LATER, WRONG_KEY) if isinstance(found, Sent) else found


CHANNEL = Channel(schemes=("https://", "http://"), limit_bytes=20_000 - _AROUND, request=request, verdict=verdict)
