"""Feishu 飞书 (Lark) group robot: bodies of 20 KB, signed where the route has a secret.

source  Feishu open platform, "自定义机器人使用指南" (limit, signature, code 11232: too often,
        19001: token, 19021: signature, 19022: address, 19024: keyword)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from alerts.notifiers.channels import Answer, Channel, Draft, Request
from alerts.notifiers.verdicts import Sent, of_robot, of_status

if TYPE_CHECKING:
    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Verdict

LATER = frozenset({11232})
WRONG_KEY = frozenset({19001, 19021, 19022, 19024})
_AROUND = 300
"""Bytes of a body besides its text."""


def request(route: Route, draft: Draft, now_ms: int) -> Request:
    """Write the robot's message, with the signature of the moment."""
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": draft.text}}
    if route.secret:
        key = f"{now_ms // 1000}\n{route.secret}"  # it signs nothing, by a key that holds the time
        sign = base64.b64encode(hmac.new(key.encode(), b"", hashlib.sha256).digest()).decode()
        body |= {"timestamp": str(now_ms // 1000), "sign": sign}
    return Request(route.url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def verdict(answer: Answer, now_ms: int) -> Verdict:
    """Believe the robot's own code: it refuses with status 200."""
    found = of_status(answer.status, answer.headers, now_ms)
    return of_robot(answer.body, "code", LATER, WRONG_KEY) if isinstance(found, Sent) else found


CHANNEL = Channel(schemes=("https://", "http://"), limit_bytes=20_000 - _AROUND, request=request, verdict=verdict)
