"""WeCom 企业微信 group robot: text messages of 2,048 bytes, 20 a minute.

source  developer.work.weixin.qq.com, /document/path/91770 (群机器人配置说明: limits) and /90313 (全局错误码: codes),
        by what public programs and reports quote of them
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from alerts.notifiers.channels import Answer, Channel, Draft, Request
from alerts.notifiers.verdicts import of_robot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Reason, Verdict

MEANS: Mapping[int, Reason] = {
    -1: "server_error",  # 系统繁忙
    45009: "rate_limited",  # 接口调用超过限制
    45033: "rate_limited",  # 接口并发调用超过限制
    93000: "not_found",  # 机器人webhookurl不合法或者机器人已经被移除出群
    93004: "not_found",  # 机器人被停用
    93008: "not_found",  # 不在群里
}


def request(route: Route, draft: Draft, _: int) -> Request:
    """Write the robot's message."""
    body = {"msgtype": "text", "text": {"content": draft.text}}
    return Request(route.url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def verdict(answer: Answer, now_ms: int) -> Verdict:
    """Believe the robot's own code: it refuses with status 200."""
    return of_robot(answer, now_ms, ("errcode",), MEANS)


CHANNEL = Channel(schemes=("https://", "http://"), limit_bytes=2_048, request=request, verdict=verdict)
