"""Posts a message over HTTP, once: no second try, no redirect, no word of the address in an error."""

from __future__ import annotations

import logging
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from streams.errors import UnreachableError, UnresolvedError, UntrustedError

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_BYTES = 65_536
"""So much of an answer is read."""


class Posted(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Posted:
    """Post, and read the beginning of the answer; each on a connection of its own, as an idle one may be dead.

    Whoever has answered with a status has answered: what of the body has not come in time is left out. Raises
    TimeoutError where it was sent and nothing came back in time, UnreachableError, or one of its leaves that says why,
    where nobody took it.
    """
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it writes whole addresses
    until_s = time.monotonic() + timeout_s
    pool = urllib3.PoolManager()
    try:
        answer = pool.request(
            "POST",
            url,
            body=body,
            headers=dict(headers),
            timeout=urllib3.Timeout(total=timeout_s),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        return Posted(answer.status, dict(answer.headers), _beginning(answer, until_s))
    except ReadTimeoutError as exc:
        raise TimeoutError(f"no answer within {timeout_s:g} s") from exc
    except NameResolutionError as exc:
        raise UnresolvedError("nobody has that name") from exc
    except SSLError as exc:
        if any(isinstance(one, ssl.SSLCertVerificationError) for one in exc.args):
            raise UntrustedError("its certificate is not trusted") from exc
        raise UnreachableError("it does not speak TLS as we do") from exc
    except (ConnectTimeoutError, NewConnectionError) as exc:
        raise UnreachableError("nobody answers there") from exc
    except (HTTPError, OSError, ValueError) as exc:
        raise UnreachableError(f"the connection failed: {type(exc).__name__}") from exc
    finally:
        pool.clear()


def _beginning(answer: urllib3.BaseHTTPResponse, until_s: float) -> bytes:
    """Read what comes of an answer until a time: a receiver that drips holds nobody."""
    found = b""
    try:
        while len(found) < ANSWER_BYTES and time.monotonic() < until_s:
            part = answer.read1(ANSWER_BYTES - len(found))
            if not part:
                break
            found += part
    except (HTTPError, OSError, ValueError):
        pass  # the status stands
    finally:
        answer.close()
    return found
