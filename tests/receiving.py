"""Real receivers for tests: an HTTP endpoint that answers as it is told, and an SMTP server."""

import asyncio
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

CUT_OFF = 0
"""As a status: the connection ends without an answer."""


@contextmanager
def serving(handler):
    """Serve by this handler until left, on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Endpoint:
    """Keeps what was posted; `answers`, (status, headers, seconds it takes), are taken in turn, then `usual`."""

    def __init__(self, server):
        self.address = f"http://127.0.0.1:{server.server_port}/hook?key=topsecret"
        self.answers = []
        self.usual = (200, {}, 0)
        self.posted = []
        self.hanging = threading.Event()
        """Set to let go of whoever hangs."""


@contextmanager
def endpoint(body=b"{}"):
    """Serve until left; `body` is what each answer says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, hangs_s = made.answers.pop(0) if made.answers else made.usual
            body_said = said.decode() if "xml" in self.headers["Content-Type"] else json.loads(said)
            made.posted.append((dict(self.headers), body_said, status))
            if hangs_s:
                made.hanging.wait(hangs_s)
            if status == CUT_OFF:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            try:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the client is gone

        def log_message(self, *_):
            pass

    with serving(Handler) as server:
        made = Endpoint(server)
        try:
            yield made
        finally:
            made.hanging.set()


class Mailbox:
    """Keeps the mails that it took, and those that it was given.

    `refuses` is what it says instead of taking one; it may hang instead, or cut off.
    """

    def __init__(self):
        self.mails = []
        self.given = []
        self.refuses = ""
        self.hangs = False
        self.cuts_off = False

    async def handle_DATA(self, server, session, envelope):  # aiosmtpd's name
        self.given.append(envelope.content)
        if self.hangs:
            await asyncio.Event().wait()
        if self.cuts_off:
            server.transport.abort()
        elif not self.refuses:
            self.mails.append(envelope.content)
        return self.refuses or "250 taken"


@contextmanager
def smtp_server(port):
    """Serve until left → the mailbox."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
