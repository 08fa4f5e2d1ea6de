"""WeCom 企业微信 group robot: text messages of 2,048 bytes.

source  WeCom developer documentation, "群机器人配置说明" (limit, errcode 45009: too often, -1: busy,
        93000: no such address)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from alerts.notifiers.channels import Answer, Channel, Draft, Request
from alerts.notifiers.verdicts import Sent, of_robot, of_status

if TYPE_CHECKING:
    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Verdict

LATER = frozenset({-1, 45009})
WRONG_KEY = frozenset({93000})


def request(route: Route, draft: Draft, _: int) -> Request:
    """Write the robot's message."""
    body = {"msgtype": "text", "text": {"content": draft.text}}
    return Request(route.url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def verdict(answer: Answer, now_ms: int) -> Verdict:
    """Believe the robot's own code: it refuses with status 200."""
    found = of_status(answer.status, answer.headers, now_ms)
    return of_robot(answer.body, "errcode", LATER, WRONG_KEY) if isinstance(found, Sent) else found


CHANNEL = Channel(schemes=("https://", "http://"), limit_bytes=2_048, request=request, verdict=verdict)
