"""The broker's answers, whatever pieces they come in, and what ends a connection."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from streams.transport import receiving
from streams.transport.receiving import LEAST_BYTES, AnswerProtocol


def answer(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def wire(*answers: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in answers)


def fed(protocol: AnswerProtocol, data: bytes, at_most: int) -> None:
    """Hand over bytes as a socket would: into the buffer that the protocol gives, so many at a time at most."""
    while data:
        buffer = protocol.get_buffer(-1)
        count = min(len(buffer), at_most, len(data))
        assert count > 0
        buffer[:count] = data[:count]
        protocol.buffer_updated(count)
        data = data[count:]


def made() -> AnswerProtocol:
    loop = asyncio.get_running_loop()
    return AnswerProtocol(loop.create_future(), asyncio.StreamReader(loop=loop), loop=loop)


ANSWERS = [b"", b"x", answer(10), answer(LEAST_BYTES - 4), answer(LEAST_BYTES), answer(3 * LEAST_BYTES + 1), answer(7)]


@pytest.mark.parametrize("at_most", [1, 3, 5, 1000, LEAST_BYTES, 10**9])
def test_answers_come_whole_and_in_order_whatever_their_pieces(at_most: int) -> None:
    answers = ANSWERS if at_most >= 1000 else [one[:50] for one in ANSWERS]

    async def story() -> list[bytes]:
        protocol = made()
        fed(protocol, wire(*answers), at_most)
        return [await protocol.answer() for _ in answers]

    assert asyncio.run(story()) == answers


def test_a_buffer_that_was_large_for_one_answer_does_not_stay() -> None:
    async def story() -> list[int]:
        protocol, lengths = made(), []
        for size in (30 * LEAST_BYTES, 20 * LEAST_BYTES, LEAST_BYTES, 5, 5):
            fed(protocol, wire(answer(size)), 10**9)
            lengths.append(len(protocol._buffer))
            assert await protocol.answer() == answer(size)
        return lengths

    large = 30 * LEAST_BYTES + 4
    assert asyncio.run(story()) == [large, large, large, LEAST_BYTES, LEAST_BYTES]


def test_what_came_before_the_end_is_read_first() -> None:
    async def story() -> None:
        protocol = made()
        fed(protocol, wire(b"one") + b"\0\0", 10**9)
        protocol.connection_lost(ConnectionResetError("gone"))
        assert await protocol.answer() == b"one"
        with pytest.raises(ConnectionResetError, match="gone"):
            await protocol.answer()

    asyncio.run(story())


def test_who_waits_is_told_of_the_end() -> None:
    async def story() -> None:
        protocol = made()
        waiting = asyncio.create_task(protocol.answer())
        await asyncio.sleep(0)
        protocol.eof_received()
        with pytest.raises(asyncio.IncompleteReadError):
            await waiting

    asyncio.run(story())


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request", b"\xff\xff\xff\xff...."])
def test_what_is_no_broker_is_not_waited_for(said: bytes) -> None:
    async def story() -> None:
        protocol = made()
        fed(protocol, said, 10**9)
        with pytest.raises(ConnectionError, match="this is no Kafka broker"):
            await protocol.answer()
        assert len(protocol._buffer) == LEAST_BYTES

    asyncio.run(story())


class Connection:
    """Stands for aiokafka's: it has answers handed over."""

    def __init__(self, protocol: AnswerProtocol) -> None:
        self._protocol = protocol
        self.got: list[bytes] = []

    def _handle_frame(self, resp: bytes) -> None:
        self.got.append(resp)


def test_a_connection_gets_its_answers_until_nobody_holds_it() -> None:
    async def story() -> list[bytes]:
        protocol = made()
        held: list[Any] = [Connection(protocol)]
        reference: Any = lambda: held[0] if held else None  # noqa: E731 - as a weak reference answers
        reading = asyncio.create_task(receiving.read(reference))
        fed(protocol, wire(b"one", b"two"), 10**9)
        await asyncio.sleep(0)
        got: list[bytes] = held.pop().got
        fed(protocol, wire(b"three"), 10**9)
        await reading
        return got

    assert asyncio.run(story()) == [b"one", b"two"]
