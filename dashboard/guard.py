"""Around everything the wall answers: allowed hosts and origins, the same-site token, and the security headers."""

from __future__ import annotations

import asyncio
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from dashboard.languages import HEADER, language_of
from dashboard.problems import BODY_MOST_BYTES, BODY_WITHIN_S, OF_STATUS, ProblemError, shown
from streams.contract.name import Name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "citywall_token"
TOKEN_HEADER = "x-citywall-token"  # noqa: S105 - the name of a header
STREAM = "/stream"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OF_BROWSERS = ("origin", "sec-fetch-site", "referer", "cookie")
"""Headers of which a browser sends at least one with whatever may change something."""
REFUSED_SOCKET = 4403
TOO_LARGE = ProblemError(413, "refused", OF_STATUS[413])
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def content_policy(script_hashes: list[str]) -> str:
    """Return the Content-Security-Policy: nothing from outside, no inline script but Dash's own by hash, no eval."""
    return (
        f"default-src 'none'; script-src 'self' {' '.join(script_hashes)}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


class Guard:
    """Pure ASGI, so that it sees sockets too."""

    def __init__(self, app: ASGIApp, policy: str, hosts: tuple[str, ...] = ()) -> None:
        self._app, self._policy = app, policy
        self._hosts = {*LOOPBACK, *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["path"] != STREAM or not self._known_host(headers) or not same_origin(headers):
            await receive()
            await send({"type": "websocket.close", "code": REFUSED_SOCKET})
            return
        await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        cookies = _cookies(headers)
        problem = self._problem(scope["method"], scope["path"], headers, cookies)
        bare = scope["method"] == "HEAD"  # answered as a GET is (RFC 9110, 9.3.2), but for the content

        async def decorated(message: Message) -> None:
            if message["type"] == "http.response.body" and bare:
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    out[name] = value
                out["content-security-policy"] = self._policy
                out.setdefault("cache-control", _cache(scope["path"]))
                if scope["path"] == "/" and COOKIE not in cookies:
                    out.append("set-cookie", f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; SameSite=Strict")
            await send(message)

        if problem is None:
            await self._app({**scope, "method": "GET"} if bare else scope, _bounded(receive), decorated)
        else:
            await problem.response(language_of(headers.get(HEADER)))(scope, receive, decorated)

    def _problem(self, method: str, path: str, headers: Headers, cookies: Mapping[str, str]) -> ProblemError | None:
        if not self._known_host(headers):
            host = repr(shown(", ".join(headers.getlist("host"))))
            return ProblemError(
                421, "host", Name(f"本墙不以 {host} 为名。", f"This wall does not answer to the name {host}.")
            )
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > BODY_MOST_BYTES:
            return TOO_LARGE
        if method in SAFE_METHODS or not _is_browsers(headers):
            return None
        if not same_origin(headers, required=True):
            said = Name("命令必须来自本墙的页面（Origin）。", "A command must come from the wall's own page (Origin).")
            return ProblemError(403, "origin", said)
        if path.startswith("/api/"):
            given, cookie = headers.get(TOKEN_HEADER, ""), cookies.get(COOKIE, "")
            if not cookie or not secrets.compare_digest(given.encode(), cookie.encode()):
                said = Name(
                    f"请求头 {TOKEN_HEADER} 必须与 Cookie {COOKIE} 一致。",
                    f"The header {TOKEN_HEADER} must repeat the cookie {COOKIE}.",
                )
                return ProblemError(403, "token", said)
        return None

    def _known_host(self, headers: Headers) -> bool:
        given = headers.getlist("host")
        return len(given) == 1 and _address(f"//{given[0]}").hostname in self._hosts


def _bounded(receive: Receive) -> Receive:
    """Return it so that whoever reads a body that does not say how long it is, or does not come, stops in time."""
    taken, whole = 0, False
    until_s = asyncio.get_running_loop().time() + BODY_WITHIN_S

    async def bounded() -> Message:
        nonlocal taken, whole
        if whole:  # what comes now is the caller's leaving
            return await receive()
        try:
            async with asyncio.timeout_at(until_s):
                message = await receive()
        except TimeoutError as exc:
            raise HTTPException(408, headers={"connection": "close"}) from exc
        taken += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if taken > BODY_MOST_BYTES:
            raise HTTPException(413)  # the framework takes no other error for ours while it reads a body
        return message

    return bounded


def _is_browsers(headers: Headers) -> bool:
    """Tell whether a browser asks, whose person may be on a stranger's page; a script has none of these."""
    return any(name in headers for name in OF_BROWSERS)


def same_origin(headers: Headers, *, required: bool = False) -> bool:
    """Say whether Origin names the host that was asked; without one, whether that is allowed (no browser sends it)."""
    origin = headers.get("origin")
    if origin is None:
        return not required
    return _address(origin).netloc == headers.get("host")


def _address(text: str) -> SplitResult:
    """Read an address; what is none has no name that is known."""
    try:
        found = urlsplit(text)
        _ = found.hostname
    except ValueError:
        return urlsplit("")
    return found


def browser_of(headers: Headers) -> str:
    """Return what names the browser that asks, "" for one that has not been at the page."""
    return _cookies(headers).get(COOKIE, "")


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _cache(path: str) -> str:
    return "public, max-age=31536000, immutable" if path.startswith("/assets/vendor/") else "no-cache"
