"""The spill: what waits for a store that is away, on disk, bounded, each entry durable once `append` returns.

A folder of segments, each MAGIC and then entries: length and CRC-32 of the payload (uint32, little endian), payload.
Segments are appended to, read in order and deleted whole, so no place in them needs to be remembered: after a crash the
oldest one is read again from its start, and the store takes the same rows once more without harm. A torn end was never
acknowledged, so it is cut; anything else that cannot be read is set aside and said.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
import zlib
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from streams.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER_NAME = "history.spill"
"""In a city's data folder."""
MIB = 2**20
LIMIT_MIB = 256
SEGMENTS = 8
"""A segment ends at this part of the limit: so much is read again after a crash, and given back at once."""

MAGIC = b"CWSPILL1"
_HEAD = struct.Struct("<II")

log = logging.getLogger("citywall")


@dataclass
class _Segment:
    path: Path
    size: int
    """Bytes that are good."""


class Spill:
    """A queue of byte strings in a folder; one process at a time, one call at a time. No segment is empty."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_MIB * MIB) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._segments: deque[_Segment] = deque()
        self._read_at = self._read_until = len(MAGIC)
        """In the oldest segment: where what waits begins, and where what `oldest` returned ends."""
        self._file: int | None = None
        """The newest segment, while it is appended to."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._recover()
        except BlockingIOError as exc:
            raise UnreachableError(f"{folder} is in use: another history sink runs on this data folder") from exc
        except OSError as exc:
            raise UnreachableError(f"{folder}: what waits for the history cannot be read: {exc}") from exc

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._segments)

    @property
    def size_bytes(self) -> int:
        """What it takes on the disk."""
        return sum(segment.size for segment in self._segments)

    def append(self, payload: bytes) -> None:
        """Put a payload at the end; it is on the disk when this returns.

        Raises OSError when the limit or the disk leaves no room; then nothing of it stays.
        """
        entry = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        if self.size_bytes + len(MAGIC) + len(entry) > self._limit_bytes:
            raise OSError(errno.ENOSPC, f"its limit of {self._limit_bytes // MIB} MiB is reached")
        if self._file is not None and self._segments[-1].size * SEGMENTS >= self._limit_bytes:
            self._end_segment()
        if self._file is None:
            self._begin_segment()
            entry = MAGIC + entry
        try:
            self._write(entry)
        except OSError:
            self._take_back()
            raise
        self._segments[-1].size += len(entry)

    def oldest(self, at_most_bytes: int) -> list[bytes]:
        """Return the oldest payloads, at least one, all of one segment; `drop_oldest` forgets them."""
        found: list[bytes] = []
        while self._segments and not found:
            segment = self._segments[0]
            with segment.path.open("rb") as file:
                file.seek(self._read_at)
                for payload in _payloads(file, segment.size):
                    found.append(payload)
                    at_most_bytes -= len(payload)
                    self._read_until = file.tell()
                    if at_most_bytes <= 0:
                        break
            if not found:
                _set_aside(segment.path, self._read_at)
                self._remove_oldest()
        return found

    def drop_oldest(self) -> None:
        """Forget what `oldest` returned: the store has it."""
        self._read_at = self._read_until
        if self._segments and self._read_at >= self._segments[0].size:
            self._remove_oldest()

    def close(self) -> None:
        """Let go of the folder."""
        self._end_segment()
        os.close(self._lock)

    def _recover(self) -> None:
        paths = sorted(self._folder.glob("*.segment"))
        for path in paths:
            good, size = _good_bytes(path), path.stat().st_size
            if good < size and path != paths[-1]:
                _set_aside(path, good)
            elif good < size:
                log.warning("%s: the last %d bytes are torn and were never acknowledged: cut", path, size - good)
                os.truncate(path, good)
            if good > len(MAGIC):
                self._segments.append(_Segment(path, good))
            else:
                path.unlink()

    def _begin_segment(self) -> None:
        number = int(self._segments[-1].path.stem) + 1 if self._segments else 1
        path = self._folder / f"{number:08}.segment"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        self._segments.append(_Segment(path, 0))

    def _write(self, entry: bytes) -> None:
        segment, file = self._segments[-1], self._file
        if file is None:
            raise OSError(errno.EBADF, "no segment is open")
        rest = memoryview(entry)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
        if segment.size == 0:  # its name must last too
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _take_back(self) -> None:
        """Leave the newest segment as it was before a write that failed, and end it."""
        segment = self._segments[-1]
        self._end_segment()
        if segment.size:
            os.truncate(segment.path, segment.size)
        else:
            self._segments.pop()
            segment.path.unlink(missing_ok=True)

    def _end_segment(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _remove_oldest(self) -> None:
        segment = self._segments.popleft()
        if not self._segments:
            self._end_segment()
        segment.path.unlink(missing_ok=True)
        self._read_at = self._read_until = len(MAGIC)


def _payloads(file: IO[bytes], end: int) -> Iterator[bytes]:
    """Read entries from the file's place up to `end`, or to the first that is not whole."""
    while file.tell() + _HEAD.size <= end:
        length, checksum = _HEAD.unpack(file.read(_HEAD.size))
        if file.tell() + length > end:
            return
        payload = file.read(length)
        if zlib.crc32(payload) != checksum:
            return
        yield payload


def _good_bytes(path: Path) -> int:
    """Return how many bytes from the start are whole entries; 0 = not a segment of this version."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return 0
        good = file.tell()
        for _ in _payloads(file, path.stat().st_size):
            good = file.tell()
        return good


def _set_aside(path: Path, good: int) -> None:
    """Keep what cannot be read beside the segment, for a person, and say so."""
    data = path.read_bytes()
    beside = path.with_suffix(".damaged")
    beside.write_bytes(data[good:])
    os.truncate(path, good)
    log.error("%s: %d bytes that wait for the history cannot be read; kept as %s", path, len(data) - good, beside)
