"""Posts a message over HTTP, once: no second try, no redirect, no word of the address in an error."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_BYTES = 65_536
"""So much of an answer is read."""


class Posted(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(pool: urllib3.PoolManager, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Posted:
    """Post, and read the beginning of the answer.

    Raises TimeoutError where it was sent and nothing came back in time, UnreachableError where nobody took it.
    """
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it writes whole addresses
    timeout = urllib3.Timeout(total=timeout_s)
    try:
        answer = pool.request(
            "POST",
            url,
            body=body,
            headers=dict(headers),
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            return Posted(answer.status, dict(answer.headers), answer.read(ANSWER_BYTES))
        finally:
            answer.drain_conn()
            answer.release_conn()
    except ReadTimeoutError as exc:
        raise TimeoutError(f"no answer within {timeout_s:g} s") from exc
    except (ConnectTimeoutError, NewConnectionError) as exc:
        raise UnreachableError("nobody answers there") from exc
    except (HTTPError, OSError, ValueError) as exc:
        raise UnreachableError(f"the connection failed: {type(exc).__name__}") from exc
