"""Feishu 飞书 (Lark) group robot: bodies of 20 KB, 100 a minute and 5 a second, signed where the route has a secret.

source  open.feishu.cn, 自定义机器人使用指南 (limits, signature, 11232, 9499, 19021, 19022, 19024) and 频控策略
        (99991400 with status 429 or 400, and the header that says how long); 19001 and 2200 by public reports
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from alerts.notifiers.channels import Answer, Channel, Draft, Request
from alerts.notifiers.verdicts import of_robot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Reason, Verdict

CODES = ("code", "StatusCode")
"""Robots of before 2023, and platforms of one's own of that age, say only the second."""
MEANS: Mapping[int, Reason] = {
    2200: "server_error",  # internal error
    11232: "rate_limited",  # frequency limited, also when the whole platform is busy
    19001: "unauthorised",  # incoming webhook access token invalid
    19021: "unauthorised",  # sign match fail or timestamp is not within one hour
    19022: "unauthorised",  # Ip Not Allowed
    19024: "unauthorised",  # Key Words Not Found
    99991400: "rate_limited",  # request trigger frequency limit
}
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
    return of_robot(answer, now_ms, CODES, MEANS)


CHANNEL = Channel(schemes=("https://", "http://"), limit_bytes=20_000 - _AROUND, request=request, verdict=verdict)
