"""The one place where a processor's own code is called: who fails is named, and who dies is known afterwards.

A death leaves no word (a segmentation fault, `kill -9`), so the name of the processor at work stands in a small file
that is mapped into memory: naming it costs a copy of some bytes, and the file survives the process.
"""

from __future__ import annotations

import logging
import mmap
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streams.errors import ProcessorError
from streams.health.blame import named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streams.contract.stage import TopicPartition

T = TypeVar("T")

_BYTES = 1024
_PLACE = 256
"""Where the source and offset stand; the name stands before."""
_NOBODY = bytes(_PLACE)

log = logging.getLogger("citywall")


class Left(NamedTuple):
    """Where a process was when it died."""

    processor: str
    topic: str
    partition: int
    offset: int


class Stepping:
    """Calls processors. Invariant: the file names one only while its code runs, or where that was interrupted."""

    def __init__(self, file: Path | None = None) -> None:
        self.left: Left | None = None
        """What the process before left in the file."""
        self._map: mmap.mmap | None = None
        self._names: dict[str, bytes] = {}
        self._muted: set[str] = set()
        if file is not None:
            try:
                self._open(file)
            except (OSError, ValueError) as exc:
                log.warning("%s cannot be used, so nobody will know who was at work in a sudden death: %s", file, exc)

    def _open(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_bytes() if file.exists() else b""
        self.left = _left(before)
        with file.open("w+b") as opened:
            opened.write(bytes(_BYTES))  # its blocks are on disk, so that no write into the map can fail
            opened.flush()
            self._map = mmap.mmap(opened.fileno(), _BYTES)

    def at(self, source: TopicPartition, offset: int) -> None:
        """Note which record is worked on."""
        if self._map is not None:
            place = b"%s %d %d\n" % (source.topic.encode(), source.partition, offset)
            self._map[_PLACE : _PLACE + len(place)] = place

    def call(self, processor: str, code: Callable[[], T]) -> T:
        """Call a processor's code.

        Raises ProcessorError for whatever it raises.
        """
        if self._map is None:
            return named(processor, code)
        name = self._names.get(processor)
        if name is None:
            name = self._names[processor] = processor.encode()[: _PLACE - 1].ljust(_PLACE, b"\0")
        self._map[:_PLACE] = name
        try:
            found = named(processor, code)
        except ProcessorError:
            self._map[:_PLACE] = _NOBODY
            raise
        self._map[:_PLACE] = _NOBODY
        return found

    def provisional(self, processor: str, code: Callable[[], T]) -> T | None:
        """Call the code for its provisional values → None once it has failed: its final ones go on without."""
        if processor in self._muted:
            return None
        try:
            return self.call(processor, code)
        except ProcessorError as exc:
            self.mute(exc)
            return None

    def mute(self, failed: ProcessorError) -> None:
        """Have a processor give no provisional values any more."""
        log.error("processor %s gives no provisional values any more", failed.processor, exc_info=failed)
        self._muted.add(failed.processor)


def _left(data: bytes) -> Left | None:
    name = data[:_PLACE].rstrip(b"\0")
    if not name:
        return None
    try:
        topic, partition, offset = data[_PLACE:].split(b"\n", 1)[0].split(b" ")
        return Left(name.decode(), topic.decode(), int(partition), int(offset))
    except (ValueError, UnicodeDecodeError):
        return None
