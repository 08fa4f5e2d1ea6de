"""Asks a source once: its list, and what that links to and was not read yet; or the files of its folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from streams.errors import UnreachableError
from streams.feeds.signals.document import Link, Read, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.feeds.signals.settings import Source

MOST_BYTES = 8 * 2**20
"""A longer document is refused."""
MOST_REDIRECTS = 3
OK = 200


class Document(NamedTuple):
    """One document, or what its place answered instead."""

    place: str
    """File name, or address without what may be secret in it."""
    data: bytes
    read: Read


class Polled(NamedTuple):
    """What a source answered."""

    documents: tuple[Document, ...] = ()
    seen: Mapping[str, str] = {}
    """Place of each document that was read and is still there → its version."""
    fault: str = ""
    """Why nothing of it could be had, "" = it answered."""


def poll(pool: urllib3.PoolManager, source: Source, seen: Mapping[str, str]) -> Polled:
    """Ask a source; `seen`: as the last answer gave it. Whatever it does is an answer, never an exception."""
    try:
        found = list(_of_folder(source, seen) if source.folder else _of_url(pool, source, seen))
    except (UnreachableError, OSError) as exc:
        return Polled(seen=seen, fault=str(exc) if isinstance(exc, UnreachableError) else f"{exc.strerror}")
    known = {link.url: link.version for link, one in found if link.version and (one is None or one.data)}
    return Polled(tuple(one for _, one in found if one is not None), known)


def _of_url(
    pool: urllib3.PoolManager, source: Source, seen: Mapping[str, str]
) -> Iterator[tuple[Link, Document | None]]:
    """Yield the list itself, then each document that it links to, None = it was read before."""
    data = _get(pool, source.url, source.timeout_s)
    listed = Document(source.name, data, read(data, source.url))
    yield Link(source.url, ""), listed
    for link in listed.read.links:
        place = link.url.partition("?")[0]
        if link.version and seen.get(link.url) == link.version:
            yield link, None
            continue
        try:
            data = _get(pool, link.url, source.timeout_s)
        except UnreachableError as exc:
            yield link, Document(place, b"", Read(faults=(str(exc),)))
        else:
            yield link, Document(place, data, read(data, link.url))


def _of_folder(source: Source, seen: Mapping[str, str]) -> Iterator[tuple[Link, Document | None]]:
    folder = Path(source.folder)
    for path in sorted(one for one in folder.iterdir() if one.suffix == ".xml"):
        stat = path.stat()
        link = Link(path.name, f"{stat.st_mtime_ns}/{stat.st_size}")
        if seen.get(link.url) == link.version:
            yield link, None
        else:
            data = path.read_bytes()[: MOST_BYTES + 1]
            yield link, Document(path.name, data, read(data))


def _get(pool: urllib3.PoolManager, url: str, timeout_s: float) -> bytes:
    """Return what stands at an address. Raises UnreachableError with a sentence that does not name it."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it writes whole addresses
    retries = urllib3.Retry(0, redirect=MOST_REDIRECTS)
    try:
        answer = pool.request(
            "GET", url, timeout=urllib3.Timeout(total=timeout_s), retries=retries, preload_content=False
        )
        try:
            data = answer.read(MOST_BYTES + 1)
        finally:
            answer.close()
    except (HTTPTimeoutError, TimeoutError) as exc:
        raise UnreachableError(f"no answer within {timeout_s:g} s") from exc
    except (HTTPError, OSError, ValueError) as exc:
        raise UnreachableError(f"no connection: {type(exc).__name__}") from exc
    if answer.status != OK:
        raise UnreachableError(f"it answers with status {answer.status}")
    if len(data) > MOST_BYTES:
        raise UnreachableError(f"it sends more than {MOST_BYTES // 2**20} MiB; give the address of a list of less")
    return bytes(data)
