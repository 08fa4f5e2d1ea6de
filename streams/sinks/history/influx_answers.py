"""What InfluxDB says when it refuses: pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from influxdb_client.rest import ApiException


def answer(exc: ApiException) -> tuple[str, str]:
    """Read an error's answer → (InfluxDB's code, "" when it is not its own; what it says)."""
    body = exc.body.decode("utf-8", "replace") if isinstance(exc.body, bytes) else str(exc.body or "")
    try:
        answer = json.loads(body)
        return str(answer["code"]), str(answer.get("message", ""))
    except (ValueError, LookupError, TypeError):
        return "", body.strip()


def dropped(message: str) -> int | None:
    """Return how many points a partial write has left out, where it tells."""
    found = re.search(r"\bdropped=(\d+)$", message)
    return None if found is None else int(found[1])


def retry_after_s(exc: ApiException) -> float:
    """Return what the header Retry-After asks for; as a date it says no more than that it is later."""
    headers: Any = exc.headers  # None when there was no answer, whatever the client declares
    text = str((headers or {}).get("Retry-After", ""))
    return float(text) if text.isdecimal() else 0.0
