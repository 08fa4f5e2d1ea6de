"""Any HTTP endpoint: JSON with the text and the alarms as plain values; every try carries the same `Idempotency-Key`.

Where the route has a secret, `X-CityWall-Signature` is the body's HMAC-SHA-256 by it, in hexadecimal.

source  own choice, docs/notifiers.md; status codes and Retry-After: RFC 9110
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from alerts.notifiers.channels import Answer, Channel, Draft, Request
from alerts.notifiers.verdicts import of_status

if TYPE_CHECKING:
    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Verdict


def request(route: Route, draft: Draft, _: int) -> Request:
    """Write the message."""
    values = {"message": draft.id, "subject": draft.subject, "text": draft.text, **draft.values}
    body = json.dumps(values, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": draft.id}
    if route.secret:
        headers["X-CityWall-Signature"] = hmac.new(route.secret.encode(), body, hashlib.sha256).hexdigest()
    return Request(route.url, body, headers)


def verdict(answer: Answer, now_ms: int) -> Verdict:
    """Take the status at its word."""
    return of_status(answer.status, answer.headers, now_ms)


CHANNEL = Channel(schemes=("https://", "http://"), limit_bytes=65_536, request=request, verdict=verdict)
