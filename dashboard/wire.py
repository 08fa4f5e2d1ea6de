"""HTTP as the wall speaks it: uvicorn's, with a bound on the head of a request, and our words where it is none.

A head that is too long, or that does not come, would otherwise be kept, and its connection open, for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dashboard.languages import HEADER, language_of
from dashboard.problems import MEDIA_TYPE, ProblemError
from streams.contract.name import Name

if TYPE_CHECKING:
    import asyncio

HEAD_MOST_BYTES = 64 * 1024
HEAD_WITHIN_S = 20.0
"""So long a connection may take to ask for something; between two requests uvicorn's keep-alive counts."""
NO_HTTP = ProblemError(
    400,
    "no-http",
    Name(
        "这不是有效的 HTTP 请求：请检查请求行、请求头与 Content-Length。",
        "This is no valid HTTP request: see its first line, its headers and its Content-Length.",
    ),
)
HEAD_TOO_LONG = ProblemError(
    431,
    "head",
    Name(
        f"请求行与请求头至多 {HEAD_MOST_BYTES // 1024} KiB。",
        f"The head of a request has at most {HEAD_MOST_BYTES // 1024} KiB.",
    ),
)


class BoundedHttp(HttpToolsProtocol):
    """Invariant: of a head that has not ended, no more than `HEAD_MOST_BYTES` and a read is kept."""

    _heading = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take a connection; it has to ask for something soon."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_WITHIN_S, self._close_if_heading)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._late.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless what came is all head and too much of it."""
        if self.transport.is_closing():
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._heading:
            self._head_bytes = 0
        elif self._head_bytes > HEAD_MOST_BYTES and not self.transport.is_closing():
            self._refuse(HEAD_TOO_LONG)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._heading = True
        if self._late.cancelled():
            self._late = self.loop.call_later(HEAD_WITHIN_S, self._close_if_heading)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It has ended."""
        self._heading = False
        self._late.cancel()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that what came is no HTTP."""
        self._refuse(NO_HTTP)

    def _refuse(self, problem: ProblemError) -> None:
        accepted = dict(self.headers or ()).get(HEADER.encode(), b"").decode("latin-1")
        body = msgspec.json.encode(problem.body(language_of(accepted)))
        head = f"HTTP/1.1 {problem.status} {problem.body('en')['title']}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _close_if_heading(self) -> None:
        if self._heading and not self.transport.is_closing():
            self.transport.close()
