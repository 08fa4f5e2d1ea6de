"""Whether a broker can be reached at all, before a client is made that would tell its failures again and again."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

LISTEN_EVERY_S = 0.25


def listens(bootstrap: str) -> None:
    """Raise OSError when no broker of HOST:PORT[,HOST:PORT…] listens."""
    failed = OSError("no address")
    for address in bootstrap.split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=2.0).close()
        except (OSError, ValueError) as exc:
            failed = OSError(str(exc))
        else:
            return
    raise failed


def wait_for(bootstrap: str, log: logging.Logger, stop: threading.Event | None = None) -> None:
    """Wait until a broker listens, or `stop` is set; say once that none does, and once that one is back."""
    stop = stop or threading.Event()
    told = False
    while not stop.is_set():
        try:
            listens(bootstrap)
        except OSError as exc:
            if not told:
                log.warning("no Kafka answers at %s (%s); waiting for it", bootstrap, exc)
                told = True
            stop.wait(LISTEN_EVERY_S)
        else:
            if told:
                log.warning("Kafka is back")
            return
