"""The files of a city folder, as bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NEEDED = ("city.toml", "zones.geojson", "segments.geojson", "sensors.csv")
OPTIONAL = ("places.geojson", "corridors.csv", "calendar.csv", "relations.csv", "rules.toml", "desks.toml")
FILES = (*NEEDED, *OPTIONAL)
DOMAINS = "domains"
"""Folder within it of the city's own domains, a TOML file each."""

Signature = tuple[tuple[str, tuple[int, int, int] | None], ...]


@dataclass(frozen=True, slots=True)
class Folder:
    """A city folder as it was read, wherever it came from."""

    name: str
    """How sentences call it: its path."""
    files: Mapping[str, bytes]
    """Contents of the files that are there, by name."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """File → why it could not be read; "" = the folder itself."""

    @property
    def digest(self) -> str:
        """Digest of everything in it."""
        whole = hashlib.sha256()
        for name in sorted(self.files):
            whole.update(f"{name}\0{len(self.files[name])}\0".encode())
            whole.update(self.files[name])
        return hashlib.sha256(whole.digest() + repr(sorted(self.unreadable.items())).encode()).hexdigest()


def read_folder(folder: Path) -> Folder:
    """Read a city folder's files; one that cannot be read is noted."""
    if not folder.is_dir():
        return Folder(str(folder), {}, {"": "is no folder; name the one that holds city.toml"})
    files, unreadable = {}, {}
    place = folder.resolve()  # once: what a link leads to may change between two files
    for name in (*FILES, *_own_domains(place)):
        try:
            files[name] = (place / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as exc:
            unreadable[name] = exc.strerror or str(exc)
    return Folder(str(folder), files, unreadable)


def signature(folder: Path) -> Signature:
    """Return what changes when a file is written, replaced or removed: cheap, nothing is read."""
    return tuple((name, _stamp(folder / name)) for name in (*FILES, *_own_domains(folder)))


def _own_domains(folder: Path) -> list[str]:
    return sorted(f"{DOMAINS}/{path.name}" for path in (folder / DOMAINS).glob("*.toml"))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
