"""One post to receivers that behave badly, on real sockets."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from streams.alarms.posting import post
from streams.errors import UnreachableError, UnresolvedError, UntrustedError
from tests.receiving import serving

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


@contextmanager
def with_a_certificate_of_its_own(folder):
    """Serve TLS with a certificate that nobody has signed but itself."""
    key, own = folder / "key.pem", folder / "own.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {own} -days 1 -subj /CN=127.0.0.1"
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, key)
    with serving(BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield f"https://127.0.0.1:{server.server_port}/hook?key=topsecret"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl that makes a certificate")
def test_a_certificate_that_is_not_trusted_is_told(tmp_path):
    with with_a_certificate_of_its_own(tmp_path) as address, pytest.raises(UntrustedError) as no:
        post(address, b"{}", {}, PATIENCE_S)
    assert "topsecret" not in str(no.value)


def test_why_nobody_could_be_reached_is_told():
    with pytest.raises(UnresolvedError):
        post("http://no-such-host.invalid/hook?key=topsecret", b"{}", {}, 1.0)
    with (
        receiver(lambda connection, _: connection.sendall(HEAD)) as (address, _),
        pytest.raises(UnreachableError) as no,
    ):
        post(address.replace("http:", "https:"), b"{}", {}, PATIENCE_S)
    assert "TLS" in str(no.value)
