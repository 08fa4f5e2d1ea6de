"""What strangers do over a real socket: each is answered with a problem in our words, and nobody else waits for it."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.problems import BODY_MOST_BYTES, MEDIA_TYPE
from dashboard.wire import HEAD_MOST_BYTES
from tests.dashboard.fake_wall import FakeWall
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 30.0
NOTE = b'"action":"note","alarm":"A00001","who":"Li","desk":"2"'
GOOD = b'{"why":"x",' + NOTE + b"}"
JSON = b"Content-Type: application/json\r\n"
CHUNKS = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
UPGRADE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
LISTENERS = 200


@pytest.fixture(scope="module")
def wall() -> Iterator[FakeWall]:
    with FakeWall() as running:
        yield running


def host(wall: FakeWall) -> bytes:
    return b"Host: 127.0.0.1:%d\r\n" % wall.port


def connected(wall: FakeWall) -> socket.socket:
    return socket.create_connection(("127.0.0.1", wall.port), timeout=WAIT_S)


def answered(one: socket.socket) -> tuple[int, bytes, bytes]:
    """Read one answer → status, head, body."""
    found = b""
    while True:
        head, end, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and length and len(body) >= int(length[1]):
            return int(head.split()[1]), head.lower(), body
        more = one.recv(65_536)
        assert more, found
        found += more


def asked(wall: FakeWall, request: bytes) -> tuple[int, bytes, bytes]:
    with connected(wall) as one:
        with contextlib.suppress(ConnectionError):  # it may have been refused before all of it was sent
            one.sendall(request)
        return answered(one)


def get(wall: FakeWall, path: bytes, more: bytes = b"") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + host(wall) + more + b"\r\n"


def post(wall: FakeWall, body: bytes, more: bytes = JSON) -> bytes:
    head = b"POST /api/v1/commands HTTP/1.1\r\n" + host(wall) + more
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def is_well(wall: FakeWall) -> bool:
    return asked(wall, get(wall, b"/api/v1/alarms?limit=1"))[0] == 200


BODIES: list[tuple[bytes, int, str]] = [
    (b'{"why":' + b"[" * 10_000 + b"]" * 10_000 + b"," + NOTE + b"}", 400, ""),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, ""),
    (b'{"why":"\xff\xfe",' + NOTE + b"}", 400, ""),
    (b'{"why":"x","revision":NaN,' + NOTE + b"}", 422, "/body/revision"),
    (b'{"why":"x","revision":1e999,' + NOTE + b"}", 422, "/body/revision"),
    (b'{"why":"x","why":"y",' + NOTE + b"}", 422, "/body/why"),
    (b'{"action":"end","why":"x",' + NOTE + b"}", 422, "/body/action"),
    (b'{"why":"a\\u0000b",' + NOTE + b"}", 422, "/body/why"),
    (b'{"why":"a\\ud800b",' + NOTE + b"}", 422, "/body/why"),
    (b'{"a\\ud800":1,"why":"x",' + NOTE + b"}", 422, "/body"),
    (b'{"a\\ud800":1,"a\\ud800":2,"why":"x",' + NOTE + b"}", 422, "/body/a?"),
    (b'{"action":"\\ud800","why":"x","alarm":"a","who":"Li","desk":"2"}', 422, "/body/action"),
    (GOOD.replace(b"A00001", b"x" * 500_000), 422, "/body/alarm"),
    (b"", 422, "/body"),
    (b"{", 422, "/body"),
]


@pytest.mark.parametrize(("body", "status", "pointer"), BODIES, ids=[str(n) for n in range(len(BODIES))])
def test_a_body_that_is_no_command_is_answered_with_a_problem(wall, body, status, pointer):
    sent = len(wall.commands)
    found, head, said = asked(wall, post(wall, body))
    problem = json.loads(said)
    assert (found, MEDIA_TYPE.encode() in head, problem["status"]) == (status, True, status)
    assert [one["pointer"] for one in problem.get("errors", [])][:1] == ([pointer] if pointer else [])
    assert len(wall.commands) == sent


def raw(wall: FakeWall) -> dict[str, tuple[bytes, int, str]]:
    """Return what is asked, with which status and type of problem it is answered."""
    h, line = host(wall), b"POST /api/v1/commands HTTP/1.1\r\n" + host(wall) + JSON
    first, chunked = b"GET /healthz HTTP/1.1\r\n", line + b"Transfer-Encoding: chunked\r\n\r\n"
    found: dict[str, tuple[bytes, int, str]] = {
        f"no HTTP {number}": (one, 400, "no-http")
        for number, one in enumerate(
            [
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"BREW / HTTP/1.1\r\n" + h + b"\r\n",
                get(wall, b"/api/v1/alarms/\xff\xfe"),
                *(line + b"Content-Length: " + one + b"\r\n\r\n{}" for one in (b"-5", b"many", b"9" * 23)),
                line + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                line + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                chunked + b"zz\r\n{}\r\n",
            ]
        )
    }
    return found | {
        "no host": (first + b"\r\n", 421, "host"),
        "another host": (first + b"Host: evil.example\r\n\r\n", 421, "host"),
        "two hosts": (first + h + b"Host: evil.example\r\n\r\n", 421, "host"),
        "a host that is none": (first + b"Host: [::1\r\n\r\n", 421, "host"),
        "a host of bytes": (first + b"Host: \xff\xfe\r\n\r\n", 421, "host"),
        "another origin": (post(wall, GOOD, JSON + b"Origin: http://evil.example\r\n"), 403, "origin"),
        "an origin that is none": (post(wall, GOOD, JSON + b"Origin: http://[\r\n"), 403, "origin"),
        "text": (post(wall, GOOD, b"Content-Type: text/plain\r\n"), 422, "invalid"),
        "no type": (post(wall, GOOD, b""), 422, "invalid"),
        "a method": (b"TRACE /api/v1/alarms HTTP/1.1\r\n" + h + b"\r\n", 405, "refused"),
        "bytes in a path": (get(wall, b"/api/v1/alarms/%FF%ED%A0%80%00"), 404, "no-such-alarm"),
        "a long id": (get(wall, b"/api/v1/commands/" + b"x" * 30_000), 404, "no-such-command"),
        "bytes in a query": (get(wall, b"/api/v1/alarms?%FF%ED%A0%80=1"), 422, "invalid"),
        "a long path": (get(wall, b"/" + b"x" * 4 * HEAD_MOST_BYTES), 431, "head"),
        "a long header": (get(wall, b"/healthz", b"X: " + b"a" * 1_000_000 + b"\r\n"), 431, "head"),
        "many headers": (get(wall, b"/healthz", b"X: a\r\n" * 100_000), 431, "head"),
        "a head without end": (first + h + b"X: " + b"a" * 4_000_000, 431, "head"),
        "a body too long": (line + b"Content-Length: %d\r\n\r\n{}" % (2 * BODY_MOST_BYTES), 413, "refused"),
        "chunks too long": (chunked + CHUNKS * 40 + b"0\r\n\r\n", 413, "refused"),
    }


def test_a_request_that_cannot_be_meant_is_answered_with_a_problem_in_our_words(wall):
    sent = len(wall.commands)
    for name, (request, status, kind) in raw(wall).items():
        found, head, said = asked(wall, request)
        assert (name, found, json.loads(said)["type"]) == (name, status, f"urn:citywall:problem:{kind}")
        assert MEDIA_TYPE.encode() in head, name
        assert len(said) < 1_000, name
    assert len(wall.commands) == sent
    assert is_well(wall)


def test_what_is_no_http_is_said_in_the_language_that_its_head_asks_for(wall):
    said = asked(wall, get(wall, b"/x", b"Accept-Language: zh\r\nX: " + b"a" * 1_000_000 + b"\r\n"))[2]
    assert json.loads(said)["detail"] == "请求行与请求头至多 64 KiB。"


def test_a_body_in_chunks_and_http_1_0_are_taken_as_any_other(wall):
    sent = len(wall.commands)
    line = b"POST /api/v1/commands HTTP/1.1\r\n" + host(wall) + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
    assert asked(wall, line + b"%x\r\n" % len(GOOD) + GOOD + b"\r\n0\r\n\r\n")[0] == 202
    old = post(wall, GOOD).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert asked(wall, old)[0] == 202
    assert len(wall.commands) == sent + 2


def test_who_sends_slowly_is_told_to_go_while_all_others_are_served(wall, monkeypatch):
    monkeypatch.setattr("dashboard.guard.BODY_WITHIN_S", 2.0)
    monkeypatch.setattr("dashboard.wire.HEAD_WITHIN_S", 2.0)
    sent = len(wall.commands)
    with contextlib.ExitStack() as open_:
        bodies = [open_.enter_context(connected(wall)) for _ in range(50)]
        for one in bodies:
            one.sendall(post(wall, GOOD)[:-5])
        heads = [open_.enter_context(connected(wall)) for _ in range(50)]
        for one in heads[1:]:
            one.sendall(b"GET /healthz HTTP/1.1\r\nX: ")  # the first says nothing at all
        assert asked(wall, post(wall, GOOD))[0] == 202
        assert {answered(one)[0] for one in bodies} == {408}
        assert {one.recv(1) for one in heads} == {b""}
    assert len(wall.commands) == sent + 1


def test_two_hundred_streams_that_nobody_reads_cost_no_one_else(wall):
    before = wall.hub.clients
    with contextlib.ExitStack() as open_:
        for _ in range(LISTENERS):
            one = open_.enter_context(connected(wall))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(get(wall, b"/stream", UPGRADE))
        until(lambda: wall.hub.clients == before + LISTENERS)
        seq = wall.hub.seq
        until(lambda: wall.hub.seq > seq + 8)  # the picture goes on
        took_s = [timed(wall) for _ in range(5)]
        assert min(took_s) < 1.0
        assert asked(wall, post(wall, GOOD))[0] == 202
    until(lambda: wall.hub.clients == before)


def timed(wall: FakeWall) -> float:
    start_s = time.perf_counter()
    assert is_well(wall)
    return time.perf_counter() - start_s


def test_a_stream_is_refused_to_pages_from_elsewhere(wall):
    clients: Any = wall.hub.clients
    assert asked(wall, get(wall, b"/stream", b"Origin: http://[\r\n" + UPGRADE))[0] == 403
    assert asked(wall, get(wall, b"/stream", b"Origin: http://evil.example\r\n" + UPGRADE))[0] == 403
    assert wall.hub.clients == clients
