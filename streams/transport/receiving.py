"""The broker's answers in one piece each: read into a buffer that is there already, and copied out once.

It stands in for aiokafka's protocol and reader (`streams.surface`), which let an answer of megabytes grow piece by
piece; where they do not fit, this is not imported.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from aiokafka import conn

if TYPE_CHECKING:
    import weakref

_SIZE = struct.Struct(">i")
LEAST_BYTES, ROOM_FACTOR = 64 * 1024, 8
"""Of a buffer; one that is so many times larger than the last answer does not stay."""
MOST_BYTES = 2**29
"""No answer is so long: what says so is no broker, such as a web server, whose `HTTP` would be a gigabyte."""


class AnswerProtocol(conn.AIOKafkaProtocol, asyncio.BufferedProtocol):  # type: ignore[misc]  # aiokafka is untyped
    """Takes the place of aiokafka's protocol; its reader gets nothing but the end of the connection."""

    def __init__(self, closed_fut: Any, *args: Any, loop: Any, **kw: Any) -> None:  # noqa: ANN401 - aiokafka's own
        super().__init__(closed_fut, *args, loop=loop, **kw)
        self._buffer = memoryview(bytearray(LEAST_BYTES))
        self._begin = self._end = self._last_size = 0
        self._answers: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended: BaseException | None = None

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go: behind what is there of an answer."""
        have, needs = self._end - self._begin, LEAST_BYTES
        if have >= _SIZE.size:
            needs = max(needs, _SIZE.size + _SIZE.unpack_from(self._buffer, self._begin)[0])
        is_too_large = not have and len(self._buffer) > max(ROOM_FACTOR * self._last_size, LEAST_BYTES)
        if needs > len(self._buffer) or is_too_large:
            self._move(memoryview(bytearray(needs)))
        elif self._begin + needs > len(self._buffer):
            self._move(self._buffer)
        return self._buffer[self._end :]

    def _move(self, to: memoryview) -> None:
        held = bytes(self._buffer[self._begin : self._end])
        self._buffer, self._begin, self._end = to, 0, len(held)
        to[: len(held)] = held

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes: whatever answers are complete now are cut off."""
        self._end += nbytes
        while self._end - self._begin >= _SIZE.size:
            (size,) = _SIZE.unpack_from(self._buffer, self._begin)
            if not 0 <= size < MOST_BYTES:
                self._end_with(ConnectionError(f"an answer of {size} bytes: this is no Kafka broker"))
                self._begin = self._end = 0
                break
            first = self._begin + _SIZE.size
            if self._end < first + size:
                break
            self._answers.append(bytes(self._buffer[first : first + size]))
            self._begin, self._last_size = first + size, size
        if self._begin == self._end:
            self._begin = self._end = 0
        if self._answers:
            self._wake()

    def eof_received(self) -> bool | None:
        """Tell that the broker sends no more."""
        self._end_with(asyncio.IncompleteReadError(b"", None))
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection is gone."""
        self._end_with(exc or asyncio.IncompleteReadError(b"", None))
        super().connection_lost(exc)

    def _end_with(self, why: BaseException) -> None:
        self._ended = self._ended or why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def answer(self) -> bytes:
        """Return the next answer.

        Raises what ended the connection; IncompleteReadError where nothing is wrong with it.
        """
        while not self._answers:
            if self._ended is not None:
                raise self._ended
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._answers.popleft()


async def read(self_ref: weakref.ref[Any]) -> None:
    """Hand each answer to its connection, for as long as somebody holds that."""
    connection = self_ref()
    if connection is None:
        return
    protocol: AnswerProtocol = connection._protocol
    del connection
    while True:
        answer = await protocol.answer()
        connection = self_ref()
        if connection is None:
            return
        connection._handle_frame(answer)
        del connection


def install() -> None:
    """Let aiokafka's connections read so."""
    conn.AIOKafkaProtocol = AnswerProtocol
    conn.AIOKafkaConnection._read = staticmethod(read)
