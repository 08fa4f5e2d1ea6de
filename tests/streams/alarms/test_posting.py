"""One post to receivers that behave badly, on real sockets."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from streams.alarms.posting import post
from streams.errors import UnreachableError

HEAD = b"HTTP/1.1 200 OK\r\n"
PATIENCE_S = 20.0


@contextmanager
def receiver(answer):
    """Serve one connection after the other; `answer(connection, left)` is what each gets → (address, client ports)."""
    listening = socket.create_server(("127.0.0.1", 0))
    left, ports = threading.Event(), []

    def serve():
        while True:
            try:
                connection, (_, port) = listening.accept()
            except OSError:
                return
            ports.append(port)
            with connection:
                try:
                    connection.recv(65_536)
                    answer(connection, left)
                except OSError:
                    pass  # the client has gone

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", ports
    finally:
        left.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(PATIENCE_S)


def posted(address, timeout_s=0.5, times=1):
    return [post(address, b"{}", {}, timeout_s) for _ in range(times)][-1]


def drip(connection, left):
    connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while not left.wait(0.1):
        connection.sendall(b"x")


def flood(connection, left):
    connection.sendall(HEAD + b"Connection: close\r\n\r\n")
    while not left.is_set():
        connection.sendall(b"x" * 65_536)


def head_only(connection, left):
    connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n")
    left.wait(PATIENCE_S)


def cut_off(connection, _):
    connection.sendall(HEAD + b"Content-Length: 10\r\n\r\nabc")


@pytest.mark.parametrize("answer", [drip, flood, head_only, cut_off])
def test_who_answers_with_a_status_has_answered_and_holds_nobody_with_the_rest(answer):
    began_s = time.monotonic()
    with receiver(answer) as (address, _):
        assert posted(address).status == 200
        assert time.monotonic() - began_s < PATIENCE_S / 2


def test_each_post_has_a_connection_of_its_own():
    def kept_open(connection, _):
        for _ in range(2):
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
            if not connection.recv(65_536):
                return

    with receiver(kept_open) as (address, ports):
        assert posted(address, times=3).body == b"{}"
        assert len(ports) == 3


def test_silence_is_a_timeout_and_nobody_there_is_unreachable():
    with receiver(lambda _, left: left.wait(PATIENCE_S)) as (address, _), pytest.raises(TimeoutError):
        posted(address)
    with pytest.raises(UnreachableError):
        posted(address)
    with receiver(lambda *_: None) as (address, _), pytest.raises(UnreachableError):
        posted(address)
