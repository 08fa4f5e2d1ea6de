"""DingTalk 钉钉 group robot: bodies of 20,000 bytes, 20 a minute, signed where the route has a secret.

source  open.dingtalk.com, 自定义机器人接入 (limits, signature) and 自定义机器人发送群消息 (codes from 400013 on);
        help.aliyun.com/sls, 告警通知错误码 (130101, 300001); both by what public programs and reports quote of them.
        Who sends more than 20 a minute is refused for ten minutes: it is asked once a minute meanwhile
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from alerts.notifiers.channels import Answer, Channel, Draft, Request
from alerts.notifiers.verdicts import of_robot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Reason, Verdict

MEANS: Mapping[int, Reason] = {
    -1: "server_error",  # 系统繁忙
    88: "unauthorised",  # 鉴权异常
    40035: "unauthorised",  # 缺少参数 access_token
    130101: "rate_limited",  # send too fast, exceed 20 times per minute
    300001: "unauthorised",  # token is not exist; so 300005 and 400101
    300005: "unauthorised",
    310000: "unauthorised",  # 签名不匹配, 关键词不匹配, or ip not in whitelist
    400013: "not_found",  # 群已被解散
    400101: "unauthorised",
    400102: "not_found",  # 机器人已停用
    400106: "not_found",  # 机器人不存在
    410100: "rate_limited",  # 发送速度太快而限流
}
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
    return of_robot(answer, now_ms, ("errcode",), MEANS)


CHANNEL = Channel(schemes=("https://", "http://"), limit_bytes=20_000 - _AROUND, request=request, verdict=verdict)
